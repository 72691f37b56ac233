//! Attributes of products as answers show them: texts of the catalogue and their types enter, JSON leaves.

use serde::ser::{Serialize, SerializeMap, Serializer};
use slirec_core::attributes::{AttributeType, AttributeValue};
use slirec_core::catalog::Product;
use utoipa::ToSchema;

/// An attribute with its type.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, ToSchema)]
#[schema(as = Attribute)]
pub(crate) struct TypedName {
    #[schema(example = "vendor")]
    pub(crate) name: String,
    /// `text`, `number`, `boolean`, `list` (of texts) or `price` (an amount of a currency).
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "text")]
    pub(crate) kind: AttributeType,
}

impl From<(&str, AttributeType)> for TypedName {
    fn from((name, kind): (&str, AttributeType)) -> Self {
        Self { name: name.to_owned(), kind }
    }
}

/// The values that a product has of some attributes.
#[derive(Debug)]
pub(crate) struct ShownAttributes<'a> {
    values: Vec<(&'a str, AttributeValue<'a>)>,
}

impl<'a> ShownAttributes<'a> {
    pub(crate) fn new(product: &'a Product, names: &'a [TypedName]) -> Self {
        let value = |TypedName { name, kind }: &'a TypedName| {
            let text = product.attributes.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())?;
            Some((name.as_str(), kind.read(text)?))
        };
        Self { values: names.iter().filter_map(value).collect() }
    }

    /// True when the product has none of them.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Serialize for ShownAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.values.iter().map(|(name, value)| (name, Shown(value))))
    }
}

struct Shown<'a>(&'a AttributeValue<'a>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AttributeValue::Text(text) => serializer.serialize_str(text),
            AttributeValue::Number(number) => serializer.serialize_f64(*number),
            AttributeValue::Boolean(value) => serializer.serialize_bool(*value),
            AttributeValue::List(elements) => serializer.collect_seq(elements),
            AttributeValue::Price { amount, currency } => {
                let mut price = serializer.serialize_map(Some(2))?;
                price.serialize_entry("amount", amount)?;
                price.serialize_entry("currency", currency)?;
                price.end()
            }
        }
    }
}
