//! Bundles that are sound, and those that are refused.

use super::*;
use crate::vocabulary::{Feature, Item};

fn write_bundle(directory: &Path) {
    let catalog = r#"{"format": "slirec-catalog/1", "products": []}"#;
    fs::write(directory.join(CATALOG), catalog).unwrap();
    let features = vec![Feature::new("category", vec!["Books".into()])];
    let items = vec![Item { handle: "novel".into(), interactions: 1, features: vec![1] }];
    Vocabulary::new(features, items).unwrap().write(&directory.join(VOCABULARY)).unwrap();
    for graph in [CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH] {
        fs::write(directory.join(graph), graph).unwrap();
    }
    seal(directory, manifest()).unwrap();
}

fn golden() -> GoldenRequest {
    let top = vec![GoldenScore { handle: "novel".into(), score: 0.5 }];
    GoldenRequest { items: vec!["novel".into()], timestamps: vec![1.0], now: 2.0, user: BTreeMap::new(), top }
}

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT.into(),
        name: "test".into(),
        version: "1".into(),
        created: "2026-11-24T00:00:00Z".into(),
        model: ModelShape {
            network: Network::SliRec,
            longest_history: 50,
            item_embedding_size: 32,
            features: vec![FeatureShape { name: "category".into(), embedding_size: 8 }],
            user_features: Vec::new(),
        },
        training: TrainingRecord {
            source_sha256: String::new(),
            seed: 1,
            epochs: 1,
            best_epoch: 1,
            interactions: 1,
            hyperparameters: serde_json::Value::Null,
        },
        metrics: BTreeMap::new(),
        files: BTreeMap::new(),
        golden_requests: vec![golden()],
        loses_to: Vec::new(),
    }
}

fn refusal(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    change(folder.path());
    Bundle::read(folder.path()).expect_err("the bundle is broken").to_string()
}

#[test]
fn a_sealed_bundle_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    let bundle = Bundle::read(folder.path()).unwrap();
    assert_eq!(bundle.scores_graph, SCORES_GRAPH.as_bytes());
    assert_eq!(bundle.vocabulary.item_id("novel"), 1);
}

#[test]
fn an_unsealed_bundle_can_be_tried_but_is_no_bundle_yet() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    fs::remove_file(folder.path().join(MANIFEST)).unwrap();
    let files = record_files(folder.path()).unwrap();
    let bundle = Bundle::read_unsealed(folder.path(), Manifest { files, ..manifest() }).unwrap();
    assert_eq!(bundle.history_graph, HISTORY_GRAPH.as_bytes());
    assert!(Bundle::read(folder.path()).is_err());
}

#[test]
fn a_manifest_names_its_network_unless_it_is_the_original_s() {
    let written = |network| serde_json::to_value(ModelShape { network, ..manifest().model }).unwrap();
    assert_eq!(written(Network::SliRec).get("network"), None);
    assert_eq!(written(Network::Ranking)["network"], "ranking");
    for network in [Network::SliRec, Network::Ranking] {
        assert_eq!(serde_json::from_value::<ModelShape>(written(network)).unwrap().network, network);
    }
    let message = refusal(|folder| {
        let (mut manifest, _) = Manifest::read(folder).unwrap();
        manifest.model.network = Network::Ranking;
        seal(folder, manifest).unwrap();
    });
    assert!(message.contains("model.features.embedding_size is 8: expected 32"), "{message}");
}

#[test]
fn every_file_can_be_verified_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    fs::write(folder.path().join(SCORES_GRAPH), "SCORES.onnx").unwrap();
    let (manifest, sha256) = Manifest::read(folder.path()).unwrap();
    assert_eq!(sha256, files::sha256_of_file(&folder.path().join(MANIFEST)).unwrap());
    let wrong: Vec<&str> =
        FILES.into_iter().filter(|name| verify_file(folder.path(), name, &manifest).is_err()).collect();
    assert_eq!(wrong, [SCORES_GRAPH]);
}

#[test]
fn a_changed_file_is_refused_by_its_hash() {
    let message = refusal(|folder| fs::write(folder.join(SCORES_GRAPH), "SCORES.onnx").unwrap());
    assert!(message.contains("scores.onnx: has SHA-256"), "{message}");
}

#[test]
fn a_truncated_a_longer_and_a_missing_file_are_refused() {
    assert!(refusal(|folder| fs::write(folder.join(HISTORY_GRAPH), "h").unwrap()).contains("has 1 bytes"));
    let longer = refusal(|folder| fs::write(folder.join(HISTORY_GRAPH), [0; 999]).unwrap());
    assert!(longer.contains("history.onnx: has 999 bytes: the manifest has 12"), "{longer}");
    assert!(refusal(|folder| fs::remove_file(folder.join(CATALOG)).unwrap()).contains("cannot read"));
    assert!(refusal(|folder| fs::remove_file(folder.join(MANIFEST)).unwrap()).contains("manifest.json"));
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_bundle_and_what_is_no_file_are_refused() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "scores.onnx").unwrap();
    let message = refusal(|folder| {
        fs::remove_file(folder.join(SCORES_GRAPH)).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join(SCORES_GRAPH)).unwrap();
    });
    assert!(message.contains("scores.onnx: leads out of the bundle"), "{message}");
    let message = refusal(|folder| {
        fs::remove_file(folder.join(SCORES_GRAPH)).unwrap();
        fs::create_dir(folder.join(SCORES_GRAPH)).unwrap();
    });
    assert!(message.contains("scores.onnx: is a directory: expected an ordinary file"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    fs::rename(folder.path().join(SCORES_GRAPH), folder.path().join("scores-1")).unwrap();
    std::os::unix::fs::symlink("scores-1", folder.path().join(SCORES_GRAPH)).unwrap();
    assert!(Bundle::read(folder.path()).is_ok());
}

#[test]
fn a_manifest_that_names_other_files_is_refused() {
    let message = refusal(|folder| {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap().replace("scores.onnx", "../scores.onnx");
        fs::write(path, text).unwrap();
    });
    assert!(message.contains("../scores.onnx"), "{message}");
}
