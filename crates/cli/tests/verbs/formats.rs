//! The examples of `docs/FORMATS.md` are what the program reads.

use crate::companion::Folder;

/// The first example under a heading.
fn example(document: &str, heading: &str) -> String {
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect(heading);
    let (_, fenced) = section.split_once("\n```").expect(heading);
    let (_, content) = fenced.split_once('\n').unwrap();
    content.split_once("\n```").unwrap().0.to_owned() + "\n"
}

#[test]
fn the_documented_examples_are_recognised_and_read() {
    let document = include_str!("../../../../docs/FORMATS.md");
    let folder = Folder::new();
    for (heading, kind) in [
        ("Catalogue", "catalog"),
        ("Rules", "rules"),
        ("Interactions", "interactions"),
        ("Expanded files of the original", "expanded"),
        ("Vocabulary", "vocabulary"),
        ("Hyperparameters", "hyperparameters"),
    ] {
        folder.write("example", example(document, heading));
        assert_eq!(folder.json(&["inspect", "example"])["kind"], kind, "{heading}");
    }
}
