//! Whole shops: populated, fetched, cleaned up, in any state that a merchant may have left them in.

use slirec_connect::shopify::{
    Cleanup, FetchOptions, PopulateOptions, UserRecommendations, cleanup_plan, fetch, populate, populate_plan,
    subscribe, write_recommendations,
};

use crate::mock::MockShop;
use crate::{catalog, client, wait};

const TAG: &str = "slirec-demo";

fn tagged() -> Cleanup {
    Cleanup::Tagged(TAG.to_owned())
}

#[test]
fn two_hundred_and_fifty_products_go_in_come_out_the_same_and_go_again() {
    let mock = MockShop::start();
    mock.state().bucket = (1000.0, 1000.0, 1000.0);
    let client = client(&mock);
    let catalog = catalog(250);
    let options = PopulateOptions::default();
    wait(async {
        let plan = populate_plan(&client, &catalog, &options).await.unwrap();
        assert_eq!((plan.collections.len(), plan.products.len(), plan.to_publish()), (3, 250, 249));
        assert!(mock.state().shop.products.is_empty(), "a plan changes nothing");
        let done = populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        assert_eq!((done.collections, done.products, done.published), (3, 250, 249));
        assert_eq!(done.failures, [] as [String; 0]);

        let again = populate_plan(&client, &catalog, &options).await.unwrap();
        assert_eq!((again.collections.len(), again.products.len(), again.unchanged), (0, 0, 250));
        assert_eq!(again.to_publish(), 0);

        let fetched = fetch(&client, &FetchOptions::default(), &mut |_, _| {}).await.unwrap();
        assert!(!fetched.bulk);
        assert_eq!((fetched.catalog.products().len(), fetched.unavailable), (250, 1));
        for (number, product) in catalog.products().iter().enumerate() {
            let found = fetched.catalog.product(&product.handle).unwrap();
            assert_eq!((&found.title, &found.category), (&product.title, &product.category));
            assert_eq!(found.available, number != 4, "{}", product.handle);
            assert_eq!(found.attributes.get("colour"), Some("red"));
            assert_eq!(found.attributes.get("vendor"), product.attributes.get("vendor"));
            assert!(found.gid.starts_with("gid://shopify/Product/"));
        }

        let removals = cleanup_plan(&client, &tagged()).await.unwrap();
        assert_eq!(removals.len(), 253);
        assert_eq!(client.remove(&removals, &mut |_| {}).await.unwrap(), [] as [String; 0]);
        assert_eq!(cleanup_plan(&client, &tagged()).await.unwrap(), []);
    });
    let state = mock.state();
    assert!(state.shop.products.is_empty() && state.shop.collections.is_empty());
    drop(state);
    mock.assert_correct();
}

#[test]
fn a_merchant_s_own_products_and_collections_are_never_touched() {
    let mock = MockShop::start();
    let theirs = mock.state().shop.add("product-1", "Their own", &["sale"]);
    let similar = mock.state().shop.add("similar", "Theirs too", &["slirec-demonstration"]);
    let collection = mock.state().shop.add_collection("books", "Books");
    let before = mock.state().shop.products.clone();
    let client = client(&mock);
    wait(async {
        let options = PopulateOptions::default();
        let plan = populate_plan(&client, &catalog(4), &options).await.unwrap();
        assert_eq!((plan.taken.as_slice(), plan.products.len()), (&["product-1".to_owned()][..], 3));
        populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        let removals = cleanup_plan(&client, &tagged()).await.unwrap();
        assert_eq!(removals.len(), 3 + 3);
        client.remove(&removals, &mut |_| {}).await.unwrap();
    });
    let state = mock.state();
    assert_eq!(state.shop.products, before);
    assert!(state.shop.products.contains_key(&theirs) && state.shop.products.contains_key(&similar));
    assert_eq!(state.shop.collections.keys().collect::<Vec<_>>(), [&collection]);
}

