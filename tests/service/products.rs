//! `POST /admin/products` end to end: what operators change is served at once, by the next bundle and after a restart.

use serde_json::{Value, json};

use crate::client::exchange;
use crate::server::Server;
use crate::shop;

const TIME: u64 = 1_730_807_061;

fn recommend(server: &Server, filter: &str) -> Vec<String> {
    let body = json!({"history": [{"item": "novel", "time": TIME}], "filter": filter, "limit": 100});
    let response = server.post("/v1/recommendations", body.to_string());
    assert_eq!(response.status, 200, "{}", response.text());
    let items = response.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

fn change(server: &Server, products: Value) -> Value {
    let response = server.operate("POST", "/admin/products", &json!({ "products": products }).to_string());
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

#[test]
fn what_operators_change_is_served_at_once_and_after_reloads_and_restarts() {
    let (bundle, folder) = (shop::bundle(), tempfile::tempdir().unwrap());
    let file = folder.path().join("products.jsonl");
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__ADMIN__PRODUCTS", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    assert_eq!(recommend(&server, "price == 777"), [""; 0]);
    let batch = json!([
        {"product": "atlas", "attributes": {"price": 777, "stock": "12", "tags": ["late", "gift"], "colour": null}},
        {"product": "brush", "attributes": {"price": "777.0", "season": "winter"}},
        {"product": "mug", "available": false}
    ]);
    assert_eq!(change(&server, batch), json!({"changed": 3}));
    let check = |server: &Server| {
        let mut found = recommend(server, "price == 777");
        found.sort();
        assert_eq!(found, ["atlas", "brush"]);
        assert_eq!(recommend(server, "\"late\" in tags && stock == 12 && !has(colour)"), ["atlas"]);
        assert_eq!(recommend(server, "season == 'winter'"), ["brush"]);
        assert!(!recommend(server, "has(handle)").contains(&"mug".to_owned()));
    };
    check(&server);
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    check(&server);
    // Later changes are laid over the earlier ones, attribute by attribute.
    change(&server, json!([{"product": "mug", "available": true}, {"product": "mug", "attributes": {"price": 777.5}}]));
    assert_eq!(recommend(&server, "price == 777.5"), ["mug"]);
    change(&server, json!([{"product": "mug", "available": false}]));
    drop(server);
    let again = Server::start_with(&variables);
    check(&again);
    change(&again, json!([{"product": "mug", "available": true}]));
    assert_eq!(recommend(&again, "price == 777.5"), ["mug"]);
}

#[test]
fn a_new_product_is_ranked_found_and_described_at_once() {
    let (bundle, folder) = (shop::bundle(), tempfile::tempdir().unwrap());
    let file = folder.path().join("products.jsonl");
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__ADMIN__PRODUCTS", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    let batch = json!([
        {"product": "poems", "title": "Poems", "category": "Books", "attributes": {"price": 778}},
        {"product": "poems", "attributes": {"tags": ["late"]}},
        {"product": "mug", "title": "A larger mug"}
    ]);
    assert_eq!(change(&server, batch), json!({"changed": 2}));
    let check = |server: &Server| {
        assert_eq!(recommend(server, "price == 778 && 'late' in tags"), ["poems"]);
        let body = json!({"history": [{"item": "poems", "time": TIME}], "limit": 100}).to_string();
        let answer = server.post("/v1/recommendations", body).json();
        assert!(answer.get("warnings").is_none(), "the product is known: {answer}");
        let catalog = server.get("/v1/catalog").json();
        let title = |handle: &str| {
            let mut products = catalog["products"].as_array().unwrap().iter();
            products.find(|product| product["handle"] == handle).unwrap()["title"].clone()
        };
        assert_eq!((title("poems"), title("mug")), (json!("Poems"), json!("A larger mug")));
    };
    check(&server);
    drop(server);
    check(&Server::start_with(&variables));
}

