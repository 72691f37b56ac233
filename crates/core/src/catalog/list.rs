//! The list of a catalogue's products as it is read: JSON enters, products with their places leave.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Product;
use crate::text::MOST_NAMES;

/// Products as they are read: the first that is none, or one too many, ends it, so that memory follows the products and
/// not what stands in their place.
#[derive(Default)]
pub(super) struct List<'a> {
    pub(super) products: Vec<Product>,
    /// Where each of them stands.
    pub(super) places: Vec<&'a RawValue>,
    /// The first that is none, and why.
    pub(super) wrong: Option<(&'a RawValue, serde_json::Error)>,
}

impl<'a> Visitor<'a> for &mut List<'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of products")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(raw) = entries.next_element::<&'a RawValue>()? {
            if self.products.len() == MOST_NAMES {
                return Err(A::Error::custom(format_args!("more than {MOST_NAMES} products")));
            }
            match serde_json::from_str(raw.get()) {
                Ok(product) => self.products.push(product),
                Err(error) => {
                    self.wrong = Some((raw, error));
                    return Err(A::Error::custom("a product is wrong"));
                }
            }
            self.places.push(raw);
        }
        Ok(())
    }
}
