//! Event files as TensorBoard itself reads them: `make test-tensorboard` installs the package and runs these.

#![cfg(test)]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use slirec_train::summaries::EventWriter;

/// What the `tensorboard` package finds in a directory of event files.
fn read_with_tensorboard(directory: &Path) -> Value {
    let python = std::env::var_os("SLIREC_PYTHON").expect("SLIREC_PYTHON names a Python that has tensorboard");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_events.py");
    let output = Command::new(python).arg(script).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs the tensorboard package: make test-tensorboard"]
fn scalars_histograms_and_hyperparameters_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), None).unwrap();
    let settings = [
        ("training.epochs".to_owned(), json!(10)),
        ("name".to_owned(), json!("demo")),
        ("fused".to_owned(), json!(true)),
    ];
    writer.hyperparameters(&settings).unwrap();
    for step in 1..=3_u8 {
        writer.scalar("loss", u64::from(step), 1.0 / f32::from(step)).unwrap();
    }
    writer.histogram("weights", 3, &[-1.0, 0.0, 0.5, 0.5]).unwrap();
    writer.flush().unwrap();

    let found = read_with_tensorboard(folder.path());
    let losses: Vec<Value> = (1..=3_u8).map(|step| json!([step, f64::from(1.0 / f32::from(step))])).collect();
    assert_eq!(found["scalars"], json!({ "loss": losses }));
    let expected = json!({"step": 3, "min": -1.0, "max": 0.5, "num": 4.0, "sum": 0.0, "buckets": 4.0});
    assert_eq!(found["histograms"], json!({"weights": [expected]}));
    assert_eq!(found["hyperparameters"], json!({"training.epochs": 10.0, "name": "demo", "fused": true}));
}

#[test]
#[ignore = "needs the tensorboard package: make test-tensorboard"]
fn a_continued_run_replaces_the_steps_that_it_repeats() {
    let folder = tempfile::tempdir().unwrap();
    for (continued_from, steps) in [(None, 1..=5_u64), (Some(3), 3..=4)] {
        let mut writer = EventWriter::create(folder.path(), continued_from).unwrap();
        for step in steps {
            writer.scalar("loss", step, if continued_from.is_some() { 2.0 } else { 1.0 }).unwrap();
        }
        writer.flush().unwrap();
    }
    let found = read_with_tensorboard(folder.path());
    assert_eq!(found["scalars"]["loss"], json!([[1, 1.0], [2, 1.0], [3, 2.0], [4, 2.0]]));
}
