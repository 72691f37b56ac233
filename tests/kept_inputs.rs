//! The kept inputs of all fuzz targets: each runs once, so that what a fuzzer found once stays mended.

#![cfg(test)]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library when libFuzzer runs it")]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/kept")
}

/// What lies in a folder, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn kept_inputs_harm_nothing() {
    let failed: Vec<PathBuf> = targets::TARGETS
        .iter()
        .flat_map(|(name, _)| entries(&kept().join(name)).into_iter().map(move |path| (name, path)))
        .filter(|(name, path)| {
            let bytes = fs::read(path).unwrap();
            catch_unwind(|| targets::run(name, &bytes)).is_err()
        })
        .map(|(_, path)| path)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_target_has_kept_inputs_and_a_program() {
    let names: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders = entries(&kept()).into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), names);
    let manifest = fs::read_to_string(kept().with_file_name("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap().iter();
    assert_eq!(programs.map(|program| program["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), names);
}
