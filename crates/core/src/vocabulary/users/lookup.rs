//! Ids of what is said of a shopper: their name and attributes with their values enter, ids in the order of the model's
//! attributes leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::{DEFAULT_ID, index};
use super::known::KnownUsers;
use super::{
    KnownUser, MOST_USER_ATTRIBUTES, MOST_USER_FEATURES, UserAttributeError, UserFeature, UserKind, UserValue,
    UserValues, known,
};
use crate::text::shortened;

/// Attributes of shoppers with the ids of their texts.
#[derive(Debug, Clone, Default)]
pub struct UserLookup {
    features: Vec<UserFeature>,
    texts: Vec<HashMap<String, u32>>,
    known: Option<Arc<KnownUsers>>,
}

impl UserLookup {
    /// Of these attributes.
    ///
    /// # Errors
    /// A message naming the first attribute or value that stands twice or cannot be one.
    pub fn new(features: Vec<UserFeature>) -> Result<Self, String> {
        let count = features.len();
        if count > MOST_USER_FEATURES {
            return Err(format!("user_features has {count} features: expected at most {MOST_USER_FEATURES}"));
        }
        let (mut names, mut attributes, mut listed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut last = None;
        let mut texts = Vec::with_capacity(count);
        for feature in &features {
            feature.check()?;
            if !names.insert(feature.name.as_str()) {
                return Err(format!("user feature `{}` stands twice", shortened(&feature.name)));
            }
            // The parts of a list stand together.
            let goes_on = feature.list.is_some() && last == feature.list.as_deref();
            if !attributes.insert(feature.attribute()) && !goes_on {
                return Err(format!("user attribute `{}` stands twice", shortened(feature.attribute())));
            }
            last = feature.list.as_deref();
            texts.push(match &feature.values {
                UserValues::Texts(values) => {
                    let entries = values.iter().filter(|_| feature.list.is_some());
                    let mut twice = entries.filter(|text| !listed.insert((feature.attribute(), text.as_str())));
                    if let Some(text) = twice.next() {
                        let (text, name) = (shortened(text), shortened(feature.attribute()));
                        return Err(format!("`{text}` stands in two parts of the user attribute `{name}`"));
                    }
                    index(&format!("user feature `{}`", feature.name), values.iter())?
                }
                UserValues::Bounds(_) => HashMap::new(),
            });
        }
        if attributes.len() > MOST_USER_ATTRIBUTES {
            let count = attributes.len();
            return Err(format!("user_features has {count} attributes: expected at most {MOST_USER_ATTRIBUTES}"));
        }
        Ok(Self { features, texts, known: None })
    }

    /// With a table of users of whom something is known.
    pub fn with_known(self, known: Option<KnownUsers>) -> Self {
        Self { known: known.map(Arc::new), ..self }
    }

    /// The attributes, each with what its values are.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, UserKind)> {
        self.features.chunk_by(|one, other| one.attribute() == other.attribute()).filter_map(|parts| {
            let first = parts.first()?;
            Some((first.attribute(), first.kind()))
        })
    }

    /// The features that the attributes are, in the order of their ids.
    pub fn features(&self) -> &[UserFeature] {
        &self.features
    }

    /// The table of users of whom something is known, if there is one.
    pub fn known(&self) -> Option<&KnownUsers> {
        self.known.as_deref()
    }

    /// What the table of known users says of a shopper.
    pub fn named(&self, name: &str) -> KnownUser {
        let ids = self.known().and_then(|known| known.ids(name));
        KnownUser { is_known: ids.is_some(), ids: ids.unwrap_or_default(), unseen: 0 }
    }

    /// What the model knows of a shopper of this name, if they have one, with these attributes, which go before those of the
    /// table of known users: also where training has not seen the value.
    ///
    /// # Errors
    /// [`UserAttributeError`] for the first attribute that the model does not have, or whose value is of another type.
    pub fn find<'a>(
        &self,
        name: Option<&str>,
        attributes: impl IntoIterator<Item = (&'a str, &'a UserValue)>,
    ) -> Result<KnownUser, UserAttributeError> {
        let mut user = name.map(|name| self.named(name)).unwrap_or_default();
        for (name, value) in attributes {
            let places = || self.features.iter().enumerate().filter(|(_, feature)| feature.attribute() == name);
            let Some((first, feature)) = places().next() else {
                return Err(UserAttributeError::Unknown { name: shortened(name), known: known(&self.features) });
            };
            user.ids.resize(self.features.len(), DEFAULT_ID);
            let mut tell = |place: usize, id: u32| user.ids.get_mut(place).into_iter().for_each(|known| *known = id);
            match (feature.kind(), value) {
                (UserKind::List, UserValue::List(entries)) => {
                    places().for_each(|(place, _)| tell(place, DEFAULT_ID));
                    user.unseen += self.tell_list(places().map(|(place, _)| place), entries, &mut user.ids);
                }
                (UserKind::Text, UserValue::Text(text)) => {
                    let id = self.texts.get(first).and_then(|texts| texts.get(text)).copied().unwrap_or(DEFAULT_ID);
                    tell(first, id);
                    user.unseen += usize::from(id == DEFAULT_ID);
                }
                (UserKind::Number, UserValue::Number(number)) => {
                    let id = bucket(&feature.values, *number);
                    tell(first, id);
                    user.unseen += usize::from(id == DEFAULT_ID);
                }
                (kind, value) => {
                    let (name, found, expected) = (feature.attribute().to_owned(), value.kind(), kind.expected());
                    return Err(UserAttributeError::Type { name, found, expected });
                }
            }
        }
        Ok(user)
    }

    /// Tells the entries of a list that have ids; of two in one part the one of fewer users. Answers how many have none.
    fn tell_list(&self, places: impl Iterator<Item = usize> + Clone, entries: &[String], ids: &mut [u32]) -> usize {
        let mut unseen = 0;
        for entry in entries {
            let found = places.clone().find_map(|place| Some((place, *self.texts.get(place)?.get(entry)?)));
            match found.and_then(|(place, id)| Some((ids.get_mut(place)?, id))) {
                Some((known, id)) => *known = id.max(*known),
                None => unseen += 1,
            }
        }
        unseen
    }

    /// Attributes that have these ids, for those that are known.
    pub fn examples(&self, ids: &[u32]) -> BTreeMap<String, UserValue> {
        let mut told = BTreeMap::new();
        for (feature, id) in self.features.iter().zip(ids) {
            let Some(value) = feature.example(*id) else { continue };
            match (feature.kind(), value) {
                (UserKind::List, UserValue::Text(entry)) => {
                    let list = told.entry(feature.attribute().to_owned()).or_insert(UserValue::List(Vec::new()));
                    if let UserValue::List(entries) = list {
                        entries.push(entry);
                    }
                }
                (_, value) => {
                    told.insert(feature.name.clone(), value);
                }
            }
        }
        told
    }
}

/// Id of a number: one more than the bounds that are at most it; the default one of none.
fn bucket(values: &UserValues, number: f64) -> u32 {
    match values {
        UserValues::Bounds(bounds) if !number.is_nan() => {
            // Their number is bounded.
            1 + bounds.partition_point(|bound| *bound <= number) as u32
        }
        _ => DEFAULT_ID,
    }
}

#[cfg(test)]
mod tests;
