//! What lies at a path: a file or directory enters, its kind leaves. The content decides, never the name; parts that
//! mean nothing alone, such as a manifest, lead to the directory that they belong to.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use slirec_core::files::{self, FileError};
use slirec_core::{bundle, catalog, vocabulary};
use slirec_train::{dataset, run};

use crate::output::printable;

/// As much of a file as is looked at.
const HEAD: u64 = 1 << 16;
/// Lines among which a row of a table is looked for: the first may be malformed.
const LINES: usize = 100;
/// A longer header is not that of a safetensors file of ours.
const LONGEST_HEADER: u64 = 1 << 24;

/// What is expected, for messages about anything else.
const EXPECTED: &str = "expected one of
  a catalogue           JSON with \"format\": \"slirec-catalog/1\"
  interactions          label, user, item, timestamp, category, separated by tabs, without a header; gzip too
  an expanded file      the original's train_data or negative_sampled_*: 8 columns separated by tabs; gzip too
  rules                 TOML with [population], [walks], [sessions], [tastes], [[groups]] or [[follow_ups]]
  a dataset             directory of `slirec prepare`
  a vocabulary          JSON with \"format\": \"slirec-vocabulary/1\"
  hyperparameters       TOML with [model] or [training]
  a run                 directory of `slirec train`
  weights               safetensors
  a bundle              directory of `slirec export`
  a graph               ONNX file of a bundle";

/// What a path holds.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Catalog,
    Interactions,
    Expanded,
    Rules,
    /// The directory, as for the other two.
    Dataset(PathBuf),
    Vocabulary,
    Hyperparameters,
    Run(PathBuf),
    Weights,
    Bundle(PathBuf),
    Graph,
}

impl Kind {
    /// For people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Catalog => "a catalogue",
            Self::Interactions => "interactions",
            Self::Expanded => "an expanded file of the original",
            Self::Rules => "rules for synthetic interactions",
            Self::Dataset(_) => "a dataset",
            Self::Vocabulary => "a vocabulary",
            Self::Hyperparameters => "hyperparameters",
            Self::Run(_) => "a run",
            Self::Weights => "weights",
            Self::Bundle(_) => "a bundle",
            Self::Graph => "an ONNX graph",
        }
    }

    /// Whether there is a user whose history can be shown.
    pub(crate) fn has_users(&self) -> bool {
        matches!(self, Self::Interactions | Self::Expanded | Self::Dataset(_))
    }
}

