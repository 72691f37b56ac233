//! Item features beyond the category: they come from the catalogue and travel through training, export and the engine.

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
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
    let scores = |colours: [&'static str; 2]| {
        scores_of_new(
            &folder,
            &bundle,
            colours.map(|colour| move |new: &mut Product| new.attributes.insert("colour", colour)),
        )
    };
    let [one, other] = scores(["yellow", "yellow"]);
    assert_eq!(one, other);
    let [one, other] = scores(["yellow", "blue"]);
    assert_ne!(one, other);
}

/// Scores, after a history, of two products that training has not seen.
fn scores_of_new<R>(folder: &Folder, bundle: &Bundle, changes: [impl Fn(&mut Product) -> R; 2]) -> [f32; 2] {
    let mut products = bundle.catalog.products().to_vec();
    for (product, change) in changes.iter().enumerate() {
        let mut new = products[0].clone();
        (new.handle, new.gid) = (format!("new-{product}"), format!("gid://new/{product}"));
        change(&mut new);
        products.push(new);
    }
    Catalog::new(products).unwrap().write(&folder.path("wider.json")).unwrap();
    let data = ["--run", "run", "--dataset", "dataset", "--catalog", "wider.json"];
    folder.succeed(&[&["export"][..], &data, &["--output", "wider", "--force"]].concat());
    let engine = Engine::load(&folder.path("wider"), &EngineOptions::default()).unwrap();
    let history = ViewHistory::from_iter([("easel", 1_790_900_000.0)]);
    let answer = engine.recommend(RecommendationRequest::new(history, 1_790_900_300.0, 1000)).unwrap();
    ["new-0", "new-1"].map(|handle| {
        let scored = answer.products.iter().find(|it| engine.catalog().products()[it.product].handle == handle);
        scored.unwrap().score
    })
}

/// A prepared folder whose products have titles of several words.
fn titled() -> Folder {
    let folder = Folder::after(&["generate", "prepare"]);
    let catalog = Catalog::read(&folder.path("catalog.json")).unwrap();
    let titled = catalog.products().iter().map(|product| {
        let colour = product.attributes.get("colour").unwrap_or("plain");
        Product { title: format!("{} in {colour}, {}", product.title, product.category), ..product.clone() }
    });
    Catalog::new(titled.collect()).unwrap().write(&folder.path("catalog.json")).unwrap();
    folder
}

#[test]
fn words_of_titles_tell_new_products_apart() {
    let folder = titled();
    folder.succeed(&[verb_arguments("train"), &["--catalog", "catalog.json", "--text", "title"]].concat());
    let exported = folder.succeed(verb_arguments("export"));
    assert!(exported.contains("differ by at most"), "{exported}");
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let names: Vec<&str> = bundle.manifest.model.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names[..3], ["category", "title.1", "title.2"]);
    let scores = |titles: [&'static str; 2]| {
        scores_of_new(&folder, &bundle, titles.map(|title| move |new: &mut Product| new.title = title.into()))
    };
    // Words count, not their order; those that training has not seen do not.
    let [one, other] = scores(["Something in yellow", "Yellow, in unheard-of!"]);
    assert_eq!(one, other);
    let [one, other] = scores(["Something in yellow", "Something in blue"]);
    assert_ne!(one, other);
}

/// A matrix as NumPy writes it.
fn npy(rows: &[[f32; 6]]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 6), }}\n", rows.len());
    let length = (header.len() as u16).to_le_bytes();
    let data: Vec<u8> = rows.as_flattened().iter().flat_map(|value| value.to_le_bytes()).collect();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data].concat()
}

