//! Texts by their hash: numbers of texts that stand elsewhere enter, the number of an equal text leaves. Takes 8 to 16 bytes
//! of each text, whatever its length.

use std::hash::{BuildHasher, RandomState};

/// No text.
const EMPTY: u32 = u32::MAX;

/// Numbers of texts, found by the texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextIndex {
    /// As many as a power of two, at most half of them used.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl TextIndex {
    /// Room for so many texts.
    pub(crate) fn with_room(count: usize) -> Self {
        Self { slots: vec![EMPTY; (2 * count).next_power_of_two()], hasher: RandomState::new() }
    }

    /// The number of an equal text, of those that were inserted.
    pub(crate) fn find<'a>(&self, text: &str, text_of: impl Fn(u32) -> Option<&'a str>) -> Option<u32> {
        self.slots_of(text)
            .filter_map(|slot| self.slots.get(slot))
            .take_while(|number| **number != EMPTY)
            .copied()
            .find(|number| text_of(*number) == Some(text))
    }

    /// Inserts the number of a text that is not there yet, for which there must be room.
    pub(crate) fn insert(&mut self, text: &str, number: u32) {
        let free = self.slots_of(text).find(|slot| self.slots.get(*slot) == Some(&EMPTY));
        if let Some(slot) = free.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = number;
        }
    }

    /// All slots, from that of the text's hash on.
    fn slots_of(&self, text: &str) -> impl Iterator<Item = usize> + use<> {
        let (count, hash) = (self.slots.len(), self.hasher.hash_one(text) as usize);
        (0..count).map(move |step| hash.wrapping_add(step) & (count - 1))
    }
}
