//! Rules that cannot be used: the text of the file and an offset in it enter, a message leaves that names the file, the
//! line and the key, what was found and what was expected.

use std::fmt;
use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use slirec_core::places::PlaceError;
use thiserror::Error;

/// Rules that cannot be used.
#[derive(Debug, Error)]
pub enum RulesError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content breaks a rule.
    #[error(transparent)]
    Invalid(#[from] PlaceError),
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
    PlaceError::new(path, text, offset, problem).into()
}

/// The parser's error, at the place that it names.
pub(super) fn from_toml(path: &Path, text: &str, error: &toml::de::Error) -> RulesError {
    let offset = error.span().map_or(0, |span| span.start);
    invalid(path, text, offset, error.message().lines().next().unwrap_or_default())
}