#[test]
fn vectors_of_products_tell_new_ones_apart_and_do_not_stay_in_the_bundle() {
    let folder = Folder::after(&["generate", "prepare"]);
    let catalog = Catalog::read(&folder.path("catalog.json")).unwrap();
    let categories = catalog.categories();
    let vector = |product: &Product| {
        let kind = categories.iter().position(|category| *category == product.category).unwrap();
        std::array::from_fn(|place| if place == kind % 6 { 1.0 } else { 0.01 * product.handle.len() as f32 })
    };
    let rows: Vec<[f32; 6]> = catalog.products().iter().map(vector).collect();
    folder.write("vectors.npy", npy(&rows));
    let give = |output: &'static str, more: &[&str]| {
        let road = ["catalog", "vectors", "--catalog", "catalog.json", "--vectors", "vectors.npy", "--output", output];
        folder.run(&[&road[..], more].concat())
    };
    assert!(give("with.json", &[]).status.success());
    folder.write("handles.txt", format!("{}\n", catalog.products()[0].handle));
    let said = String::from_utf8(give("few.json", &["--handles", "handles.txt"]).stderr).unwrap();
    assert!(said.contains(&format!("vectors.npy: has {} rows: expected 1, as many as handles", rows.len())), "{said}");

    folder.write("catalog.json", folder.read("with.json"));
    folder.succeed(&[verb_arguments("train"), &["--catalog", "catalog.json", "--vector", "vector"]].concat());
    let exported = folder.succeed(verb_arguments("export"));
    assert!(exported.contains("differ by at most"), "{exported}");
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let names: Vec<&str> = bundle.manifest.model.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["category", "vector.1", "vector.2", "vector.3", "vector.4"]);
    for product in bundle.catalog.products() {
        let is_new = bundle.vocabulary.item_id(&product.handle) == 0;
        assert_eq!(product.attributes.get("vector").is_some(), is_new, "{}", product.handle);
    }
    let scores = |vectors: [&'static str; 2]| {
        scores_of_new(
            &folder,
            &bundle,
            vectors.map(|vector| move |new: &mut Product| new.attributes.insert("vector", vector)),
        )
    };
    // The direction counts, not the length.
    let [one, other] = scores(["1 0 0 0 0 0", "[3, 0, 0, 0, 0, 0]"]);
    assert_eq!(one, other);
    let [one, other] = scores(["1 0 0 0 0 0", "0 1 0 0 0 0"]);
    assert_ne!(one, other);
    let whole = Catalog::read(&folder.path("catalog.json")).unwrap();
    let shorter = whole.products().iter().map(|product| {
        let mut product = product.clone();
        if product.handle == bundle.vocabulary.items()[1].handle {
            product.attributes.insert("vector", "1 2");
        }
        product
    });
    Catalog::new(shorter.collect()).unwrap().write(&folder.path("catalog.json")).unwrap();
    let refused = folder
        .fail(&[verb_arguments("train"), &["--catalog", "catalog.json", "--vector", "vector", "--force"]].concat());
    assert!(
        refused.contains("vector `vector`: that of `") && refused.contains(" has 2 numbers, expected 6"),
        "{refused}"
    );
}

