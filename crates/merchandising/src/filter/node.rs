//! Conditions at work: products enter one by one or all at once, those that meet the condition leave.
//!
//! A product without a value meets no comparison; what is negated it meets.

use std::ops::Range;

use slirec_core::product_set::ProductSet;

use crate::columns::{ColumnId, Columns, Values};

/// A condition.
#[derive(Debug)]
pub(super) enum Node {
    /// All products, or none.
    Everything(bool),
    /// Products that were found before.
    Fixed(ProductSet),
    /// Texts, by ranges of their codes.
    Codes {
        column: ColumnId,
        ranges: Vec<Range<u32>>,
    },
    /// Numbers, by ranges of their places in the order.
    Places {
        column: ColumnId,
        ranges: Vec<Range<usize>>,
    },
    Boolean {
        column: ColumnId,
        value: bool,
    },
    Has(ColumnId),
    /// What the viewed product has too.
    Same(ColumnId),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl Node {
    /// All products that meet the condition.
    pub(super) fn evaluate(&self, columns: &Columns, viewed: Option<usize>) -> ProductSet {
        let none = || ProductSet::none(columns.products());
        match self {
            Self::Everything(true) => ProductSet::all(columns.products()),
            Self::Everything(false) => none(),
            Self::Fixed(set) => set.clone(),
            Self::Codes { column, ranges } => {
                let mut set = none();
                if let Some(Values::Texts(texts) | Values::Lists(texts)) = columns.values(*column) {
                    ranges.iter().for_each(|codes| texts.add_to(&mut set, codes));
                }
                set
            }
            Self::Places { column, ranges } => {
                let mut set = none();
                if let Some(Values::Numbers(numbers) | Values::Prices(numbers)) = columns.values(*column) {
                    ranges.iter().for_each(|places| numbers.add_to(&mut set, places.clone()));
                }
                set
            }
            Self::Boolean { column, value } => match columns.values(*column) {
                Some(Values::Booleans { yes, no }) => if *value { yes } else { no }.clone(),
                _ => none(),
            },
            Self::Has(column) => {
                let has = |product: &usize| columns.values(*column).is_some_and(|values| values.has(*product));
                ProductSet::of(columns.products(), (0..columns.products()).filter(has))
            }
            Self::Same(column) => viewed.map_or_else(none, |viewed| same(columns, *column, viewed)),
            Self::Not(inner) => {
                let mut set = inner.evaluate(columns, viewed);
                set.invert();
                set
            }
            Self::All(parts) => combined(parts, columns, viewed, ProductSet::intersect).unwrap_or_else(none),
            Self::Any(parts) => combined(parts, columns, viewed, ProductSet::unite).unwrap_or_else(none),
        }
    }

    /// Whether one product meets the condition.
    pub(super) fn matches(&self, columns: &Columns, product: usize, viewed: Option<usize>) -> bool {
        match self {
            Self::Everything(value) => *value,
            Self::Fixed(set) => set.contains(product),
            Self::Codes { column, ranges } => match columns.values(*column) {
                Some(Values::Texts(texts) | Values::Lists(texts)) => {
                    let codes = texts.of_product(product);
                    ranges.iter().any(|range| codes.iter().any(|code| range.contains(code)))
                }
                _ => false,
            },
            Self::Places { column, ranges } => match columns.values(*column) {
                Some(Values::Numbers(numbers) | Values::Prices(numbers)) => {
                    let place = numbers.of_product(product).map(|number| numbers.below(number, false));
                    place.is_some_and(|place| ranges.iter().any(|range| range.contains(&place)))
                }
                _ => false,
            },
            Self::Boolean { column, value } => match columns.values(*column) {
                Some(Values::Booleans { yes, no }) => if *value { yes } else { no }.contains(product),
                _ => false,
            },
            Self::Has(column) => columns.values(*column).is_some_and(|values| values.has(product)),
            Self::Same(column) => viewed.is_some_and(|viewed| is_same(columns, *column, product, viewed)),
            Self::Not(inner) => !inner.matches(columns, product, viewed),
            Self::All(parts) => parts.iter().all(|part| part.matches(columns, product, viewed)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(columns, product, viewed)),
        }
    }

    /// Finds the products of all parts that do not depend on the viewed one, once and for all. True for a part that does
    /// not, whose products the caller may find.
    pub(super) fn fix(&mut self, columns: &Columns) -> bool {
        match self {
            Self::Same(_) => false,
            Self::Not(inner) => inner.fix(columns),
            Self::All(parts) | Self::Any(parts) => {
                let fixed: Vec<bool> = parts.iter_mut().map(|part| part.fix(columns)).collect();
                if fixed.iter().all(|fixed| *fixed) {
                    return true;
                }
                for (part, _) in parts.iter_mut().zip(fixed).filter(|(_, fixed)| *fixed) {
                    *part = Self::Fixed(part.evaluate(columns, None));
                }
                false
            }
            _ => true,
        }
    }
}

fn combined(
    parts: &[Node],
    columns: &Columns,
    viewed: Option<usize>,
    combine: fn(&mut ProductSet, &ProductSet),
) -> Option<ProductSet> {
    let mut sets = parts.iter().map(|part| part.evaluate(columns, viewed));
    let first = sets.next()?;
    Some(sets.fold(first, |mut all, set| {
        combine(&mut all, &set);
        all
    }))
}

/// The products that share a value with the viewed one.
fn same(columns: &Columns, column: ColumnId, viewed: usize) -> ProductSet {
    let mut set = ProductSet::none(columns.products());
    match columns.values(column) {
        Some(Values::Texts(texts) | Values::Lists(texts)) => {
            texts.of_product(viewed).iter().for_each(|code| texts.add_to(&mut set, &(*code..*code + 1)));
        }
        Some(Values::Numbers(numbers) | Values::Prices(numbers)) => {
            if let Some(number) = numbers.of_product(viewed) {
                numbers.add_to(&mut set, numbers.equal_to(number));
            }
        }
        Some(Values::Booleans { yes, no }) => {
            [yes, no].into_iter().filter(|side| side.contains(viewed)).for_each(|side| set.unite(side));
        }
        None => {}
    }
    set
}

fn is_same(columns: &Columns, column: ColumnId, product: usize, viewed: usize) -> bool {
    match columns.values(column) {
        Some(Values::Texts(texts) | Values::Lists(texts)) => {
            let viewed = texts.of_product(viewed);
            texts.of_product(product).iter().any(|code| viewed.contains(code))
        }
        Some(Values::Numbers(numbers) | Values::Prices(numbers)) => {
            numbers.of_product(product).is_some_and(|number| numbers.of_product(viewed) == Some(number))
        }
        Some(Values::Booleans { yes, no }) => {
            [yes, no].into_iter().any(|side| side.contains(viewed) && side.contains(product))
        }
        None => false,
    }
}
