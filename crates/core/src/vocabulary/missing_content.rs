//! What content leaves out: a vocabulary enters; how many of its items a text or a vector says nothing of leaves.

use std::collections::BTreeMap;

use super::{DEFAULT_ID, Item, Vocabulary};

/// Items of which a text or a vector says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingContent {
    /// `text` or `vector`.
    pub kind: &'static str,
    /// `title` or the attribute.
    pub name: String,
    /// Items without a word that another one has, or without a vector.
    pub items: usize,
}

impl Vocabulary {
    /// How many items each text and each vector says nothing of.
    pub fn missing_content(&self) -> Vec<MissingContent> {
        let mut places: BTreeMap<(&'static str, &str), Vec<usize>> = BTreeMap::new();
        for (place, feature) in self.features.iter().enumerate() {
            let of = match (&feature.text, &feature.vector) {
                (Some(text), _) => ("text", text.as_str()),
                (None, Some(vector)) => ("vector", vector.attribute.as_str()),
                (None, None) => continue,
            };
            places.entry(of).or_default().push(place);
        }
        let missing = |((kind, name), places): ((&'static str, &str), Vec<usize>)| {
            let says_nothing =
                |item: &&Item| places.iter().all(|place| item.features.get(*place).is_none_or(|id| *id == DEFAULT_ID));
            MissingContent { kind, name: name.to_owned(), items: self.items.iter().filter(says_nothing).count() }
        };
        places.into_iter().map(missing).collect()
    }
}
