//! Lists as attributes of users: their entries travel as those of other attributes, in parts that have one each.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};
use slirec_core::bundle::Bundle;
use slirec_core::vocabulary::UserValue;

use crate::companion::{Folder, verb_arguments};
use crate::users::{folder, told_alike};

const LIKES: [&str; 4] = ["art", "garden", "tea", "books"];

/// A folder with a bundle of a model that reads what users like, of which each of them likes two, and a country; it knows
/// its users by their names.
fn exported() -> Folder {
    let folder = folder();
    let mut lines = String::new();
    for (number, row) in folder.read("users.tsv").lines().skip(1).enumerate() {
        let name = row.split('\t').next().unwrap();
        let country = ["DE", "FR"][number % 2];
        let likes = [LIKES[number % 4], LIKES[(number + 1 + number % 2) % 4]];
        writeln!(lines, "{}", json!({"user": name, "likes": likes, "country": country})).unwrap();
    }
    folder.write("likes.jsonl", lines);
    let prepared = folder.succeed(&[verb_arguments("prepare"), &["--users", "likes.jsonl"]].concat());
    assert!(prepared.contains("likes.1 of") && prepared.contains("likes.2 of"), "{prepared}");
    let features = ["--user-feature", "likes", "--user-feature", "country"];
    folder.succeed(&[verb_arguments("train"), &features].concat());
    let exported = folder.succeed(&[verb_arguments("export"), &["--users", "likes.jsonl"]].concat());
    assert!(exported.contains("differ by at most"), "{exported}");
    folder
}

fn likes(entries: &[&str]) -> (String, UserValue) {
    ("likes".to_owned(), UserValue::List(entries.iter().map(|entry| (*entry).to_owned()).collect()))
}

#[test]
fn lists_reach_the_scores_of_every_way_to_serve() {
    let folder = exported();
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let attributes: Vec<&str> = bundle.vocabulary.users().attributes().map(|(name, _)| name).collect();
    assert_eq!(attributes, ["likes", "country"]);
    assert!(
        bundle
            .manifest
            .golden_requests
            .iter()
            .any(|golden| matches!(golden.user.get("likes"), Some(UserValue::List(_))))
    );
    told_alike(
        &bundle,
        [vec![], vec![likes(&["art"])], vec![likes(&["never", "tea", "art", "books"])], vec![likes(&[])]],
    );
    let report = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    let names: Vec<&str> =
        report["by_user"].as_array().unwrap().iter().map(|slice| slice["name"].as_str().unwrap()).collect();
    assert!(LIKES.iter().any(|like| names.contains(&&*format!("likes: {like}"))), "{names:?}");
    assert!(!names.contains(&"likes: unknown") && names.contains(&"country: DE"), "{names:?}");
}

#[test]
fn a_run_that_reads_lists_goes_on_and_gives_the_same_bytes() {
    let folder = exported();
    let whole = fs::read(folder.path("run/best.safetensors")).unwrap();
    let features = ["--user-feature", "likes", "--user-feature", "country"];
    folder.succeed(&[verb_arguments("train"), &features, &["--epochs", "1", "--force"]].concat());
    folder.succeed(&["train", "--resume", "--dataset", "dataset", "--output", "run", "--epochs", "2"]);
    let text = folder.read("run/hyperparameters.toml");
    assert!(text.contains("name = \"likes.1\""), "{text}");
    folder.succeed(&[verb_arguments("train"), &features, &["--force"]].concat());
    assert!(whole == fs::read(folder.path("run/best.safetensors")).unwrap());
}

#[test]
fn sessions_say_lists_and_tables_know_them() {
    let folder = exported();
    let line = folder.read("likes.jsonl").lines().next().unwrap().to_owned();
    let known: Value = serde_json::from_str(&line).unwrap();
    let session = |user: &Value, told: &Value| {
        let history = json!([{"item": "easel", "time": 1_790_900_000}]);
        format!("{}\n", json!({"user_id": user, "history": history, "user": told}))
    };
    let told = json!({"likes": known["likes"], "country": known["country"]});
    let nobody = json!("nobody");
    folder.write(
        "sessions",
        [
            session(&known["user"], &Value::Null),
            session(&nobody, &told),
            session(&nobody, &Value::Null),
            // What is said of a list replaces all of what the table knows of it.
            session(&known["user"], &json!({"likes": []})),
            session(&nobody, &json!({"country": known["country"]})),
        ]
        .concat(),
    );
    let recommend = ["recommend", "sessions", "--bundle", "bundle", "--limit", "5", "--now", "1790900300"];
    let answers = folder.succeed(&recommend);
    let products: Vec<Value> =
        answers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["products"].clone()).collect();
    assert!(products[0] == products[1] && products[1] != products[2]);
    assert!(products[3] == products[4] && products[3] != products[0]);
    folder.write("sessions", session(&nobody, &json!({"likes": "art"})));
    let refused = folder.fail(&recommend);
    assert!(refused.contains("user attribute `likes` is a text: expected a list of texts"), "{refused}");
}
