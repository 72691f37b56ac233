//! Weights that may belong to another owner, and how they are written: the values of one at a time become bytes, so that a
//! large network is not copied as a whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use safetensors::{Dtype, View};
use slirec_core::files::{FileError, StagedFile};

use super::{Array, NOTE, Weights, WeightsError};

/// One weight.
#[derive(Debug, Clone)]
pub struct ArrayView<'a> {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Cow<'a, [f32]>,
}

/// Weights by name.
#[derive(Debug, Clone, Default)]
pub struct Views<'a>(BTreeMap<String, ArrayView<'a>>);

impl<'a> Views<'a> {
    /// Adds or replaces a weight.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: impl Into<Cow<'a, [f32]>>) {
        self.0.insert(name.into(), ArrayView { shape, values: values.into() });
    }

    /// Takes in others, their names behind a prefix.
    pub fn append(&mut self, prefix: &str, others: Self) {
        self.0.extend(others.0.into_iter().map(|(name, view)| (format!("{prefix}{name}"), view)));
    }

    /// Writes a safetensors file aside and renames it, with a text among its metadata.
    ///
    /// # Errors
    /// [`WeightsError`] when the file cannot be written.
    pub fn write(&self, path: &Path, note: Option<String>) -> Result<(), WeightsError> {
        let invalid = |error: safetensors::SafeTensorError| WeightsError::Invalid {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let metadata = note.map(|note| HashMap::from([(NOTE.to_owned(), note)]));
        let staged = StagedFile::create(path, true)?;
        safetensors::serialize_to_file(&self.0, metadata, staged.path()).map_err(invalid)?;
        let written = File::open(staged.path()).and_then(|file| file.sync_all());
        written.map_err(FileError::io("write", path))?;
        Ok(staged.commit()?)
    }
}

impl From<Views<'_>> for Weights {
    fn from(views: Views<'_>) -> Self {
        let mut weights = Self::default();
        for (name, ArrayView { shape, values }) in views.0 {
            weights.insert(name, Array { shape, values: values.into_owned() });
        }
        weights
    }
}

impl<'a> From<&'a Weights> for Views<'a> {
    fn from(weights: &'a Weights) -> Self {
        let mut views = Self::default();
        for (name, array) in weights.iter() {
            views.insert(name, array.shape.clone(), array.values.as_slice());
        }
        views
    }
}

impl From<Weights> for Views<'_> {
    fn from(weights: Weights) -> Self {
        let mut views = Self::default();
        for (name, Array { shape, values }) in weights.into_arrays() {
            views.insert(name, shape, values);
        }
        views
    }
}

impl View for &ArrayView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(&*self.values)
    }
}
