//! A bounded cache: values enter under keys and stay while they are used. Entries stand in two maps of bounded size: when
//! the recent one is full it replaces the earlier one, whose entries without a use in the meantime are dropped.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// A bounded cache.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    /// Entries of each map.
    most: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    recent: HashMap<K, V>,
    earlier: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Of so many entries at most, at least two.
    pub(crate) fn new(most: usize) -> Self {
        let entries = Entries { recent: HashMap::new(), earlier: HashMap::new() };
        Self { most: (most / 2).max(1), entries: Mutex::new(entries) }
    }

    /// The value of a key.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = entries.recent.get(key) {
            return Some(value.clone());
        }
        let value = entries.earlier.remove(key)?;
        entries.insert(key.to_owned(), value.clone(), self.most);
        Some(value)
    }

    /// Keeps a value.
    pub(crate) fn insert(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key, value, self.most);
    }
}

impl<K: Hash + Eq, V> Entries<K, V> {
    fn insert(&mut self, key: K, value: V, most: usize) {
        if self.recent.len() >= most {
            self.earlier = mem::take(&mut self.recent);
        }
        self.recent.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let cache = Cache::new(4);
        for number in 0..100 {
            cache.insert(number, number);
            assert_eq!(cache.get(&0), Some(0), "after {number}");
        }
        assert_eq!((cache.get(&99), cache.get(&50)), (Some(99), None));
        let entries = cache.entries.lock().unwrap();
        assert!(entries.recent.len() + entries.earlier.len() <= 4);
    }
}
