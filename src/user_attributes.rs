//! Attributes of shoppers as answers show them: those of a model enter, JSON leaves.

use serde::Serialize;
use slirec_core::vocabulary::{UserLookup, UserValues};
use utoipa::ToSchema;

/// An attribute of shoppers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserAttribute<'a> {
    #[schema(example = "country")]
    name: &'a str,
    /// `text`, `number` or `list` (of texts).
    #[schema(example = "text")]
    r#type: &'static str,
    /// Texts that training knows, of a text those of most users first; in `/v1/catalog` alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["DE", "FR"]))]
    values: Vec<&'a str>,
}

impl<'a> UserAttribute<'a> {
    /// All that a model reads, with their names and types.
    pub(crate) fn all(users: &'a UserLookup) -> impl Iterator<Item = Self> {
        users.attributes().map(|(name, kind)| Self { name, r#type: kind.name(), values: Vec::new() })
    }

    /// With their values too.
    pub(crate) fn with_values(users: &'a UserLookup) -> impl Iterator<Item = Self> {
        Self::all(users).map(|attribute| {
            let parts = users.features().iter().filter(|feature| feature.attribute() == attribute.name);
            let texts = parts.filter_map(|part| match &part.values {
                UserValues::Texts(texts) => Some(texts),
                UserValues::Bounds(_) => None,
            });
            Self { values: texts.flatten().map(String::as_str).collect(), ..attribute }
        })
    }
}
