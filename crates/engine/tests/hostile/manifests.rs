//! Manifests that prove nothing, or hold texts, sizes and counts beyond all reason.

use serde_json::{Value, json};

use crate::cases::{Case, case};

fn manifest(name: &'static str, expected: &'static str, change: fn(&mut Value)) -> Case {
    case(name, expected, move |bundle| bundle.change_manifest(change))
}

/// A manifest whose text is changed, for what no JSON document of ours would hold.
fn text(name: &'static str, expected: &'static str, change: fn(&str) -> String) -> Case {
    case(name, expected, move |bundle| {
        let path = bundle.file("manifest.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(&text)).unwrap();
    })
}

pub(crate) fn manifests() -> Vec<Case> {
    let mut cases = golden_requests();
    cases.extend([
        manifest("a name of a megabyte", "manifest.json: has", |manifest| {
            manifest["name"] = json!("a".repeat(1 << 20))
        }),
        manifest("a long name", "name has 300 bytes", |manifest| manifest["name"] = json!("a".repeat(300))),
        manifest("a version that forges the log", "expected no control characters", |manifest| {
            manifest["version"] = json!("1\n{\"level\":\"INFO\"}");
        }),
        manifest("another format", "format is `slirec-bundle/9`", |manifest| {
            manifest["format"] = json!("slirec-bundle/9");
        }),
        manifest("an endless history", "model.longest_history is 1000000000000", |manifest| {
            manifest["model"]["longest_history"] = json!(1_000_000_000_000_u64);
        }),
        manifest("no history", "model.longest_history is 0", |manifest| {
            manifest["model"]["longest_history"] = json!(0);
        }),
        manifest("a history too long for its graphs", "would compute", |manifest| {
            manifest["model"]["longest_history"] = json!(10_000);
        }),
        manifest("an embedding of another size", "`embedding.item` is of the sizes", |manifest| {
            manifest["model"]["item_embedding_size"] = json!(33);
        }),
        manifest("a hundred features", "model.features has 100 features", |manifest| {
            let feature = |number| json!({"name": format!("feature-{number}"), "embedding_size": 4});
            manifest["model"]["features"] = (0..100).map(feature).collect();
        }),
        manifest("a feature twice", "expected each once", |manifest| {
            let feature = manifest["model"]["features"][0].clone();
            manifest["model"]["features"].as_array_mut().unwrap().push(feature);
        }),
        manifest("an endless hash", "files.scores.onnx.sha256 is no SHA-256", |manifest| {
            manifest["files"]["scores.onnx"]["sha256"] = json!("0".repeat(100_000));
        }),
        manifest("files by other names", "../scores.onnx", |manifest| {
            let record = manifest["files"].as_object_mut().unwrap().remove("scores.onnx").unwrap();
            manifest["files"]["../scores.onnx"] = record;
        }),
        manifest("a thousand thousand metrics", "metrics and loses_to have more", |manifest| {
            manifest["metrics"]["test"] = (0..20_000).map(|number| (number.to_string(), json!(0.5))).collect();
        }),
        manifest("an unknown key of many kilobytes", "unknown field `aaa", |manifest| {
            manifest["a".repeat(500_000)] = json!(1);
        }),
        text("a manifest of megabytes", "manifest.json: has", |text| text.to_owned() + &" ".repeat(2 << 20)),
        text("brackets without end", "manifest.json: invalid type", |_| "[".repeat(500_000)),
        text("brackets without end where anything may stand", "recursion limit exceeded", |text| {
            text.replacen("\"hyperparameters\": {", &format!("\"hyperparameters\": {}{{", "[".repeat(500_000)), 1)
        }),
        text("a key twice", "duplicate field `name`", |text| text.replacen('{', "{\"name\": \"other\",", 1)),
        text("a file twice", "`scores.onnx` stands twice", |text| {
            text.replacen("\"files\": {", "\"files\": {\"scores.onnx\": {\"sha256\": \"\", \"bytes\": 1},", 1)
        }),
        text("no JSON", "manifest.json: ", |_| "\u{0}\u{0}".to_owned()),
        text("numbers beyond all numbers", "number out of range", |text| {
            text.replacen("\"now\": ", "\"now\": 1e999, \"then\": ", 1)
        }),
    ]);
    cases
}

/// A case that changes the first golden request.
fn golden(name: &'static str, expected: &'static str, change: fn(&mut Value)) -> Case {
    case(name, expected, move |bundle| bundle.change_manifest(|manifest| change(&mut manifest["golden_requests"][0])))
}

fn golden_requests() -> Vec<Case> {
    vec![
        manifest("no golden requests", "golden_requests has 0 requests: expected 1 to 64", |manifest| {
            manifest["golden_requests"] = json!([]);
        }),
        manifest("thousands of golden requests", "golden_requests has 3000 requests", |manifest| {
            let request =
                json!({"items": ["a"], "timestamps": [1.0], "now": 2.0, "top": [{"handle": "a", "score": 0.5}]});
            manifest["golden_requests"] = vec![request; 3_000].into();
        }),
        golden("a golden request that does not hold", "golden request 1: `", |golden| {
            golden["top"][0]["score"] = json!(0.123);
        }),
        golden("a golden request without an answer", "golden request 1: top has 0 entries", |golden| {
            golden["top"] = json!([]);
        }),
        golden("a golden request without a history", "golden request 1: items has 0 entries", |golden| {
            golden["items"] = json!([]);
        }),
        golden("a golden request of an endless history", "golden request 1: items has 20000 entries", |golden| {
            golden["items"] = vec!["a"; 20_000].into();
        }),
        golden("a golden request with a time too few", "expected one for each", |golden| {
            golden["timestamps"].as_array_mut().unwrap().pop();
        }),
        golden("a golden request with an infinite score", "golden request 1: a score is inf", |golden| {
            golden["top"][0]["score"] = json!(1e39);
        }),
        golden("a golden request of nothing known", "golden request 1: has no known item", |golden| {
            golden["items"] = json!(["nothing-known"]);
            golden["timestamps"] = json!([1.0]);
        }),
        golden("a golden request for what is not sold", "is not a candidate", |golden| {
            golden["top"][0]["handle"] = json!("nothing-known");
        }),
    ]
}
