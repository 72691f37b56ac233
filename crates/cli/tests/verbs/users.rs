//! Attributes of users: a table of them travels through preparing, training, evaluation, export and the engine.

use std::collections::BTreeMap;
use std::fmt::Write;

use slirec_core::bundle::Bundle;
use slirec_core::vocabulary::UserValue;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, SelfContainedModel, ViewHistory, self_contained};

use crate::companion::{Folder, verb_arguments};

/// A folder with interactions and a table of their users: two texts and a number.
pub(crate) fn folder() -> Folder {
    let folder = Folder::after(&["generate"]);
    let mut users: Vec<String> =
        folder.read("interactions.tsv").lines().map(|line| line.split('\t').nth(1).unwrap().to_owned()).collect();
    users.sort();
    users.dedup();
    let mut table = "user\tcountry\tage\tnewsletter\n".to_owned();
    for (number, user) in users.iter().enumerate() {
        let age = if number.is_multiple_of(5) { String::new() } else { (18 + number % 50).to_string() };
        writeln!(table, "{user}\t{}\t{age}\t{}", ["DE", "FR", "NA"][number % 3], ["yes", "no"][number % 2]).unwrap();
    }
    folder.write("users.tsv", table);
    folder
}

pub(crate) const PREPARE: [&str; 2] = ["--users", "users.tsv"];
pub(crate) const TRAIN: [&str; 4] = ["--user-feature", "country", "--user-feature", "age"];

#[test]
fn attributes_reach_the_scores_of_every_way_to_serve() {
    let folder = folder();
    let prepared = folder.succeed(&[verb_arguments("prepare"), &PREPARE].concat());
    assert!(prepared.contains("country of") && prepared.contains("users in 2 values, age of"), "{prepared}");
    let text = ["--catalog", "catalog.json", "--text", "title"];
    for (further, features) in [(&[][..], 1), (&text, 9)] {
        folder.succeed(&[verb_arguments("train"), &TRAIN, further, &["--force"]].concat());
        let exported = folder.succeed(&[verb_arguments("export"), &["--force"]].concat());
        assert!(exported.contains("differ by at most"), "{exported}");
        let bundle = Bundle::read(&folder.path("bundle")).unwrap();
        let names: Vec<&str> = bundle.manifest.model.user_features.iter().map(|f| f.name.as_str()).collect();
        assert_eq!((names, bundle.manifest.model.features.len()), (vec!["country", "age"], features));
        assert!(bundle.manifest.golden_requests.iter().any(|golden| golden.user.len() == 2));
        served_alike(&bundle);
    }
    let of_run = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    let of_bundle = folder.json(&["evaluate", "--bundle", "bundle", "--dataset", "dataset"]);
    let loss = |report: &serde_json::Value| report["measured"][0]["sampled"]["logloss"].as_f64().unwrap();
    assert!((loss(&of_run) - loss(&of_bundle)).abs() <= 1e-5, "{} {}", loss(&of_run), loss(&of_bundle));
    let by_user: Vec<&str> =
        of_run["by_user"].as_array().unwrap().iter().map(|slice| slice["name"].as_str().unwrap()).collect();
    assert!(by_user.contains(&"country: DE") && by_user.contains(&"age: unknown"), "{by_user:?}");
    let rows: u64 = of_run["by_user"].as_array().unwrap().iter().map(|slice| slice["groups"].as_u64().unwrap()).sum();
    assert_eq!(rows, 2 * of_run["groups"].as_u64().unwrap());
}

/// The engine by its kernels and by ONNX Runtime, and the self-contained graph, for shoppers of whom more or less is known.
fn served_alike(bundle: &Bundle) {
    let country = |name: &str| ("country".to_owned(), UserValue::Text(name.to_owned()));
    let age = |age: f64| ("age".to_owned(), UserValue::Number(age));
    told_alike(bundle, [vec![], vec![country("FR")], vec![country("DE"), age(67.0)], vec![country("ES"), age(18.0)]]);
}

/// The same for shoppers of whom this is told, of the first three each something else.
pub(crate) fn told_alike(bundle: &Bundle, users: [Vec<(String, UserValue)>; 4]) {
    let mut model = SelfContainedModel::load(&self_contained(bundle, 50).unwrap(), None).unwrap();
    model.check_golden(bundle).unwrap();
    let engines = [slirec_engine::Kernels::Fused, slirec_engine::Kernels::OnnxRuntime].map(|kernels| {
        let options = EngineOptions { kernels, ..EngineOptions::default() };
        let engine = Engine::from_bundle(bundle.clone(), &options).unwrap();
        assert_eq!(engine.kernels(), kernels);
        engine
    });
    let mut told = Vec::new();
    for user in users {
        let user: BTreeMap<String, UserValue> = user.into_iter().collect();
        let history = || ViewHistory::from_iter([("easel", 1_790_900_000.0)]);
        let answers = engines.each_ref().map(|engine| {
            let known = engine.users().find(None, user.iter().map(|(name, value)| (name.as_str(), value))).unwrap();
            let asked = RecommendationRequest::new(history(), 1_790_900_300.0, 50);
            engine.recommend(RecommendationRequest { user: known, ..asked }).unwrap().products
        });
        let [items, times] = ["easel", "1790900000"].map(|text| vec![text.to_owned()]);
        let found = model.recommend_to(&user, &items, &times, Some(1_790_900_300.0)).unwrap();
        assert_eq!(found.scores.len(), 50);
        for ((one, other), score) in answers[0].iter().zip(&answers[1]).zip(found.scores) {
            for other in [other.score, score] {
                assert!((one.score - other).abs() <= 1e-5, "{user:?}: {} and {other}", one.score);
            }
        }
        told.push(answers[0].clone());
    }
    assert!(told[0] != told[1] && told[1] != told[2]);
}

