//! `slirec inspect` on every product of the road, on what is broken, and on what is none of ours.

use std::io::Write;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::companion::{Folder, ROAD, verb_arguments};

/// Three shoppers; the second one's interactions stand in no order, one item stands with two categories.
const INTERACTIONS: &str = "\
1\tanna\tlaptop\t1790812800\tTech
1\tanna\tcharger\t1790812860\tTech
1\tanna\tmug\t1790812920\tKitchen

1\tben\tmug\t1790899200\tKitchen
1\tben\tlaptop\t1790895600\tTech
1\tben\tmouse\t1790902800\tTech
1\tben\tmug\t1790906400\tOffice
1\tcleo\tmouse\t1791417600\tTech
";

#[test]
fn interactions_show_counts_times_frequencies_a_sample_and_a_history() {
    let folder = Folder::new();
    folder.write("clicks", INTERACTIONS);
    let found = folder.json(&["inspect", "clicks"]);
    assert_eq!((&found["kind"], &found["path"]), (&json!("interactions"), &json!("clicks")));
    for (key, expected) in [
        ("interactions", 8),
        ("users", 3),
        ("items", 4),
        ("categories", 3),
        ("out_of_order", 1),
        ("items_with_several_categories", 1),
        ("short_users", 1),
        ("skipped_lines", 0),
    ] {
        assert_eq!(found[key], expected, "{key}");
    }
    let times = json!({"first": 1_790_812_800.0, "first_utc": "2026-10-01T00:00:00Z", "last": 1_791_417_600.0,
        "last_utc": "2026-10-08T00:00:00Z", "days": 7.0});
    assert_eq!(found["times"], times);
    assert_eq!(found["top_items"][0], json!({"name": "mug", "count": 3, "share": 0.375}));
    assert_eq!(found["interactions_per_user"]["longest"], 4);
    assert_eq!(found["sample"].as_array().unwrap().len(), 8);
    assert_eq!(found["sample"][3]["line"], 5, "the empty line counts");
    let second = json!({"label": 1, "user": "anna", "item": "mug", "category": "Kitchen", "timestamp": 1_790_812_920.0,
        "history_items": ["laptop", "charger"], "history_categories": ["Tech", "Tech"],
        "history_timestamps": [1_790_812_800.0, 1_790_812_860.0]});
    assert_eq!(found["history"]["rows"][1], second);

    let page = folder.succeed(&["inspect", "clicks", "--rows", "2"]);
    assert!(page.starts_with("clicks: interactions\n  interactions       8\n"), "{page}");
    assert!(page.contains("last               2026-10-08T00:00:00Z (7.0 days later)"), "{page}");
    assert!(page.contains("Interactions per user: shortest 1, median 3, mean 2.7, longest 4"), "{page}");
    assert!(page.contains("  mug    ████████████████████████████████ 3 37.5 %"), "{page}");
    assert!(page.contains("label  user  item     category   timestamp  history_items   history_categories"), "{page}");
}

#[test]
fn a_user_s_history_is_ordered_by_time_as_prepare_orders_it() {
    let folder = Folder::new();
    folder.write("clicks", INTERACTIONS);
    let found = folder.json(&["inspect", "clicks", "--user", "ben"]);
    let row = &found["history"]["rows"][2];
    assert_eq!((&row["item"], &row["history_items"]), (&json!("mug"), &json!(["laptop", "mug", "mouse"])));
    let message = folder.fail(&["inspect", "clicks", "--user", "dora"]);
    assert_eq!(message, "error: --user: clicks holds no interactions of `dora`\n");
    let message = folder.fail(&["inspect", "catalog.json", "--user", "ben"]);
    assert_eq!(message, "error: --user: catalog.json is a catalogue, which names no shoppers\n");
}

#[test]
fn gzip_makes_no_difference() {
    let folder = Folder::new();
    folder.write("plain", INTERACTIONS);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(INTERACTIONS.as_bytes()).unwrap();
    folder.write("packed", encoder.finish().unwrap());
    let mut packed = folder.json(&["inspect", "packed"]);
    packed["path"] = json!("plain");
    assert_eq!(packed, folder.json(&["inspect", "plain"]));
}

#[test]
fn a_malformed_line_is_named_or_counted() {
    let folder = Folder::new();
    folder.write("clicks", INTERACTIONS.replacen("1790812860", "noon", 1));
    let message = folder.fail(&["inspect", "clicks"]);
    assert!(message.starts_with("error: clicks: line 2: timestamp: `noon` is not a Unix time"), "{message}");
    let found = folder.json(&["inspect", "clicks", "--skip-bad-lines"]);
    assert_eq!((&found["interactions"], &found["skipped_lines"]), (&json!(7), &json!(1)));
    assert!(found["skipped"][0].as_str().unwrap().starts_with("line 2: timestamp: `noon`"));
}

