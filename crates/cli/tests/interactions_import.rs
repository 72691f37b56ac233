//! `slirec interactions import` as a user runs it, and `slirec prepare` on what a cluster has made.

#![cfg(test)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The day of all tests, whatever day it is.
const NOW: &str = "2026-11-29";

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

fn slirec(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slirec"));
    command.current_dir(folder).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn snowplow_events_are_read_from_standard_input_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = String::new();
    for name in ["enriched.tsv", "enriched.analytics-sdk.jsonl", "enriched.lossless.jsonl", "lake.parquet"] {
        let bytes = fs::read(format!("{FIXTURES}/snowplow/{name}")).unwrap();
        let arguments = ["interactions", "import", "snowplow", "-", "--now", NOW, "--output", "out.tsv", "--force"];
        let text = succeeds(&slirec(folder.path(), &arguments, &bytes));
        assert!(text.contains("rows              3\n") && text.contains("users             2\n"), "{text}");
        let written = fs::read_to_string(folder.path().join("out.tsv")).unwrap();
        if first.is_empty() {
            first.clone_from(&written);
        }
        assert_eq!(written, first, "{name}");
    }
    assert_eq!(first.lines().count(), 3);
}

#[test]
fn flags_choose_users_weights_and_applications() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("{FIXTURES}/snowplow/enriched.tsv");
    let import = ["interactions", "import", "snowplow", &file, "--now", NOW, "--output", "out.tsv.gz", "--force"];
    let more =
        ["--user-order", "user_id,network_userid", "--weights", "view=2", "--app-id", "shopify-nu-recommendations"];
    succeeds(&slirec(folder.path(), &[&import[..], &more].concat(), b""));
    assert!(fs::read(folder.path().join("out.tsv.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
    let refused = |more: &[&str]| {
        let output = slirec(folder.path(), &[&import[..], more].concat(), b"");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(
        refused(&["--weights", "dance=1"]).contains("expected KIND=WEIGHT, such as add_to_cart=3; the kinds are view")
    );
    assert!(refused(&["--user-order", "email"]).contains("expected domain_userid, network_userid or user_id"));
    let text = refused(&["--app-id", "another"]);
    assert!(text.contains("found no interactions") && text.contains("another app_id 3"), "{text}");
}

#[test]
fn bad_rows_are_written_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ratings.dat"), "1::10::5::978300760\n1::11::three\n2::10::4::978300761\n").unwrap();
    let arguments = [
        "interactions",
        "import",
        "table",
        "ratings.dat",
        "--no-header",
        "--user",
        "1",
        "--item",
        "2",
        "--time",
        "4",
        "--minimum",
        "3=4",
        "--output",
        "out.tsv",
    ];
    let text = succeeds(&slirec(folder.path(), &arguments, b""));
    assert!(
        text.contains(
            "bad rows          1; the first: ratings.dat:2: found 3 columns: expected 4, as the first line has"
        ),
        "{text}"
    );
    assert!(text.contains("bad rows are in   out.tsv.bad-rows.tsv"), "{text}");
    let bad = fs::read_to_string(folder.path().join("out.tsv.bad-rows.tsv")).unwrap();
    assert!(bad.contains("ratings.dat\t2\tfound 3 columns: expected 4, as the first line has\t1::11::three"), "{bad}");
    assert_eq!(fs::read_to_string(folder.path().join("out.tsv")).unwrap().lines().count(), 2);
}

#[test]
fn what_was_imported_can_be_prepared_and_weights_count_for_popularity() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from("user,item,time,kind\n");
    for user in 0..20 {
        for step in 0..6 {
            let item = (user + step) % 7;
            let kind = if item == 3 { "purchase" } else { "view" };
            rows.push_str(&format!("u{user},i{item},{},{kind}\n", 1_793_610_900 + user * 1000 + step * 100));
        }
    }
    fs::write(folder.path().join("events.csv"), rows).unwrap();
    let import = [
        "interactions",
        "import",
        "table",
        "events.csv",
        "--user",
        "user",
        "--item",
        "item",
        "--time",
        "time",
        "--now",
        NOW,
    ];
    succeeds(&slirec(folder.path(), &[&import[..], &["--kind", "kind", "--output", "in.tsv"]].concat(), b""));
    let prepare = ["prepare", "--interactions", "in.tsv", "--output", "dataset", "--valid-negatives", "2"];
    let text = succeeds(&slirec(folder.path(), &[&prepare[..], &["--test-negatives", "2"]].concat(), b""));
    assert!(text.contains("120 interactions of 20 users with 7 items"), "{text}");
    let vocabulary = fs::read(folder.path().join("dataset/vocabulary.json")).unwrap();
    let vocabulary: serde_json::Value = serde_json::from_slice(&vocabulary).unwrap();
    let popular = &vocabulary["items"][0];
    assert_eq!(popular["handle"], "i3");
    assert_eq!(popular["interactions"].as_u64().unwrap() % 5, 0);
}

#[test]
fn a_movielens_list_becomes_a_catalogue_that_its_ratings_are_read_with() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("movies.dat"), "10::GoldenEye (1995)::Action|Thriller\n11::Emma (1996)::Comedy\n")
        .unwrap();
    fs::write(folder.path().join("ratings.dat"), "1::10::5::978300760\n1::99::4::978300761\n").unwrap();
    let catalog =
        ["catalog", "import", "movies.dat", "--no-header", "--handle", "1", "--title", "2", "--category", "3"];
    let more = ["--category-separator", "|", "--output", "catalog.json"];
    let text = succeeds(&slirec(folder.path(), &[&catalog[..], &more].concat(), b""));
    assert!(text.contains("catalog.json: 2 products in 2 categories"), "{text}");
    let import = ["interactions", "import", "table", "ratings.dat", "--no-header", "--user", "1", "--item", "2"];
    let more = ["--time", "4", "--catalog", "catalog.json", "--output", "out.tsv"];
    let text = succeeds(&slirec(folder.path(), &[&import[..], &more].concat(), b""));
    assert!(text.contains("unknown products  1 events: 99 1"), "{text}");
    let written = fs::read_to_string(folder.path().join("out.tsv")).unwrap();
    assert_eq!(written, "1\t1\t10\t978300760\tAction\n");
    let wrong = slirec(folder.path(), &["catalog", "import", "movies.dat", "--output", "other.json"], b"");
    let text = String::from_utf8_lossy(&wrong.stderr);
    assert!(text.contains("movies.dat:1: is no product export of a shop and no inventory.pkl: expected"), "{text}");
    assert!(text.contains("or --handle and the other columns of a table"), "{text}");
}

