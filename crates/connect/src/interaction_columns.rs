//! Interactions in columns: batches of rows enter, the users, items, times, categories, weights and kinds of single rows
//! leave, and what they say of their users.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;

use slirec_core::catalog::NO_CATEGORY;
use slirec_core::event::Event;
use slirec_core::interactions::{Interaction, LineError, LineProblem, MOST_WEIGHT, ReadError, Told};
use slirec_core::text::shortened;
use slirec_core::timestamp::{self, TimestampError};
use slirec_core::vocabulary::UserValue;

use crate::parquet::{Batch, ColumnValues};

/// Names of the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionColumns {
    /// Who viewed: text or numbers.
    pub user: String,
    /// Handle of what was viewed: text or numbers.
    pub item: String,
    /// When: Unix seconds or milliseconds, a timestamp, a date or ISO 8601.
    pub timestamp: String,
    /// Category of the item; none: all items have the same.
    pub category: Option<String>,
    /// How often the interaction counts for popularity; none, or where it is missing: once.
    pub weight: Option<String>,
    /// What was done: view, cart or purchase; none, or where it is missing: it is not said.
    pub event: Option<String>,
    /// Attributes of users that are read, of columns such as `user.country`; without any, such columns are ignored.
    pub attributes: Vec<String>,
    /// What a table of known users calls the user; none: as `user` does.
    pub known_as: Option<String>,
}

/// What the names of columns begin with that say something of users.
const OF_USERS: &str = "user.";

impl Default for InteractionColumns {
    /// `user`, `item`, `timestamp`, `category`, `weight` and `event`, and no attributes.
    fn default() -> Self {
        let [user, item, timestamp, category, weight, event] =
            ["user", "item", "timestamp", "category", "weight", "event"].map(str::to_owned);
        let [category, weight, event] = [category, weight, event].map(Some);
        Self { user, item, timestamp, category, weight, event, attributes: Vec::new(), known_as: None }
    }
}

impl InteractionColumns {
    /// Whether a column of this name is looked at.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names().any(|column| column == name) || (!self.attributes.is_empty() && name.starts_with(OF_USERS))
    }

    /// All names but those of attributes.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.needed().chain([&self.weight, &self.event, &self.known_as].into_iter().flatten().map(String::as_str))
    }

    /// Refuses columns of attributes that are not known.
    fn check_attributes(&self, batch: &Batch) -> Result<(), String> {
        if self.attributes.is_empty() {
            return Ok(());
        }
        for name in batch.names().iter().filter(|name| self.names().all(|column| column != name.as_str())) {
            let Some(attribute) = name.strip_prefix(OF_USERS) else { continue };
            if !self.attributes.iter().any(|known| known == attribute) {
                let known: Vec<String> = self.attributes.iter().map(|known| format!("`{OF_USERS}{known}`")).collect();
                let name = shortened(name);
                return Err(format!("column `{name}`: the model has no such attribute: expected {}", known.join(", ")));
            }
        }
        Ok(())
    }

    fn needed(&self) -> impl Iterator<Item = &str> {
        [&self.user, &self.item, &self.timestamp].into_iter().chain(&self.category).map(String::as_str)
    }
}

/// A batch with its columns found.
pub(crate) struct Rows {
    user: ColumnValues,
    item: ColumnValues,
    time: ColumnValues,
    /// None: all rows have the same.
    category: Option<ColumnValues>,
    /// None: each counts once.
    weight: Option<ColumnValues>,
    /// None: it is not said.
    event: Option<ColumnValues>,
    /// Attributes of users whose columns are there.
    attributes: Vec<(String, ColumnValues)>,
    known_as: Option<ColumnValues>,
    next: usize,
    len: usize,
    /// Texts of the row that was read last, because an interaction borrows.
    texts: [String; 3],
}

