//! Recommendations as columns: products of many users enter row by row, batches leave.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use slirec_core::catalog::Catalog;

/// The user's column, in the type that it came in.
enum Users {
    Numbers(Int64Builder),
    Texts(StringBuilder),
}

/// What a row says of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerRow<'a> {
    /// Who is recommended it.
    pub user: &'a str,
    /// Where the score comes from, as the service calls it.
    pub source: &'static str,
    /// From 1.
    pub rank: usize,
    /// Handle of the product.
    pub item: &'a str,
    /// None of a product that may not be answered.
    pub score: Option<f32>,
}

/// Columns that grow row by row: user, source, rank, item and score.
pub struct AnswerColumns {
    schema: SchemaRef,
    users: Users,
    sources: StringBuilder,
    ranks: Int64Builder,
    items: StringBuilder,
    scores: Float32Builder,
}

impl AnswerColumns {
    /// Without a row; `numbered` says that the users are whole numbers.
    pub fn new(numbered: bool, user: &str, item: &str) -> Self {
        let users = if numbered { DataType::Int64 } else { DataType::Utf8 };
        let schema = Schema::new(vec![
            Field::new(user, users, false),
            Field::new("source", DataType::Utf8, false),
            Field::new("rank", DataType::Int64, false),
            Field::new(item, DataType::Utf8, false),
            Field::new("score", DataType::Float32, true),
        ]);
        Self {
            schema: schema.into(),
            users: if numbered { Users::Numbers(Int64Builder::new()) } else { Users::Texts(StringBuilder::new()) },
            sources: StringBuilder::new(),
            ranks: Int64Builder::new(),
            items: StringBuilder::new(),
            scores: Float32Builder::new(),
        }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Adds a row.
    pub fn push(&mut self, row: AnswerRow<'_>) {
        match &mut self.users {
            // A number came as one.
            Users::Numbers(numbers) => numbers.append_value(row.user.parse().unwrap_or_default()),
            Users::Texts(texts) => texts.append_value(row.user),
        }
        self.sources.append_value(row.source);
        self.ranks.append_value(i64::try_from(row.rank).unwrap_or(i64::MAX));
        self.items.append_value(row.item);
        self.scores.append_option(row.score);
    }

    /// Adds the products of an answer, by their places in the catalogue and from a rank on.
    pub fn push_ranked(
        &mut self,
        catalog: &Catalog,
        (user, source): (&str, &'static str),
        first_rank: usize,
        products: impl Iterator<Item = (usize, f32)>,
    ) {
        for (rank, (product, score)) in (first_rank..).zip(products) {
            let Some(product) = catalog.products().get(product) else { continue };
            self.push(AnswerRow { user, source, rank, item: &product.handle, score: Some(score) });
        }
    }

    /// Takes the rows.
    ///
    /// # Errors
    /// When they make no batch.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let users: ArrayRef = match &mut self.users {
            Users::Numbers(numbers) => Arc::new(numbers.finish()),
            Users::Texts(texts) => Arc::new(texts.finish()),
        };
        let columns: Vec<ArrayRef> = vec![
            users,
            Arc::new(self.sources.finish()),
            Arc::new(self.ranks.finish()),
            Arc::new(self.items.finish()),
            Arc::new(self.scores.finish()),
        ];
        RecordBatch::try_new(self.schema(), columns)
    }
}
