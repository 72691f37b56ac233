//! `/v1/trending` end to end: windows, categories, filters and pages enter, what is in demand leaves, and popularity behind it.

use serde_json::{Value, json};

use crate::counts::{ask, category, handles, serve, shop};

#[test]
fn demand_is_answered_by_window_and_category_and_behind_it_popularity() {
    let bundle = shop();
    let server = serve(&bundle);
    let trending = |body: Value| ask(&server, "/v1/trending", body);
    let week = trending(json!({}));
    assert_eq!((&week["source"], handles(&week).len()), (&json!("trending"), 16));
    assert_eq!(handles(&week)[..4], ["brush", "mug", "atlas", "novel"]);
    let scores: Vec<f64> = (0..4).map(|place| week["items"][place]["score"].as_f64().unwrap()).collect();
    assert_eq!(scores, [1.0, 0.5, 0.25, 0.125]);
    assert_eq!(week["items"][4]["source"], "popular");
    assert_eq!(handles(&trending(json!({"window": "1d", "limit": 2}))), ["atlas", "mug"]);
    assert_eq!(handles(&trending(json!({"window": "30d", "limit": 1}))), ["novel"]);
    assert_eq!(handles(&trending(json!({"window": "all", "limit": 1}))), ["easel"]);
    let books = trending(json!({"category": category(&server, "novel"), "limit": 2}));
    assert!(books["items"].as_array().unwrap().iter().all(|item| item["category"] == category(&server, "novel")));
    assert_eq!(handles(&trending(json!({"filter": "handle != 'brush'", "limit": 1, "offset": 1}))), ["atlas"]);
    // Pages are the parts of the whole, also where counts end and popularity begins.
    for filter in ["handle != 'mug'", "!(handle in ['brush', 'novel'])", "true"] {
        let page = |offset: usize, limit: usize| {
            trending(json!({"filter": filter, "offset": offset, "limit": limit}))["items"].as_array().unwrap().clone()
        };
        let whole = page(0, 100);
        for limit in 1..7 {
            let pages: Vec<Value> = (0..3).flat_map(|number| page(number * limit, limit)).collect();
            let handles = |items: &[Value]| items.iter().map(|item| item["handle"].clone()).collect::<Vec<_>>();
            assert_eq!(handles(&pages), handles(&whole[..3 * limit]), "{filter}, pages of {limit}");
        }
    }
    let none = trending(json!({"category": "Boks"}));
    assert_eq!((handles(&none).len(), &none["warnings"][0]["field"]), (0, &json!("category")));
    for body in [json!({"window": "2d"}), json!({"windows": "1d"}), json!({"category": 5.5}), json!([])] {
        assert_eq!(server.post("/v1/trending", body.to_string()).status, 400, "{body}");
    }
}
