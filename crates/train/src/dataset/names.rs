//! Gives names small numbers in order of first appearance: text enters, dense indices leave.

use std::collections::HashMap;
use std::rc::Rc;

/// A two-way table of names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Both directions share the letters.
    indices: HashMap<Rc<str>, u32>,
    names: Vec<Rc<str>>,
}

impl Names {
    /// The index of a name, a new one for a new name; none when 32 bits do not suffice.
    pub(crate) fn index(&mut self, name: &str) -> Option<u32> {
        if let Some(index) = self.indices.get(name) {
            return Some(*index);
        }
        let index = u32::try_from(self.names.len()).ok()?;
        let name: Rc<str> = name.into();
        self.indices.insert(Rc::clone(&name), index);
        self.names.push(name);
        Some(index)
    }

    /// All names by index.
    pub(crate) fn all(&self) -> &[Rc<str>] {
        &self.names
    }

    /// The name of an index.
    pub(crate) fn name(&self, index: u32) -> &str {
        self.names.get(index as usize).map_or("", |name| name)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}
