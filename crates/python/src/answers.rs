//! The products of a catalogue as columns.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use slirec_core::catalog::{Catalog, Product};

use crate::frame::Frame;

/// Products of a batch: the texts of a column of one are counted by 32 bits.
const AT_ONCE: usize = 1 << 16;

/// The products of a catalogue, a row each.
pub(crate) fn products(catalog: &Catalog) -> Result<Frame, ArrowError> {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let available = Field::new("available", DataType::Boolean, false);
    let schema = Arc::new(Schema::new(vec![text("item"), text("gid"), text("title"), text("category"), available]));
    let batches = catalog.products().chunks(AT_ONCE).map(|products| batch(&schema, products));
    let batches = batches.collect::<Result<_, _>>()?;
    Ok(Frame::new(schema, batches))
}

fn batch(schema: &Arc<Schema>, products: &[Product]) -> Result<RecordBatch, ArrowError> {
    let mut texts: [StringBuilder; 4] = std::array::from_fn(|_| StringBuilder::new());
    let mut available = BooleanBuilder::new();
    for product in products {
        let values = [&product.handle, &product.gid, &product.title, &product.category];
        texts.iter_mut().zip(values).for_each(|(column, value)| column.append_value(value));
        available.append_value(product.available);
    }
    let mut columns: Vec<ArrayRef> = texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
    columns.push(Arc::new(available.finish()));
    RecordBatch::try_new(Arc::clone(schema), columns)
}
