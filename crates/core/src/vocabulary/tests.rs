//! Ids, files and what is refused.

use super::*;

fn category(values: &[&str]) -> Vec<Feature> {
    vec![Feature::new("category", values.iter().map(|v| (*v).to_owned()).collect())]
}

fn item(handle: &str, category: u32) -> Item {
    Item { handle: handle.into(), interactions: 1, features: vec![category] }
}

#[test]
fn unknown_names_have_the_default_id() {
    let vocabulary = Vocabulary::new(category(&["Books"]), vec![item("novel", 1)]).unwrap();
    assert_eq!((vocabulary.item_id("novel"), vocabulary.item_id("atlas")), (1, 0));
    assert_eq!((vocabulary.feature_id(0, "Books"), vocabulary.feature_id(0, "Toys")), (1, 0));
    assert_eq!(vocabulary.item(1).map(|item| item.handle.as_str()), Some("novel"));
    assert!(vocabulary.item(0).is_none() && vocabulary.item(2).is_none());
    assert_eq!((vocabulary.item_rows(), vocabulary.feature_rows()), (2, vec![2]));
}

#[test]
fn duplicates_and_dangling_feature_ids_are_refused() {
    let twice = Vocabulary::new(category(&["Books"]), vec![item("novel", 1), item("novel", 1)]).unwrap_err();
    assert_eq!(twice, "items: `novel` has both id 1 and id 2: expected every name once");
    let dangling = Vocabulary::new(category(&["Books"]), vec![item("novel", 2)]).unwrap_err();
    assert_eq!(dangling, "item `novel` has id 2 for feature `category`: expected 0 to 1");
}

#[test]
fn a_written_vocabulary_reads_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocabulary.json");
    let written = Vocabulary::new(category(&["Books", "Toys"]), vec![item("novel", 1), item("kite", 2)]).unwrap();
    written.write(&path).unwrap();
    let read = Vocabulary::read(&path).unwrap();
    assert_eq!((read.items(), read.features()), (written.items(), written.features()));
}

#[test]
fn a_file_of_another_format_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocabulary.json");
    std::fs::write(&path, r#"{"format":"other/1","features":[],"items":[]}"#).unwrap();
    let message = Vocabulary::read(&path).unwrap_err().to_string();
    assert!(message.ends_with("vocabulary.json: format is `other/1`: expected `slirec-vocabulary/1`"), "{message}");
}
