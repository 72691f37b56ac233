//! How the JSON values of a file stand, recognised by its first bytes.

use serde::de::IgnoredAny;

/// More tabs than JSON is indented by.
const MANY_COLUMNS: usize = 60;

/// How the values of a file stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One a line.
    Lines,
    /// In an array, or one behind the other.
    Values,
    /// In a list within the one object of the file.
    Wrapped,
}

impl Form {
    /// Recognises the form by the first bytes; `own` says whether a key of an object is asked for, so that the object is a
    /// value and nothing around values.
    pub(crate) fn of(start: &[u8], own: &dyn Fn(&str) -> bool) -> Self {
        let text = start.trim_ascii_start();
        if let Some(list) = text.strip_prefix(b"[") {
            let first = list.trim_ascii_start().first();
            return if matches!(first, None | Some(b'{' | b'[' | b']')) { Self::Values } else { Self::Lines };
        }
        let mut lines = text.split(|byte| *byte == b'\n');
        // Of a file with more lines than these bytes the last one may be cut.
        let first = lines.next().unwrap_or_default();
        if is_whole(first) {
            return Self::Lines;
        }
        if wraps(text, own) {
            return Self::Wrapped;
        }
        // One damaged line does not make lines something else.
        if lines.any(|line| is_whole(line) || is_row(line)) { Self::Lines } else { Self::Values }
    }
}

/// Whether a line is one object.
fn is_whole(line: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    line.trim_ascii_start().first() == Some(&b'{') && matches!((values.next(), values.next()), (Some(Ok(_)), None))
}

/// Whether a line has many columns, as no line of JSON has.
fn is_row(line: &[u8]) -> bool {
    memchr::memchr_iter(b'\t', line).count() > MANY_COLUMNS
}

/// Whether an object begins with a list of objects, before any key that is asked for.
fn wraps(text: &[u8], own: &dyn Fn(&str) -> bool) -> bool {
    let (mut depth, mut position) = (0, 0);
    while let Some(byte) = text.get(position) {
        match byte {
            b'"' => {
                let Some(end) = string_end(text, position) else { return false };
                let behind = text.get(end..).unwrap_or_default().trim_ascii_start();
                if depth == 1
                    && let Some(value) = behind.strip_prefix(b":")
                {
                    let name = text.get(position + 1..end - 1).map(String::from_utf8_lossy).unwrap_or_default();
                    let value = value.trim_ascii_start();
                    let list = value.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
                    if own(&name) {
                        return false;
                    }
                    if list.is_some_and(|list| list.first() == Some(&b'{')) {
                        return true;
                    }
                }
                position = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        position += 1;
    }
    false
}

/// The position behind the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut position = start + 1;
    loop {
        let found = position + memchr::memchr2(b'"', b'\\', text.get(position..)?)?;
        if text.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        position = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_is_told_by_the_first_bytes() {
        let form = |text: &str| Form::of(text.as_bytes(), &|key| key == "user");
        assert_eq!(form("{\"user\": 1}\n{\"user\": 2}\n"), Form::Lines);
        assert_eq!(form("{\"user\": 1}"), Form::Lines);
        assert_eq!(form("{\"user\": 1}{\"user\": 2}\n"), Form::Values);
        assert_eq!(form("[{\"user\": 1}]"), Form::Values);
        assert_eq!(form("{\"user\": 1\n{\"user\": 2}\n"), Form::Lines, "one damaged line");
        assert_eq!(form("[\"user\": 1}\n{\"user\": 2}\n"), Form::Lines, "one damaged byte");
        assert_eq!(form("{\n\"user\": 1,\n\"list\": [{}]}"), Form::Values);
        assert_eq!(form("{\n\"data\": [\n{\"user\": 1}]}"), Form::Wrapped);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Form::of(&bytes, &|_| false);
        }
    }
}
