//! The catalogue follows what is delivered: repeated, late, out of order, over restarts.

use crate::*;

#[test]
fn what_is_out_of_stock_unpublished_or_archived_disappears_and_comes_back() {
    let stock = |quantities: &[i64], policy: &str| {
        let variants =
            quantities.iter().map(|quantity| json!({"inventory_quantity": quantity, "inventory_policy": policy}));
        json!({"variants": variants.collect::<Vec<_>>()})
    };
    let (_folder, mut store) = store();
    let cases = [
        (stock(&[0, -2], "deny"), false),
        (stock(&[0, 1], "deny"), true),
        (json!({"published_at": null}), false),
        (stock(&[0], "continue"), true),
        (json!({"status": "archived"}), false),
        (json!({"variants": []}), true),
        (json!({"status": "draft"}), false),
        (json!({"variants": [{"id": 1}]}), true),
    ];
    for (second, (change, available)) in (1..).zip(cases) {
        let accepted = store.accept(update(&format!("w{second}"), second, &change)).unwrap();
        assert_eq!(accepted, Accepted::Changed);
        assert_eq!(store.apply(&catalog()).0.product("mug").unwrap().available, available, "{change}");
    }
}

#[test]
fn repeated_and_late_deliveries_change_nothing() {
    let (_folder, mut store) = store();
    assert_eq!(store.accept(update("a", 30, &json!({"title": "New"}))).unwrap(), Accepted::Changed);
    assert_eq!(store.accept(update("a", 30, &json!({"title": "New"}))).unwrap(), Accepted::Repeated);
    assert_eq!(store.accept(update("b", 10, &json!({"title": "Old"}))).unwrap(), Accepted::Late);
    assert_eq!(store.apply(&catalog()).0.product("mug").unwrap().title, "New");
    // A deletion has only the time of its delivery; an update that was sent before it comes late.
    let delete = signed("products/delete", "c", "2026-11-02T09:20:00Z", &json!({"id": 2}));
    assert_eq!(store.accept(open(&verifier(), &delete).unwrap()).unwrap(), Accepted::Changed);
    assert_eq!(store.accept(update("d", 59, &json!({}))).unwrap(), Accepted::Late);
    let (served, _) = store.apply(&catalog());
    assert!(!served.product("mug").unwrap().available, "it stays known for histories, and is never recommended");
    let order = signed("orders/create", "e", "2026-11-02T09:20:00Z", &json!({"anything": 1}));
    assert_eq!(store.accept(open(&verifier(), &order).unwrap()).unwrap(), Accepted::Unrelated);
}

#[test]
fn changes_survive_a_restart_and_a_line_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let mut store = ChangeStore::open(&path).unwrap();
    store.accept(update("a", 10, &json!({"title": "Kept"}))).unwrap();
    drop(store);
    fs::File::options().append(true).open(&path).unwrap().write_all(b"{\"webhook_id\": \"b\", \"at").unwrap();
    let mut store = ChangeStore::open(&path).unwrap();
    assert_eq!(store.apply(&catalog()).0.product("mug").unwrap().title, "Kept");
    assert_eq!(store.accept(update("a", 10, &json!({}))).unwrap(), Accepted::Repeated);
    assert_eq!(store.accept(update("b", 20, &json!({"title": "Next"}))).unwrap(), Accepted::Changed);
    let store = ChangeStore::open(&path).unwrap();
    assert_eq!(store.apply(&catalog()).0.product("mug").unwrap().title, "Next");

    fs::write(&path, "{}\n{}\n").unwrap();
    let message = ChangeStore::open(&path).unwrap_err().to_string();
    assert!(message.contains("changes.jsonl:1: missing field `webhook_id`"), "{message}");
}

#[test]
fn a_file_of_many_outdated_lines_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let line = |number: usize| {
        let at = 1_793_000_000 + number;
        format!(
            "{{\"webhook_id\":\"w{number}\",\"at\":{at}.0,\"change\":{{\"gid\":\"gid://shopify/Product/2\",\"product\":null}}}}\n"
        )
    };
    fs::write(&path, (0..10_001).map(line).collect::<String>()).unwrap();
    let mut store = ChangeStore::open(&path).unwrap();
    store.accept(update("new", 10, &json!({"title": "Last"}))).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    store.accept(update("newer", 11, &json!({"title": "Very last"}))).unwrap();
    let store = ChangeStore::open(&path).unwrap();
    assert_eq!(store.apply(&catalog()).0.product("mug").unwrap().title, "Very last");
}

#[test]
fn a_category_that_was_a_collection_stays_and_one_that_was_the_type_follows() {
    let (_folder, mut store) = store();
    let retyped = json!({"product_type": "Kitchen", "vendor": "Other"});
    store.accept(update("a", 10, &retyped)).unwrap();
    let novel = json!({"id": 1, "handle": "novel", "title": "Novel", "product_type": "Paper"});
    store.accept(update("b", 10, &novel)).unwrap();
    let (served, _) = store.apply(&catalog());
    assert_eq!(served.product("mug").unwrap().category, "Kitchen");
    let novel = served.product("novel").unwrap();
    assert_eq!((novel.category.as_str(), novel.attributes.get("colour").unwrap()), ("Books", "red"));
    assert_eq!(novel.attributes.get("product_type"), Some("Paper"));
}

