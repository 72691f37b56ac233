//! Which version of which model: `models:/NAME@ALIAS` or `models:/NAME/VERSION`, as MLflow writes it.

use std::fmt;
use std::str::FromStr;

use super::error::MlflowError;

/// How every reference begins.
const SCHEME: &str = "models:/";
/// Longest name of a model or an alias that MLflow takes.
const LONGEST_NAME: usize = 256;

/// One version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelReference {
    /// Name of the registered model.
    pub name: String,
    /// Which version.
    pub selector: ModelSelector,
}

/// How a version is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSelector {
    /// The one that an alias points to now.
    Alias(String),
    /// Always the same.
    Version(String),
}

impl ModelReference {
    /// Whether the text is meant as a reference rather than as a path.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("models:")
    }
}

impl FromStr for ModelReference {
    type Err = MlflowError;

    fn from_str(text: &str) -> Result<Self, MlflowError> {
        let wrong = || MlflowError::Reference {
            found: text.to_owned(),
            expected: "expected models:/NAME@ALIAS or models:/NAME/VERSION",
        };
        let rest = text.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let (name, selector) = match (rest.split_once('@'), rest.split_once('/')) {
            (Some((name, alias)), _) => {
                check_name(alias)?;
                (name, ModelSelector::Alias(alias.to_owned()))
            }
            (None, Some((name, version))) => {
                if !is_version(version) {
                    return Err(wrong());
                }
                (name, ModelSelector::Version(version.to_owned()))
            }
            (None, None) => return Err(wrong()),
        };
        check_name(name)?;
        Ok(Self { name: name.to_owned(), selector })
    }
}

impl fmt::Display for ModelReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.selector {
            ModelSelector::Alias(alias) => write!(formatter, "{SCHEME}{name}@{alias}"),
            ModelSelector::Version(version) => write!(formatter, "{SCHEME}{name}/{version}"),
        }
    }
}

/// Whether a text is the number of a version.
pub(super) fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name that every version of MLflow takes: no `/`, `:` or `@`, nothing that steers a terminal.
///
/// # Errors
/// [`MlflowError::Reference`].
pub(super) fn check_name(name: &str) -> Result<(), MlflowError> {
    let unfit = |letter: char| matches!(letter, '/' | ':' | '@' | '\'' | '"') || letter.is_control();
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(unfit) {
        let expected = "expected a name of at most 256 bytes without / : @ and quotes";
        return Err(MlflowError::Reference { found: name.to_owned(), expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back_as_they_are_written() {
        for text in ["models:/slirec_shopify_model@champion", "models:/slirec/3", "models:/main.shop.slirec@champion"] {
            assert_eq!(text.parse::<ModelReference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "slirec@champion",
            "models:/slirec",
            "models:/slirec/latest",
            "models:/slirec/",
            "models:/@champion",
            "models:/slirec@",
            "models:/a/b@champion",
            "models:/slirec/../3",
            "models:/slirec/99999999999999999999999",
        ] {
            assert!(text.parse::<ModelReference>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_reads_back(text in "(models:/)?[a-z@/.0-9 ]{0,30}") {
            if let Ok(reference) = text.parse::<ModelReference>() {
                proptest::prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
