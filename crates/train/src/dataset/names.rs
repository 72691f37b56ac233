//! Gives names small numbers in order of first appearance: text enters, dense indices leave. A name takes its letters and
//! about twenty bytes, because there are millions of them.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A two-way table of names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    letters: Letters,
    indices: HashTable<u32>,
    hasher: RandomState,
}

/// The letters of all names, one name behind the other, and where each of them ends.
#[derive(Debug, Default)]
struct Letters {
    text: String,
    ends: Vec<usize>,
}

impl Letters {
    fn name(&self, index: u32) -> &str {
        let index = index as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(index).and_then(|end| self.text.get(start..*end)).unwrap_or_default()
    }
}

impl Names {
    /// The index of a name, a new one for a new name; none when 32 bits do not suffice.
    pub(crate) fn index(&mut self, name: &str) -> Option<u32> {
        let Self { letters, indices, hasher } = self;
        let is_name = |index: &u32| letters.name(*index) == name;
        match indices.entry(hasher.hash_one(name), is_name, |index| hasher.hash_one(letters.name(*index))) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(place) => {
                let index = u32::try_from(letters.ends.len()).ok()?;
                place.insert(index);
                letters.text.push_str(name);
                letters.ends.push(letters.text.len());
                Some(index)
            }
        }
    }

    /// All names by index.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        (0..).take(self.len()).map(|index| self.name(index))
    }

    /// The name of an index; empty for one that no name has.
    pub(crate) fn name(&self, index: u32) -> &str {
        self.letters.name(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.letters.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_keep_their_numbers_and_numbers_their_names(texts in prop::collection::vec("[a-cé]{0,3}", 0..200)) {
            let mut names = Names::default();
            let indices: Vec<u32> = texts.iter().map(|text| names.index(text).unwrap()).collect();
            let mut distinct: Vec<&String> = Vec::new();
            for (text, index) in texts.iter().zip(&indices) {
                if !distinct.contains(&text) {
                    distinct.push(text);
                }
                prop_assert_eq!(names.name(*index), text);
                prop_assert_eq!(distinct[*index as usize], text);
            }
            prop_assert_eq!(names.all().collect::<Vec<_>>(), distinct);
            prop_assert_eq!(names.name(names.len() as u32), "");
        }
    }
}