#[test]
fn names_from_files_cannot_steer_the_terminal() {
    let folder = Folder::new();
    folder.write("clicks", INTERACTIONS.replace("laptop", "lap\u{1b}]0;owned\u{7}top").replace("anna", "\u{202e}anna"));
    let page = folder.succeed(&["inspect", "clicks"]);
    assert!(page.contains("lap\\u{1b}]0;owned\\u{7}top") && page.contains("\\u{202e}anna"), "{page}");
    folder.write("clicks", "1\t\u{1b}[2J\tx\n");
    for text in [page, folder.fail(&["inspect", "clicks"]), folder.fail(&["inspect", "no\u{1b}[2Jfile"])] {
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = Folder::new();
    let mut child =
        folder.command(&["inspect", "catalog.json", "--rows", "250"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_catalogue_shows_its_categories_attributes_and_repeated_titles() {
    let folder = Folder::new();
    let found = folder.json(&["inspect", "catalog.json"]);
    assert_eq!(
        (&found["kind"], &found["products"], &found["categories"]),
        (&json!("catalog"), &json!(252), &json!(10))
    );
    assert_eq!(found["repeated_titles"][0]["name"], "Gloves");
    assert_eq!(found["attributes"][0]["name"], "colour");
    assert_eq!(found["sample"].as_array().unwrap().len(), 10);
    let broken = folder.read("catalog.json").replacen("\"handle\": \"canvas\"", "\"handle\": \"brush\"", 1);
    folder.write("catalog.json", broken);
    let message = folder.fail(&["inspect", "catalog.json"]);
    assert!(message.contains("catalog.json:5:1: handle `brush` is also that of product 1"), "{message}");
}

#[test]
fn rules_and_hyperparameters_show_what_they_say() {
    let folder = Folder::new();
    let rules = folder.json(&["inspect", "rules.toml"]);
    assert_eq!((&rules["kind"], &rules["users"]), (&json!("rules"), &json!(149)));
    assert_eq!(rules["groups"][0]["name"], "painting in oil and acrylic");
    assert!(folder.succeed(&["inspect", "rules.toml"]).contains("painting in oil and acrylic  brush, canvas, easel"));
    let found = folder.json(&["inspect", "original.toml"]);
    assert_eq!(
        (&found["kind"], &found["hyperparameters"]["training"]["batch_size"]),
        (&json!("hyperparameters"), &json!(50))
    );
    assert_eq!(found["hyperparameters"]["training"]["negatives"], 4, "left out, so the original's");
    folder.write("texts.toml", "[[model.text]]\nname = \"title\"\n");
    assert_eq!(folder.json(&["inspect", "texts.toml"])["kind"], "hyperparameters");
    let shown = folder.succeed(&["inspect", "original.toml"]);
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = shown.lines().map(row).collect();
    for expected in ["training.batch_size 50 original: 400", "model.features category 2 original: category 8"] {
        assert!(rows.iter().any(|row| row == expected), "{expected} in {shown}");
    }
}

#[test]
fn every_product_of_the_road_is_recognised_and_shown() {
    let folder = Folder::after(&ROAD[..1]);
    folder.succeed(&[verb_arguments("prepare"), &["--export-original", "original"]].concat());
    folder.succeed(verb_arguments("train"));
    folder.succeed(verb_arguments("export"));
    for (path, kind, title) in [
        ("interactions.tsv", "interactions", "interactions"),
        ("dataset", "dataset", "a dataset"),
        ("dataset/manifest.json", "dataset", "a dataset"),
        ("dataset/interactions.safetensors", "dataset", "a dataset"),
        ("dataset/vocabulary.json", "vocabulary", "a vocabulary"),
        ("original/train_data", "expanded", "an expanded file of the original"),
        ("original/negative_sampled_test_data", "expanded", "an expanded file of the original"),
        ("run", "run", "a run"),
        ("run/metrics.jsonl", "run", "a run"),
        ("run/hyperparameters.toml", "hyperparameters", "hyperparameters"),
        ("run/best.safetensors", "weights", "weights"),
        ("bundle", "bundle", "a bundle"),
        ("bundle/catalog.json", "catalog", "a catalogue"),
        ("bundle/history.onnx", "graph", "an ONNX graph"),
    ] {
        assert_eq!(folder.json(&["inspect", path])["kind"], kind, "{path}");
        let page = folder.succeed(&["inspect", path]);
        assert!(page.starts_with(&format!("{path}: {title}\n")), "{page}");
    }
    let dataset = folder.json(&["inspect", "dataset", "--user", "user_3"]);
    assert_eq!((&dataset["manifest"]["users"], &dataset["history"]["user"]), (&json!(12), &json!("user_3")));
    assert_eq!(
        dataset["interactions_per_user"],
        folder.json(&["inspect", "interactions.tsv"])["interactions_per_user"]
    );
    let test = folder.json(&["inspect", "original/negative_sampled_test_data"]);
    assert_eq!((&test["positives"], &test["negatives"], &test["users"]), (&json!(12), &json!(108), &json!(12)));
    let graph = folder.json(&["inspect", "bundle/history.onnx"]);
    assert_eq!(graph["functions"][0]["name"], "slirec.GapLstm");
    assert_eq!(graph["inputs"][0], json!({"name": "item_ids", "element": "int64", "shape": ["length"]}));
    let weights = folder.json(&["inspect", "run/best.safetensors"]);
    let item = weights["tensors"].as_array().unwrap().iter().find(|tensor| tensor["name"] == "embedding.item").unwrap();
    assert_eq!(item["shape"][1], 16);
}

#[test]
fn the_expanded_history_is_what_prepare_exports() {
    let folder = Folder::after(&ROAD[..1]);
    folder.succeed(&[verb_arguments("prepare"), &["--export-original", "original"]].concat());
    let exported = folder.read("original/train_data");
    let columns: Vec<&str> = exported.lines().nth(3).unwrap().split('\t').collect();
    for path in ["interactions.tsv", "dataset"] {
        let row = &folder.json(&["inspect", path])["history"]["rows"][3];
        let joined = |key: &str| {
            let part =
                |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap().to_string(), str::to_owned);
            row[key].as_array().unwrap().iter().map(part).collect::<Vec<_>>().join(",")
        };
        assert_eq!(
            [row["user"].as_str(), row["item"].as_str(), row["category"].as_str()].map(Option::unwrap),
            columns[1..4]
        );
        let history = ["history_items", "history_categories", "history_timestamps"].map(joined);
        assert_eq!(history.each_ref().map(String::as_str), columns[5..], "{path}");
    }
}

#[test]
fn a_run_shows_its_metrics_by_epoch_even_when_it_was_killed() {
    let folder = Folder::after(&ROAD[..3]);
    let found = folder.json(&["inspect", "run"]);
    let epochs: Vec<&Value> = found["metrics"].as_array().unwrap().iter().map(|line| &line["epoch"]).collect();
    assert_eq!(epochs, [&json!(0), &json!(1), &json!(2)]);
    assert_eq!((&found["record"]["state"], &found["checkpoints"][0]["problem"]), (&json!("finished"), &Value::Null));
    let page = folder.succeed(&["inspect", "run"]);
    assert!(page.contains("epoch  steps    loss  ndcg@10   hr@10     mrr     auc  logloss"), "{page}");

    folder.write("run/run.json", folder.read("run/run.json").replace("finished", "running"));
    folder.write("run/last.safetensors", "half");
    let page = folder.succeed(&["inspect", "run"]);
    assert!(page.contains("state              running: not over, or killed"), "{page}");
    assert!(page.contains("last.safetensors   0 values, 4 bytes: cannot be used"), "{page}");
}

#[test]
fn a_bundle_is_verified_and_what_is_wrong_is_shown_and_an_error() {
    let folder = Folder::after(&ROAD);
    let found = folder.json(&["inspect", "bundle"]);
    assert_eq!((&found["verified"], &found["problems"]), (&json!(true), &json!([])));
    assert_eq!((&found["manifest"]["name"], &found["products"]["catalog"]), (&json!("small"), &json!(252)));
    let page = folder.succeed(&["inspect", "bundle"]);
    assert!(page.contains("model              small 7") && page.contains("files              verified"), "{page}");
    for row in ["  set  ", "  test  ", "  test co-occurrence  ", "  valid popularity  "] {
        assert!(page.contains(&format!("\n{row}")), "{row}: {page}");
    }

    let mut graph = std::fs::read(folder.path("bundle/history.onnx")).unwrap();
    graph[100] ^= 1;
    folder.write("bundle/history.onnx", graph);
    std::fs::remove_file(folder.path("bundle/scores.onnx")).unwrap();
    let output = folder.run(&["inspect", "bundle", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["verified"], false);
    let problems: Vec<&str> =
        found["problems"].as_array().unwrap().iter().map(|problem| problem.as_str().unwrap()).collect();
    assert!(problems[0].contains("history.onnx: has SHA-256") && problems[1].contains("scores.onnx"), "{problems:?}");
    let message = folder.fail(&["inspect", "bundle"]);
    assert!(message.starts_with("error: bundle is not what its manifest says: bundle/history.onnx: "), "{message}");
}

#[test]
fn what_is_none_of_ours_is_one_error_that_lists_what_was_expected() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.write("prices.csv", "name,price\n");
    for (path, found) in
        [("empty", "a directory without run.json"), ("prices.csv", "text that starts with `name,price`")]
    {
        let message = folder.fail(&["inspect", path]);
        assert!(message.starts_with(&format!("error: {path} is none of our files: found {found}")), "{message}");
        for kind in ["a catalogue", "interactions", "a dataset", "a run", "a bundle", "weights", "a graph", "rules"] {
            assert!(message.contains(&format!("\n  {kind}  ")), "{kind}: {message}");
        }
    }
    let message = folder.fail(&["inspect", "nowhere"]);
    assert_eq!(message, "error: cannot read nowhere: No such file or directory (os error 2)\n");
}