#[test]
fn attributes_keep_their_types_whatever_is_delivered() {
    let text = r#"{"format": "slirec-catalog/1", "types": {"vendor": "number"}, "products": [
        {"handle": "mug", "gid": "gid://shopify/Product/2", "title": "Mug", "category": "Home",
         "attributes": {"vendor": "7", "product_type": "Home"}}]}"#;
    let declared = Catalog::parse(text, Path::new("catalog.json")).unwrap();
    let inferred = Catalog::parse(&text.replace("\"vendor\": \"number\"", ""), Path::new("catalog.json")).unwrap();
    let (_folder, mut store) = store();
    store.accept(update("a", 10, &json!({"vendor": "Ochre", "status": "archived"}))).unwrap();
    for before in [declared, inferred] {
        let (served, problems) = store.apply(&before);
        assert!(!served.product("mug").unwrap().available && problems.is_empty(), "{problems:?}");
        assert_eq!(served.attribute_types(), before.attribute_types());
    }
}

#[test]
fn a_renamed_product_is_found_by_its_new_handle_and_a_taken_one_is_left_out_and_named() {
    let (_folder, mut store) = store();
    store.accept(update("a", 10, &json!({"handle": "cup"}))).unwrap();
    let (served, problems) = store.apply(&catalog());
    assert!(served.product("mug").is_none() && served.product("cup").is_some() && problems.is_empty());
    store.accept(update("b", 20, &json!({"handle": "novel", "published_at": null}))).unwrap();
    let (served, problems) = store.apply(&catalog());
    assert_eq!(problems, ["gid://shopify/Product/2: handle `novel` is that of gid://shopify/Product/1"]);
    assert!(!served.product("mug").unwrap().available);
}

#[test]
fn a_bundle_is_served_with_the_changes_and_its_golden_requests_stay_true() {
    let features = vec![Feature::new("category", vec!["Books".into(), "Home".into(), "Kitchen".into()])];
    let item = |handle: &str, category| Item { handle: handle.into(), interactions: 1, features: vec![category] };
    let golden = |items: &[&str]| GoldenRequest {
        items: items.iter().map(|handle| (*handle).to_owned()).collect(),
        timestamps: vec![1.0; items.len()],
        now: 2.0,
        user: std::collections::BTreeMap::new(),
        top: ["novel", "mug"].map(|handle| GoldenScore { handle: handle.into(), score: 0.5 }).to_vec(),
    };
    let mut bundle = Bundle {
        manifest: Manifest {
            format: bundle::FORMAT.into(),
            name: "test".into(),
            version: "1".into(),
            created: "2026-11-24T00:00:00Z".into(),
            model: ModelShape {
                network: bundle::Network::SliRec,
                longest_history: 50,
                item_embedding_size: 32,
                features: Vec::new(),
                user_features: Vec::new(),
            },
            training: TrainingRecord {
                source_sha256: String::new(),
                seed: 1,
                epochs: 1,
                best_epoch: 1,
                interactions: 1,
                hyperparameters: Value::Null,
            },
            metrics: std::collections::BTreeMap::new(),
            loses_to: Vec::new(),
            files: std::collections::BTreeMap::new(),
            golden_requests: vec![golden(&["novel"]), golden(&["novel", "mug"])],
        },
        sha256: String::new(),
        catalog: catalog(),
        vocabulary: Vocabulary::new(features, vec![item("novel", 1), item("mug", 2)]).unwrap(),
        activity: None,
        known_users: None,
        candidates_graph: Vec::new(),
        history_graph: Vec::new(),
        scores_graph: Vec::new(),
    };
    let (_folder, mut store) = store();
    store.accept(update("a", 10, &json!({"product_type": "Kitchen"}))).unwrap();
    assert_eq!(store.apply_to(&mut bundle), [] as [String; 0]);
    assert_eq!(bundle.catalog.product("mug").unwrap().category, "Kitchen");
    // The mug has another category now: its score is another one, and so is what follows after it.
    let left = &bundle.manifest.golden_requests;
    assert_eq!(left.len(), 1);
    let handles: Vec<&str> = left[0].top.iter().map(|scored| scored.handle.as_str()).collect();
    assert_eq!((left[0].items.as_slice(), handles.as_slice()), (&["novel".to_owned()][..], &["novel"][..]));
}

proptest! {
    #[test]
    fn no_signed_body_makes_the_reader_panic(body in ".{0,200}", topic in "products/(create|update|delete)") {
        let recorded = signed(&topic, "1", "2026-11-02T09:00:00Z", &Value::String(body));
        let _ = open(&verifier(), &recorded);
    }

    #[test]
    fn the_order_of_deliveries_makes_no_difference(
        updates in prop::collection::vec((0_u32..50, any::<bool>()), 1..30),
        rotation in any::<prop::sample::Index>(),
    ) {
        let deliveries: Vec<Delivery> = updates
            .iter()
            .enumerate()
            .map(|(number, (second, available))| {
                let status = if *available { "active" } else { "draft" };
                // One state for each moment, as at a shop.
                update(&format!("w{number}-{second}"), *second, &json!({"title": format!("T{second}"), "status": if second % 2 == 0 { "active" } else { status }, "handle": "mug"}))
            })
            .collect();
        let mut distinct: Vec<Delivery> = Vec::new();
        for delivery in deliveries {
            if distinct.iter().all(|known| known.at != delivery.at) {
                distinct.push(delivery);
            }
        }
        let result = |deliveries: &[Delivery]| {
            let (_folder, mut store) = store();
            for delivery in deliveries {
                store.accept(delivery.clone()).unwrap();
            }
            store.apply(&catalog()).0.products().to_vec()
        };
        let expected = result(&distinct);
        let middle = rotation.index(distinct.len());
        distinct.rotate_left(middle);
        prop_assert_eq!(result(&distinct), expected);
    }
}