#[test]
fn a_table_from_a_pipe_is_read_as_its_flags_say_and_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let table = |more: &[&str], input: &str| {
        let import = [
            "interactions",
            "import",
            "table",
            "-",
            "--user",
            "u",
            "--item",
            "i",
            "--now",
            NOW,
            "--output",
            "out.tsv",
            "--force",
        ];
        slirec(folder.path(), &[&import[..], more].concat(), input.as_bytes())
    };
    let text = "u,i,t,k\n1.0,10.0,03/02/2026,5\n1.0,11.0,04/02/2026,6\n-,12.0,05/02/2026,5\n";
    let flags = [
        "--time",
        "t",
        "--time-format",
        "day-first",
        "--kind",
        "k",
        "--kinds",
        "5=purchase,6=ignore",
        "--missing",
        "-",
    ];
    let output = table(&flags, text);
    let summary = succeeds(&output);
    assert!(summary.contains("events left out   6 1, no user 1"), "{summary}");
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warnings.contains("ids were read as whole numbers, the first in row 2"), "{warnings}");
    assert_eq!(fs::read_to_string(folder.path().join("out.tsv")).unwrap(), "1\t1\t10\t1770076800\tnone\t5\tpurchase\n");
    let refused = |more: &[&str], input: &str| {
        let output = table(more, input);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = refused(&["--time", "t"], text);
    assert!(message.contains("no date tells whether the day or the month stands first"), "{message}");
    let ordinals = "u,i,n\na,x,1\na,y,2\n";
    assert!(refused(&["--time", "n"], ordinals).contains("--order names a column"));
    succeeds(&table(&["--order", "n"], ordinals));
    succeeds(&table(&["--time", "n", "--time-unit", "s", "--max-odd-times", "1"], ordinals));
    assert!(refused(&[], ordinals).contains("--time <COLUMN>|--order <COLUMN>"));
    for wrong in [
        ["--time-unit", "minutes"],
        ["--time-format", "dd.mm"],
        ["--quote", "xy"],
        ["--max-bad", "5"],
        ["--encoding", "x"],
    ] {
        assert!(refused(&[&["--time", "n"][..], &wrong].concat(), ordinals).contains("expected"), "{wrong:?}");
    }
}
