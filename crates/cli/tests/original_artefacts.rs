//! A user of the original moves over: its checkpoint and pickles enter, as they lie on disk; a bundle leaves that
//! scores as the original did.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use serde::Deserialize;
use slirec_core::bundle::Bundle;
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::TOLERANCE;
use slirec_core::timestamp;
use slirec_engine::{BundleScorer, CandidateIds};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
}

fn slirec(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slirec")).current_dir(folder).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    assert!(!output.status.success(), "expected a failure");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[derive(Deserialize)]
struct Request {
    items: Vec<String>,
    timestamps: Vec<String>,
}

#[derive(Deserialize)]
struct Golden {
    request: Request,
    now: f64,
    scores: BTreeMap<String, f32>,
}

#[test]
fn the_inventory_becomes_a_catalogue_in_which_no_product_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = golden("pickles/inventory.pkl");
    let output = slirec(folder.path(), &["catalog", "import", inventory.to_str().unwrap(), "--output", "catalog.json"]);
    assert!(stdout(&output).contains("238 products in 10 categories"));
    let catalog = Catalog::read(&folder.path().join("catalog.json")).unwrap();
    let category = |handle: &str| catalog.product(handle).map(|product| product.category.as_str());
    // Four titles stand for two products each; towels and face masks lie in two categories.
    assert_eq!((category("towel"), category("towel-1")), (Some("Home"), Some("Sports")));
    assert_eq!((category("face-mask"), category("face-mask-1")), (Some("Beauty"), Some("Health")));
    assert_eq!((category("water-bottle"), category("water-bottle-1")), (Some("Food"), Some("Food")));
    assert_eq!(catalog.product("towel-1").unwrap().title, "Towel");
    assert_eq!(catalog.product("rubik-s-cube").unwrap().title, "Rubik’s Cube");
    assert_eq!(catalog.product("shirt").unwrap().gid, "gid://shopify/Product/10334948524363");
    let again = slirec(folder.path(), &["catalog", "import", inventory.to_str().unwrap(), "--output", "catalog.json"]);
    assert!(stderr(&again).contains("catalog.json exists already"));
}

