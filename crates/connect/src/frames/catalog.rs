//! A catalogue of a data frame: batches with a row for each product enter, a catalogue leaves.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use slirec_core::catalog::{Catalog, NO_CATEGORY, Product, gid_of_handle};
use thiserror::Error;

use super::plain_columns;
use crate::parquet::{Batch, ColumnValues};

/// Columns with a meaning of their own; all others are attributes.
const HANDLE: &str = "item";
const GID: &str = "gid";
const TITLE: &str = "title";
const CATEGORY: &str = "category";
const AVAILABLE: &str = "available";

/// A frame that makes no catalogue.
#[derive(Debug, Error)]
pub enum CatalogFrameError {
    /// The frame cannot be read.
    #[error("the frame of the catalogue: {0}")]
    Frame(#[from] ArrowError),
    /// A column is missing or has a type that is not read.
    #[error("the frame of the catalogue {0}")]
    Column(String),
    /// A product breaks a rule.
    #[error("row {row} of the catalogue: {problem}")]
    Product {
        /// Row, from 1.
        row: usize,
        /// What was found and what was expected.
        problem: String,
    },
}

/// Reads a catalogue: `item`, and where they are there `gid`, `title`, `category` and `available`; further columns of
/// text, numbers or times are attributes, times as ISO 8601. A product without a title has its handle's, one without a
/// GID gets one.
///
/// # Errors
/// [`CatalogFrameError`] for the first thing that is wrong.
pub fn catalog(batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Result<Catalog, CatalogFrameError> {
    let mut products = Vec::new();
    for batch in batches {
        let batch = Batch::of(plain_columns(&batch?, |_| true)?);
        let columns = Columns::new(&batch)?;
        for row in 0..batch.len() {
            let at = products.len() + 1;
            products.push(columns.product(row).map_err(|problem| CatalogFrameError::Product { row: at, problem })?);
        }
    }
    Catalog::new(products).map_err(|(index, problem)| CatalogFrameError::Product { row: index + 1, problem })
}

struct Columns {
    handle: ColumnValues,
    gid: ColumnValues,
    title: ColumnValues,
    category: ColumnValues,
    available: ColumnValues,
    attributes: Vec<(String, ColumnValues)>,
}

impl Columns {
    fn new(batch: &Batch) -> Result<Self, CatalogFrameError> {
        let handle = batch.column(HANDLE);
        if handle.is_missing() {
            return Err(CatalogFrameError::Column(format!("has no column `{HANDLE}`: expected the products' handles")));
        }
        let own = [HANDLE, GID, TITLE, CATEGORY, AVAILABLE];
        for name in own {
            if let Some(problem) = batch.column(name).unreadable() {
                return Err(CatalogFrameError::Column(format!("has a column `{name}` that {problem}")));
            }
        }
        let others = batch.names().into_iter().filter(|name| !own.contains(&name.as_str()));
        let attributes = others.map(|name| (name.clone(), batch.column(&name)));
        Ok(Self {
            handle,
            gid: batch.column(GID),
            title: batch.column(TITLE),
            category: batch.column(CATEGORY),
            available: batch.column(AVAILABLE),
            attributes: attributes.filter(|(_, column)| column.unreadable().is_none()).collect(),
        })
    }

    fn product(&self, row: usize) -> Result<Product, String> {
        let text =
            |column: &ColumnValues| column.text(row).filter(|text| !text.is_empty()).map(|text| text.into_owned());
        let handle = text(&self.handle).unwrap_or_default();
        let available = match self.available.text(row).as_deref() {
            None | Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(other) => return Err(format!("{AVAILABLE} is `{other}`: expected true or false")),
        };
        // Times have a text of their own, as in JSON.
        let attribute = |column: &ColumnValues| match column.moment(row) {
            Some(_) => column.json(row).as_str().map(str::to_owned),
            None => text(column),
        };
        let attributes = self.attributes.iter().filter_map(|(name, column)| Some((name.clone(), attribute(column)?)));
        Ok(Product {
            gid: text(&self.gid).unwrap_or_else(|| gid_of_handle(&handle)),
            title: text(&self.title).unwrap_or_else(|| handle.clone()),
            category: text(&self.category).unwrap_or_else(|| NO_CATEGORY.to_owned()),
            handle,
            available,
            attributes: attributes.collect(),
        })
    }
}
