//! `GET /openapi.json`: the API for new clients, generated from the code.
//!
//! The document is kept so simple that generators of clients of all ages read it: version 3.0.3, one JSON body of plain
//! objects for each operation, no unions, no free-form maps, the API key in a header. The protocols of others (MLflow's
//! scoring protocol, the Open Inference Protocol) are described by their owners and in `docs/API.md`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{health, json_response, recommendations};
use crate::keys::API_KEY;
use crate::state::AppState;

const VERSION: &str = "3.0.3";
#[derive(OpenApi)]
#[openapi(
    info(
        title = "slirec",
        description = "Recommends products from what a shopper has just viewed.",
    ),
    paths(
        recommendations::recommend,
        recommendations::recommend_batch,
        recommendations::recommend_page,
        recommendations::rank,
        recommendations::related,
        recommendations::complements,
        recommendations::trending,
        recommendations::buy_again,
        super::catalog::catalog,
        super::status::status,
        health::live,
        health::ready,
    ),
    tags(
        (name = "recommendations", description = "What would this shopper like?"),
        (name = "operation", description = "How is the service?"),
    ),
)]
struct ApiDocument;

/// The OpenAPI document.
pub(super) async fn document(State(state): State<AppState>) -> Response {
    let limits = &state.settings.limits;
    let mut document = generate(state.keys.are_needed());
    let limited = [
        ("RecommendationRequest", "history", limits.history),
        ("RankRequest", "history", limits.history),
        ("PageRequest", "history", limits.history),
        ("BatchRequest", "sessions", limits.sessions),
        ("RankRequest", "candidates", limits.candidates),
        ("RecommendationRequest", "include_only", limits.candidates),
        ("RankRequest", "attributes", limits.candidates),
        ("ComplementsRequest", "items", limits.candidates),
        ("TrendingRequest", "exclude", limits.candidates),
        ("TrendingRequest", "attributes", limits.candidates),
        ("BuyAgainRequest", "history", limits.history),
        ("BuyAgainRequest", "items", limits.candidates),
        ("BuyAgainRequest", "exclude", limits.candidates),
        ("BuyAgainRequest", "attributes", limits.candidates),
    ];
    let selecting =
        ["RecommendationRequest", "RelatedRequest", "ComplementsRequest", "Rail"].into_iter().flat_map(|schema| {
            ["exclude", "categories", "exclude_categories", "attributes"].map(|list| (schema, list, limits.candidates))
        });
    for (schema, property, most) in limited.into_iter().chain(selecting) {
        if let Some(Value::Object(property)) =
            document.pointer_mut(&format!("/components/schemas/{schema}/properties/{property}"))
        {
            property.insert("maxItems".to_owned(), json!(most));
        }
    }
    json_response(StatusCode::OK, &document)
}

fn generate(keys_are_needed: bool) -> Value {
    let mut document = serde_json::to_value(ApiDocument::openapi()).unwrap_or_default();
    simplify(&mut document);
    let Value::Object(members) = &mut document else { return document };
    members.insert("openapi".to_owned(), json!(VERSION));
    if let Some(Value::Object(info)) = members.get_mut("info") {
        info.retain(|name, _| ["title", "description", "version"].contains(&name.as_str()));
    }
    if keys_are_needed {
        let scheme = json!({"type": "apiKey", "in": "header", "name": API_KEY});
        if let Some(Value::Object(components)) = members.get_mut("components") {
            components.insert("securitySchemes".to_owned(), json!({ "key": scheme }));
        }
        for operation in operations(members) {
            let answers = operation.get("responses").and_then(|answers| answers.get("401"));
            if answers.is_some() {
                operation.insert("security".to_owned(), json!([{"key": []}]));
            }
        }
    }
    document
}

fn operations(document: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let methods = paths.filter_map(|(_, path)| path.as_object_mut()).flatten();
    methods.filter_map(|(_, operation)| operation.as_object_mut())
}

