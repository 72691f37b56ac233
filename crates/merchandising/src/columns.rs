//! The catalogue's attributes as typed columns: products with texts enter, columns that answer which products have a
//! value leave.
//!
//! Handle, title and category are columns of texts beside the attributes.

mod numbers;
mod texts;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use slirec_core::arrangement::NO_GROUP;
use slirec_core::attributes::{AttributeType, AttributeValue};
use slirec_core::catalog::{Catalog, Product};
use slirec_core::product_set::ProductSet;

pub(crate) use numbers::Numbers;
pub(crate) use texts::{Texts, ranges};

/// From this likeness on (0 to 1) a name is worth suggesting.
const ALIKE: f64 = 0.85;
/// Names that a message lists, at most.
const LISTED: usize = 12;

/// What the catalogue says of every product beside its attributes.
const BUILT_IN: [&str; 3] = ["category", "handle", "title"];

/// All columns of one catalogue.
#[derive(Debug)]
pub struct Columns {
    products: usize,
    columns: Vec<Column>,
    /// Columns of attributes by their names.
    attributes: BTreeMap<String, usize>,
    built_in: [usize; BUILT_IN.len()],
}

/// One column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) values: Values,
    /// Products of equal values have equal numbers; made when it is first asked for.
    groups: OnceLock<Arc<[u32]>>,
}

/// The values of a column.
#[derive(Debug)]
pub(crate) enum Values {
    /// Texts, one for each product at most.
    Texts(Texts),
    /// Lists of texts.
    Lists(Texts),
    /// Numbers.
    Numbers(Numbers),
    /// Amounts of one currency.
    Prices(Numbers),
    /// Yes or no.
    Booleans { yes: ProductSet, no: ProductSet },
}

/// Finds a column by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnId(usize);

impl Columns {
    /// Of a catalogue.
    pub fn new(catalog: &Catalog) -> Self {
        let products = catalog.products();
        let mut columns: Vec<Column> = Vec::new();
        let mut add = |values: Values| {
            columns.push(Column { values, groups: OnceLock::new() });
            columns.len() - 1
        };
        let built_in = BUILT_IN.map(|name| {
            let text = |product: &Product| match name {
                "handle" => product.handle.clone(),
                "title" => product.title.clone(),
                _ => product.category.clone(),
            };
            let texts = products.iter().enumerate().map(|(index, product)| (index, text(product)));
            add(Values::Texts(Texts::new(products.len(), texts)))
        });
        let types = catalog.attribute_types();
        let attributes = types.into_iter().map(|(name, kind)| {
            let column = add(column(products, &name, kind));
            (name, column)
        });
        let attributes = attributes.collect();
        Self { products: products.len(), columns, attributes, built_in }
    }

    /// Number of products.
    pub fn products(&self) -> usize {
        self.products
    }

    /// Names and types of the attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, AttributeType)> {
        self.attributes
            .iter()
            .filter_map(|(name, column)| Some((name.as_str(), self.columns.get(*column)?.values.kind())))
    }

    /// Whether the catalogue has an attribute of this name.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// For a number of products a group: products of one group have the same value of a column, those without a value
    /// have [`NO_GROUP`]. None when there is no such column.
    ///
    /// # Errors
    /// When the column is of lists, which group nothing.
    pub fn groups(&self, name: &str) -> Option<Result<Arc<[u32]>, AttributeType>> {
        let column = self.column(self.find(name)?)?;
        if let Values::Lists(_) = column.values {
            return Some(Err(AttributeType::List));
        }
        Some(Ok(Arc::clone(column.groups(self.products))))
    }

    /// Names of all columns as filters write them: built-in ones first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        BUILT_IN.into_iter().chain(self.attributes.keys().map(String::as_str))
    }

    /// What may stand instead of a name that no column has: the closest one, or else some of those that there are.
    pub(crate) fn expected(&self, name: &str) -> String {
        let wanted = name.to_lowercase();
        let mut alike: Vec<(f64, &str)> =
            self.names().map(|known| (strsim::jaro_winkler(&wanted, &known.to_lowercase()), known)).collect();
        alike.retain(|(likeness, _)| *likeness >= ALIKE);
        alike.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
        if let Some((_, closest)) = alike.first() {
            return format!("the closest is `{closest}`");
        }
        let names: Vec<String> = self.names().take(LISTED).map(|name| format!("`{name}`")).collect();
        let more = if self.names().count() > LISTED { ", …" } else { "" };
        format!("expected one of {}{more}", names.join(", "))
    }

    /// The column of this name: built in, or an attribute.
    pub(crate) fn find(&self, name: &str) -> Option<ColumnId> {
        let built_in = BUILT_IN.into_iter().zip(self.built_in).find(|(known, _)| *known == name);
        built_in.map(|(_, column)| ColumnId(column)).or_else(|| self.find_attribute(name))
    }

    /// The column of an attribute, also of one that is called like a built-in column.
    pub(crate) fn find_attribute(&self, name: &str) -> Option<ColumnId> {
        self.attributes.get(name).copied().map(ColumnId)
    }

    /// What decides which products are the same as one in a column.
    pub(crate) fn key(&self, id: ColumnId, product: usize) -> impl Iterator<Item = u32> {
        // Of a list all elements count; what follows is the next column's.
        let of_list = match self.values(id) {
            Some(Values::Lists(texts)) => Some(texts.of_product(product)),
            _ => None,
        };
        let values = self.column(id).filter(|_| of_list.is_none());
        let group = values.map(|column| column.groups(self.products).get(product).copied().unwrap_or(NO_GROUP));
        of_list.unwrap_or_default().iter().copied().chain(group).chain(of_list.map(|_| NO_GROUP))
    }

    pub(crate) fn column(&self, id: ColumnId) -> Option<&Column> {
        self.columns.get(id.0)
    }

    pub(crate) fn values(&self, id: ColumnId) -> Option<&Values> {
        self.column(id).map(|column| &column.values)
    }
}