impl Rows {
    /// Finds the columns; `place` is named in errors.
    pub(crate) fn new(batch: &Batch, names: &InteractionColumns, place: &dyn Display) -> Result<Self, io::Error> {
        let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, format!("{place}: {problem}"));
        for name in names.needed() {
            let column = batch.column(name);
            if column.is_missing() {
                let needed: Vec<&str> = names.needed().collect();
                return Err(invalid(format!("has no column `{name}`: expected {}", needed.join(", "))));
            }
            if let Some(problem) = column.unreadable() {
                return Err(invalid(format!("column `{name}` {problem}")));
            }
        }
        names.check_attributes(batch).map_err(invalid)?;
        let attributes = names.attributes.iter();
        let attributes = attributes.map(|name| (name.clone(), batch.column(&format!("{OF_USERS}{name}"))));
        let perhaps = |name: &Option<String>| name.as_deref().map(|name| batch.column(name));
        Ok(Self {
            user: batch.column(&names.user),
            item: batch.column(&names.item),
            time: batch.column(&names.timestamp),
            category: perhaps(&names.category),
            weight: perhaps(&names.weight),
            event: perhaps(&names.event),
            known_as: perhaps(&names.known_as),
            attributes: attributes.filter(|(_, column)| !column.is_missing()).collect(),
            next: 0,
            len: batch.len(),
            texts: [const { String::new() }; 3],
        })
    }

    /// Whether there is a row that was not read yet.
    pub(crate) fn has_more(&self) -> bool {
        self.next < self.len
    }

    /// What the row that was read last says of its user: no value is missing, empty or no number.
    pub(crate) fn told(&self) -> Told {
        let Some(row) = self.next.checked_sub(1) else { return Told::default() };
        let value = |column: &ColumnValues| {
            if column.is_number() {
                let number = column.text(row).and_then(|text| text.parse().ok());
                return number.filter(|number: &f64| !number.is_nan()).map(UserValue::Number);
            }
            // Texts, and lists of what is text in JSON.
            let value = serde_json::from_value(column.json(row)).ok();
            value.filter(|value| *value != UserValue::Text(String::new()))
        };
        let attributes = self.attributes.iter().filter_map(|(name, column)| Some((name.clone(), value(column)?)));
        let name = self.known_as.as_ref().and_then(|column| column.text(row));
        Told { name: name.map(Cow::into_owned), attributes: attributes.collect() }
    }

    /// The next row, number `line` of the input; `place` says where an unreadable one stands.
    pub(crate) fn next(
        &mut self,
        line: u64,
        place: impl FnOnce() -> String,
    ) -> Result<(Interaction<'_>, u16), ReadError> {
        match self.read() {
            Ok((timestamp, weight, event)) => {
                let [user, item, category] = &self.texts;
                Ok((Interaction { user, item, timestamp, category, event }, weight))
            }
            Err(problem) => Err(ReadError::Line(LineError { line, problem, content: place() })),
        }
    }

    /// Reads the next row: time, weight and what was done, if that is said; the texts are kept.
    fn read(&mut self) -> Result<(f64, u16, Option<Event>), LineProblem> {
        let row = self.next;
        self.next += 1;
        let [user, item, category] = &mut self.texts;
        keep(user, &self.user, row, "user")?;
        keep(item, &self.item, row, "item")?;
        match &self.category {
            Some(column) => keep(category, column, row, "category")?,
            None => NO_CATEGORY.clone_into(category),
        }
        let seconds =
            self.time.seconds(row).map_err(|problem| LineProblem::Timestamp(TimestampError::NotANumber(problem)))?;
        let seconds = timestamp::from_number(seconds.ok_or(LineProblem::Empty("timestamp"))?)?;
        let weight = self.weight.as_ref().and_then(|weight| weight.text(row)).map_or(Ok(1), |text| {
            let number = text.parse().ok().filter(|weight| (1..=MOST_WEIGHT).contains(weight));
            number.ok_or_else(|| LineProblem::Weight(text.into_owned()))
        })?;
        let event = self.event.as_ref().and_then(|event| event.text(row)).filter(|name| !name.is_empty());
        let event = event.map(|name| Event::of_name(&name).ok_or_else(|| LineProblem::Event(name.into_owned())));
        Ok((seconds, weight, event.transpose()?))
    }
}

/// Keeps the text of a row.
fn keep(text: &mut String, column: &ColumnValues, row: usize, name: &'static str) -> Result<(), LineProblem> {
    let value = column.text(row).filter(|value| !value.is_empty()).ok_or(LineProblem::Empty(name))?;
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(LineProblem::Control(name));
    }
    text.clear();
    text.push_str(&value);
    Ok(())
}
