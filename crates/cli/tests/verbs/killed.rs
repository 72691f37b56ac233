//! Killed or interrupted in the middle: nothing that looks finished stays behind, and the next run succeeds.

use std::io::Write;

use serde_json::Value;

use crate::companion::{Folder, ROAD, verb_arguments};

/// As many lines as keep `prepare` busy for a while.
fn many_interactions(count: usize) -> Vec<u8> {
    let mut lines = Vec::new();
    for step in 0..count {
        let (user, item) = (step / 50, (step * 7 + step / 13) % 211);
        writeln!(lines, "1\tuser_{user}\titem-{item}\t{}\tcategory-{}", 1_790_000_000 + step * 60, item % 9).unwrap();
    }
    lines
}

fn train_forever() -> Vec<&'static str> {
    [verb_arguments("train"), &["--epochs", "100000"]].concat()
}

fn metrics_lines(folder: &Folder) -> usize {
    std::fs::read_to_string(folder.path("run/metrics.jsonl")).map_or(0, |text| text.lines().count())
}

#[test]
fn a_prepare_killed_while_it_reads_leaves_nothing_that_looks_finished() {
    let folder = Folder::after(&["generate"]);
    let mut prepare = folder.start(&["prepare", "--interactions", "-", "--output", "dataset"]);
    // Standard input stays open, so the process is still reading whenever it is killed.
    let mut input = prepare.input();
    input.write_all(folder.read("interactions.tsv").as_bytes()).unwrap();
    prepare.wait_until("the partial dataset is there", || folder.path("dataset.partial").is_dir());
    prepare.kill();
    assert!(!folder.path("dataset").exists());
    assert!(folder.fail(verb_arguments("train")).contains("dataset/manifest.json"));

    folder.succeed(verb_arguments("prepare"));
    assert!(!folder.path("dataset.partial").exists());
    folder.succeed(verb_arguments("train"));
}

#[test]
fn a_prepare_killed_while_it_writes_leaves_nothing_that_looks_finished() {
    let folder = Folder::new();
    folder.write("many.tsv", many_interactions(300_000));
    let arguments = ["prepare", "--interactions", "many.tsv", "--output", "dataset"];
    let mut prepare = folder.start(&arguments);
    prepare.wait_until("the columns are written", || folder.path("dataset.partial/users.txt").is_file());
    prepare.kill();
    assert!(!folder.path("dataset").exists());
    assert!(!folder.path("dataset.partial/manifest.json").exists());

    folder.write("many.tsv", many_interactions(2_000));
    folder.succeed(&arguments);
    assert_eq!(folder.names("dataset").len(), 5);
    assert!(!folder.path("dataset.partial").exists());
}

#[test]
fn a_killed_training_leaves_a_run_that_nothing_accepts() {
    let folder = Folder::after(&ROAD[..2]);
    let mut train = folder.start(&train_forever());
    train.wait_until("two epochs are done", || metrics_lines(&folder) >= 3);
    train.kill();
    let unfinished = "run/run.json: state is `running`: the run is not over or was killed";
    let message = folder.fail(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    assert!(message.contains(unfinished), "{message}");
    let message = folder.fail(verb_arguments("export"));
    assert!(message.contains(unfinished), "{message}");
    assert!(!folder.path("bundle").exists());

    // It might still be running elsewhere: only --force replaces it.
    assert!(folder.fail(verb_arguments("train")).contains("exists already"));
    folder.succeed(&[verb_arguments("train"), &["--force"]].concat());
    folder.succeed(verb_arguments("export"));
}

#[test]
fn an_interrupted_training_leaves_a_run_that_evaluates_and_exports() {
    let folder = Folder::after(&ROAD[..2]);
    let mut train = folder.start(&train_forever());
    train.wait_until("two epochs are done", || metrics_lines(&folder) >= 3);
    train.signal("INT");
    let (code, output, errors) = train.wait();
    // As shells report a program that Ctrl-C ended: what follows in a script must not go on.
    assert_eq!(code, Some(130), "{errors}");
    assert!(errors.contains("stopping after this step"), "{errors}");
    assert!(output.contains("run: interrupted after "), "{output}");
    let record: Value = serde_json::from_str(&folder.read("run/run.json")).unwrap();
    assert_eq!(record["state"], "interrupted");

    let report = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    assert!(report["measured"][0]["sampled"]["group_auc"].as_f64().unwrap() > 0.0);
    let output = folder.run(verb_arguments("export"));
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("warning: the run was interrupted"));
}

#[test]
fn a_killed_export_leaves_nothing_that_a_server_would_take() {
    let folder = Folder::new();
    // More users make the parity check and the metrics last longer.
    folder.write("interactions.tsv", many_interactions(20_000));
    let products: Vec<String> = (0..211)
        .map(|item| {
            let category = item % 9;
            format!(
                r#"{{"handle": "item-{item}", "gid": "gid://{item}", "title": "", "category": "category-{category}"}}"#
            )
        })
        .collect();
    let catalog = format!(r#"{{"format": "slirec-catalog/1", "products": [{}]}}"#, products.join(","));
    folder.write("catalog.json", catalog);
    folder.succeed(verb_arguments("prepare"));
    folder.succeed(&[verb_arguments("train"), &["--epochs", "1"]].concat());
    let mut export = folder.start(verb_arguments("export"));
    export.wait_until("the graphs are written", || folder.path("bundle.partial/catalog.json").is_file());
    export.kill();
    assert!(!folder.path("bundle").exists());
    // Only a checked bundle has a manifest.
    assert!(!folder.path("bundle.partial/manifest.json").exists());
    let message = folder.fail(&["evaluate", "--bundle", "bundle", "--dataset", "dataset"]);
    assert!(message.contains("bundle/manifest.json"), "{message}");

    folder.succeed(verb_arguments("export"));
    assert!(!folder.path("bundle.partial").exists());
    folder.json(&["evaluate", "--bundle", "bundle", "--dataset", "dataset"]);
}
