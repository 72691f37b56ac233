//! A list of texts in one piece of memory: texts enter one by one and leave in the same order.
//!
//! A text takes 4 bytes beside its own, so that a body of many tiny names becomes no larger in memory than it was.

use std::fmt;
use std::mem::size_of;

/// Texts in order, of any number; together less than 4 GiB.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// One behind the other.
    joined: String,
    /// Where each of them ends, `[n]`.
    ends: Vec<u32>,
}

impl Texts {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without a text.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a text behind the others; beyond 4 GiB of all of them it is added as an empty one.
    pub fn push(&mut self, text: &str) {
        let end = u32::try_from(self.joined.len() + text.len());
        if end.is_ok() {
            self.joined.push_str(text);
        }
        self.ends.push(end.unwrap_or_else(|_| self.ends.last().copied().unwrap_or_default()));
    }

    /// The text at a position.
    pub fn get(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)? as usize;
        let start = position.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |start| *start as usize);
        self.joined.get(start..end)
    }

    /// All texts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        (0..self.len()).map(|position| self.get(position).unwrap_or_default())
    }

    /// Bytes that the texts take in memory.
    pub fn held_bytes(&self) -> usize {
        self.joined.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    /// Room for as many texts of so many bytes together.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { joined: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// Bytes of all texts together.
    pub(crate) fn bytes(&self) -> usize {
        self.joined.len()
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut texts = Self::default();
        all.into_iter().for_each(|text| texts.push(text.as_ref()));
        texts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_leave_as_they_entered(expected in prop::collection::vec("\\PC{0,5}", 0..20)) {
            let texts: Texts = expected.iter().collect();
            prop_assert_eq!(texts.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!(texts.get(texts.len()), None);
        }
    }
}
