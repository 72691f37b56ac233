//! Gives names small numbers in order of first appearance: text enters, dense indices leave.

use std::collections::HashMap;

/// A two-way table of names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    indices: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The index of a name, a new one for a new name; none when 32 bits do not suffice.
    pub(crate) fn index(&mut self, name: &str) -> Option<u32> {
        if let Some(index) = self.indices.get(name) {
            return Some(*index);
        }
        let index = u32::try_from(self.names.len()).ok()?;
        self.indices.insert(name.to_owned(), index);
        self.names.push(name.to_owned());
        Some(index)
    }

    /// All names by index.
    pub(crate) fn all(&self) -> &[String] {
        &self.names
    }

    /// The name of an index.
    pub(crate) fn name(&self, index: u32) -> &str {
        self.names.get(index as usize).map_or("", String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}
