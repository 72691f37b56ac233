//! What is read: files, directories and standard input, compressed or not, told apart by their content.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use percent_encoding::percent_decode_str;
use slirec_core::files::FileError;

const BUFFER: usize = 1 << 18;

/// All files that the arguments name: directories are searched, in order of the names; what starts with a dot or an
/// underscore is not data (`_SUCCESS`, `_delta_log`).
pub(crate) fn files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            search(input, &mut files)?;
        } else {
            files.push(input.clone());
        }
    }
    Ok(files)
}

fn search(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let entries = fs::read_dir(directory).map_err(FileError::io("read", directory))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(FileError::io("read", directory))?;
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '_']));
        if hidden {
            continue;
        }
        if path.is_dir() { search(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The values that stand in a path instead of in the file, as Hive and Delta write them: `…/event_name=page_view/…`.
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only Parquet files leave out columns"))]
pub(crate) fn partition_values(path: &Path) -> Vec<(String, String)> {
    let segments = path.iter().filter_map(|segment| segment.to_str());
    segments
        .filter_map(|segment| segment.split_once('='))
        .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()))
        .collect()
}

/// An opened input.
pub(crate) enum Content {
    /// Text, decompressed.
    Text(Box<dyn BufRead + Send>),
    /// A Parquet file.
    Parquet(#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "it is refused then"))] File),
}

/// Opens a file, or `-` for standard input. A Parquet file from standard input is kept in `directory` meanwhile, because
/// it is read from its end.
pub(crate) fn open(path: &Path, directory: &Path) -> Result<Content, FileError> {
    let mut reader: Box<dyn BufRead + Send> = if path == Path::new("-") {
        Box::new(BufReader::with_capacity(BUFFER, io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, File::open(path).map_err(FileError::io("read", path))?))
    };
    let start = reader.fill_buf().map_err(FileError::io("read", path))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Content::Text(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader)))));
    }
    if start.starts_with(b"PAR1") {
        if path != Path::new("-") {
            return Ok(Content::Parquet(File::open(path).map_err(FileError::io("read", path))?));
        }
        let mut keep = || -> io::Result<File> {
            let mut file = tempfile::tempfile_in(directory)?;
            io::copy(&mut reader, &mut file)?;
            file.flush()?;
            file.rewind()?;
            Ok(file)
        };
        return Ok(Content::Parquet(keep().map_err(FileError::io("keep", path))?));
    }
    Ok(Content::Text(reader))
}

/// Text in blocks of whole lines.
pub(crate) struct Blocks<R> {
    input: R,
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

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Longest line: a tracker's body of some hundred events has a hundredth of it.
const LONGEST_LINE: usize = 16 << 20;

impl<R: Read> Blocks<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, rest: Vec::new(), line: 1, done: false }
    }

    /// The next block, or none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.reserve(BLOCK);
        loop {
            if self.done {
                return Ok(if bytes.is_empty() { None } else { Some(self.block(bytes, None)) });
            }
            let start = bytes.len();
            let count = self.input.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
            self.done = count == 0;
            if let Some(end) = memchr::memrchr(b'\n', bytes.get(start..).unwrap_or_default()) {
                self.rest = bytes.split_off(start + end + 1);
                return Ok(Some(self.block(bytes, None)));
            }
            if bytes.len() > LONGEST_LINE {
                return self.pass_over().map(Some);
            }
        }
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
    fn directories_are_searched_in_order_and_hidden_files_are_no_data() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/event_name=page_view/2.tsv", "a/1.tsv", "b/_SUCCESS", "_delta_log/0.json", ".hidden"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        assert_eq!(names, [Path::new("a/1.tsv"), Path::new("b/event_name=page_view/2.tsv")]);
        assert_eq!(partition_values(&found[1]), [("event_name".to_owned(), "page_view".to_owned())]);
    }

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
