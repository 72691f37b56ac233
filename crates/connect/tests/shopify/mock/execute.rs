//! Carries out a validated operation: root fields are resolved on the shop, the answer is cut down to what was selected.

use std::net::SocketAddr;

use apollo_compiler::ast::Value as GraphqlValue;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value, json};

use super::shop::{PUBLICATION, Shop, gid, number, user_error};

pub(crate) struct Context<'a> {
    pub(crate) shop: &'a mut Shop,
    pub(crate) scopes: &'a [&'static str],
    pub(crate) address: SocketAddr,
}

/// Points that an operation costs.
pub(crate) fn cost(operation: &Operation, variables: &Value, product_cost: f64) -> f64 {
    let fields = root_fields(&operation.selection_set);
    fields
        .map(|field| match field.name.as_str() {
            _ if operation.is_mutation() => 10.0,
            "products" => 2.0 + product_cost * arguments(field, variables)["first"].as_f64().unwrap_or(50.0),
            _ => 2.0,
        })
        .sum()
}

/// The data of an operation, or what access it lacks.
pub(crate) fn operation(
    context: &mut Context<'_>,
    schema: &Valid<Schema>,
    operation: &Operation,
    variables: &Value,
) -> Result<Value, String> {
    let mut data = Map::new();
    for field in root_fields(&operation.selection_set) {
        let arguments = arguments(field, variables);
        let value = root(context, schema, &field.name, &arguments)?;
        let value = project(&value, &field.selection_set, variables);
        data.insert(field.response_key().to_string(), value);
    }
    Ok(Value::Object(data))
}

fn root_fields(selections: &SelectionSet) -> impl Iterator<Item = &Field> {
    selections.selections.iter().filter_map(|selection| match selection {
        Selection::Field(field) => Some(&**field),
        _ => None,
    })
}

fn arguments(field: &Field, variables: &Value) -> Value {
    let pairs = field.arguments.iter().map(|argument| (argument.name.to_string(), json_of(&argument.value, variables)));
    Value::Object(pairs.collect())
}

fn json_of(value: &GraphqlValue, variables: &Value) -> Value {
    match value {
        GraphqlValue::Null => Value::Null,
        GraphqlValue::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        GraphqlValue::Enum(name) => json!(name.as_str()),
        GraphqlValue::String(text) => json!(text),
        GraphqlValue::Float(number) => json!(number.try_to_f64().unwrap()),
        GraphqlValue::Int(number) => json!(number.try_to_i32().unwrap()),
        GraphqlValue::Boolean(value) => json!(value),
        GraphqlValue::List(values) => values.iter().map(|value| json_of(value, variables)).collect(),
        GraphqlValue::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.to_string(), json_of(value, variables))).collect())
        }
    }
}

