//! Any table with a column for the shopper, the product and the time: CSV, TSV, other separators, JSON, Parquet.
//!
//! [`Table`] says which columns mean what, `text`, `json` and `parquet` find their values, and `Table::row` says
//! what a row means, whatever form it came in.

mod columns;
mod json;
mod missing;
mod nested;
#[cfg(feature = "parquet")]
mod parquet;
mod reading;
mod rows;
mod separator;
mod text;
mod values;

use std::borrow::Cow;

use slirec_core::timestamp::DAY;

use super::event::{Event, Kind, ProductName};
use super::kinds::{KindNames, Named};
use super::problem::Problem;
use super::sink::{NO_ITEM, Sink, shown};
use crate::closest::no_column;
use crate::time::{Moment, TimeRule};
use values::{trimmed, whole, whole_weight};

pub use columns::Column;
pub(super) use columns::Paths;
pub use missing::Missing;
#[cfg(feature = "parquet")]
pub(super) use parquet::ParquetColumns;
pub(super) use reading::Reading;
pub(super) use rows::row_text;
pub(crate) use separator::guess;
pub(super) use text::TextFile;

/// Number of columns that may mean something.
const COLUMNS: usize = 8;
const USER: usize = 0;
const ITEM: usize = 1;
const TIME: usize = 2;
const CATEGORY: usize = 3;
const KIND: usize = 4;
const WEIGHT: usize = 5;
const ID: usize = 6;
const MINIMUM: usize = 7;

/// What orders the rows of a user.
#[derive(Debug, Clone)]
pub enum Order {
    /// A column of times.
    Time(Column),
    /// A column of numbers that only give an order, such as the number of an order. They are written as they are.
    Ordinal(Column),
}

/// What stands around values that hold separators or line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quote {
    /// `"`, but nothing where tabs or several characters separate.
    #[default]
    Usual,
    /// Nothing: quotes are characters like any other.
    None,
    /// This byte.
    Byte(u8),
}

