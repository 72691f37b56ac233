//! One product as a catalogue has it: fields and attributes enter; whether they keep the rules, and values of features, leave.

use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::text::{LONGEST_NAME, LONGEST_TEXT, check_length};

/// The category of products of which none is known.
pub const NO_CATEGORY: &str = "none";

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The name in URLs and in histories; unique.
    pub handle: String,
    /// The global id that answers carry, such as `gid://shopify/Product/1`; unique.
    pub gid: String,
    /// For people; need not be unique.
    pub title: String,
    /// Name of the category.
    pub category: String,
    /// Whether it may be recommended.
    #[serde(default = "available")]
    pub available: bool,
    /// Anything else that is known, such as `vendor` or `colour`; item features can be made of it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

fn available() -> bool {
    true
}

/// The item feature that every product has.
pub const CATEGORY: &str = "category";

impl Product {
    /// Checks the rules that hold for a product alone.
    ///
    /// # Errors
    /// The first that it breaks.
    pub fn check(&self) -> Result<(), String> {
        let fields = [("handle", &self.handle), ("gid", &self.gid), ("category", &self.category)];
        fields.into_iter().try_for_each(|(name, value)| check_length(name, value, LONGEST_NAME))?;
        check_length("title", &self.title, LONGEST_TEXT)?;
        for (name, value) in self.attributes.iter() {
            check_length("attributes, a name,", name, LONGEST_NAME)?;
            check_length("attributes, a value,", value, LONGEST_TEXT)?;
        }
        for (name, value) in fields {
            if value.trim().is_empty() {
                return Err(format!("{name} is `{value}`: expected a name that is not empty"));
            }
            if value.contains(['\t', '\n', '\r']) {
                return Err(format!(
                    "{name} is {value:?}: expected no tabs or line ends, the interaction files use them"
                ));
            }
        }
        Ok(())
    }

    /// Value of an item feature: the category, or the attribute of that name; empty where the product has none.
    pub fn feature(&self, name: &str) -> &str {
        if name == CATEGORY { &self.category } else { self.attributes.get(name).unwrap_or_default() }
    }

    /// A text whose words can be item features: the title, the category or the attribute of that name; empty where the
    /// product has none.
    pub fn text(&self, name: &str) -> &str {
        if name == TITLE { &self.title } else { self.feature(name) }
    }
}

/// The text that every product has.
pub const TITLE: &str = "title";

/// The GID of a product that has none.
pub fn gid_of_handle(handle: &str) -> String {
    format!("gid://catalog/Product/{handle}")
}