#[test]
fn everything_means_everything() {
    let mock = MockShop::start();
    mock.state().shop.add("theirs", "Theirs", &[]);
    mock.state().shop.add_collection("books", "Books");
    let client = client(&mock);
    wait(async {
        let removals = cleanup_plan(&client, &Cleanup::Everything).await.unwrap();
        assert_eq!(removals.len(), 2);
        client.remove(&removals, &mut |_| {}).await.unwrap();
    });
    assert!(mock.state().shop.products.is_empty() && mock.state().shop.collections.is_empty());
}

#[test]
fn a_product_that_changed_is_brought_up_to_date_and_one_that_was_hidden_is_published_again() {
    let mock = MockShop::start();
    let client = client(&mock);
    let options = PopulateOptions::default();
    wait(async {
        let plan = populate_plan(&client, &catalog(5), &options).await.unwrap();
        populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        for product in mock.state().shop.products.values_mut() {
            match product.handle.as_str() {
                "product-0" => product.title = "Changed".to_owned(),
                "product-1" => product.published = false,
                _ => {}
            }
        }
        let plan = populate_plan(&client, &catalog(5), &options).await.unwrap();
        assert_eq!((plan.products.len(), plan.unchanged), (1, 4));
        let done = populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        assert_eq!((done.products, done.published), (1, 2));
    });
    let state = mock.state();
    let product = |handle: &str| state.shop.products.values().find(|product| product.handle == handle).unwrap();
    assert_eq!(product("product-0").title, "Product 0");
    assert!(product("product-1").published);
}

#[test]
fn what_the_shop_refuses_is_reported_by_product_and_the_others_are_made() {
    let mock = MockShop::start();
    mock.state().shop.refused.insert("product-2".to_owned());
    let client = client(&mock);
    let options = PopulateOptions::default();
    let done = wait(async {
        let plan = populate_plan(&client, &catalog(6), &options).await.unwrap();
        populate(&client, &plan, &options, &mut |_| {}).await.unwrap()
    });
    assert_eq!(done.products, 5);
    assert_eq!(done.failures, ["product product-2: input.title: Title can't be blank (INVALID_INPUT)"]);
}

#[test]
fn a_shop_without_an_online_store_names_the_publications_that_it_has() {
    let mock = MockShop::start();
    mock.state().shop.publication = Some("Onlineshop".to_owned());
    let client = client(&mock);
    let error = wait(populate_plan(&client, &catalog(1), &PopulateOptions::default())).unwrap_err().to_string();
    assert!(error.contains("no publication `Online Store`"), "{error}");
    assert!(error.contains("Onlineshop (gid://shopify/Publication/1)"), "{error}");
    let publication = Some("gid://shopify/Publication/1".to_owned());
    wait(populate_plan(&client, &catalog(1), &PopulateOptions { publication, ..PopulateOptions::default() })).unwrap();
}

#[test]
fn a_product_of_many_collections_has_all_of_them_and_the_configured_one_as_its_category() {
    let mock = MockShop::start();
    let id = mock.state().shop.add("kite", "Kite", &["colour:blue", "summer", " size : large "]);
    let twin = mock.state().shop.add("kite-1", "Kite", &[]);
    for number in 0..25 {
        let collection = mock.state().shop.add_collection(&format!("c{number}"), &format!("C{number}"));
        mock.state().shop.products.get_mut(&id).unwrap().collections.insert(collection);
    }
    mock.state().shop.products.get_mut(&twin).unwrap().status = "UNLISTED".to_owned();
    let options = FetchOptions { category_collections: vec!["Toys".into(), "c17".into()], ..FetchOptions::default() };
    let fetched = wait(fetch(&client(&mock), &options, &mut |_, _| {})).unwrap();
    let kite = fetched.catalog.product("kite").unwrap();
    assert_eq!(kite.category, "C17");
    assert_eq!(kite.attributes.get("collections").unwrap().split(", ").count(), 25);
    assert_eq!((kite.attributes.get("colour").unwrap(), kite.attributes.get("size").unwrap()), ("blue", "large"));
    assert_eq!((kite.attributes.get("price").unwrap(), kite.available), ("12.50", true));
    let twin = fetched.catalog.product("kite-1").unwrap();
    assert_eq!((twin.title.as_str(), twin.category.as_str(), twin.available), ("Kite", "uncategorised", false));
    mock.assert_correct();
}

