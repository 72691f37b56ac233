//! Snowplow as JSON: enriched events of the Analytics SDK, flattened or lossless, and the bodies that trackers send,
//! also wrapped in `message` as the original's scenario reads them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Snowplow;
use super::atomic::{Atomic, Time};
use crate::events::fields::{self, Text};
use crate::events::problem::Problem;
use crate::events::sink::Sink;

/// Every version of the schema of tracker bodies.
const PAYLOAD: &str = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-";
const PRODUCT: &str = "com_snowplowanalytics_snowplow_ecommerce_product_1";
const ACTION: &str = "com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1";
const ROBOTS: &str = "com_iab_snowplow_spiders_and_robots_1";
const LEGACY: [&str; 2] =
    ["com_snowplowanalytics_snowplow_add_to_cart_1", "com_snowplowanalytics_snowplow_remove_from_cart_1"];

/// Reads one line: an enriched event, or a body with any number of events.
pub(super) fn line(options: &Snowplow, line: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
    let text = std::str::from_utf8(line).map_err(|_| "found bytes that are not UTF-8".to_owned())?;
    let mut atomic = Atomic::default();
    let (mut schema, mut data, mut message): (Option<Text<'_>>, Option<&RawValue>, Option<&RawValue>) =
        (None, None, None);
    // Warehouses unload nested columns as text that holds JSON, under names in upper case.
    let mut embedded: Vec<(String, String)> = Vec::new();
    fields::visit(text, &mut |name, value| {
        let lower;
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase();
            lower.as_str()
        } else {
            name
        };
        match name {
            "schema" => schema = fields::text(value)?,
            "data" => data = Some(value),
            "message" => message = Some(value),
            _ if is_nested(name) && value.get().starts_with('"') => {
                embedded.push((name.to_owned(), fields::text(value)?.unwrap_or_default().0.into_owned()));
            }
            _ => enriched_field(name, value, &mut atomic)?,
        }
        Ok(())
    })?;
    // Declared after what it borrows from, because the atomic event borrows the embedded texts.
    let mut atomic: Atomic<'_> = atomic;
    for (name, json) in embedded.iter().filter(|(_, json)| !json.trim().is_empty()) {
        let value: &RawValue =
            serde_json::from_str(json).map_err(|error| format!("{name}: {}", fields::problem(error)))?;
        enriched_field(name, value, &mut atomic).map_err(|problem| format!("{name}: {problem}"))?;
    }
    match (schema, data, message) {
        (Some(schema), Some(data), _) => payload(options, &schema, data, sink),
        (None, _, Some(message)) => self::line(options, message.get().as_bytes(), sink),
        _ if atomic.event_id.is_some() || atomic.collector_tstamp.is_some() => options.interpret(&atomic, sink),
        _ => Err("found neither event_id and collector_tstamp nor schema and data: expected an enriched event or the \
                  body of a tracker"
            .into()),
    }
}

/// Whether a field of an enriched event holds entities or the event itself.
fn is_nested(name: &str) -> bool {
    matches!(name, "contexts" | "derived_contexts" | "unstruct_event")
        || name.starts_with("contexts_")
        || name.starts_with("unstruct_event_")
}

