//! Rules that cannot be used: the text of the file and an offset in it enter, a message leaves that names the file, the
//! line and the key, what was found and what was expected.

use std::fmt;
use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use thiserror::Error;

/// Rules that cannot be used.
#[derive(Debug, Error)]
pub enum RulesError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content breaks a rule.
    #[error("{path}:{line}: {key}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key, with its table, such as `walks.go_on`.
        key: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Products are named that the catalogue does not hold.
    #[error(transparent)]
    Unknown(#[from] UnknownProducts),
    /// There is nothing to walk between.
    #[error("the catalogue holds {0} products: expected at least 2")]
    TooFewProducts(usize),
}

/// All products that rules name and a catalogue does not hold.
#[derive(Debug, Error)]
pub struct UnknownProducts {
    pub(crate) path: PathBuf,
    /// In the order of the file.
    pub(crate) products: Vec<UnknownProduct>,
}

/// A product that rules name and the catalogue does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProduct {
    /// What the rules call it.
    pub handle: String,
    /// Lines that name it, rising.
    pub lines: Vec<usize>,
    /// Handles and titles of the catalogue that resemble it, the closest first.
    pub closest: Vec<(String, String)>,
}

impl UnknownProducts {
    /// The products, in the order of the file.
    pub fn products(&self) -> &[UnknownProduct] {
        &self.products
    }
}

impl fmt::Display for UnknownProducts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.products.len();
        let noun = if count == 1 { "product" } else { "products" };
        write!(formatter, "{}: found {count} {noun} that the catalogue does not hold:", self.path.display())?;
        write!(formatter, " expected handles of its products")?;
        for product in &self.products {
            let lines: Vec<String> = product.lines.iter().map(ToString::to_string).collect();
            let noun = if lines.len() == 1 { "line" } else { "lines" };
            write!(formatter, "\n  {noun} {}: `{}`", lines.join(", "), product.handle)?;
            for (position, (handle, title)) in product.closest.iter().enumerate() {
                let lead = if position == 0 { "; closest: " } else { ", " };
                write!(formatter, "{lead}`{handle}` ({title})")?;
            }
        }
        Ok(())
    }
}

/// The error for a problem at an offset of the text.
pub(super) fn invalid(path: &Path, text: &str, offset: usize, problem: impl ToString) -> RulesError {
    let (line, key) = (line_of(text, offset), key_of(text, offset));
    RulesError::Invalid { path: path.to_owned(), line, key, problem: problem.to_string() }
}

/// The parser's error, at the place that it names.
pub(super) fn from_toml(path: &Path, text: &str, error: &toml::de::Error) -> RulesError {
    let offset = error.span().map_or(0, |span| span.start);
    invalid(path, text, offset, error.message().lines().next().unwrap_or_default())
}

/// Line, from 1, of an offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The key that an offset belongs to, with the table that it stands in: `table.key`, `table` on the line of a table.
fn key_of(text: &str, offset: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line_of(text, offset)).collect();
    let mut key = None;
    for line in lines.iter().rev().map(|line| line.trim()) {
        if let Some(header) = line.strip_prefix('[') {
            let table = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            return key.map_or_else(|| table.to_owned(), |key| format!("{table}.{key}"));
        }
        let name = line.split_once('=').map(|(name, _)| name.trim());
        let is_name = |name: &&str| name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
        key = key.or(name.filter(is_name));
    }
    key.unwrap_or("the file").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_text_is_named_by_line_table_and_key() {
        let text = "top = 1\n[walks]\n# a = comment\ngo_on = 0.5\n[[groups]]\nproducts = [\n  \"a\",\n  \"b\"]\n";
        let place = |part: &str| {
            let offset = text.find(part).expect("the part is in the text");
            (line_of(text, offset), key_of(text, offset))
        };
        assert_eq!(place("1"), (1, "top".to_owned()));
        assert_eq!(place("0.5"), (4, "walks.go_on".to_owned()));
        assert_eq!(place("\"b\""), (8, "groups.products".to_owned()));
        assert_eq!(place("[[groups]]"), (5, "groups".to_owned()));
        assert_eq!((line_of("", 0), key_of("", 0)), (1, "the file".to_owned()));
    }
}
