//! The demo bundle's JSON files with bytes changed, cut or doubled: whatever they become is read or refused in one
//! short line, and nothing panics.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slirec_core::bundle::Manifest;
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::Vocabulary;

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo").join(name)
}

/// Bytes that JSON and its numbers are made of, and some that it is not.
const BYTES: &[u8] = b"{}[]\",:0129eE.-+ntf\\u \x00\xff\xc3";

/// What is done to a text: replaced, doubled from there, or cut there.
fn spoiled(text: &[u8], changes: &[(usize, u8, usize)]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (at, kind, value) in changes {
        let at = at % text.len().max(1);
        match kind {
            0 => text[at] = BYTES[value % BYTES.len()],
            1 => {
                let piece = text[at..(at + value % 500).min(text.len())].to_vec();
                text.splice(at..at, piece);
            }
            _ => text.truncate(at.max(1)),
        }
    }
    text
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, usize)>> {
    prop::collection::vec((any::<usize>(), 0_u8..3, any::<usize>()), 1..4)
}

#[test]
fn a_line_end_in_an_unknown_key_of_a_manifest_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(demo("manifest.json")).unwrap().replacen("\"longest_history\"", "\"long\\nest\"", 1);
    fs::write(folder.path().join("manifest.json"), text).unwrap();
    let message = Manifest::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("unknown field `long\\nest`"), "{message}");
}

proptest! {
    #[test]
    fn a_spoiled_manifest_is_read_or_refused_in_one_short_line(changes in changes()) {
        let folder = tempfile::tempdir().unwrap();
        let text = spoiled(&fs::read(demo("manifest.json")).unwrap(), &changes);
        fs::write(folder.path().join("manifest.json"), text).unwrap();
        if let Err(error) = Manifest::read(folder.path()) {
            let message = error.to_string();
            prop_assert!(message.len() < 1_000 && message.lines().count() == 1, "{}", message);
        }
    }

    #[test]
    fn a_spoiled_vocabulary_is_read_or_refused_in_short(changes in changes()) {
        let text = spoiled(&fs::read(demo("vocabulary.json")).unwrap(), &changes);
        if let Err(error) = Vocabulary::parse(&text, Path::new("vocabulary.json")) {
            prop_assert!(error.to_string().len() < 2_000, "{}", error);
        }
    }

    #[test]
    fn a_spoiled_catalogue_is_read_or_refused_in_short(changes in changes()) {
        let text = spoiled(&fs::read(demo("catalog.json")).unwrap(), &changes);
        if let Err(error) = Catalog::parse(&String::from_utf8_lossy(&text), Path::new("catalog.json")) {
            prop_assert!(error.to_string().len() < 2_000, "{}", error);
        }
    }
}
