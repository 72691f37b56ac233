//! Values from the environment: secrets come from there or from files that it names, never from arguments, which every
//! user of a machine can read.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The value of a variable, or the content of the file that NAME_FILE names; empty ones count as missing.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    if let Some(value) = value(name) {
        return Ok(Some(value.trim().to_owned()));
    }
    let file = format!("{name}_FILE");
    let Some(path) = value(&file).map(PathBuf::from) else { return Ok(None) };
    let text = fs::read_to_string(&path).with_context(|| format!("{file}: cannot read {}", path.display()))?;
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}
