//! What a request says of the shopper, `{"country": "DE", "age": 31}`: a short object enters, attributes with their values
//! leave. What the model knows of them, and of the shopper by their name, is looked up in the model that answers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use slirec_core::vocabulary::{KnownUser, MOST_USER_ATTRIBUTES, UserAttributeError, UserLookup, UserValue};

/// Attributes of a shopper with their values, those that are `null` left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct User(pub(crate) Vec<(String, UserValue)>);

impl User {
    /// What the model knows of the shopper, who may have a name.
    ///
    /// # Errors
    /// The attribute that the model cannot read, and why.
    pub(crate) fn known(&self, name: Option<&str>, users: &UserLookup) -> Result<KnownUser, String> {
        let told = self.0.iter().map(|(name, value)| (name.as_str(), value));
        users.find(name, told).map_err(|error| match error {
            UserAttributeError::Unknown { name, known } => {
                format!("user.{name}: the model has no such attribute: expected {known}")
            }
            UserAttributeError::Type { name, found, expected } => {
                format!("user.{name}: found {found}: expected {expected}")
            }
        })
    }
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UserVisitor)
    }
}

struct UserVisitor;

impl<'de> Visitor<'de> for UserVisitor {
    type Value = User;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of attributes such as {\"country\": \"DE\", \"age\": 31}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<User, A::Error> {
        let mut attributes: Vec<(String, UserValue)> = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, Option<UserValue>>()? {
            if attributes.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("has an attribute twice, expected each once"));
            }
            if let Some(value) = value {
                if attributes.len() == MOST_USER_ATTRIBUTES {
                    let most = MOST_USER_ATTRIBUTES;
                    return Err(A::Error::custom(format_args!(
                        "has more than {most} attributes, expected at most {most}"
                    )));
                }
                attributes.push((name, value));
            }
        }
        Ok(User(attributes))
    }
}

/// The attribute that a column or a tensor is of, `user.country`; none of others.
pub(crate) fn attribute(name: &str) -> Option<&str> {
    name.strip_prefix("user.")
}
