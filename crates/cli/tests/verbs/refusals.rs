//! What is wrong is refused with one message that says where, what was found and what was expected.

use crate::companion::{Folder, ROAD, verb_arguments};

#[test]
fn a_malformed_line_stops_prepare_unless_it_is_to_be_left_out() {
    let folder = Folder::after(&["generate"]);
    let whole: Vec<String> = folder.read("interactions.tsv").lines().map(str::to_owned).collect();
    let mut lines = whole.clone();
    lines.insert(2, "1\tuser_1\tmug\tyesterday\tKitchen".to_owned());
    lines.insert(9, "nonsense \u{1b}[31m".to_owned());
    folder.write("interactions.tsv", lines.join("\n"));
    let message = folder.fail(verb_arguments("prepare"));
    let expected = "error: interactions.tsv: line 3: timestamp: `yesterday` is not a Unix time: expected seconds";
    assert!(message.starts_with(expected), "{message}");
    assert!(!folder.path("dataset").exists());

    let report = folder.succeed(&[verb_arguments("prepare"), &["--skip-bad-lines"]].concat());
    assert!(report.contains(&format!("dataset: {} interactions", whole.len())), "{report}");
    assert!(report.contains("2 lines were left out:\n  line 3: timestamp: `yesterday`"), "{report}");
    assert!(report.contains("  line 10: found 1 tab-separated columns: expected 5"), "{report}");
    assert!(!report.contains('\u{1b}'), "control characters reach the terminal: {report:?}");
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("dataset/manifest.json")).unwrap();
    assert_eq!(manifest["skipped_lines"], 2);
}

#[test]
fn an_earlier_product_is_replaced_only_on_request_and_only_if_it_is_one() {
    let folder = Folder::after(&ROAD);
    for (verb, product) in [("prepare", "dataset"), ("train", "run"), ("export", "bundle")] {
        let message = folder.fail(verb_arguments(verb));
        assert!(message.contains(&format!("error: {product} exists already: choose another output")), "{message}");
        folder.succeed(&[verb_arguments(verb), &["--force"]].concat());
        std::fs::remove_dir_all(folder.path(product)).unwrap();
        std::fs::create_dir(folder.path(product)).unwrap();
        folder.write(&format!("{product}/thesis.txt"), "precious");
        let message = folder.fail(&[verb_arguments(verb), &["--force"]].concat());
        assert!(message.contains("does not look like an earlier output of this command"), "{message}");
        assert_eq!(folder.read(&format!("{product}/thesis.txt")), "precious");
        std::fs::remove_dir_all(folder.path(product)).unwrap();
        folder.succeed(verb_arguments(verb));
    }
}

#[test]
fn the_original_s_files_replace_nothing_but_an_earlier_export_and_only_on_request() {
    let folder = Folder::after(&["generate"]);
    let prepare = [verb_arguments("prepare"), &["--export-original", "original"]].concat();
    let by_force = [&prepare[..], &["--force"]].concat();
    folder.succeed(&prepare);
    std::fs::remove_dir_all(folder.path("dataset")).unwrap();
    assert!(folder.fail(&prepare).contains("error: original exists already"));
    folder.succeed(&by_force);
    // A session folder of the original holds its vocabularies beside its expanded files.
    folder.write("original/item_vocab.pkl", "precious");
    assert!(folder.fail(&by_force).contains("original does not look like an earlier output"));
    assert_eq!(folder.read("original/item_vocab.pkl"), "precious");
}

#[test]
fn data_that_cannot_teach_is_refused_before_it_is_written() {
    let folder = Folder::new();
    let refusal = |content: &str| {
        folder.write("interactions.tsv", content);
        let message = folder.fail(verb_arguments("prepare"));
        assert!(!folder.path("dataset").exists() && !folder.path("dataset.partial").exists());
        message
    };
    assert!(refusal("").contains("interactions.tsv: holds no interactions"));
    let short = "1\ta\tmug\t5\tKitchen\n1\ta\tpan\t6\tKitchen\n";
    assert!(refusal(short).contains("no training rows: expected a user with at least 4 interactions"));
    let alone: String = (0..40).map(|step| format!("1\ta\titem-{}\t{step}\tKitchen\n", step % 20)).collect();
    assert!(refusal(&alone).contains("has the interactions of one user only"));
    let few: String = (0..18).map(|step| format!("1\t{}\titem-{}\t{step}\tKitchen\n", step % 2, step % 3)).collect();
    assert!(refusal(&few).contains("has 3 different items: expected at least 10"));
    folder.succeed(&[verb_arguments("prepare"), &["--valid-negatives", "2", "--test-negatives", "2"]].concat());
    assert!(folder.misuse(&[verb_arguments("prepare"), &["--test-negatives", "0"]].concat()).contains("'0'"));
}

