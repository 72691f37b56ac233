//! Deliveries of a shop: what is sold out leaves the answers, what is new enters them, and nothing of it is ever lost.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::client::{Response, exchange};
use crate::server::{Server, run, wait_until};

const SECRET: &str = "a-secret-that-only-the-shop-knows";
const PATH: &str = "/webhooks/shopify";

/// A folder for the changes, which outlives services.
pub(crate) struct Changes(TempDir);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("changes.jsonl")
    }

    pub(crate) fn serve(&self, bundle: &Bundle) -> Server {
        self.serve_by(bundle, Server::start_with)
    }

    fn serve_by(&self, bundle: &Bundle, start: fn(&[(&str, &str)]) -> Server) -> Server {
        start(&[
            ("SLIREC__MODEL__PATH", bundle.path()),
            ("SLIREC__WEBHOOKS__SECRET", SECRET),
            ("SLIREC__WEBHOOKS__CHANGES", self.file().to_str().unwrap()),
        ])
    }
}

pub(crate) fn product(id: u64, handle: &str, category: &str, stock: i64) -> Value {
    json!({
        "id": id, "handle": handle, "title": handle, "product_type": category, "vendor": "", "status": "active",
        "published_at": "2026-01-01T00:00:00Z",
        "variants": [{"inventory_quantity": stock, "inventory_policy": "deny"}],
    })
}

