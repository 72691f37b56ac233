//! `slirec interactions generate` as a user runs it: files and arguments enter, files, a summary or one error leave.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use slirec_core::files::open_text;
use slirec_core::interactions::InteractionReader;

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/demo");

fn generate(folder: &Path, output: &str, further: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slirec"));
    command.current_dir(folder).args(["interactions", "generate", "--output", output]);
    command.args(["--catalog", &format!("{DEMO}/catalog.json")]).args(further);
    command.output().unwrap()
}

fn with_demo_rules(folder: &Path, output: &str, further: &[&str]) -> Output {
    generate(folder, output, &[&["--rules", &format!("{DEMO}/rules.toml")], further].concat())
}

fn message(output: &Output) -> String {
    assert!(!output.status.success(), "expected a failure");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(path: &Path) -> u64 {
    let mut reader = InteractionReader::new(open_text(path).unwrap());
    let mut count = 0;
    while let Some(row) = reader.next() {
        row.unwrap();
        count += 1;
    }
    count
}

#[test]
fn the_demo_gives_a_file_that_reads_back_and_a_summary_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = with_demo_rules(folder.path(), "interactions.tsv", &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let count = lines(&folder.path().join("interactions.tsv"));
    assert!((65_000..82_000).contains(&count), "{count}");
    let summary = String::from_utf8(output.stdout).unwrap();
    for part in ["users         149", &format!("interactions  {count}"), "times         2026-10-01T"] {
        assert!(summary.contains(part), "{summary}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing partial stays behind");
}

#[test]
fn flags_replace_the_values_of_the_rules_and_a_gz_name_compresses() {
    let folder = tempfile::tempdir().unwrap();
    let further =
        ["--users", "3", "--min-walks", "2", "--max-walks", "2", "--days", "2", "--start", "2027-01-05T12:00:00Z"];
    for name in ["one.tsv.gz", "two.tsv.gz"] {
        let output = with_demo_rules(folder.path(), name, &further);
        let summary = String::from_utf8(output.stdout).unwrap();
        assert!(summary.contains("users         3\n"), "{summary}");
        assert!(summary.contains("times         2027-01-0"), "{summary}");
    }
    let one = fs::read(folder.path().join("one.tsv.gz")).unwrap();
    assert!(one.starts_with(&[0x1f, 0x8b]));
    assert_eq!(one, fs::read(folder.path().join("two.tsv.gz")).unwrap());
    assert!(lines(&folder.path().join("one.tsv.gz")) >= 6);
}

#[test]
fn rules_are_optional() {
    let folder = tempfile::tempdir().unwrap();
    let output = generate(folder.path(), "interactions.tsv", &["--users", "2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(lines(&folder.path().join("interactions.tsv")) > 100);
}

#[test]
fn an_existing_file_is_replaced_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("interactions.tsv");
    fs::write(&path, "precious").unwrap();
    let further = ["--users", "1"];
    assert!(message(&with_demo_rules(folder.path(), "interactions.tsv", &further)).contains("exists already"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(with_demo_rules(folder.path(), "interactions.tsv", &["--users", "1", "--force"]).status.success());
    assert!(lines(&path) > 50);
}

#[test]
fn errors_name_what_is_wrong_and_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.toml"), "[walks]\ngo_on = 2\n").unwrap();
    let output = generate(folder.path(), "out.tsv", &["--rules", "rules.toml"]);
    let expected = "error: the rules cannot be used: rules.toml:2: walks.go_on: found 2: expected a probability";
    assert!(message(&output).starts_with(expected), "{}", message(&output));

    let rules = "[[groups]]\nname = \"tea\"\nproducts = [\"tea-pot\", \"mug\", \"Green Tea\"]\n";
    fs::write(folder.path().join("rules.toml"), rules).unwrap();
    let text = message(&generate(folder.path(), "out.tsv", &["--rules", "rules.toml"]));
    assert!(text.contains("line 3: `Green Tea`; closest: `green-tea` (Green Tea)"), "{text}");
    assert!(text.contains("line 3: `tea-pot`; closest: `teapot` (Teapot)"), "{text}");

    let text = message(&generate(folder.path(), "out.tsv", &["--min-walks", "200"]));
    assert!(text.contains("--min-walks, --max-walks): found min = 200, max = 100: expected"), "{text}");
    assert!(message(&generate(folder.path(), "out.tsv", &["--users", "0"])).contains("--users"));
    assert!(message(&generate(folder.path(), "missing/out.tsv", &[])).contains("cannot write missing/out.tsv"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the rules are there");
}
