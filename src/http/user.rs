//! What a request says of the shopper, `{"country": "DE", "age": 31}`: a short object enters, attributes with their values
//! leave. What the model knows of them is looked up in the model that answers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use slirec_core::vocabulary::{KnownUser, MOST_USER_FEATURES, UserAttributeError, UserLookup, UserValue};

/// Attributes of a shopper with their values, those that are `null` left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct User(pub(crate) Vec<(String, UserValue)>);

impl User {
    /// What the model knows of the shopper.
    ///
    /// # Errors
    /// The attribute that the model cannot read, and why.
    pub(crate) fn known(&self, users: &UserLookup) -> Result<KnownUser, String> {
        users.find(self.0.iter().map(|(name, value)| (name.as_str(), value))).map_err(|error| match error {
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
        while let Some((name, value)) = members.next_entry::<String, Option<Value>>()? {
            if attributes.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("has an attribute twice, expected each once"));
            }
            if let Some(Value(value)) = value {
                if attributes.len() == MOST_USER_FEATURES {
                    let most = MOST_USER_FEATURES;
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

/// A text, a number or a truth value, which is a text.
pub(crate) struct Value(pub(crate) UserValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value(UserValue::Text(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value(UserValue::Number(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }
}
