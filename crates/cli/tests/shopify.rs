//! The verbs that talk to a shop, as a user runs them, against the local shop of the library's tests.

#![cfg(test)]

#[expect(dead_code, reason = "the library's tests use more of the shop")]
#[path = "../../connect/tests/shopify/mock.rs"]
mod mock;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mock::MockShop;
use slirec_core::catalog::Catalog;

const SECRET: &str = "shpss_right";
const TOKEN: &str = "shpat_static";

fn demo_catalog() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/demo/catalog.json").to_owned()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
}

struct Run<'a> {
    folder: &'a Path,
    environment: Vec<(&'a str, String)>,
    input: &'a str,
}

impl<'a> Run<'a> {
    fn new(folder: &'a Path, mock: &MockShop) -> Self {
        let environment = vec![("SHOPIFY_STORE_URL", mock.url.clone()), ("SHOPIFY_ACCESS_TOKEN", TOKEN.to_owned())];
        Self { folder, environment, input: "" }
    }

    fn slirec(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slirec"));
        for name in
            ["STORE_URL", "ACCESS_TOKEN", "ACCESS_TOKEN_FILE", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE"]
        {
            command.env_remove(format!("SHOPIFY_{name}"));
        }
        command.current_dir(self.folder).args(arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            // No token and no secret, whatever happens.
            assert!(!text.contains("shpat_") && !text.contains("shpss_"), "{text}");
        }
        output
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.slirec(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.slirec(arguments);
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn the_demo_catalogue_goes_into_a_shop_comes_back_and_leaves_again() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    // The rate of a standard shop, so that the figures mean something; the bucket is small.
    mock.state().bucket = (1000.0, 1000.0, 1000.0);
    let run = Run::new(folder.path(), &mock);
    let catalog = demo_catalog();
    let demo = Catalog::read(Path::new(&catalog)).unwrap();
    let count = demo.products().len();
    let populate = ["catalog", "populate", "--catalog", &catalog];

    let text = run.succeeds(&[&populate[..], &["--dry-run"]].concat());
    assert!(text.contains(&format!("to make: {} collections, {count} products", demo.categories().len())), "{text}");
    assert!(text.ends_with("nothing was changed\n"), "{text}");
    assert!(mock.state().shop.products.is_empty() && mock.state().shop.collections.is_empty());

    let text = run.succeeds(&populate);
    assert!(text.contains(&format!("made {} collections and {count} products", demo.categories().len())), "{text}");
    println!("{text}{} requests were throttled", mock.state().throttled);
    let text = run.succeeds(&populate);
    assert!(
        text.contains(&format!("to make: 0 collections, 0 products; to publish: 0; right already: {count}")),
        "{text}"
    );
    assert!(text.contains("made 0 collections and 0 products, published 0"), "{text}");
    assert_eq!(mock.state().shop.products.len(), count);

    let text = run.succeeds(&["catalog", "fetch", "--output", "fetched.json"]);
    assert!(
        text.contains(&format!("fetched.json: {count} products in {} categories", demo.categories().len())),
        "{text}"
    );
    let fetched = Catalog::read(&folder.path().join("fetched.json")).unwrap();
    for product in demo.products() {
        let found = fetched.product(&product.handle).unwrap();
        assert_eq!(
            (&found.title, &found.category, found.available),
            (&product.title, &product.category, product.available)
        );
        assert!(
            product.attributes.iter().all(|(name, value)| found.attributes.get(name) == Some(value)),
            "{}",
            product.handle
        );
    }
    assert!(run.fails(&["catalog", "fetch", "--output", "fetched.json"]).contains("exists already"));

    let text = run.succeeds(&["catalog", "cleanup"]);
    assert!(text.contains("nothing was deleted; --delete deletes them"), "{text}");
    assert_eq!(mock.state().shop.products.len(), count);
    run.succeeds(&["catalog", "cleanup", "--delete"]);
    assert!(mock.state().shop.products.is_empty() && mock.state().shop.collections.is_empty());
    assert!(run.succeeds(&["catalog", "cleanup", "--delete"]).contains("to delete: 0 products, 0 collections"));
    mock.assert_correct();
}

#[test]
fn a_whole_shop_is_deleted_only_when_its_name_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    mock.state().shop.add("theirs", "Theirs", &[]);
    let mut run = Run::new(folder.path(), &mock);
    assert!(run.succeeds(&["catalog", "cleanup", "--delete"]).contains("to delete: 0 products"));
    for wrong in ["", "yes\n", "example shop\n"] {
        run.input = wrong;
        let text = run.fails(&["catalog", "cleanup", "--all", "--delete"]);
        assert!(text.contains("is not the shop's name: nothing was deleted"), "{text}");
        assert_eq!(mock.state().shop.products.len(), 1);
    }
    run.input = "Example Shop\n";
    assert!(run.succeeds(&["catalog", "cleanup", "--all", "--delete"]).contains("deleted 1"));
    assert!(mock.state().shop.products.is_empty());
}

#[test]
fn failures_of_single_products_are_listed_and_the_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    mock.state().shop.add("novel", "The merchant's", &[]);
    mock.state().shop.refused.insert("easel".to_owned());
    let run = Run::new(folder.path(), &mock);
    let text = run.fails(&["catalog", "populate", "--catalog", &demo_catalog()]);
    assert!(text.contains("failed: product easel: input.title: Title can't be blank (INVALID_INPUT)"), "{text}");
    assert!(text.contains("error: 2 products were not made"), "{text}");
    let novels: Vec<_> =
        mock.state().shop.products.values().filter(|product| product.handle == "novel").cloned().collect();
    assert_eq!((novels.len(), novels[0].title.as_str()), (1, "The merchant's"));
}

#[test]
fn credentials_come_from_the_environment_or_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    let mut run = Run::new(folder.path(), &mock);
    let fetch = ["catalog", "fetch", "--output", "catalog.json", "--force"];
    let store = ("SHOPIFY_STORE_URL", mock.url.clone());
    run.environment = vec![store.clone()];
    let text = run.fails(&fetch);
    assert!(text.contains("no credentials: expected SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and"), "{text}");
    run.environment = vec![("SHOPIFY_ACCESS_TOKEN", TOKEN.to_owned())];
    assert!(run.fails(&fetch).contains("which shop? expected --store or SHOPIFY_STORE_URL"));

