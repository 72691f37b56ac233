//! JSON that does not stand in lines: arrays, pretty-printed and concatenated values, lists within an object around
//! them. Bytes enter; blocks leave in which each value has a line of its own, numbered from 1.

use std::io::{self, Read};

use super::blocks::{Block, LONGEST_LINE};

/// Bytes that are read at once, and about what a block holds.
const CHUNK: usize = 1 << 18;
const BLOCK: usize = 1 << 20;

/// The values of a line that holds several, one behind the other, as loaders without line ends write them; none if it
/// holds one.
pub(crate) fn values_of(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let mut seams = memchr::memchr_iter(b'}', line)
        .filter(|end| line.get(end + 1..).unwrap_or_default().trim_ascii_start().first() == Some(&b'{'));
    seams.next()?;
    let mut values = Values::new(line, false);
    let block = values.next().ok().flatten()?;
    let values: Vec<Vec<u8>> = block.lines().map(|(_, value)| value.to_vec()).collect();
    if values.len() > 1 { Some(values) } else { None }
}

/// Values in blocks.
pub(crate) struct Values<R> {
    input: R,
    /// Depth at which the values of a list around them stand; 0 for none.
    base: usize,
    wrapped: bool,
    depth: usize,
    in_text: bool,
    escaped: bool,
    in_value: bool,
    /// What was read and not looked at yet.
    chunk: Vec<u8>,
    next: usize,
    number: u64,
}

impl<R: Read> Values<R> {
    /// Reads values; with `wrapped` those of the lists within the object around them.
    pub(crate) fn new(input: R, wrapped: bool) -> Self {
        Self {
            input,
            base: 0,
            wrapped,
            depth: 0,
            in_text: false,
            escaped: false,
            in_value: false,
            chunk: Vec::new(),
            next: 0,
            number: 1,
        }
    }

    /// The next block, or none at the end. What the last value lacks of its end shows when it is parsed.
    ///
    /// # Errors
    /// What reading fails of; a value that is longer than any that is read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let (mut bytes, mut values) = (Vec::with_capacity(BLOCK), 0);
        let mut begin = 0;
        loop {
            let Some(byte) = self.byte()? else {
                if bytes.len() > begin {
                    bytes.push(b'\n');
                    values += 1;
                }
                break;
            };
            let was_in_value = self.in_value;
            if self.take(byte) {
                // A line end within a value is a space: each value has a line of its own.
                bytes.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
            }
            if was_in_value && !self.in_value {
                bytes.push(b'\n');
                values += 1;
                begin = bytes.len();
                if begin >= BLOCK {
                    break;
                }
            } else if bytes.len() - begin > LONGEST_LINE {
                let number = self.number + values;
                let problem = format!("value {number} is longer than 16 MiB: a bracket or a quote is missing there");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
        }
        let first_line = self.number;
        self.number += values;
        Ok(if values == 0 { None } else { Some(Block { first_line, bytes, overlong: None }) })
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.next >= self.chunk.len() {
            self.chunk.clear();
            self.next = 0;
            self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.chunk)?;
        }
        let byte = self.chunk.get(self.next).copied();
        self.next += 1;
        Ok(byte)
    }

    /// Goes on by one byte; whether it belongs to a value.
    fn take(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return self.in_value;
        }
        let within = self.in_value;
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => {
                self.depth += 1;
                // The list around the values: the whole file, or a list within the object around it.
                let list = byte == b'[' && (self.depth == 1 && self.base == 0 && !self.wrapped)
                    || byte == b'[' && self.wrapped && self.depth == 2;
                if !within && list {
                    self.base = self.depth;
                } else if !within && self.depth == self.base + 1 && (!self.wrapped || self.base > 0) {
                    self.in_value = true;
                }
                return within || self.in_value;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if within && self.depth <= self.base {
                    self.in_value = false;
                } else if !within && self.depth < self.base {
                    self.base = 0;
                }
            }
            // Something that is no object, where objects should stand: it becomes a row that says so.
            _ if !within && !self.wrapped && self.depth == self.base && !byte.is_ascii_whitespace() && byte != b',' => {
                return true;
            }
            _ => {}
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str, wrapped: bool) -> Vec<String> {
        let mut values = Values::new(text.as_bytes(), wrapped);
        let mut found = Vec::new();
        while let Some(block) = values.next().unwrap() {
            found.extend(block.lines().map(|(_, line)| String::from_utf8(line.to_vec()).unwrap()));
        }
        found
    }

    #[test]
    fn arrays_pretty_and_concatenated_values_are_taken_apart() {
        let expected = [r#"{"a": 1}"#, r#"{"b": "}],{"}"#];
        assert_eq!(values(r#"[{"a": 1}, {"b": "}],{"}]"#, false), expected);
        assert_eq!(values("{\"a\": 1}{\"b\": \"}],{\"}", false), expected);
        assert_eq!(values("[\n{\"a\": 1},\n{\"b\": \"}],{\"}\n]\n", false), expected);
        assert_eq!(values("{\n  \"a\": [1,\n 2]\n}", false), ["{   \"a\": [1,  2] }"]);
        assert_eq!(values("[]", false), Vec::<String>::new());
    }

    #[test]
    fn lists_within_an_object_are_taken_out_of_it() {
        let text = r#"{"next": "x[{", "data": [{"a": 1}, {"b": [2]}], "more": {"c": [{"d": 3}]}, "count": 2}"#;
        assert_eq!(values(text, true), [r#"{"a": 1}"#, r#"{"b": [2]}"#]);
    }

    #[test]
    fn a_value_without_its_end_stays_to_be_named() {
        assert_eq!(values(r#"[{"a": 1}, {"b": "#, false), [r#"{"a": 1}"#, r#"{"b": "#]);
    }

    #[test]
    fn several_values_of_a_line_are_told_apart() {
        assert_eq!(values_of(br#"{"a": "}{"}"#), None);
        assert_eq!(values_of(b"web\t{\"a\": 1}\t{\"a\": 2}"), None, "a row of TSV is one");
        assert_eq!(values_of(br#"{"a": 1} {"a": 2}"#).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn every_value_comes_out_as_it_went_in(
            maps in prop::collection::vec(prop::collection::btree_map("[a-c\"\\\\{}]{1,4}", "[\\[\\]{}\",\\\\\n ]{0,6}", 0..4), 0..20),
            pretty in any::<bool>(), array in any::<bool>(),
        ) {
            let text = match (array, pretty) {
                (true, true) => serde_json::to_string_pretty(&maps).unwrap(),
                (true, false) => serde_json::to_string(&maps).unwrap(),
                (false, true) => maps.iter().map(|map| serde_json::to_string_pretty(map).unwrap()).collect(),
                (false, false) => maps.iter().map(|map| serde_json::to_string(map).unwrap()).collect(),
            };
            let found: Vec<std::collections::BTreeMap<String, String>> =
                values(&text, false).iter().map(|value| serde_json::from_str(value).unwrap()).collect();
            prop_assert_eq!(found, maps);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), wrapped in any::<bool>()) {
            let mut values = Values::new(bytes.as_slice(), wrapped);
            while values.next().unwrap().is_some() {}
            let _ = values_of(&bytes);
        }
    }
}
