//! The whole road: each verb takes what the one before it left, and the engine answers with the bundle at its end.

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, SelfContainedModel, Source};

use crate::companion::{Folder, ROAD, verb_arguments};

#[test]
fn interactions_become_a_bundle_that_answers() {
    let folder = Folder::new();
    let generated = folder.succeed(verb_arguments("generate"));
    assert!(generated.contains("users         12\n"), "{generated}");
    let prepared = folder.succeed(verb_arguments("prepare"));
    assert!(prepared.starts_with("dataset: ") && prepared.contains("interactions of 12 users"), "{prepared}");
    assert!(prepared.contains("12 valid, 12 test"), "{prepared}");
    let trained = folder.succeed(verb_arguments("train"));
    assert!(trained.contains("epoch   0 loss         valid ndcg@10 0."), "{trained}");
    assert!(trained.contains("run: finished after 2 epochs"), "{trained}");
    let exported = folder.succeed(verb_arguments("export"));
    assert!(exported.contains("bundle: small 7,") && exported.contains("differ by at most"), "{exported}");

    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    assert_eq!((bundle.manifest.training.epochs, bundle.manifest.training.seed), (2, 42));
    // Loading compares the golden requests as well.
    assert_eq!(bundle.manifest.golden_requests.len(), 4);
    let engine = Engine::load(&folder.path("bundle"), &EngineOptions::default()).unwrap();
    let viewed = ["easel", "canvas", "never-heard-of"];
    let history = (0..).zip(viewed).map(|(step, handle)| (handle, 1_790_900_000.0 + 60.0 * f64::from(step)));
    let request = RecommendationRequest::new(history.collect(), 1_790_900_300.0, 16);
    let answer = engine.recommend(request).unwrap();
    assert_eq!((answer.source, answer.unknown_items, answer.products.len()), (Source::Model, 1, 16));
    assert!(answer.products.is_sorted_by(|left, right| left.score >= right.score));
}

#[test]
fn a_bundle_becomes_one_file_for_any_runtime() {
    let folder = Folder::after(&ROAD);
    let one_file = ["export", "--bundle", "bundle", "--self-contained", "model.onnx", "--limit", "5"];
    let written = folder.succeed(&one_file);
    assert!(written.contains("checked by 4 golden requests"), "{written}");
    let graph = std::fs::read(folder.path("model.onnx")).unwrap();
    let mut model = SelfContainedModel::load(&graph, None).unwrap();
    let texts = |texts: [&str; 2]| texts.map(str::to_owned);
    let answer = model.recommend(&texts(["easel", "canvas"]), &texts(["1790900000", "1790900060"]), None).unwrap();
    assert_eq!((answer.item_ids.len(), answer.scores.len()), (5, 5));
    assert!(folder.fail(&one_file).contains("--force"));
}

#[test]
fn evaluation_gives_the_same_figures_as_table_and_json_for_run_and_bundle() {
    let folder = Folder::after(&ROAD);
    let of_run = ["evaluate", "--run", "run", "--dataset", "dataset"];
    let run = folder.json(&of_run);
    let bundle = folder.json(&["evaluate", "--bundle", "bundle", "--dataset", "dataset"]);
    assert_eq!((&run["set"], &run["rows"], &run["groups"]), (&"test".into(), &12.into(), &12.into()));
    let names: Vec<&str> = run["measured"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let baselines = ["popularity", "popularity 7 d", "popularity 30 d", "co-occurrence", "transitions", "V-SKNN"];
    assert_eq!(names, [&["model"], &baselines[..], &["own frequency", "EASE", "blend"]].concat());
    for (set, metric) in [("sampled", "group_auc"), ("sampled", "ndcg@4"), ("ranking", "hr@10"), ("ranking", "mrr")] {
        let figure = |report: &serde_json::Value| report["measured"][0][set][metric].as_f64().unwrap();
        let difference = (figure(&run) - figure(&bundle)).abs();
        assert!(difference <= 1e-4, "{metric}: run {}, bundle {}", figure(&run), figure(&bundle));
    }
    let table = folder.succeed(&of_run);
    let auc = run["measured"][0]["sampled"]["auc"].as_f64().unwrap();
    assert!(table.contains("group_auc") && table.contains(&format!("{auc:.4}")), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    let valid = folder.json(&[&of_run[..], &["--set", "valid"]].concat());
    assert_ne!(valid["measured"], run["measured"]);
}

#[test]
fn the_original_s_files_have_its_columns_and_evaluate_to_the_same_figures() {
    let folder = Folder::after(&["generate"]);
    folder.succeed(&[verb_arguments("prepare"), &["--export-original", "original"]].concat());
    folder.succeed(verb_arguments("train"));
    assert_eq!(folder.names("original"), ["negative_sampled_test_data", "negative_sampled_valid_data", "train_data"]);
    for (name, labels) in [("train_data", "1"), ("negative_sampled_valid_data", "10000")] {
        for rows in folder.read(&format!("original/{name}")).lines().collect::<Vec<_>>().chunks(labels.len()) {
            let columns: Vec<Vec<&str>> = rows.iter().map(|row| row.split('\t').collect()).collect();
            assert!(columns.iter().all(|row| row.len() == 8), "{name}: {rows:?}");
            assert_eq!(columns.iter().map(|row| row[0]).collect::<String>(), labels);
            let lengths: Vec<usize> = columns[0][5..].iter().map(|part| part.split(',').count()).collect();
            assert!(lengths[0] >= 1 && lengths.iter().all(|length| *length == lengths[0]), "{name}: {lengths:?}");
        }
    }
    let of_dataset = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset", "--set", "test"]);
    let file = "original/negative_sampled_test_data";
    let of_file = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset", "--file", file]);
    assert_eq!(of_file["set"], file);
    assert_eq!(of_file["measured"], of_dataset["measured"]);
    let without_dataset = folder.json(&["evaluate", "--run", "run", "--file", file]);
    assert_eq!(without_dataset["measured"], serde_json::json!([of_dataset["measured"][0]]));
}

#[test]
fn seen_items_can_be_taken_out_and_what_is_recommended_is_written_line_by_line() {
    let folder = Folder::after(&["generate", "prepare", "train"]);
    let evaluate = ["evaluate", "--run", "run", "--dataset", "dataset", "--seen", "remove"];
    let table = folder.succeed(&evaluate);
    assert!(table.contains("a history's items are no candidates"), "{table}");
    let report = folder.json(&[&evaluate[..], &["--predictions", "lists.jsonl"]].concat());
    let number = |name: &str| report[name].as_u64().unwrap();
    assert!(number("left_out") > 0 && number("groups") + number("left_out") == 12, "{report}");
    let kinds: Vec<&str> =
        report["by_kind"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["explorations"], "no repeat is left to measure");
    assert_eq!(report["shortened"].as_array().unwrap().len(), 3);
    let lines: Vec<serde_json::Value> =
        folder.read("lists.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, number("groups"));
    for line in &lines {
        let items: Vec<&str> =
            line["items"].as_array().unwrap().iter().map(|item| item["handle"].as_str().unwrap()).collect();
        let place = items.iter().position(|handle| line["next"] == *handle);
        assert!(items.len() == 10 && line["user"].as_str().unwrap().starts_with("user_"), "{line}");
        // An item that training has not seen has neither a handle nor a rank.
        let Some(rank) = line["rank"].as_f64() else { continue };
        assert_eq!(place.is_some(), rank < 10.5, "{line}");
    }
}