#[test]
fn an_export_wants_the_dataset_of_its_run_and_a_catalogue_of_its_products() {
    let folder = Folder::after(&ROAD[..3]);
    folder.succeed(&["prepare", "--interactions", "interactions.tsv", "--output", "other", "--seed", "1"]);
    let export = |dataset: &str, catalog: &str| {
        let message =
            folder.fail(&["export", "--run", "run", "--dataset", dataset, "--catalog", catalog, "--output", "bundle"]);
        assert!(!folder.path("bundle").exists() && !folder.path("bundle.partial").exists());
        message
    };
    let message = export("other", "catalog.json");
    assert!(message.contains("error: other: the dataset has manifest SHA-256 "), "{message}");
    let foreign = r#"{"format": "slirec-catalog/1", "products": [
        {"handle": "saddle", "gid": "gid://1", "title": "Saddle", "category": "Riding"}]}"#;
    folder.write("foreign.json", foreign);
    let message = export("dataset", "foreign.json");
    let expected = "foreign.json: none of its 1 available products was in the training data";
    assert!(message.contains(expected) && message.contains("such as `saddle`"), "{message}");
    folder.write("empty.json", r#"{"format": "slirec-catalog/1", "products": []}"#);
    assert!(export("dataset", "empty.json").contains("empty.json: holds no available products"));
}

#[test]
fn a_dataset_that_was_changed_is_refused_by_its_hashes() {
    let folder = Folder::after(&["generate", "prepare"]);
    let path = folder.path("dataset/interactions.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let message = folder.fail(verb_arguments("train"));
    assert!(message.contains("dataset/interactions.safetensors: has SHA-256 "), "{message}");
}

#[test]
fn wrong_hyperparameters_are_named_with_file_line_and_key() {
    let folder = Folder::after(&["generate", "prepare"]);
    let refusal = |text: &str| {
        folder.write("small.toml", text);
        let message = folder.fail(verb_arguments("train"));
        assert!(!folder.path("run").exists());
        message
    };
    let unknown = refusal("[training]\nepoch = 3\n");
    assert!(unknown.contains("small.toml") && unknown.contains("line 2") && unknown.contains("`epoch`"), "{unknown}");
    let range = refusal("[training]\ndropout = [0.3, 1.5]\n");
    assert!(range.contains("small.toml") && range.contains("training.dropout is 1.5: expected 0 up to"), "{range}");
    let flag = folder.fail(&["train", "--dataset", "dataset", "--output", "run", "--batch-size", "4"]);
    assert!(flag.contains("training.batch_size is 4: expected 5 to 100,000"), "{flag}");
    assert!(
        folder.misuse(&["train", "--dataset", "dataset", "--output", "run", "--epochs", "many"]).contains("'many'")
    );
}

#[test]
fn an_evaluation_wants_a_model_and_rows_that_speak_of_the_same_items() {
    let folder = Folder::after(&ROAD[..3]);
    let message = folder.misuse(&["evaluate", "--dataset", "dataset"]);
    assert!(message.contains("--run") && message.contains("--bundle") && message.contains("--weights"), "{message}");
    assert!(folder.misuse(&["evaluate", "--run", "run"]).contains("--dataset"));
    let interactions = folder.read("interactions.tsv");
    let half: Vec<&str> = interactions.lines().take(interactions.lines().count() / 2).collect();
    folder.write("half.tsv", half.join("\n"));
    folder.succeed(&["prepare", "--interactions", "half.tsv", "--output", "half"]);
    let message = folder.fail(&["evaluate", "--run", "run", "--dataset", "half"]);
    assert!(message.contains("expected the dataset that the model was trained on"), "{message}");
    folder.write("rows", "1\tuser_1\tmug\tKitchen\tnever\tpan\tKitchen\t5\n");
    let message = folder.fail(&["evaluate", "--run", "run", "--file", "rows"]);
    assert!(message.contains("rows: line 1: timestamp: `never` is not a Unix time"), "{message}");
    folder.write("rows", "");
    let message = folder.fail(&["evaluate", "--run", "run", "--file", "rows"]);
    assert!(message.contains("rows: holds no rows"), "{message}");
}

#[test]
fn a_missing_input_is_named() {
    let folder = Folder::new();
    for arguments in [verb_arguments("prepare"), verb_arguments("train"), verb_arguments("export")] {
        let message = folder.fail(arguments);
        assert!(message.contains("cannot read ") && message.contains("No such file"), "{message}");
    }
}
