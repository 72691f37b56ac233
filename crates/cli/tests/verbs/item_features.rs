//! Item features beyond the category: they come from the catalogue and travel through training, export and the engine.

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, ViewHistory};

use crate::companion::{Folder, verb_arguments};

const CATEGORY_ALONE: &str = r#"features = [{ name = "category", embedding_size = 16 }]"#;
const WITH_VENDOR: &str = r#"features = [
    { name = "category", embedding_size = 16 },
    { name = "vendor", embedding_size = 16 },
    { name = "colour", embedding_size = 16 },
]"#;

/// A prepared folder whose network also takes the vendor and the colour.
fn folder() -> Folder {
    let folder = Folder::after(&["generate", "prepare"]);
    let small = folder.read("small.toml").replace(CATEGORY_ALONE, WITH_VENDOR);
    folder.write("small.toml", small);
    folder
}

#[test]
fn features_of_the_catalogue_reach_the_scores() {
    let folder = folder();
    folder.succeed(&[verb_arguments("train"), &["--catalog", "catalog.json"]].concat());
    let exported = folder.succeed(verb_arguments("export"));
    assert!(exported.contains("differ by at most"), "{exported}");
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let features: Vec<(&str, usize)> =
        bundle.manifest.model.features.iter().map(|f| (f.name.as_str(), f.embedding_size)).collect();
    assert_eq!(features, [("category", 16), ("vendor", 16), ("colour", 16)]);
    let of_run = folder.json(&["evaluate", "--run", "run", "--dataset", "dataset"]);
    let of_bundle = folder.json(&["evaluate", "--bundle", "bundle", "--dataset", "dataset"]);
    // Not an order: products that training has not seen tie, and a rounding error decides between them.
    let loss = |report: &serde_json::Value| report["measured"][0]["sampled"]["logloss"].as_f64().unwrap();
    assert!((loss(&of_run) - loss(&of_bundle)).abs() <= 1e-5, "{} {}", loss(&of_run), loss(&of_bundle));

    // Two products that training has not seen differ in their colour alone, and so do their scores.
    let engine_scores = |colours: [&str; 2]| {
        let mut products = bundle.catalog.products().to_vec();
        for (product, colour) in colours.iter().enumerate() {
            let mut new = products[0].clone();
            (new.handle, new.gid) = (format!("new-{product}"), format!("gid://new/{product}"));
            new.attributes.insert("colour", colour);
            products.push(new);
        }
        let catalog = slirec_core::catalog::Catalog::new(products).unwrap();
        catalog.write(&folder.path("wider.json")).unwrap();
        folder.succeed(&[
            "export",
            "--run",
            "run",
            "--dataset",
            "dataset",
            "--catalog",
            "wider.json",
            "--output",
            "wider",
            "--force",
        ]);
        let engine = Engine::load(&folder.path("wider"), &EngineOptions::default()).unwrap();
        let history = ViewHistory::from_iter([("easel", 1_790_900_000.0)]);
        let answer = engine.recommend(RecommendationRequest::new(history, 1_790_900_300.0, 1000)).unwrap();
        ["new-0", "new-1"].map(|handle| {
            let scored = answer.products.iter().find(|it| engine.catalog().products()[it.product].handle == handle);
            scored.unwrap().score
        })
    };
    let [one, other] = engine_scores(["yellow", "yellow"]);
    assert_eq!(one, other);
    let [one, other] = engine_scores(["yellow", "blue"]);
    assert_ne!(one, other);
}

#[test]
fn features_without_a_catalogue_or_without_values_are_refused() {
    let folder = folder();
    let message = folder.fail(verb_arguments("train"));
    assert!(message.contains("the item feature `vendor` needs --catalog"), "{message}");
    let small = folder.read("small.toml").replace("colour", "scent");
    folder.write("small.toml", small);
    let message = folder.fail(&[verb_arguments("train"), &["--catalog", "catalog.json"]].concat());
    assert!(message.contains("the attribute `scent`: expected one of `category`, `colour`"), "{message}");
}
