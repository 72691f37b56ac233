//! The attributes of one product: texts by their names enter and leave, in the order of the names, in little memory, as a
//! large catalogue has them a million times.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::unique;

/// Texts of one product's attributes by their names.
///
/// Products have few attributes of the same names: a sorted list takes a tenth of a tree, and the products of a catalogue
/// share the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes(Box<[(Arc<str>, Box<str>)]>);

impl Attributes {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    /// The text of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.place(name).ok().and_then(|place| self.0.get(place)).map(|(_, text)| &**text)
    }

    /// Names and texts in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }

    /// True without attributes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over what others say; what they do not say stays.
    pub fn extend(&mut self, others: &Self) {
        let mut all: BTreeMap<Arc<str>, Box<str>> = std::mem::take(&mut self.0).into_iter().collect();
        all.extend(others.0.iter().cloned());
        self.0 = all.into_iter().collect();
    }

    /// Sets the text of an attribute.
    pub fn insert(&mut self, name: &str, text: &str) {
        self.change([(name, Some(text))]);
    }

    /// Sets the texts of attributes, and leaves out those that have none.
    pub fn change<'a>(&mut self, changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
        let mut all: BTreeMap<Arc<str>, Box<str>> = std::mem::take(&mut self.0).into_iter().collect();
        for (name, text) in changes {
            match text {
                Some(text) => drop(all.insert(name.into(), text.into())),
                None => drop(all.remove(name)),
            }
        }
        self.0 = all.into_iter().collect();
    }

    /// Number of attributes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Shares equal names with other products, whose names stand in `names`.
    pub(crate) fn share_names(&mut self, names: &mut HashSet<Arc<str>>) {
        for (name, _) in &mut self.0 {
            match names.get(name) {
                Some(known) => *name = Arc::clone(known),
                None => {
                    names.insert(Arc::clone(name));
                }
            }
        }
    }
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Attributes {
    /// Of texts with one name the last one counts.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(texts: I) -> Self {
        let sorted: BTreeMap<String, String> =
            texts.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        Self(sorted.into_iter().map(|(name, text)| (name.into(), text.into())).collect())
    }
}

impl<N: Into<String>, T: Into<String>, const COUNT: usize> From<[(N, T); COUNT]> for Attributes {
    fn from(texts: [(N, T); COUNT]) -> Self {
        texts.into_iter().collect()
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Attributes {
    /// An object of texts, no name twice.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(unique::<_, String>(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_the_order_of_their_names_each_once() {
        let mut attributes: Attributes = [("vendor", "Ochre"), ("colour", "red"), ("vendor", "Sons")].into();
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [("colour", "red"), ("vendor", "Sons")]);
        attributes.insert("colour", "blue");
        attributes.insert("material", "wool");
        attributes.extend(&[("vendor", "Loom"), ("size", "L")].into());
        attributes.change([("material", None), ("weight", None)]);
        let expected = [("colour", "blue"), ("size", "L"), ("vendor", "Loom")];
        assert_eq!(attributes, expected.into());
        assert_eq!((attributes.get("size"), attributes.get("weight")), (Some("L"), None));
    }

    #[test]
    fn json_is_an_object_of_texts() {
        let attributes: Attributes = [("vendor", "Ochre"), ("colour", "red")].into();
        let json = serde_json::to_string(&attributes).unwrap();
        assert_eq!(json, r#"{"colour":"red","vendor":"Ochre"}"#);
        assert_eq!(serde_json::from_str::<Attributes>(&json).unwrap(), attributes);
        let twice = serde_json::from_str::<Attributes>(r#"{"colour":"red","colour":"blue"}"#).unwrap_err();
        assert!(twice.to_string().contains("colour"), "{twice}");
        assert!(serde_json::from_str::<Attributes>(r#"{"colour":3}"#).is_err());
    }

    #[test]
    fn equal_names_are_shared() {
        let mut names = HashSet::new();
        let mut products: Vec<Attributes> = ["red", "blue"].map(|colour| [("colour", colour)].into()).into();
        products.iter_mut().for_each(|product| product.share_names(&mut names));
        assert!(Arc::ptr_eq(&products[0].0[0].0, &products[1].0[0].0));
        assert_eq!((names.len(), products[1].get("colour")), (1, Some("blue")));
    }
}
