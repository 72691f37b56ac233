//! JSON as Python reads it: a text that serde_json refuses enters, its tree or Python's reason leaves.
//!
//! Python's parser also takes `NaN`, `Infinity` and numbers that no double can hold, and its clients send them: a missing
//! cell of a pandas table is `NaN`. Most requests hold none of these and never come here.

use super::json::Json;
use super::json_error::{self, Problem};

/// As deep as serde_json goes: whatever walks the tree later may then recurse.
const DEEPEST: usize = 127;

/// Values that Python knows and JSON does not.
const BEYOND_JSON: [(&str, f64); 3] =
    [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// Reads a text, or says what is wrong with it: the message of Python's `JSONDecodeError`, and words of our own for
/// lone surrogates and deep nesting, which Python takes.
pub(crate) fn parse(text: &str) -> Result<Json, String> {
    let tree = json_error::check(text).and_then(|()| Builder { text, position: 0 }.value(0));
    tree.map_err(|problem| json_error::describe(text, problem))
}

/// The number that a text begins with, when JSON does not know it, and its length.
pub(super) fn beyond_json(bytes: &[u8]) -> Option<(f64, usize)> {
    let found = BEYOND_JSON.iter().find(|(word, _)| bytes.starts_with(word.as_bytes()));
    found.map(|(word, value)| (*value, word.len()))
}

/// Makes the tree of a text that has passed [`json_error::check`].
struct Builder<'a> {
    text: &'a str,
    position: usize,
}

impl Builder<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, Problem> {
        self.skip_space();
        let start = self.position;
        if depth > DEEPEST {
            return Err(("recursion limit exceeded", start));
        }
        match self.byte() {
            Some(b'"') => self.text().map(Json::Text),
            Some(b'[') => {
                let mut elements = Vec::new();
                while self.another(b']') {
                    elements.push(self.value(depth + 1)?);
                }
                Ok(Json::List(elements))
            }
            Some(b'{') => {
                let mut members = Vec::new();
                while self.another(b'}') {
                    let name = self.text()?;
                    self.skip_space();
                    // The colon.
                    self.position += 1;
                    members.push((name, self.value(depth + 1)?));
                }
                Ok(Json::Object(members))
            }
            _ => {
                let (value, length) = scalar(self.rest()).ok_or(("Expecting value", start))?;
                self.position += length;
                Ok(value)
            }
        }
    }

    /// Passes the bracket or comma here, and the closing bracket when that is what follows: no further element then.
    fn another(&mut self, closing: u8) -> bool {
        self.skip_space();
        if self.byte() != Some(closing) {
            self.position += 1;
            self.skip_space();
        }
        let closes = self.byte() == Some(closing);
        self.position += usize::from(closes);
        !closes
    }

    fn text(&mut self) -> Result<String, Problem> {
        let start = self.position;
        let mut escaped = false;
        let inside = self.rest().bytes().skip(1).take_while(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            !ends
        });
        self.position += inside.count() + 2;
        let quoted = self.text.get(start..self.position).unwrap_or_default();
        // Python keeps halves of surrogate pairs, which no text can hold here.
        serde_json::from_str(quoted).map_err(|_| ("unexpected end of hex escape", start))
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or_default()
    }
}

/// The literal or number that a text begins with, and its length.
fn scalar(text: &str) -> Option<(Json, usize)> {
    let literals = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
    if let Some((word, value)) = literals.into_iter().find(|(word, _)| text.starts_with(word)) {
        return Some((value, word.len()));
    }
    if let Some((value, length)) = beyond_json(text.as_bytes()) {
        return Some((Json::Float(value), length));
    }
    let length = json_error::number_length(text.as_bytes())?;
    let number = text.get(..length)?;
    // Numbers beyond a double become infinite, as in Python.
    let value = number.parse().map(Json::Integer).or_else(|_| number.parse().map(Json::Float));
    Some((value.ok()?, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_only_python_knows_are_read() {
        let tree =
            parse(r#" {"a": [Infinity, -Infinity, 1e400, -1e400], "b": NaN, "c": [[], {}, "x\"\\", null, 12]} "#);
        let tree = tree.unwrap();
        let [infinite, negative] = [f64::INFINITY, f64::NEG_INFINITY].map(Json::Float);
        let expected = Json::List(vec![infinite.clone(), negative.clone(), infinite, negative]);
        assert_eq!(tree.member("a"), Some(&expected));
        assert!(matches!(tree.member("b"), Some(Json::Float(number)) if number.is_nan()));
        let rest: Json = serde_json::from_str(r#"[[], {}, "x\"\\", null, 12]"#).unwrap();
        assert_eq!(tree.member("c"), Some(&rest));
    }

    #[test]
    fn what_python_refuses_too_has_its_reason() {
        for (text, message) in [
            ("{\"a\": NaN,}", "Expecting property name enclosed in double quotes: line 1 column 11 (char 10)"),
            ("{\"a\":-Infinit}", "Expecting value: line 1 column 6 (char 5)"),
            ("{\"a\":-NaN}", "Expecting value: line 1 column 6 (char 5)"),
            ("[Infinity", "Expecting ',' delimiter: line 1 column 10 (char 9)"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_only_python_accepts_is_explained_in_other_words() {
        assert_eq!(parse("[\"\\ud800\"]"), Err("unexpected end of hex escape: line 1 column 2 (char 1)".to_owned()));
        let deep = |depth: usize| parse(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(deep(100).is_ok());
        assert!(deep(500).unwrap_err().starts_with("recursion limit exceeded: line 1 column "));
    }

    proptest! {
        #[test]
        fn what_serde_json_takes_is_read_alike(text in "[\\[\\]{},: \\n\"a\\\\u0-9.eE+-]{0,24}") {
            if let Ok(tree) = serde_json::from_str::<Json>(&text) {
                // serde_json reads whole numbers beyond 64 bits, and -0, as fractions.
                if !format!("{tree:?}").contains("Float") {
                    prop_assert_eq!(parse(&text), Ok(tree));
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]{},:\"\\\\NaInfity0-9eu.-]{0,32}") {
            let _ = parse(&text);
        }
    }
}