fn root(context: &mut Context<'_>, schema: &Valid<Schema>, name: &str, arguments: &Value) -> Result<Value, String> {
    let scopes = context.scopes;
    let need = |scope: &str| {
        let allowed = scopes.contains(&scope);
        if allowed { Ok(()) } else { Err(format!("Access denied for {name} field. Required access: `{scope}`.")) }
    };
    let shop = &mut *context.shop;
    Ok(match name {
        "shop" => {
            json!({"id": "gid://shopify/Shop/1", "name": "Example Shop", "myshopifyDomain": "example.myshopify.com", "currencyCode": "EUR"})
        }
        "currentAppInstallation" => {
            let scopes: Vec<Value> = scopes.iter().map(|scope| json!({"handle": scope})).collect();
            json!({"accessScopes": scopes})
        }
        "productsCount" => json!({"count": shop.products.len(), "precision": "EXACT"}),
        "collectionsCount" => json!({"count": shop.collections.len(), "precision": "EXACT"}),
        "products" => {
            let ids: Vec<u64> = shop.products.keys().copied().collect();
            let search = arguments["query"].as_str().and_then(|query| query.strip_prefix("tag:"));
            // Shopify's search is no exact one: it finds what begins so, too.
            let search = search.map(|tag| tag.trim_matches('\'').to_owned());
            let found = |id: &u64| {
                let tags = &shop.products[id].tags;
                search.as_ref().is_none_or(|tag| tags.iter().any(|known| known.starts_with(tag.as_str())))
            };
            let products = ids.iter().filter(|id| found(id)).map(|id| shop.product(*id)).collect();
            connection(products, arguments)
        }
        "product" => shop.product(number(&arguments["id"])),
        "collections" => {
            let ids: Vec<u64> = shop.collections.keys().copied().collect();
            connection(ids.iter().map(|id| shop.collection(*id)).collect(), arguments)
        }
        "collectionByIdentifier" => {
            let handle = arguments["identifier"]["handle"].as_str();
            let found = shop.collections.iter().find(|(_, collection)| Some(collection.handle.as_str()) == handle);
            found.map(|(id, _)| *id).map_or(Value::Null, |id| shop.collection(id))
        }
        "publications" => {
            need("write_publications")?;
            let title = shop.publication.clone().unwrap_or_else(|| "Online Store".to_owned());
            let catalog = json!({"__typename": "AppCatalog", "id": "gid://shopify/AppCatalog/1", "title": title});
            let odd = json!({"id": "gid://shopify/Publication/9", "autoPublish": false, "catalog": null});
            connection(vec![odd, json!({"id": PUBLICATION, "autoPublish": false, "catalog": catalog})], arguments)
        }
        "productSet" => {
            need("write_products")?;
            shop.set_product(&arguments["identifier"], &arguments["input"])
        }
        "collectionCreate" => {
            let input = &arguments["collection"];
            let (handle, title) = (input["handle"].as_str().unwrap(), input["title"].as_str().unwrap());
            let id = shop.add_collection(handle, title);
            json!({"collection": shop.collection(id), "userErrors": []})
        }
        "productDelete" => shop.delete_product(number(&arguments["input"]["id"])),
        "collectionDelete" => shop.delete_collection(number(&arguments["input"]["id"])),
        "publicationUpdate" => publish(shop, arguments),
        "bulkOperationRunQuery" => bulk_start(shop, schema, arguments),
        "bulkOperation" => bulk_status(shop, context.address, arguments),
        "metaobjectDefinitionCreate" => {
            need("write_metaobject_definitions")?;
            let errors = if shop.defined {
                user_error(&["definition", "type"], "Type has already been taken", Some("TAKEN"))
            } else {
                json!([])
            };
            shop.defined = true;
            json!({"metaobjectDefinition": null, "userErrors": errors})
        }
        "metaobjectUpsert" => upsert_metaobject(shop, arguments),
        "webhookSubscriptionCreate" => {
            let (topic, uri) = (arguments["topic"].as_str().unwrap(), &arguments["webhookSubscription"]["uri"]);
            let new = shop.subscriptions.insert((topic.to_owned(), uri.as_str().unwrap().to_owned()));
            let taken = || {
                user_error(
                    &["webhookSubscription", "callbackUrl"],
                    "Address for this topic has already been taken",
                    None,
                )
            };
            let subscription = json!({"id": "gid://shopify/WebhookSubscription/1", "topic": topic, "uri": uri});
            json!({"webhookSubscription": subscription, "userErrors": if new { json!([]) } else { taken() }})
        }
        other => panic!("the mock does not know `{other}`"),
    })
}

fn publish(shop: &mut Shop, arguments: &Value) -> Value {
    let ids = arguments["input"]["publishablesToAdd"].as_array().cloned().unwrap_or_default();
    let refuse = |message: &str, code: &str| json!({"publication": null, "userErrors": user_error(&["input"], message, Some(code))});
    if arguments["id"] != PUBLICATION {
        return refuse("Publication not found", "PUBLICATION_NOT_FOUND");
    }
    if ids.len() > 50 {
        return refuse("Too many publishables", "PUBLICATION_UPDATE_LIMIT_EXCEEDED");
    }
    for id in &ids {
        match shop.products.get_mut(&number(id)) {
            Some(product) => product.published = true,
            None => return refuse("Publishable does not exist", "INVALID_PUBLISHABLE_ID"),
        }
    }
    json!({"publication": {"id": PUBLICATION}, "userErrors": []})
}

fn bulk_start(shop: &mut Shop, schema: &Valid<Schema>, arguments: &Value) -> Value {
    let query = arguments["query"].as_str().unwrap();
    if let Err(errors) = ExecutableDocument::parse_and_validate(schema, query, "bulk.graphql") {
        return json!({"bulkOperation": null, "userErrors": user_error(&["query"], &errors.errors.to_string(), Some("INVALID"))});
    }
    if shop.bulk_busy > 0 {
        shop.bulk_busy -= 1;
        let errors = user_error(
            &[],
            "A bulk query operation for this app and shop is already in progress",
            Some("OPERATION_IN_PROGRESS"),
        );
        return json!({"bulkOperation": null, "userErrors": errors});
    }
    shop.bulk_looks.push(0);
    let id = gid("BulkOperation", shop.bulk_looks.len() as u64 - 1);
    let operation = json!({"id": id, "status": "CREATED", "createdAt": "2026-11-02T09:15:00Z"});
    json!({"bulkOperation": operation, "userErrors": []})
}

