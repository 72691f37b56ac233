//! The arguments of `slirec interactions import table`: flags enter, the description of a table leaves.

use slirec_connect::events::kinds::{KindName, KindNames};
use slirec_connect::events::table::{Column, Missing, Order, Quote, Table};

use super::{Common, Times, separator};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("ordered").required(true))]
pub(crate) struct TableArguments {
    #[command(flatten)]
    common: Common,
    /// Column of the shopper: its name, its number from 1, or a path such as user.id or events[].user
    #[arg(long, value_name = "COLUMN")]
    user: Column,
    /// Column of the product; [] names each element of a list, such as items[].item_id
    #[arg(long, value_name = "COLUMN")]
    item: Column,
    /// Column of the time: Unix time of any unit, or dates
    #[arg(long, value_name = "COLUMN", group = "ordered")]
    time: Option<Column>,
    /// Instead of a time, a column of numbers that only give an order, such as the number of an order
    #[arg(long, value_name = "COLUMN", group = "ordered", conflicts_with_all = ["time_unit", "time_format"])]
    order: Option<Column>,
    #[command(flatten)]
    times: Times,
    /// Column of the product's category; a catalogue's counts first
    #[arg(long, value_name = "COLUMN")]
    category: Option<Column>,
    /// Column of what was done, such as view or purchase; without it every row is a view
    #[arg(long, value_name = "COLUMN")]
    kind: Option<Column>,
    /// What kinds are called in the table, such as pv=view,5=purchase,fav=ignore; common names are known
    #[arg(long, value_name = "NAME=KIND", value_delimiter = ',', requires = "kind")]
    kinds: Vec<KindName>,
    /// Column of the row's weight
    #[arg(long, value_name = "COLUMN")]
    weight: Option<Column>,
    /// Column of the event's id, for deduplication
    #[arg(long, value_name = "COLUMN")]
    id: Option<Column>,
    /// Leave out rows whose value in a column is less, such as rating=4
    #[arg(long, value_name = "COLUMN=NUMBER", value_parser = minimum)]
    minimum: Option<(Column, f64)>,
    /// Texts that mean no value, beside the empty one [default: NULL, \N, None, nan, NA and their like]
    #[arg(long, value_name = "TEXTS", value_delimiter = ',')]
    missing: Option<Vec<String>>,
    /// What stands between columns [default: recognised by the first line]
    #[arg(long, value_name = "TEXT", value_parser = separator)]
    separator: Option<String>,
    /// What stands around values that hold separators: a character, or none [default: ", but none between tabs]
    #[arg(long, value_name = "CHARACTER", value_parser = quote)]
    quote: Option<Quote>,
    /// The first line is data; columns are numbers
    #[arg(long)]
    no_header: bool,
}

impl TableArguments {
    /// What all sources share, and the table.
    pub(super) fn table(self) -> (Common, Table) {
        let ordinal = self.order.map(Order::Ordinal);
        // The argument group requires one of both; the name of a missing one is never looked up.
        let order = ordinal.or(self.time.map(Order::Time)).unwrap_or_else(|| Order::Time(self.user.clone()));
        let table = Table {
            times: self.times.rule(),
            category: self.category,
            kind: self.kind,
            kinds: KindNames::new(self.kinds),
            weight: self.weight,
            id: self.id,
            minimum: self.minimum,
            missing: self.missing.map_or_else(Missing::default, Missing::new),
            collapse: self.common.collapse_seconds.is_some(),
            separator: self.separator,
            quote: self.quote.unwrap_or_default(),
            header: !self.no_header,
            ..Table::new(self.user, self.item, order)
        };
        (self.common, table)
    }
}

fn minimum(text: &str) -> Result<(Column, f64), String> {
    let expected = || "expected COLUMN=NUMBER, such as rating=4".to_owned();
    let (column, number) = text.rsplit_once('=').ok_or_else(expected)?;
    Ok((column.parse()?, number.parse().map_err(|_| expected())?))
}

fn quote(text: &str) -> Result<Quote, String> {
    match (text, text.as_bytes()) {
        ("none", _) => Ok(Quote::None),
        (_, [byte]) => Ok(Quote::Byte(*byte)),
        _ => Err("expected one character, or none".to_owned()),
    }
}
