//! Text in blocks of whole lines, or of whole records where values may stand in quotes: bytes enter, blocks leave that
//! know their lines.

use std::io::{self, Read};

use super::quotes::whole_records;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Longest line: a tracker's body of some hundred events has a hundredth of it.
pub(crate) const LONGEST_LINE: usize = 16 << 20;
/// How much of a line that opens a quote a message shows.
const SHOWN: usize = 80;

/// What separates and quotes values, so that their lines may belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotes {
    pub(crate) separator: u8,
    pub(crate) quote: u8,
}

/// Text in blocks.
pub(crate) struct Blocks<R> {
    input: R,
    quotes: Option<Quotes>,
    /// What was read behind the last whole line.
    rest: Vec<u8>,
    line: u64,
    done: bool,
}

/// Whole lines and the number of the first of them.
pub(crate) struct Block {
    pub(crate) first_line: u64,
    pub(crate) bytes: Vec<u8>,
    /// A line was longer than any that is read: its number. Nothing of it is in the block.
    pub(crate) overlong: Option<u64>,
}

impl<R: Read> Blocks<R> {
    /// Blocks of whole lines.
    pub(crate) fn new(input: R) -> Self {
        Self { input, quotes: None, rest: Vec::new(), line: 1, done: false }
    }

    /// Blocks of whole records.
    pub(crate) fn of_records(input: R, quotes: Option<Quotes>) -> Self {
        Self { quotes, ..Self::new(input) }
    }

    /// The next block, or none at the end.
    ///
    /// # Errors
    /// Why reading fails; an unclosed quote, by its line.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.reserve(BLOCK);
        loop {
            if self.done {
                self.whole(&bytes, true)?;
                return Ok(if bytes.is_empty() { None } else { Some(self.block(bytes, None)) });
            }
            let start = bytes.len();
            let count = self.input.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
            self.done = count == 0;
            let end = memchr::memrchr(b'\n', bytes.get(start..).unwrap_or_default()).map(|end| start + end + 1);
            if let Some(end) = end {
                let end = self.whole(bytes.get(..end).unwrap_or_default(), false)?;
                if end > 0 {
                    self.rest = bytes.split_off(end);
                    return Ok(Some(self.block(bytes, None)));
                }
            }
            if bytes.len() > LONGEST_LINE {
                return self.pass_over().map(Some);
            }
        }
    }

    /// The end of the last whole record.
    fn whole(&self, bytes: &[u8], at_end: bool) -> io::Result<usize> {
        let Some(Quotes { separator, quote }) = self.quotes else { return Ok(bytes.len()) };
        if memchr::memchr(quote, bytes).is_none() {
            return Ok(bytes.len());
        }
        whole_records(bytes, separator, quote, at_end).map_err(|unclosed| {
            let (before, behind) = bytes.split_at_checked(unclosed.at).unwrap_or((bytes, &[]));
            let line = self.line + memchr::memchr_iter(b'\n', before).count() as u64;
            let text = behind.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let text = String::from_utf8_lossy(text.get(..text.len().min(SHOWN)).unwrap_or_default()).into_owned();
            let problem = format!(
                "line {line}: the quote before `{}` {}: --quote none reads quotes as characters",
                text.trim_start_matches(char::from(quote)).trim_end(),
                unclosed.problem
            );
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })
    }

    /// Reads on to the end of a line that is too long to keep.
    fn pass_over(&mut self) -> io::Result<Block> {
        let mut chunk = vec![0; BLOCK];
        loop {
            let count = self.input.read(&mut chunk)?;
            let read = chunk.get(..count).unwrap_or_default();
            self.done = count == 0;
            if let Some(end) = memchr::memchr(b'\n', read) {
                self.rest = read.get(end + 1..).unwrap_or_default().to_vec();
            } else if count > 0 {
                continue;
            }
            let overlong = Some(self.line);
            self.line += 1;
            return Ok(Block { first_line: self.line, bytes: Vec::new(), overlong });
        }
    }

    fn block(&mut self, bytes: Vec<u8>, overlong: Option<u64>) -> Block {
        let first_line = self.line;
        self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Block { first_line, bytes, overlong }
    }
}

impl Block {
    /// The lines with their numbers, without their ends; empty ones are left out.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self.bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        (self.first_line..).zip(lines).filter(|(_, line)| !line.trim_ascii().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_beyond_the_limit_is_passed_over_and_numbered() {
        let mut text = b"one\n".to_vec();
        text.extend(vec![b'x'; LONGEST_LINE + 3 * BLOCK]);
        text.extend(b"\nthree\n");
        let mut blocks = Blocks::new(text.as_slice());
        let mut lines = Vec::new();
        let mut overlong = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            lines.extend(block.lines().map(|(number, line)| (number, line.to_vec())));
            overlong.extend(block.overlong);
        }
        assert_eq!(lines, [(1, b"one".to_vec()), (3, b"three".to_vec())]);
        assert_eq!(overlong, [2]);
    }

    /// A reader that gives a few bytes at a time, as pipes do.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn blocks_hold_every_line_once_with_its_number(
            lines in prop::collection::vec("[a-z]{0,9}", 0..50), ended in any::<bool>(), drop in 1_usize..20,
        ) {
            let mut text = lines.join("\n");
            if ended {
                text.push('\n');
            }
            let mut blocks = Blocks::new(Drops(text.as_bytes(), drop));
            let mut found = Vec::new();
            while let Some(block) = blocks.next().unwrap() {
                let lines = block.lines().map(|(number, line)| (number, String::from_utf8(line.to_vec()).unwrap()));
                found.extend(lines.collect::<Vec<_>>());
            }
            let expected: Vec<(u64, String)> =
                (1..).zip(text.lines().map(str::to_owned)).filter(|(_, line)| !line.is_empty()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
