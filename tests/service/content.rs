//! New products and their content: a bundle whose model reads words of titles or vectors; products that come while it is
//! served are ranked by theirs at once, whatever way they come.

use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::server::{Server, wait_until};
use crate::webhooks::{self, Changes};

const TIME: u64 = 1_730_807_061;

/// The demo bundle with another reading of its one feature: what are categories there are words or codes here, with the
/// embeddings that the categories have. The catalogue's titles are the categories, so that all it has keeps its scores.
fn bundle(read: fn(&mut Value)) -> Bundle {
    let bundle = Bundle::new();
    bundle.replace("vocabulary.json", |bytes| {
        let mut vocabulary: Value = serde_json::from_slice(&bytes).unwrap();
        read(&mut vocabulary["features"][0]);
        vocabulary.to_string().into_bytes()
    });
    bundle.replace("catalog.json", |bytes| {
        let mut catalog: Value = serde_json::from_slice(&bytes).unwrap();
        for product in catalog["products"].as_array_mut().unwrap() {
            product["title"] = product["category"].clone();
        }
        catalog.to_string().into_bytes()
    });
    bundle
}

fn words(feature: &mut Value) {
    feature["text"] = json!("title");
    for word in feature["values"].as_array_mut().unwrap() {
        *word = json!(word.as_str().unwrap().to_lowercase());
    }
}

fn codes(feature: &mut Value) {
    let count = feature["values"].as_array().unwrap().len();
    let centroids: Vec<u8> = (0..count * count).map(|at| u8::from(at / count == at % count)).collect();
    feature["vector"] = json!({"attribute": "vector", "values": centroids});
}

/// A vector that has the code of a category of the demo.
fn vector_of(category: &str) -> String {
    let vocabulary = std::fs::read(Bundle::new().file("vocabulary.json")).unwrap();
    let vocabulary: Value = serde_json::from_slice(&vocabulary).unwrap();
    let categories = vocabulary["features"][0]["values"].as_array().unwrap().clone();
    let numbers = categories.iter().map(|other| if other == category { "2" } else { "0.1" });
    numbers.collect::<Vec<_>>().join(" ")
}

/// Scores of products after a view of the novel.
fn scores<const COUNT: usize>(server: &Server, handles: [&str; COUNT]) -> [f64; COUNT] {
    let history = json!([{"item": "novel", "time": TIME}]);
    let body = json!({"history": history, "now": TIME + 39, "candidates": handles.to_vec()}).to_string();
    let answer = server.post("/v1/rank", body).json();
    handles.map(|handle| {
        let mut items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        items.find(|item| item["handle"] == handle).unwrap()["score"].as_f64().unwrap()
    })
}

/// Serves a bundle and adds products; answers the service.
fn with_new(bundle: &Bundle, folder: &tempfile::TempDir, products: Value) -> Server {
    let file = folder.path().join("products.jsonl");
    let server = Server::start_with(&[
        ("SLIREC__MODEL__PATH", bundle.path()),
        ("SLIREC__ADMIN__PRODUCTS", file.to_str().unwrap()),
    ]);
    let response = server.operate("POST", "/admin/products", &json!({ "products": products }).to_string());
    assert_eq!(response.status, 200, "{}", response.text());
    server
}

/// What new products of two categories score in the demo, whose model reads categories.
fn by_category() -> [f64; 2] {
    let (bundle, folder) = (Bundle::new(), tempfile::tempdir().unwrap());
    let new = |name: &str, category: &str| json!({"product": name, "title": "New", "category": category});
    scores(&with_new(&bundle, &folder, json!([new("one", "Books"), new("two", "Garden")])), ["one", "two"])
}

#[test]
fn products_that_operators_add_are_ranked_by_their_titles_and_vectors_at_once() {
    let expected = by_category();
    assert_ne!(expected[0], expected[1]);
    let (bundle, codes) = (bundle(words), bundle(codes));
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let titled = |name: &str, title: &str| json!({"product": name, "title": title, "category": "Unheard-of"});
    let products = json!([titled("one", "Unheard-of BOOKS"), titled("two", "A garden, unheard of")]);
    assert_eq!(scores(&with_new(&bundle, &folders[0], products), ["one", "two"]), expected);
    let pictured = |name: &str, category: &str| json!({"product": name, "title": "New", "category": "Unheard-of", "attributes": {"vector": vector_of(category)}});
    let products = json!([pictured("one", "Books"), pictured("two", "Garden")]);
    assert_eq!(scores(&with_new(&codes, &folders[1], products), ["one", "two"]), expected);
}

#[test]
fn products_that_a_webhook_adds_are_ranked_by_their_titles_at_once() {
    let (bundle, changes) = (bundle(words), Changes::new());
    let server = changes.serve(&bundle);
    for (id, handle, title) in [(77, "one", "Unheard-of books"), (78, "two", "Unheard-of garden")] {
        let mut product = webhooks::product(id, handle, "Unheard-of", 5);
        product["title"] = json!(title);
        webhooks::create(&server, &id.to_string(), &product);
    }
    wait_until("both are scored", || webhooks::scores(&server, "two"));
    assert_eq!(scores(&server, ["one", "two"]), by_category());
}
