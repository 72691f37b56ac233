//! Attributes of shoppers: their names and values, as training knows them, enter; ids for the model leave.
//!
//! Id 0 of an attribute stands for a value that is missing or that training has not seen. A text has an id of its own, a
//! number that of the bucket that it falls into. The entries of a list are dealt into several features, each of which holds
//! a part of all entries and has one of them at most.

mod known;
mod lookup;
mod value;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Vocabulary;
use super::words::deal;
use crate::text::{LONGEST_NAME, bounded, check_length, shortened};
pub use known::{KnownUsers, KnownUsersError, MOST_KNOWN_USERS};
pub use lookup::UserLookup;
pub use value::{MOST_ENTRIES, UserValue};

/// Most attributes of shoppers.
pub const MOST_USER_ATTRIBUTES: usize = 16;
/// Most features that they are, the parts of lists counted.
pub const MOST_USER_FEATURES: usize = 64;
/// Features that the entries of a list are dealt into.
const PARTS: usize = 4;
/// Most entries of a list attribute that have ids, those of most users.
const MOST_LISTED: usize = 1_000;

/// An attribute of shoppers that a model reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserFeature {
    /// Its name: that of the attribute, or of the part of a list.
    pub name: String,
    /// Of a part of a list: the list's attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// Its values.
    pub values: UserValues,
}

/// What values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A list of texts.
    List,
}

impl UserKind {
    /// What a value must be, for messages.
    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::List => "a list of texts",
        }
    }

    /// Its name, in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::List => "list",
        }
    }
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

/// What the model knows of a shopper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownUser {
    /// Ids by attribute; empty where nothing is known.
    pub ids: Vec<u32>,
    /// Values that training has not seen.
    pub unseen: usize,
    /// Whether the table of known users has them.
    pub is_known: bool,
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
    /// An attribute of texts or numbers.
    pub fn new(name: impl Into<String>, values: UserValues) -> Self {
        Self { name: name.into(), list: None, values }
    }

    /// The features that the entries of lists are dealt into: entries that occur together stand in different parts wherever
    /// that is possible, those of most users first; those of one user alone have no id.
    pub fn of_lists(name: &str, lists: &[BTreeSet<String>]) -> Vec<Self> {
        let dealt = deal(lists, PARTS, MOST_LISTED).into_iter().filter(|texts| !texts.is_empty());
        let part = |(part, texts)| Self {
            name: format!("{name}.{part}"),
            list: Some(name.to_owned()),
            values: UserValues::Texts(texts),
        };
        (1..).zip(dealt).map(part).collect()
    }

    /// The features of these names, in their order; those of a list by its attribute, or by their own names.
    ///
    /// # Errors
    /// [`UserFeatureError`] for the first name that is not among `all`.
    pub fn select<'a>(all: &[Self], names: impl Iterator<Item = &'a str>) -> Result<Vec<Self>, UserFeatureError> {
        let mut found: Vec<Self> = Vec::new();
        for name in names {
            let of_name = all.iter().filter(|feature| feature.name == name || feature.attribute() == name);
            let before = found.len();
            found.extend(of_name.cloned());
            if found.len() == before {
                return Err(UserFeatureError::Unknown { name: name.to_owned(), known: known(all) });
            }
        }
        Ok(found)
    }

    /// The attribute that it is of: a key of `user` in requests.
    pub fn attribute(&self) -> &str {
        self.list.as_deref().unwrap_or(&self.name)
    }

    /// What values of its attribute are.
    pub fn kind(&self) -> UserKind {
        match (&self.list, &self.values) {
            (Some(_), _) => UserKind::List,
            (None, UserValues::Texts(_)) => UserKind::Text,
            (None, UserValues::Bounds(_)) => UserKind::Number,
        }
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

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        for name in [name, self.attribute()] {
            check_length("user_features, a name,", name, LONGEST_NAME)?;
            if name.is_empty() || name.contains(char::is_control) {
                return Err(format!("user_features, a name, is {name:?}: expected a text without control characters"));
            }
        }
        match &self.values {
            UserValues::Bounds(_) if self.list.is_some() => {
                Err(format!("user feature `{}`: has bounds: expected texts, as a part of a list", shortened(name)))
            }
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
    let mut names: Vec<String> = features.iter().map(|feature| format!("`{}`", feature.attribute())).collect();
    names.dedup();
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