/// A product of the bundle as the shop would send it.
fn known(bundle: &Bundle, handle: &str, stock: i64) -> Value {
    let catalog: Value = serde_json::from_slice(&fs::read(bundle.file("catalog.json")).unwrap()).unwrap();
    let products = catalog["products"].as_array().unwrap();
    let found = products.iter().find(|product| product["handle"] == handle).unwrap();
    let id = found["gid"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    product(id, handle, found["category"].as_str().unwrap(), stock)
}

fn send(server: &Server, secret: &str, topic: &str, id: &str, at: &str, body: &Value) -> Response {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = [
        ("X-Shopify-Hmac-Sha256", signature.as_str()),
        ("X-Shopify-Topic", topic),
        ("X-Shopify-Webhook-Id", id),
        ("X-Shopify-Triggered-At", at),
        ("X-Shopify-Shop-Domain", "example.myshopify.com"),
    ];
    exchange(server.address, "POST", PATH, &headers, body.as_bytes())
}

fn outcome(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["outcome"].as_str().unwrap().to_owned()
}

/// Tells of a product that the shop created.
pub(crate) fn create(server: &Server, id: &str, product: &Value) {
    assert_eq!(outcome(&send(server, SECRET, "products/create", id, "2026-11-01T11:00:00Z", product)), "changed");
}

/// Handles of an answer to a view of the novel.
fn recommended(server: &Server) -> Vec<String> {
    let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}], "now": 1_730_807_100, "limit": 100});
    let answer = server.recommend(&body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn scores(server: &Server, handle: &str) -> Option<f64> {
    let body =
        json!({"history": [{"item": "novel", "time": 1_730_807_061}], "now": 1_730_807_100, "candidates": [handle]});
    let answer = server.post("/v1/rank", body.to_string());
    let answer = answer.json();
    answer["items"].as_array().and_then(|items| items.first()?["score"].as_f64())
}

#[test]
fn without_a_secret_there_is_no_such_route() {
    let server = Server::start();
    assert_eq!(server.post(PATH, "{}").status, 404);
}

#[test]
fn a_secret_without_a_place_for_the_changes_ends_the_start() {
    let (code, errors) = run(&["--port", "0"], &[("SLIREC__WEBHOOKS__SECRET", SECRET)]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("`webhooks.changes`: is empty while webhooks have a secret"), "{errors}");
    assert!(!errors.contains(SECRET), "{errors}");
}

#[test]
fn what_is_sold_out_leaves_the_answers_and_what_is_new_is_scored_by_its_category() {
    let (bundle, changes) = (Bundle::new(), Changes::new());
    let server = changes.serve(&bundle);
    let before = recommended(&server);
    let first = before[0].clone();
    let sold_out = known(&bundle, &first, 0);
    assert_eq!(outcome(&send(&server, SECRET, "products/update", "1", "2026-11-01T10:00:00Z", &sold_out)), "changed");
    wait_until("it is gone", || (!recommended(&server).contains(&first)).then_some(()));
    assert_eq!(recommended(&server)[..9], before[1..10], "the others stay in their order");

    let category = known(&bundle, "novel", 1)["product_type"].clone();
    let new = product(77, "brand-new-book", category.as_str().unwrap(), 5);
    assert_eq!(outcome(&send(&server, SECRET, "products/create", "2", "2026-11-01T11:00:00Z", &new)), "changed");
    wait_until("it is scored", || scores(&server, "brand-new-book"));
    assert_eq!(server.metric("slirec_changed_products"), 2.0);

    assert_eq!(
        outcome(&send(&server, SECRET, "products/delete", "3", "2026-11-01T12:00:00Z", &json!({"id": 77}))),
        "changed"
    );
    wait_until("it is gone again", || scores(&server, "brand-new-book").is_none().then_some(()));
    let back = known(&bundle, &first, 3);
    assert_eq!(outcome(&send(&server, SECRET, "products/update", "4", "2026-11-01T13:00:00Z", &back)), "changed");
    wait_until("it is back", || (recommended(&server) == before).then_some(()));
    assert_eq!(server.metric(r#"slirec_webhook_deliveries_total{outcome="changed"}"#), 4.0);
}

#[test]
fn changes_outlive_the_service_a_reload_and_a_rollback() {
    let (bundle, changes) = (Bundle::of_version("first"), Changes::new());
    let server = changes.serve(&bundle);
    let first = recommended(&server)[0].clone();
    let sold_out = known(&bundle, &first, 0);
    send(&server, SECRET, "products/update", "1", "2026-11-01T10:00:00Z", &sold_out);
    // Answered means kept, whatever happens next.
    drop(server);
    let server = changes.serve(&bundle);
    assert!(!recommended(&server).contains(&first));
    bundle.set_version("second");
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    let others = recommended(&server);
    assert!(!others.contains(&first));
    // What changes now must also hold for the model that comes back.
    let second = others[0].clone();
    send(&server, SECRET, "products/update", "2", "2026-11-01T11:00:00Z", &known(&bundle, &second, 0));
    wait_until("it is gone", || (!recommended(&server).contains(&second)).then_some(()));
    assert_eq!(server.operate("POST", "/admin/rollback", "").json()["version"], "first");
    let answer = recommended(&server);
    assert!(!answer.contains(&first) && !answer.contains(&second), "{answer:?}");
}

#[test]
fn forged_repeated_late_and_unrelated_deliveries_change_nothing() {
    let (bundle, changes) = (Bundle::new(), Changes::new());
    let server = changes.serve(&bundle);
    let before = recommended(&server);
    let sold_out = known(&bundle, &before[0], 0);
    let forged = send(&server, "another-secret", "products/update", "1", "2026-11-01T10:00:00Z", &sold_out);
    assert_eq!((forged.status, forged.json()["error_code"].as_str()), (401, Some("UNAUTHENTICATED")));
    assert_eq!(server.post(PATH, sold_out.to_string()).status, 401);
    let wrong = send(&server, SECRET, "products/update", "1", "2026-11-01T10:00:00Z", &json!({"id": "x"}));
    assert_eq!(wrong.status, 400);
    assert!(wrong.message().starts_with("body: "), "{}", wrong.message());
    let wrong = send(&server, SECRET, "products/update", "1", "yesterday", &sold_out);
    assert!(
        wrong.status == 400 && wrong.message().starts_with("header X-Shopify-Triggered-At: "),
        "{}",
        wrong.message()
    );
    assert_eq!(
        outcome(&send(&server, SECRET, "orders/create", "9", "2026-11-01T10:00:00Z", &json!({"id": 1}))),
        "unrelated"
    );

    let present = known(&bundle, &before[0], 7);
    assert_eq!(outcome(&send(&server, SECRET, "products/update", "1", "2026-11-01T10:00:00Z", &present)), "changed");
    assert_eq!(outcome(&send(&server, SECRET, "products/update", "1", "2026-11-01T10:00:00Z", &present)), "repeated");
    assert_eq!(outcome(&send(&server, SECRET, "products/update", "2", "2026-11-01T09:00:00Z", &sold_out)), "late");
    assert_eq!(server.metric(r#"slirec_webhook_deliveries_total{outcome="unsigned"}"#), 2.0);
    assert_eq!(server.metric(r#"slirec_webhook_deliveries_total{outcome="malformed"}"#), 2.0);
    assert_eq!(recommended(&server), before);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("a delivery is refused") && !log.contains(SECRET), "{log}");
}

#[test]
fn secrets_of_a_file_are_read_again_on_reload() {
    let (bundle, changes) = (Bundle::new(), Changes::new());
    let secrets = changes.0.path().join("secrets");
    fs::write(&secrets, "# the shop's\nthe-first-secret\n").unwrap();
    let server = Server::start_with(&[
        ("SLIREC__MODEL__PATH", bundle.path()),
        ("SLIREC__WEBHOOKS__SECRET_FILE", secrets.to_str().unwrap()),
        ("SLIREC__WEBHOOKS__CHANGES", changes.file().to_str().unwrap()),
    ]);
    let status = |secret: &str, id: &str| {
        send(&server, secret, "orders/create", id, "2026-11-01T10:00:00Z", &json!({"id": 1})).status
    };
    assert_eq!([status("the-first-secret", "1"), status("the-second-secret", "2")], [200, 401]);
    fs::write(&secrets, "the-first-secret\nthe-second-secret\n").unwrap();
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    assert_eq!([status("the-first-secret", "3"), status("the-second-secret", "4")], [200, 200]);
    fs::write(&secrets, "# none\n").unwrap();
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 422);
    assert_eq!(status("the-second-secret", "5"), 200, "the old ones stay");
}

#[test]
fn a_delivery_that_cannot_be_written_is_refused_and_kept_when_it_is_sent_again() {
    let (bundle, changes) = (Bundle::new(), Changes::new());
    let server = changes.serve_by(&bundle, Server::start_with_limited_files);
    let sold_out = |handle: &str| known(&bundle, handle, 0);
    let update = |id: &str, body: &Value| send(&server, SECRET, "products/update", id, "2026-11-25T10:00:00Z", body);
    assert_eq!(outcome(&update("first", &sold_out("novel"))), "changed");
    let written = fs::read(changes.file()).unwrap();
    // Room for half a line.
    server.limit_files(&(written.len() + 40).to_string());
    for _ in 0..3 {
        let refused = update("second", &sold_out("atlas"));
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
        assert!(!refused.text().contains("jsonl"), "{}", refused.text());
        assert_eq!(fs::read(changes.file()).unwrap(), written);
    }
    assert_eq!(server.metric(r#"slirec_webhook_deliveries_total{outcome="failed"}"#), 3.0);
    assert!(recommended(&server).contains(&"atlas".to_owned()));
    server.limit_files("unlimited");
    assert_eq!(outcome(&update("second", &sold_out("atlas"))), "changed");
    wait_until("the atlas is sold out", || (!recommended(&server).contains(&"atlas".to_owned())).then_some(()));
    drop(server);
    let again = changes.serve(&bundle);
    assert!(!recommended(&again).contains(&"atlas".to_owned()));
}

#[test]
fn a_burst_of_deliveries_fails_no_request_and_is_served_as_a_whole() {
    let (bundle, changes) = (Bundle::new(), Changes::new());
    let server = Arc::new(changes.serve(&bundle));
    let first = recommended(&server)[0].clone();
    let stop = Arc::new(AtomicBool::new(false));
    let client = {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        thread::spawn(move || {
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                assert!(recommended(&server).len() >= 16);
                answers += 1;
            }
            answers
        })
    };
    for number in 0..200 {
        let new = product(1_000 + number, &format!("burst-{number}"), "Art", 1);
        let id = format!("burst-{number}");
        if number % 50 == 25 {
            // Other changes of the model are not kept out.
            bundle.set_version(&id);
            assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
        }
        assert_eq!(outcome(&send(&server, SECRET, "products/create", &id, "2026-11-01T10:00:00Z", &new)), "changed");
    }
    send(&server, SECRET, "products/update", "last", "2026-11-01T10:00:00Z", &known(&bundle, &first, 0));
    wait_until("the last one is served", || (!recommended(&server).contains(&first)).then_some(()));
    assert!((0..200).all(|number| scores(&server, &format!("burst-{number}")).is_some()));
    stop.store(true, Ordering::Relaxed);
    assert!(client.join().unwrap() > 0);
    assert_eq!(server.get("/ready").json()["version"], "burst-175");
    let server = Arc::into_inner(server).unwrap();
    server.signal("TERM");
    let (_, log) = server.wait();
    // Many changes are taken in by one rebuild: a rebuild for each would be 201, and 4 more after the reloads.
    let rebuilds = log.matches("the shop's changes are in service").count();
    assert!((1..150).contains(&rebuilds), "{rebuilds}");
}