#[test]
fn a_batch_that_does_not_fit_is_refused_whole_with_the_place() {
    let (bundle, folder) = (shop::bundle(), tempfile::tempdir().unwrap());
    let file = folder.path().join("products.jsonl");
    let variables = [
        ("SLIREC__MODEL__PATH", bundle.path()),
        ("SLIREC__ADMIN__PRODUCTS", file.to_str().unwrap()),
        ("SLIREC__ADMIN__KEYS", "operators-key-0123456789"),
    ];
    let server = Server::start_with(&variables);
    let key = [("x-api-key", "operators-key-0123456789")];
    let send = |body: &str| exchange(server.admin, "POST", "/admin/products", &key, body.as_bytes());
    let good = json!({"product": "atlas", "attributes": {"price": 777}});
    let catalog = server.get("/v1/catalog").json();
    let gid = catalog["products"][0]["gid"].as_str().unwrap();
    let taken = format!("products: new: gid: another product has `{gid}`");
    for (products, message) in [
        (json!([good, {"product": "nonsense"}]), "products[1].product: `nonsense` is no product"),
        (
            json!([good, {"product": "mug", "attributes": {"price": "cheap"}}]),
            "products[1].attributes.price: found `cheap`",
        ),
        (
            json!([{"product": "mug", "attributes": {"new": "maybe"}}]),
            "products[0].attributes.new: found `maybe`, expected a value of type boolean",
        ),
        (json!([{"product": "mug", "attributes": {"price": [1, 2]}}]), "products[0].attributes.price: found a list"),
        (json!([{"product": "mug", "attributes": {"tags": ["a,b"]}}]), "products[0].attributes.tags: found an element"),
        (
            json!([{"product": "mug", "attributes": {"price": {"amount": 1}}}]),
            "products[0].attributes.price: found an object",
        ),
        (
            json!([{"product": "mug", "attributes": {"note": "a".repeat(70_000)}}]),
            "products: mug: attributes, a value,",
        ),
        (json!([{"product": "mug", "attributes": {"": "x"}}]), "products[0].attributes: `` is no name"),
        (json!([{"product": "mug", "attributes": {"a\u{0}b": "x"}}]), "products[0].attributes: `a"),
        (json!([{"product": "mug", "attributes": {"category": "x"}}]), "products[0].attributes: `category` is no name"),
        (json!([{"product": "mug", "price": 5}]), "body: unknown field `price`"),
        (json!([{"product": "mug", "gid": "gid/1"}]), "products[0].gid: is `gid/1`, expected `gid"),
        (json!([{"product": "new", "title": "New"}]), "products[0].product: `new` is no product of the catalogue, and"),
        (
            json!([{"product": "gid://shop/Product/7", "title": "New", "category": "Books"}]),
            "products[0].product: `gid://shop/Product/7` is new, expected its handle",
        ),
        (json!([{"product": "new", "title": "New", "category": " "}]), "products: new: category is ` `"),
        (json!([{"product": "new", "title": "New", "category": "Books", "gid": gid}]), &taken),
        (json!([{"available": true}]), "body: missing field `product`"),
        (json!([["mug"]]), "body: invalid type"),
        (json!({"product": "mug"}), "body: invalid type"),
        (json!(vec![json!({"product": "mug"}); 10_001]), "body: has more than 10000 elements"),
    ] {
        let response = send(&json!({ "products": products }).to_string());
        let shown: String = products.to_string().chars().take(100).collect();
        assert!(response.status == 400 && response.message().starts_with(message), "{shown}: {}", response.text());
    }
    assert_eq!(send("{").status, 400);
    assert_eq!(recommend(&server, "price == 777"), [""; 0], "nothing of a refused batch counts");
    assert_eq!(exchange(server.admin, "POST", "/admin/products", &[], b"{}").status, 401);
    assert_eq!(exchange(server.address, "POST", "/admin/products", &key, b"{}").status, 404);
}

#[test]
fn what_a_rule_of_the_shop_needs_cannot_be_taken_away_and_numbers_may_have_exponents() {
    let (bundle, folder) = (shop::bundle(), tempfile::tempdir().unwrap());
    let (file, rules) = (folder.path().join("products.jsonl"), folder.path().join("scenarios.toml"));
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__ADMIN__PRODUCTS", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    assert_eq!(
        change(&server, json!([{"product": "mug", "attributes": {"season": "winter", "weight": 1e-5}}])),
        json!({"changed": 1})
    );
    assert_eq!(recommend(&server, "weight < 0.0001"), ["mug"]);
    drop(server);
    std::fs::write(&rules, "[home]\nfilter = \"season == 'winter'\"\n").unwrap();
    let variables: Vec<(&str, &str)> =
        variables.into_iter().chain([("SLIREC__SCENARIOS__FILE", rules.to_str().unwrap())]).collect();
    let server = Server::start_with(&variables);
    let taken = json!({"products": [{"product": "mug", "attributes": {"season": null}}]}).to_string();
    let response = server.operate("POST", "/admin/products", &taken);
    assert!(response.status == 400 && response.message().contains("season"), "{}", response.text());
    assert_eq!(recommend(&server, "season == 'winter'"), ["mug"]);
    drop(server);
    assert_eq!(recommend(&Server::start_with(&variables), "season == 'winter'"), ["mug"], "the service starts again");
}

#[test]
fn the_route_is_off_without_a_file_and_a_damaged_file_ends_the_start() {
    let server = Server::start();
    assert_eq!(server.operate("POST", "/admin/products", r#"{"products": []}"#).status, 404);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[]\nnot a batch\n[]\n").unwrap();
    let variables = [("SLIREC__ADMIN__PRODUCTS", file.path().to_str().unwrap())];
    let (code, message) = crate::server::run(&["--check"], &variables);
    assert_eq!(code, Some(1));
    assert!(message.contains("key admin.products") && message.contains(":2: "), "{message}");
}
