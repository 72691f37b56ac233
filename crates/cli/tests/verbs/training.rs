//! Training as a user runs it: going on with a run, sweeps, presets, reports, event files, runs that fail.

use std::fs;

use crate::companion::{Folder, verb_arguments};

/// Weights and metrics of a run.
fn learnt(folder: &Folder, run: &str) -> [Vec<u8>; 3] {
    ["best.safetensors", "last.safetensors", "metrics.jsonl"].map(|name| fs::read(folder.path(run).join(name)).unwrap())
}

fn train<'a>(output: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    let usual = ["train", "--dataset", "dataset", "--hyperparameters", "small.toml", "--output", output];
    [&usual, further].concat()
}

#[test]
fn a_run_that_was_killed_anywhere_goes_on_to_the_same_weights_bit_for_bit() {
    let folder = Folder::after(&["generate", "prepare"]);
    let small = folder.read("small.toml").replace("epochs = 2", "epochs = 5");
    folder.write("small.toml", small);
    folder.succeed(&train("whole", &[]));
    // A checkpoint after every step, so that a kill lands between any two of them.
    let every_step = ["--checkpoint-every", "0"];
    for (number, lines) in [0, 1, 3, 5].into_iter().enumerate() {
        let run = format!("killed-{number}");
        let mut process = folder.start(&train(&run, &every_step));
        let metrics = folder.path(&run).join("metrics.jsonl");
        let written = || fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
        // Without a line of metrics: as soon as there is a run at all.
        let record = folder.path(&run).join("run.json");
        process.wait_until("the run came so far", || written() >= lines && record.exists());
        process.kill_if_running();
        let resumed = folder.succeed(&["train", "--resume", "--dataset", "dataset", "--output", &run]);
        assert!(resumed.contains("finished after 5 epochs"), "{resumed}");
        assert!(learnt(&folder, &run) == learnt(&folder, "whole"), "killed after {lines} lines of metrics");
    }
}

#[test]
fn an_interrupted_run_goes_on_and_can_be_measured_meanwhile() {
    let folder = Folder::after(&["generate", "prepare"]);
    let small = folder.read("small.toml").replace("epochs = 2", "epochs = 200");
    folder.write("small.toml", small);
    let mut process = folder.start(&train("run", &[]));
    let metrics = folder.path("run").join("metrics.jsonl");
    process.wait_until("two epochs", || fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() >= 3));
    process.signal("INT");
    let (code, _, errors) = process.wait();
    assert_eq!(code, Some(130), "{errors}");
    assert!(errors.contains("go on with: slirec train --resume"), "{errors}");
    let auc = |checkpoint: &str| {
        let report = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset", "--checkpoint", checkpoint]);
        report["measured"][0]["sampled"]["logloss"].as_f64().unwrap()
    };
    assert!(auc("best").is_finite() && auc("last").is_finite());
    let record: serde_json::Value = serde_json::from_str(&folder.read("run/run.json")).unwrap();
    let done = record["epochs"].as_u64().unwrap() + 2;
    let done = done.to_string();
    let resumed = folder.succeed(&["train", "--resume", "--dataset", "dataset", "--output", "run", "--epochs", &done]);
    assert!(resumed.contains(&format!("finished after {done} epochs")), "{resumed}");
}

#[test]
fn only_the_same_run_can_go_on() {
    let folder = Folder::after(&["generate", "prepare"]);
    let nothing = folder.fail(&["train", "--resume", "--dataset", "dataset", "--output", "run"]);
    assert!(nothing.contains("there is no run to go on with"), "{nothing}");
    folder.succeed(&train("run", &[]));
    folder.succeed(&["prepare", "--interactions", "interactions.tsv", "--output", "other", "--seed", "9"]);
    let other = folder.fail(&["train", "--resume", "--dataset", "other", "--output", "run"]);
    assert!(other.contains("the run cannot be continued: it was trained on dataset"), "{other}");
    assert!(folder.misuse(&train("run", &["--resume"])).contains("--hyperparameters"));
}

#[test]
fn a_diverging_run_says_so_and_keeps_the_best_weights() {
    let folder = Folder::after(&["generate", "prepare"]);
    for (run, learning_rate) in [("high", "10"), ("absurd", "1e30")] {
        let message = folder.fail(&train(run, &["--learning-rate", learning_rate]));
        assert!(message.contains("training diverged, try a learning rate below"), "{message}");
        assert!(message.contains("the best weights so far (epoch 0) are kept"), "{message}");
        for weights in ["best", "last"] {
            folder.succeed(&["evaluate", "--run", run, "--dataset", "dataset", "--checkpoint", weights]);
        }
        let bundle = format!("bundle-{run}");
        let export = ["export", "--run", run, "--dataset", "dataset", "--catalog", "catalog.json", "--output", &bundle];
        assert!(folder.succeed(&export).contains("differ by at most"));
    }
}