#[test]
fn a_large_shop_is_fetched_by_one_bulk_operation_with_the_same_result() {
    let mock = MockShop::start();
    let client = client(&mock);
    let options = PopulateOptions::default();
    wait(async {
        let plan = populate_plan(&client, &catalog(40), &options).await.unwrap();
        populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        let pages = fetch(&client, &FetchOptions::default(), &mut |_, _| {}).await.unwrap();
        mock.state().shop.bulk_busy = 1;
        let bulk = FetchOptions { bulk_from: 39, ..FetchOptions::default() };
        let fetched = fetch(&client, &bulk, &mut |_, _| {}).await.unwrap();
        assert!(fetched.bulk && !pages.bulk);
        // Prices are not part of the bulk query: they would be a connection more.
        let without_price = |catalog: &slirec_core::catalog::Catalog| {
            let mut products = catalog.products().to_vec();
            products.iter_mut().for_each(|product| {
                product.attributes = product.attributes.iter().filter(|(name, _)| *name != "price").collect();
            });
            products
        };
        assert_eq!(without_price(&fetched.catalog), without_price(&pages.catalog));

        mock.state().shop.bulk_end = Some("FAILED");
        let message = fetch(&client, &bulk, &mut |_, _| {}).await.unwrap_err().to_string();
        assert!(message.contains("ended as FAILED: TIMEOUT"), "{message}");
    });
    mock.assert_correct();
}

#[test]
fn recommendations_become_the_metaobjects_that_the_theme_reads() {
    let mock = MockShop::start();
    let user = |user: &str, count: usize| UserRecommendations {
        user: user.to_owned(),
        products: (0..count).map(|number| format!("gid://shopify/Product/{number}")).collect(),
    };
    let users: Vec<_> = (0..25).map(|number| user(&format!("u{number}"), 2)).collect();
    let client = client(&mock);
    wait(async {
        let report = write_recommendations(&client, &users, &mut |_| {}).await.unwrap();
        assert_eq!((report.written, report.defined, report.failures.len()), (25, true, 0));
        let users = [user("u0", 200), user("with space", 1)];
        let report = write_recommendations(&client, &users, &mut |_| {}).await.unwrap();
        assert_eq!((report.written, report.defined), (1, false));
        assert_eq!(report.failures, ["user with space: handle: Handle is invalid (INVALID)"]);
    });
    let state = mock.state();
    assert_eq!(state.shop.metaobjects.len(), 25);
    assert_eq!(state.shop.metaobjects["customer-u1"], r#"["gid://shopify/Product/0","gid://shopify/Product/1"]"#);
    let longest: Vec<String> = serde_json::from_str(&state.shop.metaobjects["customer-u0"]).unwrap();
    assert_eq!(longest.len(), 128);
    // Ten users a request, not one.
    assert_eq!(state.operations.iter().filter(|name| *name == "UpsertRecommendations").count(), 3 + 1);
}

#[test]
fn webhooks_are_subscribed_once() {
    let mock = MockShop::start();
    let client = client(&mock);
    let address = "https://recs.example/webhooks/shopify";
    assert_eq!(wait(subscribe(&client, address)).unwrap(), 3);
    assert_eq!(wait(subscribe(&client, address)).unwrap(), 0);
    assert_eq!(mock.state().shop.subscriptions.len(), 3);
    mock.assert_correct();
}