fn bulk_status(shop: &mut Shop, address: SocketAddr, arguments: &Value) -> Value {
    let index = number(&arguments["id"]) as usize;
    let count = shop.products.len();
    let end = shop.bulk_end.unwrap_or("COMPLETED");
    let Some(looks) = shop.bulk_looks.get_mut(index) else { return Value::Null };
    *looks += 1;
    let status = if *looks < 2 { "RUNNING" } else { end };
    let url = (status == "COMPLETED" && count > 0).then(|| format!("http://{address}/bulk/{index}"));
    json!({
        "id": arguments["id"],
        "status": status,
        "errorCode": (status == "FAILED").then_some("TIMEOUT"),
        "createdAt": "2026-11-02T09:15:00Z",
        "completedAt": null,
        "objectCount": count.to_string(),
        "rootObjectCount": count.to_string(),
        "fileSize": null,
        "url": url,
        "partialDataUrl": null,
    })
}

fn upsert_metaobject(shop: &mut Shop, arguments: &Value) -> Value {
    let handle = arguments["handle"]["handle"].as_str().unwrap().to_owned();
    let refuse = |message: &str, code: &str| json!({"metaobject": null, "userErrors": user_error(&["handle"], message, Some(code))});
    if !shop.defined || arguments["handle"]["type"] != "nu_recommendation" {
        return refuse("No metaobject definition exists for this type", "UNDEFINED_OBJECT_TYPE");
    }
    if handle.contains(' ') {
        return refuse("Handle is invalid", "INVALID");
    }
    let field = &arguments["metaobject"]["fields"][0];
    let references: Result<Vec<String>, _> = serde_json::from_str(field["value"].as_str().unwrap());
    match references {
        Ok(references) if field["key"] == "products" && references.len() <= 128 => {
            shop.metaobjects.insert(handle.clone(), field["value"].as_str().unwrap().to_owned());
            json!({"metaobject": {"id": gid("Metaobject", 1), "handle": handle}, "userErrors": []})
        }
        _ => refuse("Value is invalid", "INVALID_VALUE"),
    }
}

/// A page of a list.
fn connection(nodes: Vec<Value>, arguments: &Value) -> Value {
    let first = arguments["first"].as_u64().unwrap_or(50) as usize;
    let start = arguments["after"]
        .as_str()
        .and_then(|cursor| cursor.strip_prefix("after:"))
        .map_or(0, |cursor| nodes.iter().position(|node| node["id"].as_str() > Some(cursor)).unwrap_or(nodes.len()));
    let page: Vec<Value> = nodes.iter().skip(start).take(first).cloned().collect();
    let cursor = page.last().map(|node| format!("after:{}", node["id"].as_str().unwrap_or_default()));
    let more = start + page.len() < nodes.len();
    json!({"pageInfo": {"hasNextPage": more, "endCursor": cursor}, "nodes": page})
}

/// The value with only what was selected.
fn project(value: &Value, selections: &SelectionSet, variables: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| project(value, selections, variables)).collect(),
        Value::Object(_) if !selections.selections.is_empty() => {
            let mut projected = Map::new();
            for selection in &selections.selections {
                match selection {
                    Selection::Field(field) => {
                        let mut inner = value.get(field.name.as_str()).cloned().unwrap_or_default();
                        if field.name == "collections" && inner.is_array() {
                            let collections = inner.as_array().cloned().unwrap_or_default();
                            inner = connection(collections, &arguments(field, variables));
                        }
                        projected
                            .insert(field.response_key().to_string(), project(&inner, &field.selection_set, variables));
                    }
                    Selection::InlineFragment(fragment) => {
                        if let Value::Object(inner) = project(value, &fragment.selection_set, variables) {
                            projected.extend(inner);
                        }
                    }
                    Selection::FragmentSpread(_) => panic!("our documents have no named fragments"),
                }
            }
            Value::Object(projected)
        }
        other => other.clone(),
    }
}
