//! The file of scenarios as it is written: a path or a text enters, values with their places leave. What they mean depends
//! on a catalogue, so the text is kept to be read for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use slirec_core::files::read_small;
use toml::Spanned;

use super::error::{ScenarioError, Source};

/// A file of scenarios is smaller.
const LARGEST: u64 = 4 << 20;

/// A file of scenarios whose form was checked.
#[derive(Debug, Clone, Default)]
pub struct ScenarioFile {
    path: PathBuf,
    text: String,
}

/// Scenarios by their names.
pub(super) type Document = BTreeMap<Spanned<String>, RawScenario>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) limit: Option<Spanned<i64>>,
    pub(super) filter: Option<Spanned<String>>,
    pub(super) exclude_seen: Option<bool>,
    pub(super) exclude_purchased: Option<bool>,
    pub(super) diversity: Option<Spanned<f64>>,
    pub(super) per: Option<BTreeMap<Spanned<String>, Spanned<i64>>>,
    pub(super) sources: Option<Spanned<Vec<String>>>,
    pub(super) from: Option<Spanned<toml::Value>>,
    pub(super) until: Option<Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) boost: Vec<Spanned<RawBoost>>,
    #[serde(default)]
    pub(super) bury: Vec<Spanned<RawRule>>,
    #[serde(default)]
    pub(super) hide: Vec<Spanned<RawRule>>,
    #[serde(default)]
    pub(super) pin: Vec<Spanned<RawPin>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBoost {
    pub(super) name: Option<Spanned<String>>,
    pub(super) when: Spanned<String>,
    pub(super) by: Spanned<f64>,
    pub(super) from: Option<Spanned<toml::Value>>,
    pub(super) until: Option<Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) name: Option<Spanned<String>>,
    pub(super) when: Spanned<String>,
    pub(super) from: Option<Spanned<toml::Value>>,
    pub(super) until: Option<Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPin {
    pub(super) name: Option<Spanned<String>>,
    pub(super) product: Spanned<String>,
    pub(super) position: Spanned<i64>,
    pub(super) from: Option<Spanned<toml::Value>>,
    pub(super) until: Option<Spanned<toml::Value>>,
}

impl ScenarioFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is not of the form.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let bytes = read_small(path, LARGEST)?;
        let text = String::from_utf8(bytes).map_err(|_| ScenarioError::NotText(path.to_owned()))?;
        Self::parse(&text, path)
    }

    /// Of a text; `path` is only named in errors.
    ///
    /// # Errors
    /// When it is not of the form.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScenarioError> {
        let file = Self { path: path.to_owned(), text: text.to_owned() };
        file.document().map(|_| file.clone())
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { path: &self.path, text: &self.text }
    }

    /// The values.
    pub(super) fn document(&self) -> Result<Document, ScenarioError> {
        toml::from_str(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            self.source().error(offset, error.message().lines().next().unwrap_or_default())
        })
    }
}