/// The kind of what lies at `path`.
///
/// # Errors
/// One that says what was found and lists what was expected; or that the path cannot be read.
pub(crate) fn recognise(path: &Path) -> Result<Kind> {
    let metadata = fs::metadata(path).map_err(FileError::io("read", path))?;
    if metadata.is_dir() {
        return of_directory(path);
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(FileError::io("read", path))?;
    file.take(HEAD).read_to_end(&mut head).map_err(FileError::io("read", path))?;
    if let Some(kind) = of_bytes(path, &head, metadata.len()) {
        return kind;
    }
    if head.trim_ascii_start().starts_with(b"{") {
        return of_json(path);
    }
    let mut text = Vec::new();
    // Decompressed, if it is compressed.
    files::open_text(path)?.take(HEAD).read_to_end(&mut text).map_err(FileError::io("read", path))?;
    of_text(&text).ok_or_else(|| none_of_ours(path, &found(&text)))
}

fn of_directory(path: &Path) -> Result<Kind> {
    if path.join(run::RUN).is_file() {
        return Ok(Kind::Run(path.to_owned()));
    }
    let manifest = path.join(dataset::MANIFEST);
    if manifest.is_file() {
        return of_json(&manifest);
    }
    Err(none_of_ours(path, &format!("a directory without {} and {}", run::RUN, dataset::MANIFEST)))
}

/// Formats that their first bytes give away.
fn of_bytes(path: &Path, head: &[u8], length: u64) -> Option<Result<Kind>> {
    if let Some((size, [b'{', ..])) = head.split_first_chunk::<8>() {
        let size = u64::from_le_bytes(*size);
        if size <= LONGEST_HEADER.min(length) {
            let header = head.get(8..).and_then(|rest| rest.get(..usize::try_from(size).ok()?.min(rest.len())));
            let columns = ["\"user_offsets\"", "\"valid_items\""];
            let text = String::from_utf8_lossy(header.unwrap_or_default());
            let of_dataset = columns.iter().any(|column| text.contains(column));
            return Some(if of_dataset { of_directory(directory_of(path)) } else { Ok(Kind::Weights) });
        }
    }
    // Field 1 of an ONNX model, the version of its format, as a small number.
    matches!(head, [0x08, 1..=64, ..]).then_some(Ok(Kind::Graph))
}

#[derive(Deserialize)]
struct Document {
    format: Option<String>,
    /// Every line of a run's metrics has one.
    epoch: Option<u64>,
}

fn of_json(path: &Path) -> Result<Kind> {
    let file = BufReader::new(File::open(path).map_err(FileError::io("read", path))?);
    // The first value only: lines may follow each other.
    let document = serde_json::Deserializer::from_reader(file).into_iter::<Document>().next();
    let document = document.transpose().map_err(|reason| FileError::Json { path: path.to_owned(), reason })?;
    let directory = || directory_of(path).to_owned();
    match document {
        Some(Document { format: None, epoch: Some(_) }) => of_directory(&directory()),
        Some(Document { format: Some(format), .. }) => match format.as_str() {
            catalog::FORMAT => Ok(Kind::Catalog),
            vocabulary::FORMAT => Ok(Kind::Vocabulary),
            dataset::FORMAT => Ok(Kind::Dataset(directory())),
            run::FORMAT => Ok(Kind::Run(directory())),
            bundle::FORMAT => Ok(Kind::Bundle(directory())),
            _ => bail!(none_of_ours(path, &format!("JSON with \"format\": \"{}\"", printable(&format)))),
        },
        _ => bail!(none_of_ours(path, "JSON without a \"format\" of ours")),
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

fn of_text(head: &[u8]) -> Option<Kind> {
    let text = String::from_utf8_lossy(head);
    let lines = || text.lines().take(LINES);
    let tables = lines().filter_map(|line| line.strip_prefix('[')).map(|line| line.trim_start_matches('['));
    for table in tables.filter_map(|line| line.split(']').next()) {
        // `model.text` and others belong to their first part.
        match table.split('.').next().unwrap_or_default().trim() {
            "population" | "walks" | "sessions" | "tastes" | "groups" | "follow_ups" => return Some(Kind::Rules),
            "model" | "training" => return Some(Kind::Hyperparameters),
            _ => {}
        }
    }
    let columns = || lines().map(|line| line.split('\t').count());
    columns()
        .find_map(|columns| match columns {
            5 => Some(Kind::Interactions),
            8 => Some(Kind::Expanded),
            _ => None,
        })
        // A table of another width: its reader says what is wrong with it.
        .or_else(|| columns().next().filter(|columns| *columns > 1).map(|_| Kind::Interactions))
}

/// The start of a file of an unknown kind, for people.
fn found(head: &[u8]) -> String {
    if head.is_empty() {
        return "an empty file".to_owned();
    }
    let start: Vec<u8> = head.iter().copied().take(40).take_while(|byte| *byte != b'\n').collect();
    match std::str::from_utf8(&start) {
        Ok(text) if !text.contains('\0') => format!("text that starts with `{}`", printable(text)),
        _ => {
            let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("bytes that start with {}", bytes.join(" "))
        }
    }
}

fn none_of_ours(path: &Path, found: &str) -> anyhow::Error {
    anyhow!("{} is none of our files: found {found}, {EXPECTED}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content: &[u8]) -> Result<Kind, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, content).unwrap();
        recognise(&path).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn tables_are_told_apart_by_their_columns_even_behind_a_bad_line() {
        assert_eq!(kind(b"nonsense\n1\tu\ti\t5\tc\n"), Ok(Kind::Interactions));
        assert_eq!(kind(b"1\tu\ti\tc\t5\ta\tb\t4\n"), Ok(Kind::Expanded));
        assert_eq!(kind(b"1\tu\ti\n"), Ok(Kind::Interactions));
    }

    #[test]
    fn toml_is_told_apart_by_its_tables() {
        assert_eq!(kind(b"# people\n[population]\nusers = 3\n"), Ok(Kind::Rules));
        assert_eq!(kind(b"[[ groups ]]\n"), Ok(Kind::Rules));
        assert_eq!(kind(b"[training]\nepochs = 3\n"), Ok(Kind::Hyperparameters));
        assert!(kind(b"[package]\nname = \"x\"\n").unwrap_err().contains("`[package]`"));
    }

    #[test]
    fn what_is_none_of_ours_is_told_with_what_was_expected() {
        for (content, found) in [
            (&b""[..], "found an empty file, expected one of"),
            (b"name,price\nmug,3\n", "found text that starts with `name,price`"),
            (b"\x1b[31mred", "found text that starts with `\\u{1b}[31mred`"),
            (b"PK\x03\x04\xff\xfe\x00\x00", "found bytes that start with 50 4b 03 04"),
            (br#"{"format": "other/1"}"#, r#"found JSON with "format": "other/1""#),
            (br#"{"items": []}"#, r#"found JSON without a "format" of ours"#),
        ] {
            let message = kind(content).unwrap_err();
            assert!(message.contains(found) && message.contains("interactions "), "{message}");
        }
    }

    #[test]
    fn broken_json_and_broken_gzip_are_named() {
        assert!(kind(b"{\"format\":\n!}").unwrap_err().contains("line 2 column 1"));
        assert!(kind(b"\x1f\x8b\x08\x00junk").unwrap_err().contains("cannot read"));
    }
}
