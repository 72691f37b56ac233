//! Why a text is not JSON, in the words and with the position that Python's parser uses: clients of MLflow read them.
//!
//! Only runs once parsing has failed. The scan keeps its own stack, so that no nesting can exhaust the thread's.

use super::python_json::beyond_json;

/// What is wrong, and the position of the byte where it is.
pub(super) type Problem = (&'static str, usize);

/// Passes what Python's parser takes.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    Scan { bytes: text.as_bytes(), position: 0 }.document()
}

/// The message of Python's `JSONDecodeError`, such as `Expecting value: line 1 column 5 (char 4)`.
pub(super) fn describe(text: &str, (problem, position): Problem) -> String {
    let before = text.get(..position).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    format!("{problem}: line {line} column {column} (char {})", before.chars().count())
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
}

#[derive(Clone, Copy)]
enum Container {
    List,
    Object,
}

impl Scan<'_> {
    fn document(&mut self) -> Result<(), Problem> {
        let mut open = Vec::new();
        self.skip_space();
        loop {
            let opened = self.value()?;
            open.extend(opened);
            if opened.is_some() {
                continue;
            }
            // A value is complete: close what ends with it, or go on to the next one.
            loop {
                self.skip_space();
                let Some(container) = open.last().copied() else {
                    return if self.byte().is_none() { Ok(()) } else { Err(("Extra data", self.position)) };
                };
                match (self.byte(), container) {
                    (Some(b']'), Container::List) | (Some(b'}'), Container::Object) => {
                        open.pop();
                        self.position += 1;
                    }
                    (Some(b','), _) => {
                        self.position += 1;
                        self.skip_space();
                        if matches!(container, Container::Object) {
                            self.name()?;
                        }
                        break;
                    }
                    _ => return Err(("Expecting ',' delimiter", self.position)),
                }
            }
        }
    }

    /// Passes one value, or the beginning of a container that is not empty.
    fn value(&mut self) -> Result<Option<Container>, Problem> {
        let start = self.position;
        match self.byte() {
            Some(b'"') => self.text()?,
            Some(b'{') => {
                self.position += 1;
                self.skip_space();
                if self.byte() != Some(b'}') {
                    self.name()?;
                    return Ok(Some(Container::Object));
                }
                self.position += 1;
            }
            Some(b'[') => {
                self.position += 1;
                self.skip_space();
                if self.byte() != Some(b']') {
                    return Ok(Some(Container::List));
                }
                self.position += 1;
            }
            _ => {
                let literal =
                    ["null", "true", "false"].into_iter().find(|word| self.rest().starts_with(word.as_bytes()));
                let number =
                    || beyond_json(self.rest()).map(|(_, length)| length).or_else(|| number_length(self.rest()));
                let length = literal.map_or_else(number, |word| Some(word.len()));
                self.position = start + length.ok_or(("Expecting value", start))?;
            }
        }
        Ok(None)
    }

    /// Passes the name of a member and its colon.
    fn name(&mut self) -> Result<(), Problem> {
        if self.byte() != Some(b'"') {
            return Err(("Expecting property name enclosed in double quotes", self.position));
        }
        self.text()?;
        self.skip_space();
        if self.byte() != Some(b':') {
            return Err(("Expecting ':' delimiter", self.position));
        }
        self.position += 1;
        self.skip_space();
        Ok(())
    }

    fn text(&mut self) -> Result<(), Problem> {
        let start = self.position;
        self.position += 1;
        loop {
            match self.byte() {
                None => return Err(("Unterminated string starting at", start)),
                Some(b'"') => {
                    self.position += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(start)?,
                Some(0..=0x1f) => return Err(("Invalid control character at", self.position)),
                Some(_) => self.position += 1,
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<(), Problem> {
        let after = self.position + 1;
        match self.bytes.get(after) {
            None => Err(("Unterminated string starting at", start)),
            Some(b'u') => {
                let digits = self.bytes.get(after + 1..after + 5).unwrap_or_default();
                // Python also wants to see what follows.
                let followed = self.bytes.get(after + 5).is_some();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) || !followed {
                    return Err(("Invalid \\uXXXX escape", after));
                }
                self.position = after + 5;
                Ok(())
            }
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position = after + 1;
                Ok(())
            }
            Some(_) => Err(("Invalid \\escape", self.position)),
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}

/// Length of the number that `bytes` begin with; what cannot belong to it is left over, as in `01`.
pub(super) fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = if bytes.get(sign) == Some(&b'0') { 1 } else { digits(sign) };
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        length += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Python 3.11 says it: `json.loads(text)`.
    const RECORDED: [(&str, &str); 27] = [
        ("{\"inputs\": \"\\u017c", "Invalid \\uXXXX escape: line 1 column 14 (char 13)"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("  ", "Expecting value: line 1 column 3 (char 2)"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[", "Expecting value: line 1 column 2 (char 1)"),
        ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
        ("hello", "Expecting value: line 1 column 1 (char 0)"),
        ("{'inputs': {}}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("{\"inputs\": {}},", "Extra data: line 1 column 15 (char 14)"),
        ("{\"inputs\": {}} x", "Extra data: line 1 column 16 (char 15)"),
        ("{\"inputs\": {},}", "Expecting property name enclosed in double quotes: line 1 column 15 (char 14)"),
        ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
        ("{\"inputs\" {}}", "Expecting ':' delimiter: line 1 column 11 (char 10)"),
        ("{\"inputs\": }", "Expecting value: line 1 column 12 (char 11)"),
        ("{\"a\": \"x\ny\"}", "Invalid control character at: line 1 column 9 (char 8)"),
        ("{\"a\": \"\\q\"}", "Invalid \\escape: line 1 column 8 (char 7)"),
        ("{\"a\": \"\\u12g4\"}", "Invalid \\uXXXX escape: line 1 column 9 (char 8)"),
        ("{\"a\": 01}", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ("{\"a\": nul}", "Expecting value: line 1 column 7 (char 6)"),
        ("{\"a\": -}", "Expecting value: line 1 column 7 (char 6)"),
        ("{\"a\": 1 \"b\": 2}", "Expecting ',' delimiter: line 1 column 9 (char 8)"),
        ("{\n \"a\": 1,\n b\n}", "Expecting property name enclosed in double quotes: line 3 column 2 (char 12)"),
        ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
        ("{\"inputs\"", "Expecting ':' delimiter: line 1 column 10 (char 9)"),
        ("{\"inputs\": [1", "Expecting ',' delimiter: line 1 column 14 (char 13)"),
        ("[,]", "Expecting value: line 1 column 2 (char 1)"),
        ("{\"\u{e9}\u{1f600}\": ?}", "Expecting value: line 1 column 8 (char 7)"),
    ];

    /// The explanation of a text that Python refuses.
    fn explained(text: &str) -> String {
        describe(text, check(text).expect_err("not JSON"))
    }

    fn accepted(text: &str) -> bool {
        Scan { bytes: text.as_bytes(), position: 0 }.document().is_ok()
    }

    #[test]
    fn messages_and_positions_are_those_of_python() {
        for (text, message) in RECORDED {
            assert_eq!(explained(text), message, "{text}");
        }
    }

    #[test]
    fn what_is_valid_passes_the_scan() {
        for text in ["{\"a\": [1, 2.5e-7, {\"b\": []}, \"\\u00e9\\n\"]}", " 0 ", "[[], {}, null, true, false, -1E+5]"] {
            assert!(accepted(text), "{text}");
        }
    }

    #[test]
    fn what_follows_a_number_that_no_double_can_hold_is_seen_too() {
        assert!(accepted("1E400"));
        assert_eq!(explained("1E400+"), "Extra data: line 1 column 6 (char 5)");
    }

    #[test]
    fn deep_nesting_is_explained_without_recursion() {
        assert_eq!(explained(&"[".repeat(1_000_000)), "Expecting value: line 1 column 1000001 (char 1000000)");
    }

    proptest! {
        #[test]
        fn a_text_is_called_valid_exactly_if_serde_json_takes_it(text in "[\\[\\]{},: \\n\"a\\\\u0-9.eE+-]{0,24}") {
            // Values that are only passed over: Python also takes lone surrogates and numbers that no double can hold, which
            // serde_json refuses only when it makes something of them, before it has seen what follows.
            let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text);
            prop_assert_eq!(accepted(&text), valid.is_ok(), "{:?} {:?}", text, valid);
        }
    }
}