#[test]
fn products_that_are_held_out_are_measured_with_what_is_known_of_users() {
    let folder = folder();
    folder.succeed(&[verb_arguments("prepare"), &PREPARE].concat());
    // A network that learns much, so that ranks differ.
    let eager = folder.read("small.toml").replace("0.01", "0.05").replace("epochs = 2", "epochs = 8");
    folder.write("small.toml", eager);
    let cold = |features: &[&str]| {
        // Words tell the products that are held out apart.
        let words = ["--catalog", "catalog.json", "--text", "title", "--force"];
        folder.succeed(&[verb_arguments("train"), features, &words].concat());
        let of_run = ["evaluate", "--run", "run", "--dataset", "dataset", "--catalog", "catalog.json"];
        folder.json(&[&of_run[..], &["--cold", "0.2"]].concat())
    };
    let (told, plain) = (cold(&TRAIN), cold(&[]));
    assert_eq!((&told["rows"], &told["held_out"]), (&plain["rows"], &plain["held_out"]));
    assert_ne!(told["measured"][0], plain["measured"][0]);
    assert_eq!(told["measured"][2]["among_held_out"], plain["measured"][2]["among_held_out"]);
    assert_eq!(told, cold(&TRAIN));
}

#[test]
fn the_table_of_metrics_has_a_line_with_an_interval_for_each_value() {
    let folder = folder();
    folder.succeed(&[verb_arguments("prepare"), &PREPARE].concat());
    folder.succeed(&[verb_arguments("train"), &TRAIN].concat());
    let table = folder.succeed(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    let line = table.lines().find(|line| line.starts_with("country: DE ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    let (low, high) = cells[4].split_once('-').unwrap();
    let [ndcg, low, high] = [cells[3], low, high].map(|cell| cell.parse::<f64>().unwrap());
    assert!(low <= ndcg && ndcg <= high && low < high, "{line}");
    let report = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    for key in ["by_user", "by_history_length", "by_kind", "shortened"] {
        assert!(report[key].as_array().unwrap().iter().all(|slice| slice["interval"]["high"].is_number()), "{key}");
    }
}

#[test]
fn attributes_that_the_dataset_does_not_have_and_the_original_s_network_are_refused() {
    let folder = folder();
    folder.succeed(verb_arguments("prepare"));
    let refused = folder.fail(&[verb_arguments("train"), &TRAIN].concat());
    assert!(
        refused.contains("has no user attribute `country`: expected none at all; `slirec prepare --users`"),
        "{refused}"
    );
    folder.succeed(&[verb_arguments("prepare"), &PREPARE, &["--force"]].concat());
    let refused = folder.fail(&[verb_arguments("train"), &["--user-feature", "city"]].concat());
    assert!(refused.contains("no user attribute `city`: expected `country`, `age`, `newsletter`"), "{refused}");
    let original = ["train", "--dataset", "dataset", "--output", "run", "--preset", "original"];
    let refused = folder.fail(&[&original[..], &["--user-feature", "age"]].concat());
    assert!(refused.contains("model.user_features is age: expected none for the network sli-rec"), "{refused}");
    folder.write("list.jsonl", "{\"user\": \"u\", \"likes\": [[\"a\"]]}\n");
    let refused = folder.fail(&[verb_arguments("prepare"), &["--users", "list.jsonl", "--force"]].concat());
    assert!(refused.contains("list.jsonl:1: `likes` is no list of at most 1000 texts"), "{refused}");
}

#[test]
fn a_run_that_reads_attributes_gives_the_same_bytes_again_and_goes_on() {
    let folder = folder();
    folder.succeed(&[verb_arguments("prepare"), &PREPARE].concat());
    let train = |output: &str, epochs: &str, further: &[&str]| {
        let arguments = ["train", "--dataset", "dataset", "--output", output, "--epochs", epochs];
        folder.succeed(&[&arguments[..], further].concat())
    };
    let started = [&["--hyperparameters", "small.toml"], &TRAIN[..]].concat();
    train("whole", "3", &started);
    let whole = std::fs::read(folder.path("whole/best.safetensors")).unwrap();
    train("again", "3", &started);
    assert!(whole == std::fs::read(folder.path("again/best.safetensors")).unwrap());
    train("parts", "1", &started);
    train("parts", "3", &["--resume"]);
    let text = folder.read("parts/hyperparameters.toml");
    assert!(text.contains("[[model.user_features]]"), "{text}");
}
