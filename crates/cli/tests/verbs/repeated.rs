//! The same inputs and the same seed give the same bytes, in every product of the road.

use std::collections::BTreeMap;
use std::fs;

use crate::companion::{Folder, ROAD, verb_arguments};

/// Every product's files by name. Event files are left out: they carry the time of the training, which TensorBoard
/// draws.
fn products(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let files = ["dataset", "run", "bundle"]
        .into_iter()
        .flat_map(|directory| folder.names(directory).into_iter().map(move |name| format!("{directory}/{name}")));
    let names = files.filter(|name| name != "run/events").chain(["interactions.tsv".to_owned()]);
    names.map(|name| (name.clone(), fs::read(folder.path(&name)).unwrap())).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_all_the_way() {
    let (first, second) = (products(&Folder::after(&ROAD)), products(&Folder::after(&ROAD)));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert_eq!(first.len(), 1 + 5 + 8 + 7);
    for (name, bytes) in &first {
        assert_eq!(bytes.len(), second[name].len(), "{name}");
        assert!(bytes == &second[name], "{name} differs");
    }
}

#[test]
fn another_seed_gives_other_interactions_negatives_and_weights() {
    let folder = Folder::after(&ROAD[..3]);
    let first = products(&{
        folder.succeed(verb_arguments("export"));
        folder
    });
    let folder = Folder::after(&["generate"]);
    for verb in ["prepare", "train"] {
        folder.succeed(&[verb_arguments(verb), &["--seed", "43"]].concat());
    }
    for (name, differs) in [
        ("interactions.tsv", false),
        ("dataset/interactions.safetensors", false),
        ("dataset/evaluation.safetensors", true),
        ("run/best.safetensors", true),
    ] {
        assert_eq!(fs::read(folder.path(name)).unwrap() != first[name], differs, "{name}");
    }
    folder.succeed(&[verb_arguments("generate"), &["--seed", "43", "--force"]].concat());
    assert!(fs::read(folder.path("interactions.tsv")).unwrap() != first["interactions.tsv"]);
}

#[test]
fn a_bundle_carries_the_time_of_its_data_or_that_of_source_date_epoch() {
    let folder = Folder::after(&ROAD);
    let created = || {
        let manifest: serde_json::Value = serde_json::from_str(&folder.read("bundle/manifest.json")).unwrap();
        manifest["created"].as_str().unwrap().to_owned()
    };
    let dataset: serde_json::Value = serde_json::from_str(&folder.read("dataset/manifest.json")).unwrap();
    let last = dataset["last_time"].as_f64().unwrap() as u64;
    let last = std::time::UNIX_EPOCH + std::time::Duration::from_secs(last);
    assert_eq!(created(), humantime::format_rfc3339_seconds(last).to_string());

    let again = [verb_arguments("export"), &["--force"]].concat();
    let with_epoch = |value: &str| folder.command(&again).env("SOURCE_DATE_EPOCH", value).output().unwrap();
    assert!(with_epoch("1732406400").status.success());
    assert_eq!(created(), "2024-11-24T00:00:00Z");
    let refused = String::from_utf8(with_epoch("yesterday").stderr).unwrap();
    assert!(refused.contains("error: SOURCE_DATE_EPOCH is `yesterday`: expected Unix seconds"), "{refused}");
    let refused = String::from_utf8(with_epoch("100000000000").stderr).unwrap();
    assert!(refused.contains("before the year 5138"), "{refused}");
}
