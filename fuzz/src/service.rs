//! Bodies of requests to the service in process, with its real routes: no request may fail inside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use slirec_core::bundle::{Manifest, seal};
use slirec_server::{Address, Answer, InProcess};
use tokio::runtime::{Builder, Runtime};

use super::{choose, file};

/// A service of a shop with attributes, counts and scenarios.
struct Shop {
    runtime: Runtime,
    service: InProcess,
    model: String,
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let folder = folder();
    let bundle = folder.join("bundle");
    make_bundle(&bundle);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("scenarios.toml"), SCENARIOS).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let variables = [
        ("SLIREC__MODEL__PATH", path("bundle")),
        ("SLIREC__SCENARIOS__FILE", path("scenarios.toml")),
        ("SLIREC__ADMIN__PRODUCTS", path("products.jsonl")),
        ("SLIREC__ENGINE__WORKERS", "1".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let guard = runtime.enter();
    let service = InProcess::new(&variables).unwrap();
    drop(guard);
    let model = Manifest::read(&bundle).unwrap().0.name;
    Shop { runtime, service, model }
});

const SCENARIOS: &str = r#"
[home]
limit = 8
filter = "stock > 0"
sources = ["trending", "model"]
[[home.boost]]
when = "new == true"
by = 1.5
[[home.pin]]
product = "novel"
position = 1
[[home.hide]]
when = "price > 50"
"#;

/// What belongs to a static is never dropped: tests remove it when they begin, and `make fuzz` when it ends.
fn folder() -> PathBuf {
    let place = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = place.join("slirec-fuzz-shop");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The demo with attributes of every type, and with counts.
fn make_bundle(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for entry in fs::read_dir(file("models/demo")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let read = |name: &str| serde_json::from_slice::<Value>(&fs::read(folder.join(name)).unwrap()).unwrap();
    let mut catalog = read("catalog.json");
    catalog["types"] = json!({"tags": "list"});
    for (number, product) in catalog["products"].as_array_mut().unwrap().iter_mut().enumerate() {
        let attributes = &mut product["attributes"];
        attributes["price"] = json!(format!("{}.50", 3 + number * 7 % 60));
        attributes["stock"] = json!((number % 5).to_string());
        attributes["new"] = json!((number % 3 == 0).to_string());
        attributes["tags"] = json!(["gift, sale", "clearance", "gift"][number % 3]);
    }
    fs::write(folder.join("catalog.json"), catalog.to_string()).unwrap();
    let products: Vec<Value> = (1..9)
        .map(|id| {
            let again = json!({"buyers": 8, "repeaters": 6, "interval": 604_800.0});
            json!({"id": id, "baskets": 20, "together": [[id % 8 + 1, 6], [(id + 1) % 8 + 1, 5]], "demand": [0.0, 1.0, 9.0, 20.0],
                "again": again})
        })
        .collect();
    let counts = json!({"format": "slirec-activity/1", "end": 1_730_807_061, "baskets_of": "purchase",
        "basket_gap": 1800.0, "baskets": 100, "products": products});
    fs::write(folder.join("activity.json"), counts.to_string()).unwrap();
    let (manifest, _) = Manifest::read(folder).unwrap();
    seal(folder, manifest).unwrap();
}

fn ask(address: Address, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let asked = SHOP.service.ask(address, "POST", path, headers, body.to_vec());
    let answer = SHOP.runtime.block_on(asked).unwrap();
    assert!(answer.status != 500, "{path}: {}", String::from_utf8_lossy(&answer.body));
    let kind = answer.headers.get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
    if kind == b"application/json" {
        let read = serde_json::from_slice::<Value>(&answer.body);
        assert!(read.is_ok(), "{path}: {read:?} in {}", String::from_utf8_lossy(&answer.body));
    }
    answer
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// The service's own API; the first byte is the route.
pub fn v1(data: &[u8]) {
    let routes = [
        "recommendations",
        "recommendations:batch",
        "recommendations:page",
        "rank",
        "related",
        "complements",
        "trending",
        "buy-again",
    ];
    let Some((route, body)) = choose(data, &routes) else { return };
    ask(Address::Clients, &format!("/v1/{route}"), &[JSON], body);
}

/// MLflow's scoring protocol; the first byte is the kind of content.
pub fn invocations(data: &[u8]) {
    let kinds =
        ["application/json", "text/csv", "application/json; format=pandas-split", "application/json; charset=utf-8"];
    let Some((kind, body)) = choose(data, &kinds) else { return };
    ask(Address::Clients, "/invocations", &[("content-type", kind)], body);
}

/// The Open Inference Protocol; two bytes are the length of the JSON before binary tensors, 0xffff where there are none.
pub fn infer(data: &[u8]) {
    let Some((length, body)) = data.split_first_chunk::<2>() else { return };
    let length = u16::from_le_bytes(*length);
    let text = length.to_string();
    let headers = [("content-type", "application/octet-stream"), ("inference-header-content-length", text.as_str())];
    let headers = if length == u16::MAX { &[JSON][..] } else { &headers[..] };
    ask(Address::Clients, &format!("/v2/models/{}/infer", SHOP.model), headers, body);
}

/// Changes of products by operators.
pub fn products(data: &[u8]) {
    ask(Address::Operators, "/admin/products", &[JSON], data);
}
