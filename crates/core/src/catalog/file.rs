//! The catalogue's file: JSON enters, a [`Catalog`] leaves, or what is wrong with the place where it stands; and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use super::list::List;
use super::{Catalog, Product};
use crate::attributes::AttributeType;
use crate::files::{self, FileError};
use crate::text::{shortened, unique};

/// Format of the file that this version writes and reads.
pub const FORMAT: &str = "slirec-catalog/1";

/// A catalogue that cannot be used.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content breaks a rule.
    #[error("{path}:{line}:{column}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in bytes.
        column: usize,
        /// What was found and what was expected.
        problem: String,
    },
}

#[derive(Serialize)]
struct CatalogFile<'a> {
    format: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    types: &'a BTreeMap<String, AttributeType>,
    products: &'a [Product],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument<'a> {
    format: String,
    #[serde(default, deserialize_with = "unique")]
    types: BTreeMap<String, AttributeType>,
    #[serde(borrow)]
    products: &'a RawValue,
}

impl Catalog {
    /// Reads a catalogue file; `-` is standard input.
    ///
    /// # Errors
    /// [`CatalogError`] with file, line, column, what was found and what was expected.
    pub fn read(path: &Path) -> Result<Self, CatalogError> {
        let text = String::from_utf8(files::read(path)?).map_err(|error| {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let (line, column) = position(&String::from_utf8_lossy(valid));
            invalid(path, line, column, "found bytes that are not UTF-8: expected UTF-8 text".into())
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a catalogue; `path` is only named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, CatalogError> {
        let document: RawDocument<'_> = serde_json::from_str(text)
            .map_err(|error| invalid(path, error.line(), error.column(), without_position(&error)))?;
        if document.format != FORMAT {
            let problem = format!("format is `{}`: expected `{FORMAT}`", shortened(&document.format));
            return Err(invalid(path, 1, 1, problem));
        }
        let mut list = List::default();
        let read = serde_json::Deserializer::from_str(document.products.get()).deserialize_seq(&mut list);
        read.map_err(|error| {
            let (raw, error) = list.wrong.take().unwrap_or((document.products, error));
            let (line, column) = place_of(text, raw);
            let column = if error.line() <= 1 { column + error.column().saturating_sub(1) } else { error.column() };
            invalid(path, line + error.line().saturating_sub(1), column, without_position(&error))
        })?;
        let catalog = Self::new(list.products).and_then(|mut catalog| {
            catalog.declare(document.types)?;
            Ok(catalog)
        });
        catalog.map_err(|(index, problem)| {
            let (line, column) = list.places.get(index).map_or((1, 1), |raw| place_of(text, raw));
            invalid(path, line, column, problem)
        })
    }

    /// Writes a catalogue file that [`Catalog::read`] accepts.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_json(path, &CatalogFile { format: FORMAT, types: &self.declared, products: &self.products })
    }
}

fn invalid(path: &Path, line: usize, column: usize, problem: String) -> CatalogError {
    CatalogError::Invalid { path: path.to_owned(), line, column, problem }
}

/// serde_json's message without the position that it appends, which we give relative to the file instead.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    shortened(message.rsplit_once(" at line ").map_or(&message, |(problem, _)| problem))
}

/// Line and column of a value that was borrowed from `text`.
fn place_of(text: &str, raw: &RawValue) -> (usize, usize) {
    // `raw` is a slice of `text`: the distance of their addresses is its offset. No memory is read through it.
    let offset = (raw.get().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    position(text.get(..offset).unwrap_or_default())
}

/// Line and column of the first character after `before`.
fn position(before: &str) -> (usize, usize) {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    (line, column)
}