#[test]
fn products_that_are_held_out_are_ranked_beside_what_needs_no_content() {
    let folder = titled();
    folder.succeed(&[verb_arguments("train"), &["--catalog", "catalog.json", "--text", "title"]].concat());
    let cold = ["evaluate", "--run", "run", "--dataset", "dataset", "--catalog", "catalog.json", "--cold", "0.2"];
    let found = folder.json(&cold);
    let number = |name: &str| found[name].as_u64().unwrap();
    let products = Catalog::read(&folder.path("catalog.json")).unwrap().products().len() as u64;
    assert!(number("held_out") > 0 && number("trained_on") + number("held_out") <= products, "{found}");
    assert!(number("rows") > 0, "{found}");
    let by: Vec<&str> = found["measured"].as_array().unwrap().iter().map(|one| one["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["the model", "the model, by category alone", "popularity of the category"]);
    let [model, category] = [0, 1].map(|place| found["measured"][place]["among_held_out"].as_f64().unwrap());
    assert!(model != category && (0.0..=1.0).contains(&model), "{found}");
    assert_eq!(found, folder.json(&cold));
    let refused = folder.fail(&[&cold[..8], &["0.00001"]].concat());
    assert!(refused.contains("no product is held out: expected a greater share"), "{refused}");
}

#[test]
fn a_text_without_shared_words_or_of_no_product_is_refused() {
    let folder = Folder::after(&["generate", "prepare"]);
    let catalog = Catalog::read(&folder.path("catalog.json")).unwrap();
    let unlike = catalog.products().iter().map(|it| Product { title: it.handle.replace('-', ""), ..it.clone() });
    Catalog::new(unlike.collect()).unwrap().write(&folder.path("catalog.json")).unwrap();
    let text = |name| folder.fail(&[verb_arguments("train"), &["--catalog", "catalog.json", "--text", name]].concat());
    let message = text("scent");
    assert!(message.contains("the text `scent`: expected `title` or one of the attributes `colour`, `"), "{message}");
    let message = text("title");
    assert!(message.contains("no word of `title` occurs in two products"), "{message}");
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

#[test]
fn features_that_no_bundle_could_hold_are_refused_before_training() {
    let folder = titled();
    let small = folder.read("small.toml");
    let refused = |text: &str| {
        folder.write("small.toml", format!("{small}{text}"));
        folder.fail(&[verb_arguments("train"), &["--catalog", "catalog.json"]].concat())
    };
    let text = |name: &str| format!("\n[[model.text]]\nname = \"{name}\"\nparts = 32\n");
    let message = refused(&(text("title") + &text("colour")));
    assert!(message.contains("their number, is 65: expected at most 64"), "{message}");
    let message = refused(&(text("title") + &text("title")));
    assert!(message.contains("model.text, a name, is title: expected every text once"), "{message}");
    let message = refused(&text("a\\nb"));
    assert!(message.contains("no control characters"), "{message}");
}

#[test]
fn a_sweep_with_another_catalogue_does_not_go_on() {
    let folder = titled();
    let base = folder.read("small.toml").replace("[model]", "[base.model]").replace("[training]", "[base.training]");
    let text = "[[base.model.text]]\nname = \"title\"\nparts = 2\n";
    let values = "[values]\n\"training.learning_rate\" = [0.01]\n";
    folder.write("sweep.toml", format!("method = \"grid\"\n{base}\n{text}\n{values}"));
    let sweep =
        ["sweep", "--dataset", "dataset", "--search", "sweep.toml", "--output", "trials", "--catalog", "catalog.json"];
    let first = folder.json(&sweep);
    assert_eq!(folder.json(&sweep), first);
    let catalog = Catalog::read(&folder.path("catalog.json")).unwrap();
    let titles: Vec<String> = catalog.products().iter().rev().map(|product| product.title.clone()).collect();
    let turned = catalog.products().iter().zip(titles).map(|(product, title)| Product { title, ..product.clone() });
    Catalog::new(turned.collect()).unwrap().write(&folder.path("catalog.json")).unwrap();
    let message = folder.fail(&sweep);
    assert!(message.contains("item features of another catalogue"), "{message}");
}

#[test]
fn products_that_are_held_out_of_a_dataset_in_the_order_of_its_file_leave_that_order() {
    let folder = titled();
    let of_rows = |time: fn(usize) -> usize| -> String {
        let lines = folder.read("interactions.tsv");
        let lines = lines.lines().enumerate().map(|(row, line)| {
            let columns: Vec<&str> = line.split('\t').collect();
            format!("1\t{}\t{}\t{}\t{}\n", columns[1], columns[2], time(row), columns[4])
        });
        lines.collect()
    };
    folder.write("forwards.tsv", of_rows(|row| 1_790_000_000 + 60 * row));
    folder.write("backwards.tsv", of_rows(|row| 1_790_000_000 - 60 * row));
    let popular = |name: &str, flags: &[&str]| {
        let file = format!("{name}.tsv");
        let prepare = ["prepare", "--interactions", &file, "--output", name];
        folder.succeed(&[&prepare[..], flags].concat());
        let run = format!("run-{name}");
        let text = ["--catalog", "catalog.json", "--text", "title", "--hyperparameters", "small.toml"];
        folder.succeed(&[&["train", "--dataset", name, "--output", &run][..], &text].concat());
        let cold = ["evaluate", "--run", &run, "--dataset", name, "--catalog", "catalog.json", "--cold", "0.3"];
        let found = folder.json(&cold);
        (found["rows"].clone(), found["measured"][2]["ndcg_10"].clone())
    };
    assert_eq!(popular("forwards", &[]), popular("backwards", &["--keep-order"]));
}