/// A field of an enriched event.
fn enriched_field<'a>(name: &str, value: &'a RawValue, atomic: &mut Atomic<'a>) -> Result<(), String> {
    // Unloads write nothing for null.
    if value.get() == r#""""# {
        return Ok(());
    }
    let slot = match name {
        "app_id" => &mut atomic.app_id,
        "event" => &mut atomic.event,
        "event_name" => &mut atomic.event_name,
        "event_id" => &mut atomic.event_id,
        "event_fingerprint" => &mut atomic.event_fingerprint,
        "user_id" => &mut atomic.user_id,
        "domain_userid" => &mut atomic.domain_userid,
        "network_userid" => &mut atomic.network_userid,
        "page_urlhost" => &mut atomic.page_urlhost,
        "page_urlpath" => &mut atomic.page_urlpath,
        "page_url" => &mut atomic.page_url,
        "ti_sku" => &mut atomic.ti_sku,
        "derived_tstamp" | "true_tstamp" | "collector_tstamp" => {
            let time = fields::text(value)?.map(|text| Time::Text(text.0));
            match name {
                "derived_tstamp" => atomic.derived_tstamp = time,
                "true_tstamp" => atomic.true_tstamp = time,
                _ => atomic.collector_tstamp = time,
            }
            return Ok(());
        }
        "contexts" | "derived_contexts" => return contexts(value.get().as_bytes(), atomic),
        "unstruct_event" => return self_describing_event(value.get().as_bytes(), atomic),
        _ => {
            if let Some(schema) = name.strip_prefix("contexts_") {
                return flattened_contexts(schema, value, atomic);
            }
            return name.strip_prefix("unstruct_event_").map_or(Ok(()), |schema| event_data(schema, value, atomic));
        }
    };
    *slot = fields::text(value)?.map(|text| text.0);
    Ok(())
}

/// `contexts_<vendor>_<name>_<model>`: an array of what the entities hold. BigQuery's names go on with the revision.
fn flattened_contexts<'a>(schema: &str, value: &'a RawValue, atomic: &mut Atomic<'a>) -> Result<(), String> {
    if !(schema.starts_with(PRODUCT) || schema.starts_with(ROBOTS)) {
        return Ok(());
    }
    let entities: Option<Vec<&RawValue>> = fields::parse(value)?;
    entities.into_iter().flatten().try_for_each(|entity| context_data(schema, entity, atomic))
}

#[derive(Deserialize)]
struct SelfDescribing<'a> {
    #[serde(borrow)]
    schema: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Self-describing contexts: `{"schema": …, "data": [{"schema": …, "data": …}, …]}`; lossless events have `{}` for none.
pub(super) fn contexts<'a>(field: &'a [u8], atomic: &mut Atomic<'a>) -> Result<(), String> {
    let outer: Option<SelfDescribing<'a>> = serde_json::from_slice(field).map_err(fields::problem)?;
    let Some(data) = outer.and_then(|outer| outer.data) else { return Ok(()) };
    let entities: Vec<SelfDescribing<'a>> = fields::parse(data)?;
    for entity in entities {
        if let SelfDescribing { schema: Some(schema), data: Some(data) } = entity {
            context_data(&flattened_name(&schema), data, atomic)?;
        }
    }
    Ok(())
}

/// A self-describing event: an envelope around a schema and its data.
pub(super) fn self_describing_event<'a>(field: &'a [u8], atomic: &mut Atomic<'a>) -> Result<(), String> {
    let outer: Option<SelfDescribing<'a>> = serde_json::from_slice(field).map_err(fields::problem)?;
    let Some(data) = outer.and_then(|outer| outer.data) else { return Ok(()) };
    let inner: SelfDescribing<'a> = fields::parse(data)?;
    match inner {
        SelfDescribing { schema: Some(schema), data: Some(data) } => event_data(&flattened_name(&schema), data, atomic),
        _ => Ok(()),
    }
}

/// `iglu:com.vendor/name/jsonschema/1-0-2` as the flattened forms write it: `com_vendor_name_1`.
fn flattened_name(schema: &str) -> String {
    let mut parts = schema.strip_prefix("iglu:").unwrap_or(schema).split('/');
    let (vendor, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let version = parts.nth(1).unwrap_or_default();
    let model = version.split('-').next().unwrap_or_default();
    format!("{vendor}_{name}_{model}").replace(['.', '-'], "_")
}

/// What an entity says: which product it is, or that a robot was at work.
fn context_data<'a>(schema: &str, data: &'a RawValue, atomic: &mut Atomic<'a>) -> Result<(), String> {
    if schema.starts_with(PRODUCT) {
        fields::visit(data.get(), &mut |name, value| {
            if name == "id" {
                atomic.products.extend(fields::text(value)?.map(|text| text.0));
            }
            Ok(())
        })
    } else if schema.starts_with(ROBOTS) {
        fields::visit(data.get(), &mut |name, value| {
            atomic.robot |= matches!(name, "spiderOrRobot" | "spider_or_robot") && value.get() == "true";
            Ok(())
        })
    } else {
        Ok(())
    }
}