/// The values of an attribute. What is not of its type counts as missing; a catalogue's own values always are.
fn column(products: &[Product], name: &str, kind: AttributeType) -> Values {
    let texts = || {
        let texts = products.iter().map(|product| product.attributes.get(name).map(|text| text.trim()));
        texts.enumerate().filter_map(|(index, text)| Some((index, text.filter(|text| !text.is_empty())?)))
    };
    let numbers = || {
        let values = texts().filter_map(|(index, text)| match kind.read(text)? {
            AttributeValue::Number(number) | AttributeValue::Price { amount: number, .. } => Some((index, number)),
            _ => None,
        });
        Numbers::new(products.len(), values)
    };
    match kind {
        AttributeType::Text => {
            Values::Texts(Texts::new(products.len(), texts().map(|(index, text)| (index, text.to_owned()))))
        }
        AttributeType::List => {
            let elements = texts().filter_map(|(index, text)| match kind.read(text)? {
                AttributeValue::List(elements) => Some(elements.into_iter().map(move |one| (index, one.to_owned()))),
                _ => None,
            });
            Values::Lists(Texts::new(products.len(), elements.flatten()))
        }
        AttributeType::Number => Values::Numbers(numbers()),
        AttributeType::Price => Values::Prices(numbers()),
        AttributeType::Boolean => {
            let of = |wanted| {
                let members = texts().filter(|(_, text)| kind.read(text) == Some(AttributeValue::Boolean(wanted)));
                ProductSet::of(products.len(), members.map(|(index, _)| index))
            };
            Values::Booleans { yes: of(true), no: of(false) }
        }
    }
}

impl Column {
    fn groups(&self, products: usize) -> &Arc<[u32]> {
        self.groups.get_or_init(|| self.values.groups(products).into())
    }
}

impl Values {
    pub(crate) fn kind(&self) -> AttributeType {
        match self {
            Self::Texts(_) => AttributeType::Text,
            Self::Lists(_) => AttributeType::List,
            Self::Numbers(_) => AttributeType::Number,
            Self::Prices(_) => AttributeType::Price,
            Self::Booleans { .. } => AttributeType::Boolean,
        }
    }

    /// The number of each product's value; [`NO_GROUP`] where there is none.
    fn groups(&self, products: usize) -> Vec<u32> {
        match self {
            Self::Texts(texts) | Self::Lists(texts) => texts.first_codes(products),
            Self::Numbers(numbers) | Self::Prices(numbers) => numbers.groups(products),
            Self::Booleans { yes, no } => {
                let group = |product| match (yes.contains(product), no.contains(product)) {
                    (true, _) => 1,
                    (_, true) => 0,
                    _ => NO_GROUP,
                };
                (0..products).map(group).collect()
            }
        }
    }

    /// Whether a product has a value.
    pub(crate) fn has(&self, product: usize) -> bool {
        match self {
            Self::Texts(texts) | Self::Lists(texts) => !texts.of_product(product).is_empty(),
            Self::Numbers(numbers) | Self::Prices(numbers) => numbers.of_product(product).is_some(),
            Self::Booleans { yes, no } => yes.contains(product) || no.contains(product),
        }
    }
}