#[test]
fn a_hostile_inventory_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inventory.pkl"), b"cos\nsystem\n(S'touch pwned'\ntR.").unwrap();
    let output = slirec(folder.path(), &["catalog", "import", "inventory.pkl", "--output", "catalog.json"]);
    let message = stderr(&output);
    assert!(message.contains("inventory.pkl: byte 0: opcode GLOBAL imports a Python object"), "{message}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_checkpoint_becomes_a_bundle_that_gives_the_original_s_scores() {
    let folder = tempfile::tempdir().unwrap();
    let (prefix, pickles) = (golden("tensorflow/best_model"), golden("pickles"));
    let arguments = ["import", "tensorflow", prefix.to_str().unwrap(), "--vocabularies", pickles.to_str().unwrap()];
    let output = slirec(folder.path(), &[&arguments[..], &["--output", "bundle"]].concat());
    let text = stdout(&output);
    assert!(text.contains("18 products keep the category that they were trained with"), "{text}");

    let bundle = Bundle::read(&folder.path().join("bundle")).unwrap();
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
    let longest = bundle.manifest.model.longest_history;
    let mut scorer = BundleScorer::from_bundle(&bundle, None).unwrap();
    let file = GzDecoder::new(File::open(golden("requests.json.gz")).unwrap());
    let requests: Vec<Golden> = serde_json::from_reader(file).unwrap();
    assert_eq!(requests.len(), 45);
    let mut worst = 0.0_f32;
    for request in &requests {
        let mut candidates = CandidateIds::default();
        for handle in request.scores.keys() {
            let ids = lookup.ids(handle).unwrap();
            candidates.items.push(ids.item);
            candidates.features.extend(&ids.features);
        }
        let items = request.request.items.iter().map(String::as_str);
        let times: Vec<f64> =
            request.request.timestamps.iter().map(|time| timestamp::from_text(time).unwrap()).collect();
        let Some(history) = lookup.encode(items, &times, request.now, longest).unwrap() else {
            // Wholly unknown histories are answered by popularity, not by the model.
            assert!(request.request.items.iter().all(|handle| lookup.ids(handle).is_none()));
            continue;
        };
        let scores = scorer.score(&history.encoded, &candidates).unwrap();
        assert_eq!(scores.len(), 234);
        for (score, expected) in scores.iter().zip(request.scores.values()) {
            worst = worst.max((score - expected).abs());
        }
    }
    assert!(worst <= TOLERANCE, "worst difference {worst}");
    println!("worst difference {worst:e}");
}

#[test]
fn the_counts_of_a_dataset_with_other_ids_than_the_weights_are_no_part_of_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..40).map(|row| {
        let item = ["towel", "shirt", "face-mask", "candle"][(row / 4 + row) % 4];
        format!("1\tuser {}\t{item}\t{}\tHome\n", row / 4, 1_790_000_000 + 60 * row)
    });
    fs::write(folder.path().join("interactions.tsv"), rows.collect::<String>()).unwrap();
    let few = ["--valid-negatives", "1", "--test-negatives", "1"];
    let prepare = ["prepare", "--interactions", "interactions.tsv", "--output", "dataset"];
    stdout(&slirec(folder.path(), &[&prepare[..], &few].concat()));
    let [weights, items, categories, of_items, catalog] =
        ["weights.safetensors", "item_vocab.json", "cate_vocab.json", "item_category.json", "catalog.json"]
            .map(|name| golden(name).to_str().unwrap().to_owned());
    let mut export = vec!["export", "--from", &weights, "--item-vocabulary", &items, "--category-vocabulary"];
    export.extend([&categories, "--item-categories", &of_items, "--catalog", &catalog]);
    export.extend(["--dataset", "dataset", "--output", "bundle"]);
    stdout(&slirec(folder.path(), &export));
    assert_eq!(Bundle::read(&folder.path().join("bundle")).unwrap().activity, None);
}

#[test]
fn a_damaged_checkpoint_and_foreign_vocabularies_are_named_and_leave_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["best_model.index", "best_model.data-00000-of-00001"] {
        fs::copy(golden("tensorflow").join(name), folder.path().join(name)).unwrap();
    }
    let pickles = golden("pickles");
    let import = |vocabularies: &str| {
        let arguments = ["import", "tensorflow", "best_model", "--vocabularies", vocabularies, "--output", "bundle"];
        stderr(&slirec(folder.path(), &arguments))
    };
    fs::create_dir(folder.path().join("empty")).unwrap();
    let missing = import("empty");
    assert!(missing.contains("empty: holds none of item_vocab.pkl, item_vocab.json"), "{missing}");

    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("item_vocab.json"), r#"{"default_mid": 0, "kite": 1}"#).unwrap();
    fs::write(foreign.join("cate_vocab.json"), r#"{"default_cat": 0, "Toys": 1}"#).unwrap();
    fs::write(foreign.join("item_cat_dict.json"), r#"{"kite": "Toys"}"#).unwrap();
    fs::copy(pickles.join("inventory.pkl"), foreign.join("inventory.pkl")).unwrap();
    let message = import("foreign");
    assert!(message.contains("the checkpoint and the vocabularies do not belong together"), "{message}");
    assert!(message.contains("weight `embedding.item`: found shape [235, 32], expected shape [2, 32]"), "{message}");

    let data = folder.path().join("best_model.data-00000-of-00001");
    let mut bytes = fs::read(&data).unwrap();
    bytes[1000] ^= 1;
    fs::write(&data, bytes).unwrap();
    let message = import(pickles.to_str().unwrap());
    assert!(message.contains("best_model.data-00000-of-00001: tensor `sequential/"), "{message}");
    assert!(!folder.path().join("bundle").exists());
}