/// Which columns mean what, and how the text is divided.
#[derive(Debug, Clone)]
pub struct Table {
    /// The shopper.
    pub user: Column,
    /// The product.
    pub item: Column,
    /// The time, or what else gives the order.
    pub order: Order,
    /// How times are written.
    pub times: TimeRule,
    /// The product's category, for tables without a catalogue.
    pub category: Option<Column>,
    /// What was done.
    pub kind: Option<Column>,
    /// What the names of kinds mean.
    pub kinds: KindNames,
    /// How much the row counts, a whole number.
    pub weight: Option<Column>,
    /// The event's id, for deduplication.
    pub id: Option<Column>,
    /// Rows below the minimum are left out, such as poor ratings.
    pub minimum: Option<(Column, f64)>,
    /// Texts that mean no value.
    pub missing: Missing,
    /// Whether rows without a kind may be page views that were reported twice.
    pub collapse: bool,
    /// What stands between columns; none to tell by the first line.
    pub separator: Option<String>,
    /// What stands around values.
    pub quote: Quote,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Table {
    /// A table whose rows are views, with everything else as is usual.
    pub fn new(user: Column, item: Column, order: Order) -> Self {
        Self {
            user,
            item,
            order,
            times: TimeRule::default(),
            category: None,
            kind: None,
            kinds: KindNames::default(),
            weight: None,
            id: None,
            minimum: None,
            missing: Missing::default(),
            collapse: false,
            separator: None,
            quote: Quote::default(),
            header: true,
        }
    }

    /// The columns in the order in which values are asked for.
    fn columns(&self) -> [Option<&Column>; COLUMNS] {
        let (Order::Time(order) | Order::Ordinal(order)) = &self.order;
        let minimum = self.minimum.as_ref().map(|(column, _)| column);
        [
            Some(&self.user),
            Some(&self.item),
            Some(order),
            self.category.as_ref(),
            self.kind.as_ref(),
            self.weight.as_ref(),
            self.id.as_ref(),
            minimum,
        ]
    }

    /// Whether the rows are ordered by numbers that are no times.
    pub(super) fn is_ordinal(&self) -> bool {
        matches!(self.order, Order::Ordinal(_))
    }

    /// Whether the options say what kinds are called.
    pub(super) fn has_kind_names(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// The column that gives the order.
    pub(super) fn order_column(&self) -> &Column {
        let (Order::Time(column) | Order::Ordinal(column)) = &self.order;
        column
    }

    /// Checks what the options say of the columns.
    ///
    /// # Errors
    /// Columns in different lists.
    pub(super) fn check(&self) -> Result<(), String> {
        columns::Paths::of(&self.columns()).map(|_| ())
    }

    /// The columns that no row had, with what there was instead.
    pub(super) fn columns_not_found(&self, found: u16, keys: &[&str]) -> Option<String> {
        let missing = self
            .columns()
            .into_iter()
            .enumerate()
            .find_map(|(index, column)| column.filter(|_| found & (1 << index) == 0))?;
        Some(no_column(missing.name(), keys.iter().copied()))
    }

    /// What a row means; `value` finds the value of a column, `typed` is a time that is no text.
    fn row<'a>(
        &self,
        reading: &Reading,
        value: &impl Fn(usize) -> Option<Cow<'a, str>>,
        typed: Option<Moment>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        let value = |index: usize| value(index).map(trimmed).filter(|text| !self.missing.contains(text));
        let (user, item, time, category) = (value(USER), value(ITEM), value(TIME), value(CATEGORY));
        if let Some((column, least)) = &self.minimum {
            let found = value(MINIMUM).ok_or_else(|| format!("no value in column `{column}`"))?;
            let number: f64 =
                found.parse().map_err(|_| format!("{column} is `{}`: expected a number", shown(&found)))?;
            if number < *least {
                sink.ignore("below the minimum");
                return Ok(());
            }
        }
        let Some(kind) = self.kind_of(value(KIND).as_deref(), sink) else { return Ok(()) };
        let Some(item) = item else {
            sink.ignore(NO_ITEM);
            return Ok(());
        };
        let time = typed.map(Ok).or_else(|| Some(sink.read_time(&reading.times, &time?)));
        let order = self.order_column();
        let time = time.ok_or_else(|| format!("no value in column `{order}`"))?;
        let time = time.map_err(|problem| format!("{order}: {problem}"))?;
        let weight = value(WEIGHT).map(|text| whole_weight(&text)).transpose()?;
        let [decimal_users, decimal_items] = reading.decimals;
        let user = user.map(|user| whole(user, decimal_users, sink)).unwrap_or_default();
        let item = whole(item, decimal_items, sink);
        sink.event(&Event {
            category: category.as_deref(),
            weight,
            id: value(ID).as_deref(),
            collapsible: kind == Kind::View
                && (self.kind.is_some() || self.collapse)
                && !is_whole_day(&time)
                && !self.is_ordinal(),
            month_first: time.month_first,
            ..Event::new(&user, ProductName::Id(&item), time.seconds, kind)
        })
    }

    /// What was done, if it counts; if not, it is counted as left out.
    fn kind_of(&self, name: Option<&str>, sink: &mut Sink<'_>) -> Option<Kind> {
        if self.kind.is_none() {
            return Some(Kind::View);
        }
        let Some(name) = name else {
            sink.ignore("no kind");
            return None;
        };
        match self.kinds.meaning(name) {
            Named::Kind(kind) => sink.wants(kind).then_some(kind),
            Named::Ignored => {
                sink.ignore(shown(name));
                None
            }
            Named::Unknown => {
                sink.unknown_kind(name);
                None
            }
        }
    }
}

/// Whether a time is a date: midnight is what dates become on their way through other programs.
fn is_whole_day(time: &Moment) -> bool {
    // The remainder of whole numbers is much faster than that of floats; only whole seconds are whole days.
    let whole = time.seconds as i64;
    time.whole_day || whole % DAY as i64 == 0 && whole as f64 == time.seconds
}