/// What a self-describing event says: the ecommerce action, or the SKU of the older cart events.
fn event_data<'a>(schema: &str, data: &'a RawValue, atomic: &mut Atomic<'a>) -> Result<(), String> {
    let is_action = schema.starts_with(ACTION);
    let legacy = LEGACY.iter().any(|name| schema.starts_with(name));
    if !is_action && !legacy || data.get() == "null" {
        return Ok(());
    }
    if schema.contains("remove_from_cart") {
        atomic.event_name = Some(Cow::Borrowed("remove_from_cart"));
    }
    fields::visit(data.get(), &mut |name, value| {
        match name {
            "type" if is_action => atomic.action = fields::text(value)?.map(|text| text.0),
            "sku" if legacy => atomic.legacy_sku = fields::text(value)?.map(|text| text.0),
            _ => {}
        }
        Ok(())
    })
}

/// The body of a tracker: an array of events whose values are all text.
fn payload(options: &Snowplow, schema: &str, data: &RawValue, sink: &mut Sink<'_>) -> Result<(), Problem> {
    if !schema.starts_with(PAYLOAD) {
        return Err(format!("schema is `{schema}`: expected {PAYLOAD}…").into());
    }
    let events: Vec<&RawValue> = fields::parse(data)?;
    for event in events {
        match tracker_event(options, event, sink) {
            // A bad event does not take the others of its body with it.
            Err(Problem::Row(problem)) => sink.bad_part(problem, event.get().as_bytes()),
            result => result?,
        }
    }
    Ok(())
}

fn tracker_event(options: &Snowplow, event: &RawValue, sink: &mut Sink<'_>) -> Result<(), Problem> {
    let mut atomic = Atomic::default();
    let mut embedded: Vec<(&str, Vec<u8>)> = Vec::new();
    fields::visit(event.get(), &mut |name, value| {
        let slot = match name {
            "aid" => &mut atomic.app_id,
            "e" => &mut atomic.event,
            "eid" => &mut atomic.event_id,
            "uid" => &mut atomic.user_id,
            "duid" => &mut atomic.domain_userid,
            "nuid" | "tnuid" => &mut atomic.network_userid,
            "url" => &mut atomic.page_url,
            "ti_sk" => &mut atomic.ti_sku,
            "ttm" | "dtm" => {
                let time = fields::text(value)?.map(|text| Time::Text(text.0));
                // The tracker's own time counts before the device's clock.
                if name == "ttm" {
                    atomic.true_tstamp = time
                } else {
                    atomic.collector_tstamp = time
                }
                return Ok(());
            }
            "cx" | "ue_px" => {
                let text = fields::text(value)?.unwrap_or_default();
                embedded.push((if name == "cx" { "co" } else { "ue_pr" }, decode(name, &text)?));
                return Ok(());
            }
            "co" | "ue_pr" => {
                let text = fields::text(value)?.unwrap_or_default();
                embedded.push((if name == "co" { "co" } else { "ue_pr" }, text.0.into_owned().into_bytes()));
                return Ok(());
            }
            _ => return Ok(()),
        };
        *slot = fields::text(value)?.map(|text| text.0);
        Ok(())
    })?;
    // Declared after what it borrows from, because the atomic event borrows the decoded texts.
    let mut atomic: Atomic<'_> = atomic;
    for (name, json) in &embedded {
        let parsed = if *name == "co" { contexts(json, &mut atomic) } else { self_describing_event(json, &mut atomic) };
        parsed.map_err(|problem| format!("{name}: {problem}"))?;
    }
    options.interpret(&atomic, sink)
}

/// Base64 of either alphabet, padded or not.
fn decode(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim_end_matches('=');
    let engine = if text.contains(['+', '/']) { &STANDARD_NO_PAD } else { &URL_SAFE_NO_PAD };
    engine.decode(text).map_err(|error| format!("{name}: is not base64: {error}"))
}
