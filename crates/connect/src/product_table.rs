//! Products of any table: CSV, TSV, text with another separator, or JSON enters, products with their lines leave.

mod availability;
mod json;
mod separated;

use slirec_core::catalog::{Product, gid_of_handle};

use crate::events::table::Column;
use crate::text::shown;
use availability::available;
pub(crate) use json::objects;
pub(crate) use separated::rows;

/// Category of products that have none.
pub(crate) const UNCATEGORISED: &str = "uncategorised";

/// Which columns mean what.
#[derive(Debug, Clone)]
pub struct ProductTable {
    /// The name in histories.
    pub handle: Column,
    /// For people; the handle if there is no such column.
    pub title: Option<Column>,
    /// The category.
    pub category: Option<Column>,
    /// What stands between several categories of a product, of which the first counts.
    pub category_separator: Option<String>,
    /// The global id; without such a column it is made of the handle.
    pub gid: Option<Column>,
    /// Whether it is on sale: a stock, or a word such as `false`, `draft` or `out of stock`.
    pub available: Option<Column>,
    /// Columns that become attributes, under their names.
    pub attributes: Vec<Column>,
    /// What stands between columns; none to recognise it by the first line.
    pub separator: Option<String>,
    /// Whether the first line names the columns.
    pub header: bool,
}

/// Something of a line, or what is wrong with a line.
pub(crate) type Lines<T> = Result<Vec<(u64, T)>, (u64, String)>;

/// A row's values by column.
type Values<'a> = dyn Fn(&Column) -> Option<String> + 'a;

/// Values that stand for none.
pub(crate) const MISSING: [&str; 8] = ["", "NULL", "null", "\\N", "None", "nan", "NaN", "NA"];

impl ProductTable {
    /// Reads the text of a table.
    pub(crate) fn read(&self, text: &str) -> Lines<Product> {
        if text.trim_start().starts_with(['{', '[']) { json::read(self, text) } else { separated::read(self, text) }
    }

    /// All columns that are asked for.
    fn columns(&self) -> impl Iterator<Item = &Column> {
        let optional = [&self.title, &self.category, &self.gid, &self.available];
        [&self.handle].into_iter().chain(optional.into_iter().flatten()).chain(&self.attributes)
    }

    fn product(&self, value: &Values<'_>) -> Result<Product, String> {
        let value = |column: &Column| value(column).filter(|value| !MISSING.contains(&value.as_str()));
        let of = |column: &Option<Column>| column.as_ref().and_then(value);
        let handle = value(&self.handle).ok_or_else(|| format!("no value in column `{}`", self.handle))?;
        if is_shortened(&handle) {
            return Err(format!(
                "column `{}` is `{}`: a spreadsheet has shortened a long number, and its last digits are lost; \
                 expected an export with the column as text",
                self.handle,
                shown(&handle)
            ));
        }
        let category = of(&self.category).map(|names| match &self.category_separator {
            Some(separator) => names.split(separator.as_str()).next().unwrap_or_default().trim().to_owned(),
            None => names,
        });
        let on_sale = match &self.available {
            None => true,
            Some(column) => available(&value(column).unwrap_or_default())
                .map_err(|problem| format!("column `{column}` {problem}"))?,
        };
        let attributes = self.attributes.iter().filter_map(|column| Some((column.name().to_owned(), value(column)?)));
        Ok(Product {
            gid: of(&self.gid).unwrap_or_else(|| gid_of_handle(&handle)),
            title: of(&self.title).unwrap_or_else(|| handle.clone()),
            category: category.filter(|name| !name.is_empty()).unwrap_or_else(|| UNCATEGORISED.to_owned()),
            available: on_sale,
            attributes: attributes.collect(),
            handle,
        })
    }
}

/// `6.93E+12`: what a spreadsheet makes of a long number.
fn is_shortened(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits_only = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    digits_only(whole) && digits_only(fraction) && exponent.strip_prefix('+').is_some_and(digits_only)
}