#[test]
fn a_run_ends_with_its_report_and_a_warning_if_a_counter_ranks_better() {
    let folder = Folder::after(&["generate", "prepare"]);
    let output = folder.run(&train("run", &["--epochs", "1"]));
    let (told, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{warned}");
    assert!(told.contains("co-occurrence") && told.contains("report: run/report.html"), "{told}");
    assert!(warned.contains("warning: the model does not beat"), "{warned}");
    let page = folder.read("run/report.html");
    assert!(page.contains("The model does not beat") && page.contains("<svg"), "a page with charts");
    let analysis: serde_json::Value = serde_json::from_str(&folder.read("run/analysis.json")).unwrap();
    assert_eq!(analysis["measured"][0]["name"], "model");
    assert!(!analysis["attention"].as_array().unwrap().is_empty());
    let error = analysis["calibration_error"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&error) && !analysis["calibration"].as_array().unwrap().is_empty(), "{error}");
    folder.succeed(verb_arguments("export"));
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("bundle/manifest.json")).unwrap();
    assert!(!manifest["loses_to"].as_array().unwrap().is_empty(), "{manifest}");
}

#[test]
fn presets_and_flags_are_shown_before_they_run() {
    let folder = Folder::new();
    let shown =
        folder.succeed(&["train", "--dataset", "none", "--preset", "original", "--epochs", "3", "--show-config"]);
    assert!(shown.contains("epochs = 3") && shown.contains("network = \"sli-rec\""), "{shown}");
    folder.write("shown.toml", &shown);
    let again = folder.succeed(&["train", "--dataset", "none", "--hyperparameters", "shown.toml", "--show-config"]);
    assert_eq!(again, shown);
    let ranking = folder.succeed(&["train", "--dataset", "none", "--show-config"]);
    assert!(ranking.contains("network = \"ranking\"") && ranking.contains("epochs = 15"), "{ranking}");
}

#[test]
fn event_files_are_written_unless_they_are_off() {
    let folder = Folder::after(&["generate", "prepare"]);
    folder.succeed(&train("off", &["--summaries", "off"]));
    assert!(!folder.path("off/events").exists());
    let size = |summaries: &'static str| {
        folder.succeed(&train(summaries, &["--summaries", summaries]));
        let names = folder.names(&format!("{summaries}/events"));
        assert_eq!(names.len(), 1, "{names:?}");
        fs::metadata(folder.path(&format!("{summaries}/events/{}", names[0]))).unwrap().len()
    };
    assert!(size("full") > 10 * size("scalars"));
    assert!(learnt(&folder, "off") == learnt(&folder, "full"), "summaries change nothing");
}

#[test]
fn a_sweep_ranks_its_trials_and_goes_on_where_it_was() {
    let folder = Folder::after(&["generate", "prepare"]);
    let base = folder.read("small.toml").replace("[model]", "[base.model]").replace("[training]", "[base.training]");
    folder
        .write("sweep.toml", format!("method = \"grid\"\n{base}[values]\n\"training.learning_rate\" = [0.01, 10.0]\n"));
    let sweep = ["sweep", "--dataset", "dataset", "--search", "sweep.toml", "--output", "trials"];
    let first = folder.json(&sweep);
    let ndcg: Vec<f64> = first.as_array().unwrap().iter().map(|trial| trial["ndcg@10"].as_f64().unwrap()).collect();
    assert_eq!(ndcg.len(), 2);
    assert!(ndcg[0] >= ndcg[1], "{ndcg:?}");
    // Without one trial, the other one is not trained again.
    fs::remove_dir_all(folder.path("trials/trial-002")).unwrap();
    let changed = fs::metadata(folder.path("trials/trial-001/best.safetensors")).unwrap().modified().unwrap();
    assert_eq!(folder.json(&sweep), first);
    assert_eq!(fs::metadata(folder.path("trials/trial-001/best.safetensors")).unwrap().modified().unwrap(), changed);
    let table = folder.succeed(&sweep);
    assert!(table.contains("settings") && table.contains("training.learning_rate = 0.01"), "{table}");
    let other = folder.fail(&[&sweep[..], &["--seed", "43"]].concat());
    assert!(other.contains("holds a run of other hyperparameters, seed or dataset"), "{other}");
}
