//! Which deliveries are opened, and which are refused before they are parsed.

use crate::*;

#[test]
fn recorded_deliveries_are_opened_and_the_product_comes_changes_and_goes() {
    let (_folder, mut store) = store();
    let [create, change, delete] = <[Recorded; 3]>::try_from(recorded()).ok().unwrap();
    let accepted = store.accept(open(&verifier(), &create).unwrap()).unwrap();
    assert_eq!(accepted, Accepted::Changed);
    let (served, problems) = store.apply(&catalog());
    let shoes = served.product("running-shoes").unwrap();
    assert_eq!((shoes.category.as_str(), shoes.title.as_str(), shoes.available), ("Sports", "Running Shoes", true));
    assert_eq!((shoes.gid.as_str(), problems.len()), ("gid://shopify/Product/10334956716363", 0));

    store.accept(open(&verifier(), &change).unwrap()).unwrap();
    assert_eq!(store.apply(&catalog()).0.product("running-shoes").unwrap().title, "Running Shoes 2");
    assert_eq!(store.accept(open(&verifier(), &delete).unwrap()).unwrap(), Accepted::Changed);
    // It is gone from answers, and never was in the bundle.
    assert_eq!(store.apply(&catalog()).0.products().len(), 2);
}

#[test]
fn a_forged_a_changed_and_an_unsigned_delivery_are_refused_before_they_are_parsed() {
    let mut forged = signed("products/update", "1", "2026-11-02T09:00:00Z", &mug(1, &json!({})));
    assert!(open(&verifier(), &forged).is_ok());
    assert_eq!(open(&Verifier::new(["another secret"]), &forged), Err(Refusal::Signature));
    forged.body.push(' ');
    assert_eq!(open(&verifier(), &forged), Err(Refusal::Signature));
    forged.body = "not even JSON".to_owned();
    assert_eq!(open(&verifier(), &forged), Err(Refusal::Signature));
    forged.headers.insert("x-shopify-hmac-sha256".to_owned(), "%%%".to_owned());
    assert_eq!(open(&verifier(), &forged), Err(Refusal::Signature));
    forged.headers.remove("x-shopify-hmac-sha256");
    assert_eq!(open(&verifier(), &forged), Err(Refusal::Signature));
}

#[test]
fn after_a_change_of_secret_both_count_and_an_empty_one_never() {
    let delivery = &recorded()[0];
    assert!(open(&Verifier::new(["new secret", SECRET]), delivery).is_ok());
    let none = Verifier::new(["", "  "]);
    assert!(!none.has_secret());
    assert_eq!(open(&none, delivery), Err(Refusal::Signature));
    assert!(!format!("{:?}", verifier()).contains(SECRET));
}

#[test]
fn another_shop_a_missing_header_and_a_wrong_body_are_named() {
    let message = |recorded: &Recorded| open(&verifier(), recorded).unwrap_err().to_string();
    let delivery = signed("products/update", "1", "soon", &mug(1, &json!({})));
    assert!(message(&delivery).starts_with("header X-Shopify-Triggered-At: `soon` is no time"));
    let delivery = signed("products/update", "", "2026-11-02T09:00:00Z", &mug(1, &json!({})));
    assert_eq!(message(&delivery), "header X-Shopify-Webhook-Id: is missing or too long");
    let delivery = signed("products/update", "1", "2026-11-02T09:00:00Z", &json!({"id": 7}));
    assert_eq!(message(&delivery), "body: no handle: expected the product's");
    let elsewhere = verifier().only_from("other.myshopify.com");
    let error = open(&elsewhere, &recorded()[0]).unwrap_err().to_string();
    assert!(error.contains("is another shop: expected other.myshopify.com"), "{error}");
    assert!(open(&verifier().only_from("Example-Shop.myshopify.com"), &recorded()[0]).is_ok());
}