/// From the 3.1 that the library writes to 3.0: one type for each schema, `nullable` where null is one of several.
fn simplify(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(simplify),
        Value::Object(members) => {
            let is_null = |schema: &Value| *schema == json!("null") || schema["type"] == "null";
            if let Some(Value::Array(choices)) = members.remove("oneOf") {
                let (nulls, others): (Vec<_>, Vec<_>) = choices.into_iter().partition(is_null);
                match (nulls.is_empty(), <[Value; 1]>::try_from(others)) {
                    (false, Ok([Value::Object(one)])) => {
                        // A description of the field goes before that of its type.
                        for (name, value) in one {
                            members.entry(name).or_insert(value);
                        }
                        members.insert("nullable".to_owned(), json!(true));
                    }
                    (_, others) => {
                        let others = others.map_or_else(|many| many, Vec::from);
                        members.insert("oneOf".to_owned(), nulls.into_iter().chain(others).collect());
                    }
                }
            }
            if let Some(Value::Array(types)) = members.get("type") {
                let null = types.iter().any(is_null);
                let one = types.iter().find(|name| !is_null(name)).cloned().unwrap_or_default();
                members.insert("type".to_owned(), one);
                if null {
                    members.insert("nullable".to_owned(), json!(true));
                }
            }
            // In 3.0 a value must be one of `enum` whatever `nullable` says.
            if members.get("nullable") == Some(&json!(true))
                && let Some(Value::Array(values)) = members.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            members.values_mut().for_each(simplify);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(value: &Value, path: &str, each: &mut impl FnMut(&str, &Map<String, Value>)) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| visit(element, path, each)),
            Value::Object(members) => {
                each(path, members);
                members.iter().for_each(|(name, member)| visit(member, &format!("{path}/{name}"), each));
            }
            _ => {}
        }
    }

    #[test]
    fn the_document_has_nothing_that_simple_generators_do_not_know() {
        let document = generate(true);
        assert_eq!(document["openapi"], "3.0.3");
        visit(&document, "", &mut |path, members| {
            for unknown in ["oneOf", "anyOf", "allOf", "const", "prefixItems", "$defs", "additionalItems"] {
                assert!(!members.contains_key(unknown), "{path} has {unknown}");
            }
            assert!(!matches!(members.get("type"), Some(Value::Array(_))), "{path} has several types");
            assert!(members.get("additionalProperties").is_none_or(|more| *more == json!(false)), "{path} is a map");
        });
    }

    #[test]
    fn generated_clients_may_leave_out_or_null_every_optional_field() {
        let document = generate(false);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let requests = ["Recommendation", "Rank", "Related", "Batch", "Complements", "Trending", "BuyAgain", "Page"];
        for name in requests.map(|name| format!("{name}Request")).iter().map(String::as_str).chain(["View", "Rail"]) {
            let schema = &schemas[name];
            let required = schema["required"].as_array().into_iter().flatten();
            let required: Vec<&str> = required.map(|field| field.as_str().unwrap()).collect();
            for (field, about) in schema["properties"].as_object().unwrap() {
                let is_nullable = about.get("nullable") == Some(&json!(true));
                assert_ne!(is_nullable, required.contains(&field.as_str()), "{name}.{field}: {about}");
                // Generators of TypeScript clients take a field with a default for required.
                assert!(about.get("default").is_none(), "{name}.{field}: {about}");
                assert!(about["type"].is_string() || about["$ref"].is_string(), "{name}.{field}: {about}");
            }
        }
        let order = &schemas["RankRequest"]["properties"]["history_order"];
        assert_eq!(order["enum"], json!(["oldest_first", "newest_first", "by_time", null]));
        assert!(
            order["description"].as_str().unwrap().starts_with("Which view came first; by_time unless given"),
            "{order}"
        );
        // What an answer leaves out is not required, and never null.
        for name in ["Recommendations", "SessionRecommendations", "Ranking"] {
            let schema = &schemas[name];
            assert!(!schema["required"].as_array().unwrap().contains(&json!("warnings")), "{name}");
            assert!(schema["properties"]["warnings"].get("nullable").is_none(), "{name}");
        }
        assert_eq!(schemas["Model"]["required"], json!(["name", "version"]));
    }

    #[test]
    fn every_operation_has_an_id_one_json_body_at_most_and_a_summary() {
        let mut document = generate(false);
        let mut ids = Vec::new();
        for operation in operations(document.as_object_mut().unwrap()) {
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
            if let Some(body) = operation.get("requestBody") {
                let types: Vec<&String> = body["content"].as_object().unwrap().keys().collect();
                assert_eq!(types, ["application/json"]);
            }
            assert!(operation.get("security").is_none());
        }
        ids.sort();
        assert_eq!(
            ids,
            [
                "buyAgain",
                "catalog",
                "complements",
                "live",
                "rank",
                "ready",
                "recommend",
                "recommendBatch",
                "recommendPage",
                "related",
                "status",
                "trending"
            ]
        );
    }

    #[test]
    fn keys_are_asked_for_in_a_header_where_the_model_is_called() {
        let document = generate(true);
        assert_eq!(document["components"]["securitySchemes"]["key"]["name"], "x-api-key");
        assert_eq!(document["paths"]["/v1/rank"]["post"]["security"], json!([{"key": []}]));
        assert!(document["paths"]["/live"]["get"].get("security").is_none());
    }
}
