//! Changes of products that operators send: what is kept is there again after a restart, what does not fit a catalogue is
//! left out alone, and the file stays in proportion to what it says.

#![cfg(test)]
#![cfg(feature = "webhooks")]

use std::collections::BTreeMap;

use slirec_connect::patches::{Patch, PatchStore};
use slirec_core::catalog::{Attributes, Catalog, Product};

fn product(handle: &str) -> Product {
    Product {
        handle: handle.into(),
        gid: format!("gid/{handle}"),
        title: handle.into(),
        category: "Books".into(),
        available: true,
        attributes: Attributes::from([("price", "12.50"), ("colour", "red")]),
    }
}

fn catalog() -> Catalog {
    Catalog::new(["novel", "atlas", "mug"].map(product).into()).unwrap()
}

fn patch(handle: &str, at: f64, attributes: &[(&str, Option<&str>)]) -> Patch {
    let text = |(name, text): &(&str, Option<&str>)| ((*name).to_owned(), text.map(str::to_owned));
    Patch { handle: handle.into(), at, attributes: attributes.iter().map(text).collect(), ..Patch::default() }
}

#[test]
fn what_does_not_fit_is_left_out_alone_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = PatchStore::open(&folder.path().join("products.jsonl")).unwrap();
    let long = "a".repeat(100_000);
    let many: Vec<(String, Option<String>)> =
        (0..1_200).map(|number| (format!("a{number}"), Some("x".into()))).collect();
    store.accept(vec![patch("novel", 1.0, &[("price", Some("7")), ("colour", None)])]).unwrap();
    store
        .accept(vec![patch("atlas", 2.0, &[("note", Some(&long))]), patch("gone", 2.0, &[("price", Some("1"))])])
        .unwrap();
    store.accept(vec![Patch { attributes: many.into_iter().collect(), ..patch("mug", 3.0, &[]) }]).unwrap();
    store.accept(vec![patch("novel", 4.0, &[("price", Some("cheap")), ("size", Some("L"))])]).unwrap();
    let (changed, problems) = store.patches().apply(&catalog(), |_| None);
    let named: Vec<&str> = problems.iter().map(|problem| problem.handle.as_str()).collect();
    assert_eq!(named, ["atlas", "mug", "novel"]);
    assert!(problems[1].to_string().contains("more than 1000 attributes"), "{}", problems[1]);
    let attributes = |handle: &str| changed.product(handle).unwrap().attributes.clone();
    // Of the two prices of the novel the later one is none, so that it keeps what the catalogue says.
    assert_eq!(attributes("novel"), Attributes::from([("price", "12.50"), ("size", "L")]));
    assert_eq!(attributes("atlas"), catalog().product("atlas").unwrap().attributes);
    assert_eq!(attributes("mug"), catalog().product("mug").unwrap().attributes);
}

#[test]
fn a_new_product_stands_behind_the_others_until_a_catalogue_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products.jsonl");
    let mut store = PatchStore::open(&path).unwrap();
    let new = |handle: &str, gid: Option<&str>| Patch {
        gid: gid.map(str::to_owned),
        title: Some("New".into()),
        category: Some("Books".into()),
        ..patch(handle, 1.0, &[("price", Some("9"))])
    };
    store.accept(vec![new("poems", None), new("fables", Some("gid/mug")), new("novel", Some("gid/other"))]).unwrap();
    store
        .accept(vec![Patch { title: Some("Poems".into()), ..patch("poems", 2.0, &[("colour", Some("blue"))]) }])
        .unwrap();
    drop(store);
    let patches = PatchStore::open(&path).unwrap().patches();
    let (changed, problems) = patches.apply(&catalog(), |_| None);
    let handles: Vec<&str> = changed.products().iter().map(|product| product.handle.as_str()).collect();
    assert_eq!(handles, ["novel", "atlas", "mug", "poems"]);
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["fables: gid: another product has `gid/mug`"]
    );
    let poems = changed.product("poems").unwrap();
    assert_eq!((poems.gid.as_str(), poems.title.as_str()), ("gid://catalog/Product/poems", "Poems"));
    assert_eq!(poems.attributes, Attributes::from([("price", "9"), ("colour", "blue")]));
    let novel = changed.product("novel").unwrap();
    assert_eq!((novel.gid.as_str(), novel.title.as_str()), ("gid/novel", "New"), "a known product keeps its GID");
    let later = Catalog::new(["poems", "novel"].map(product).into()).unwrap();
    let (changed, _) = patches.apply(&later, |_| None);
    assert_eq!(changed.products().len(), 3, "the later catalogue's poems, novel, and the fables that fit now");
    assert_eq!(changed.product("poems").unwrap().gid, "gid/poems");
}

#[test]
fn the_availability_of_a_product_that_the_shop_changed_later_is_the_shop_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = PatchStore::open(&folder.path().join("products.jsonl")).unwrap();
    let sold_out = |handle: &str| Patch { available: Some(false), ..patch(handle, 10.0, &[("price", Some("1"))]) };
    store.accept(vec![sold_out("novel"), sold_out("mug")]).unwrap();
    let (changed, _) = store.patches().apply(&catalog(), |gid| (gid == "gid/mug").then_some(11.0));
    let of =
        |handle: &str| changed.product(handle).map(|one| (one.available, one.attributes.get("price").unwrap() == "1"));
    assert_eq!((of("novel"), of("mug"), of("atlas")), (Some((false, true)), Some((true, true)), Some((true, false))));
}

#[test]
fn the_file_stays_in_proportion_to_what_it_says_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products.jsonl");
    let mut store = PatchStore::open(&path).unwrap();
    let batch = |round: usize| -> Vec<Patch> {
        (0..500)
            .map(|number| Patch {
                attributes: BTreeMap::from([("price".to_owned(), Some(format!("{round}.{number:03}")))]),
                ..patch(&format!("product-{number}"), round as f64, &[])
            })
            .collect()
    };
    let mut largest = 0;
    for round in 0..100 {
        store.accept(batch(round)).unwrap();
        largest = largest.max(std::fs::metadata(&path).unwrap().len());
    }
    let one = serde_json::to_vec(&batch(99)).unwrap().len() as u64;
    assert!(largest < (1 << 20) + 4 * one, "{largest} for batches of {one} bytes");
    drop(store);
    // Half a line, as a crash leaves it.
    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"[{\"han"))
        .unwrap();
    let mut again = PatchStore::open(&path).unwrap();
    let products: Vec<Product> = (0..500).map(|number| product(&format!("product-{number}"))).collect();
    let catalog = Catalog::new(products).unwrap();
    let price = |store: &PatchStore| {
        let (changed, problems) = store.patches().apply(&catalog, |_| None);
        assert_eq!(problems, []);
        changed.product("product-7").unwrap().attributes.get("price").unwrap().to_owned()
    };
    assert_eq!(price(&again), "99.007");
    again.accept(vec![patch("product-7", 200.0, &[("price", Some("5"))])]).unwrap();
    assert_eq!(price(&PatchStore::open(&path).unwrap()), "5");
}
