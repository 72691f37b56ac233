//! The description of the API: as a document and as a page.

use serde_json::Value;

use crate::server::Server;

#[test]
fn the_document_describes_the_routes_and_the_limits_that_are_served() {
    let server = Server::start_with(&[("SLIREC__LIMITS__SESSIONS", "7"), ("SLIREC__LIMITS__CANDIDATES", "9")]);
    let response = server.get("/openapi.json");
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    let document = response.json();
    assert_eq!(
        (document["openapi"].as_str(), document["info"]["version"].as_str()),
        (Some("3.0.3"), Some(env!("CARGO_PKG_VERSION")))
    );
    let sessions = "/components/schemas/BatchRequest/properties/sessions/maxItems";
    assert_eq!(document.pointer(sessions).and_then(Value::as_u64), Some(7));
    for (schema, list) in [
        ("RecommendationRequest", "exclude"),
        ("RecommendationRequest", "include_only"),
        ("RecommendationRequest", "categories"),
        ("RecommendationRequest", "exclude_categories"),
        ("RankRequest", "candidates"),
        ("RankRequest", "attributes"),
        ("RelatedRequest", "attributes"),
        ("RelatedRequest", "exclude"),
        ("RelatedRequest", "categories"),
        ("RelatedRequest", "exclude_categories"),
    ] {
        let most = document.pointer(&format!("/components/schemas/{schema}/properties/{list}/maxItems"));
        assert_eq!(most.and_then(Value::as_u64), Some(9), "{schema}.{list}");
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, _) in methods.as_object().unwrap() {
            let status = crate::client::exchange(server.address, &method.to_uppercase(), path, &[], b"").status;
            assert!(status != 404 && status != 405, "{method} {path}: {status}");
        }
    }
}

#[test]
fn the_example_of_the_document_is_answered() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    let view = &document["components"]["schemas"]["View"]["properties"];
    let history = serde_json::json!([{"item": view["item"]["example"], "time": view["time"]["example"]}]);
    let response = server.recommend(&serde_json::json!({ "history": history }));
    assert_eq!((response.status, response.json()["source"].as_str()), (200, Some("model")));
}
