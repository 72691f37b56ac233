//! The filter language: the text of a condition enters, a filter leaves that tells which products meet it.
//!
//! The language is a part of the Common Expression Language, `docs/API.md` describes it. A text is read once
//! ([`tokens`], [`syntax`]), checked against the columns of a catalogue ([`check`]) and evaluated on sets of products
//! ([`node`]). Length, depth and number of conditions are bounded, and reading takes time in proportion to the text.

mod check;
mod expression;
mod node;
mod syntax;
mod tokens;

use slirec_core::product_set::ProductSet;
use thiserror::Error;

use crate::columns::{ColumnId, Columns};
use node::Node;

/// Longest text of a filter, in bytes.
pub const LONGEST_FILTER: usize = 8_192;
/// Deepest nesting of parentheses and negations.
pub const DEEPEST_FILTER: usize = 32;
/// Most conditions of a filter: comparisons, tests and calls.
pub const MOST_CONDITIONS: usize = 64;
/// Most conditions that look into every text of a column.
pub const MOST_SEARCHES: usize = 8;

/// A filter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("character {position}: {problem}")]
pub struct FilterError {
    /// The character of the text that is wrong, from 1.
    pub position: usize,
    /// What was found and what was expected.
    pub problem: String,
}

impl FilterError {
    fn new(position: usize, problem: impl Into<String>) -> Self {
        Self { position, problem: problem.into() }
    }
}

/// A condition on products of one catalogue.
#[derive(Debug)]
pub struct Filter {
    node: Node,
    /// Columns of which the viewed product's value counts.
    viewed: Vec<ColumnId>,
}

impl Filter {
    /// Reads a filter and checks it against the columns of a catalogue.
    ///
    /// # Errors
    /// [`FilterError`] with the place, what was found and what was expected.
    pub fn new(text: &str, columns: &Columns) -> Result<Self, FilterError> {
        let expression = syntax::parse(text)?;
        let (mut node, mut viewed) = check::check(&expression, columns)?;
        viewed.sort_unstable();
        viewed.dedup();
        if !viewed.is_empty() {
            node.fix(columns);
        }
        Ok(Self { node, viewed })
    }

    /// Whether the products that meet it depend on the viewed one.
    pub fn refers_to_viewed(&self) -> bool {
        !self.viewed.is_empty()
    }

    /// The products that meet it, when the shopper views this product.
    pub fn evaluate(&self, columns: &Columns, viewed: Option<usize>) -> ProductSet {
        self.node.evaluate(columns, viewed)
    }

    /// Whether one product meets it.
    pub fn matches(&self, columns: &Columns, product: usize, viewed: Option<usize>) -> bool {
        self.node.matches(columns, product, viewed)
    }

    pub(crate) fn viewed_columns(&self) -> &[ColumnId] {
        &self.viewed
    }
}
