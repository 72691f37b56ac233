//! Attributes of shoppers: their names and values, as training knows them, enter; ids for the model leave.
//!
//! Id 0 of an attribute stands for a value that is missing or that training has not seen. A text has an id of its own, a
//! number that of the bucket that it falls into.

mod lookup;

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Vocabulary;
use crate::text::{LONGEST_NAME, bounded, check_length, shortened};
pub use lookup::UserLookup;

/// Most attributes of shoppers.
pub const MOST_USER_FEATURES: usize = 16;

/// An attribute of shoppers that a model reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserFeature {
    /// Its name, a key of `user` in requests.
    pub name: String,
    /// Its values.
    pub values: UserValues,
}

/// The values of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserValues {
    /// Texts; the value of id `index + 1`.
    Texts(#[serde(deserialize_with = "bounded")] Vec<String>),
    /// Bounds between buckets of numbers, rising; a number has id `1 + the bounds that are at most it`.
    Bounds(#[serde(deserialize_with = "bounded")] Vec<f64>),
}

/// What is said of a shopper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl From<String> for UserValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for UserValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

/// What the model knows of a shopper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownUser {
    /// Ids by attribute; empty where nothing is known.
    pub ids: Vec<u32>,
    /// Values that training has not seen.
    pub unseen: usize,
}

/// What is said of a shopper and the model cannot read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum UserAttributeError {
    /// The model has no such attribute.
    #[error("the model has no user attribute `{name}`: expected {known}")]
    Unknown {
        /// The attribute.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// The value is of another type.
    #[error("user attribute `{name}` is {found}: expected {expected}")]
    Type {
        /// The attribute.
        name: String,
        /// What was said.
        found: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

/// User features that a dataset does not have.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum UserFeatureError {
    /// It has no such attribute.
    #[error("the dataset has no user attribute `{name}`: expected {known}")]
    Unknown {
        /// The attribute.
        name: String,
        /// Those that it has.
        known: String,
    },
}

impl UserFeature {
    /// The features of these names, in their order.
    ///
    /// # Errors
    /// [`UserFeatureError`] for the first name that is not among `all`.
    pub fn select<'a>(all: &[Self], names: impl Iterator<Item = &'a str>) -> Result<Vec<Self>, UserFeatureError> {
        let of_name = |name: &str| {
            let found = all.iter().find(|feature| feature.name == name).cloned();
            found.ok_or_else(|| UserFeatureError::Unknown { name: name.to_owned(), known: known(all) })
        };
        names.map(of_name).collect()
    }

    /// Rows of its embedding table: its values or buckets and the default.
    pub fn rows(&self) -> usize {
        match &self.values {
            UserValues::Texts(texts) => texts.len() + 1,
            UserValues::Bounds(bounds) => bounds.len() + 2,
        }
    }

    /// What has an id, for people: the text, or the bucket as `10 to 20`.
    pub fn label(&self, id: u32) -> String {
        let Some(place) = (id as usize).checked_sub(1) else { return "unknown".to_owned() };
        match &self.values {
            UserValues::Texts(texts) => texts.get(place).cloned().unwrap_or_default(),
            UserValues::Bounds(bounds) => {
                match (place.checked_sub(1).and_then(|low| bounds.get(low)), bounds.get(place)) {
                    (Some(low), Some(high)) => format!("{low} to below {high}"),
                    (Some(low), None) => format!("from {low}"),
                    (None, Some(high)) => format!("below {high}"),
                    (None, None) => "any number".to_owned(),
                }
            }
        }
    }

    /// A value that has an id; none for the default one.
    pub fn example(&self, id: u32) -> Option<UserValue> {
        let place = (id as usize).checked_sub(1)?;
        match &self.values {
            UserValues::Texts(texts) => texts.get(place).cloned().map(UserValue::Text),
            UserValues::Bounds(bounds) => Some(UserValue::Number(match place.checked_sub(1) {
                Some(low) => *bounds.get(low)?,
                None => bounds.first().map_or(0.0, |first| first.next_down()),
            })),
        }
    }

    /// Whether its values are numbers.
    pub fn is_number(&self) -> bool {
        matches!(self.values, UserValues::Bounds(_))
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        check_length("user_features, a name,", name, LONGEST_NAME)?;
        if name.is_empty() || name.contains(char::is_control) {
            return Err(format!("user_features, a name, is {name:?}: expected a text without control characters"));
        }
        match &self.values {
            UserValues::Bounds(bounds)
                if !bounds.iter().all(|bound| bound.is_finite()) || !bounds.is_sorted_by(|low, high| low < high) =>
            {
                Err(format!("user feature `{}`: expected finite bounds that rise", shortened(name)))
            }
            _ => Ok(()),
        }
    }
}

/// Names of attributes, for messages.
fn known(features: &[UserFeature]) -> String {
    if features.is_empty() {
        return "none at all".to_owned();
    }
    let names: Vec<String> = features.iter().map(|feature| format!("`{}`", feature.name)).collect();
    names.join(", ")
}

impl Vocabulary {
    /// With these attributes of shoppers in the place of those that were there.
    ///
    /// # Errors
    /// A message naming the first attribute or value that stands twice or cannot be one.
    pub fn with_user_features(mut self, features: Vec<UserFeature>) -> Result<Self, String> {
        self.users = UserLookup::new(features)?;
        Ok(self)
    }

    /// The attributes of shoppers, in the order of their ids.
    pub fn user_features(&self) -> &[UserFeature] {
        self.users.features()
    }

    /// Rows of each attribute's embedding table.
    pub fn user_feature_rows(&self) -> Vec<usize> {
        self.user_features().iter().map(UserFeature::rows).collect()
    }

    /// The attributes of shoppers with their ids.
    pub fn users(&self) -> &UserLookup {
        &self.users
    }
}