    run.environment = vec![store.clone(), ("SHOPIFY_ACCESS_TOKEN", "shpat_wrong".to_owned())];
    assert!(run.fails(&fetch).contains("WhoAmI: HTTP 401: the access token is refused"));
    run.environment = vec![store.clone(), ("SHOPIFY_ACCESS_TOKEN", "shpat_\u{1}".to_owned())];
    assert!(run.fails(&fetch).contains("the token or secret holds characters that cannot be sent"));

    let client = |secret: &str| {
        vec![store.clone(), ("SHOPIFY_CLIENT_ID", "client".to_owned()), ("SHOPIFY_CLIENT_SECRET", secret.to_owned())]
    };
    run.environment = client("shpss_wrong");
    assert!(run.fails(&fetch).contains("the client's id or secret is refused (invalid_client)"));
    run.environment = client(SECRET);
    run.succeeds(&fetch);

    fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    run.environment = vec![store.clone(), ("SHOPIFY_ACCESS_TOKEN_FILE", "token".to_owned())];
    run.succeeds(&fetch);
    run.environment = vec![store, ("SHOPIFY_ACCESS_TOKEN_FILE", "missing".to_owned())];
    assert!(run.fails(&fetch).contains("SHOPIFY_ACCESS_TOKEN_FILE: cannot read missing"));
}

#[test]
fn another_version_of_the_api_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    mock.state().version = "2026-01".to_owned();
    let run = Run::new(folder.path(), &mock);
    let output = run.slirec(&["catalog", "fetch", "--output", "catalog.json"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("warning: the shop answers with version 2026-01 of its API: expected 2026-10"), "{text}");
}

#[test]
fn webhooks_are_subscribed() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    let run = Run::new(folder.path(), &mock);
    let text = run.succeeds(&["catalog", "subscribe", "https://recommendations.example/webhooks/shopify"]);
    assert!(text.contains("3 of them are new"), "{text}");
    assert_eq!(mock.state().shop.subscriptions.len(), 3);
}

#[test]
fn sessions_become_recommendations_and_the_theme_s_metaobjects() {
    let folder = tempfile::tempdir().unwrap();
    let mock = MockShop::start();
    let run = Run::new(folder.path(), &mock);
    let (prefix, pickles) = (golden("tensorflow/best_model"), golden("pickles"));
    let import = ["import", "tensorflow", prefix.to_str().unwrap(), "--vocabularies", pickles.to_str().unwrap()];
    run.succeeds(&[&import[..], &["--output", "bundle"]].concat());
    let sessions = [
        r#"{"user_id": "ann", "history": [{"item": "novel", "time": 1793610900}, {"item": "cookbook", "time": "1793610960000"}]}"#,
        r#"{"user_id": "bob", "history": [{"item": "shirt", "time": 1793610900}], "now": 1793611000, "limit": 3}"#,
        r#"{"user_id": "new", "history": []}"#,
    ];
    fs::write(folder.path().join("sessions.jsonl"), sessions.join("\n")).unwrap();
    let recommend = ["recommend", "sessions.jsonl", "--bundle", "bundle", "--limit", "5", "--now", "1793611000"];
    let text = run.succeeds(&recommend);
    let answers: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sources: Vec<&str> = answers.iter().map(|answer| answer["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["model", "model", "popular"]);
    let lengths: Vec<usize> = answers.iter().map(|answer| answer["products"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [5, 3, 5], "what a session says counts before the flag");
    let first = &answers[0]["products"][0];
    assert!(first["rank"] == 1 && first["title"].is_string(), "{first}");

    let said = run.succeeds(&[&recommend[..], &["--write-metaobjects"]].concat());
    assert!(said.contains("the definition of nu_recommendation was made"), "{text}");
    assert!(said.contains("wrote the recommendations of 3 users"), "{said}");
    let written: Vec<String> = serde_json::from_str(&mock.state().shop.metaobjects["customer-ann"]).unwrap();
    let expected: Vec<&str> =
        answers[0]["products"].as_array().unwrap().iter().map(|product| product["gid"].as_str().unwrap()).collect();
    assert_eq!(written, expected);
    mock.assert_correct();

    // Interactions are sessions too, and give the same answers.
    let interactions =
        "1\tann\tnovel\t1793610900\tBooks\n1\tann\tcookbook\t1793610960\tBooks\n1\tbob\tshirt\t1793610900\tClothing\n";
    fs::write(folder.path().join("interactions.tsv"), interactions).unwrap();
    let of_interactions =
        ["recommend", "interactions.tsv", "--bundle", "bundle", "--limit", "5", "--now", "1793611000"];
    let again = run.succeeds(&of_interactions);
    assert_eq!(again.lines().next(), text.lines().next());
    assert_eq!(again.lines().count(), 2);

    fs::write(
        folder.path().join("sessions.jsonl"),
        r#"{"user_id": "ann", "history": [{"item": "novel", "time": "soon"}]}"#,
    )
    .unwrap();
    let text = run.fails(&recommend);
    assert!(text.contains("sessions.jsonl:1: history[0].time: `soon` is not a Unix time"), "{text}");
}
