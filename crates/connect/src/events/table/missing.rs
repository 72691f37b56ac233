//! Which texts say that there is no value.

/// What databases, pandas, R and spreadsheets write where there is no value.
const USUAL: [&str; 17] = [
    "NULL",
    "null",
    "Null",
    "\\N",
    "None",
    "nan",
    "NaN",
    "NAN",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "<NA>",
    "NaT",
    "nil",
    "undefined",
    "__HIVE_DEFAULT_PARTITION__",
];

/// The texts that mean no value, beside the empty one.
#[derive(Debug, Clone)]
pub struct Missing {
    texts: Vec<String>,
    /// Bytes that such a text begins with: most values are told by their first byte.
    first: [bool; 256],
}

impl Default for Missing {
    fn default() -> Self {
        Self::new(USUAL.map(str::to_owned))
    }
}

impl Missing {
    /// These texts mean no value.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let texts: Vec<String> = texts.into_iter().collect();
        let mut first = [false; 256];
        for text in &texts {
            if let Some(slot) = text.bytes().next().and_then(|byte| first.get_mut(usize::from(byte))) {
                *slot = true;
            }
        }
        Self { texts, first }
    }

    /// Whether the text, without spaces around it, is no value.
    pub(super) fn contains(&self, text: &str) -> bool {
        match text.bytes().next() {
            None => true,
            Some(byte) => {
                self.first.get(usize::from(byte)).copied().unwrap_or_default()
                    && self.texts.iter().any(|missing| missing == text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_words_for_nothing_are_missing_and_others_are_values() {
        let missing = Missing::default();
        for text in ["", "NULL", "\\N", "None", "nan", "NA", "null", "N/A", "undefined"] {
            assert!(missing.contains(text), "{text}");
        }
        for text in ["0", "nano", "Nancy", "anonymous", "-"] {
            assert!(!missing.contains(text), "{text}");
        }
        let own = Missing::new(["-".to_owned()]);
        assert!(own.contains("-") && own.contains("") && !own.contains("NULL"));
    }
}
