//! The products of a catalogue as columns, and where answers go in them.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use slirec_connect::frames::{AnswerColumns, AnswerRow};
use slirec_core::catalog::Catalog;
use slirec_engine::Recommendations;

/// Adds the products of an answer, ranked from the one after `offset`.
pub(crate) fn add(columns: &mut AnswerColumns, catalog: &Catalog, user: &str, offset: usize, answer: &Recommendations) {
    for (rank, scored) in (offset + 1..).zip(&answer.products) {
        let Some(product) = catalog.products().get(scored.product) else { continue };
        let (source, item) = (answer.source.name(), product.handle.as_str());
        columns.push(AnswerRow { user, source, rank, item, score: Some(scored.score) });
    }
}

/// The products of a catalogue, a row each.
pub(crate) fn products(catalog: &Catalog) -> Result<RecordBatch, ArrowError> {
    let mut texts: [StringBuilder; 4] = std::array::from_fn(|_| StringBuilder::new());
    let mut available = BooleanBuilder::new();
    for product in catalog.products() {
        let values = [&product.handle, &product.gid, &product.title, &product.category];
        texts.iter_mut().zip(values).for_each(|(column, value)| column.append_value(value));
        available.append_value(product.available);
    }
    let text = |name| Field::new(name, DataType::Utf8, false);
    let schema = Schema::new(vec![
        text("item"),
        text("gid"),
        text("title"),
        text("category"),
        Field::new("available", DataType::Boolean, false),
    ]);
    let mut columns: Vec<ArrayRef> = texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
    columns.push(Arc::new(available.finish()));
    RecordBatch::try_new(schema.into(), columns)
}
