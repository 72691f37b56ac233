//! Gives names small numbers in order of first appearance: text enters, dense indices leave. A name takes its letters and
//! about twenty bytes, because there are millions of them.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Stands behind each name: no UTF-8 holds this byte.
const END: u8 = 0xff;

/// A two-way table of names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Of each name its index, in four bytes, its letters and [`END`]: what a search looks at stands together.
    letters: Vec<u8>,
    /// Where each of them starts.
    starts: Vec<u32>,
    /// The same, by name.
    places: HashTable<u32>,
    hasher: RandomState,
    /// Index and start of the name before: in files that are ordered by user the next row mostly has the same one.
    before: Option<(u32, u32)>,
}

/// What stands from `start` on: the index, and the letters with all that follows them.
fn at(letters: &[u8], start: u32) -> Option<(u32, &[u8])> {
    let (index, behind) = letters.get(start as usize..)?.split_first_chunk()?;
    Some((u32::from_le_bytes(*index), behind))
}

fn is_name(letters: &[u8], start: u32, name: &str) -> bool {
    let behind = at(letters, start).and_then(|(_, behind)| behind.strip_prefix(name.as_bytes()));
    behind.is_some_and(|behind| behind.first() == Some(&END))
}

/// The letters of the name from `start` on.
fn name_at(letters: &[u8], start: u32) -> &[u8] {
    at(letters, start).and_then(|(_, behind)| behind.split(|byte| *byte == END).next()).unwrap_or_default()
}

impl Names {
    /// The index of a name, a new one for a new name; none when 32 bits do not suffice for the letters.
    pub(crate) fn index(&mut self, name: &str) -> Option<u32> {
        let Self { letters, starts, places, hasher, before } = self;
        if let Some((index, start)) = *before
            && is_name(letters, start, name)
        {
            return Some(index);
        }
        let hash = |letters: &[u8]| hasher.hash_one(letters);
        let known = |start: &u32| is_name(letters, *start, name);
        let found = match places.entry(hash(name.as_bytes()), known, |start| hash(name_at(letters, *start))) {
            Entry::Occupied(place) => (at(letters, *place.get())?.0, *place.get()),
            Entry::Vacant(place) => {
                let (index, start) = (u32::try_from(starts.len()).ok()?, u32::try_from(letters.len()).ok()?);
                place.insert(start);
                starts.push(start);
                letters.extend(index.to_le_bytes());
                letters.extend(name.as_bytes());
                letters.push(END);
                (index, start)
            }
        };
        *before = Some(found);
        Some(found.0)
    }

    /// Gives back the memory that only [`Names::index`] needs, when all names are known.
    pub(crate) fn complete(&mut self) {
        self.places = HashTable::new();
    }

    /// All names by index.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        (0..).take(self.len()).map(|index| self.name(index))
    }

    /// The name of an index; empty for one that no name has.
    pub(crate) fn name(&self, index: u32) -> &str {
        let letters = self.starts.get(index as usize).map(|start| name_at(&self.letters, *start));
        std::str::from_utf8(letters.unwrap_or_default()).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
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
