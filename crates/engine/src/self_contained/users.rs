//! Attributes of shoppers: what the model reads of them enters; optional inputs of the graph, and the ids of their values,
//! leave.

use slirec_core::vocabulary::{MOST_USER_ATTRIBUTES, UserFeature, UserKind, UserLookup, UserValues};
use slirec_onnx::builder::{Body, Element, Size, integer, value};
use slirec_onnx::proto::ValueInfoProto;

use super::times::{INT64, bucket};

/// Name of the input that has an attribute.
pub(super) fn input(name: &str) -> String {
    format!("user.{name}")
}

/// Names of the lengths of lists, each another.
const LENGTHS: [&str; MOST_USER_ATTRIBUTES] = [
    "entries_1",
    "entries_2",
    "entries_3",
    "entries_4",
    "entries_5",
    "entries_6",
    "entries_7",
    "entries_8",
    "entries_9",
    "entries_10",
    "entries_11",
    "entries_12",
    "entries_13",
    "entries_14",
    "entries_15",
    "entries_16",
];

/// An input for each attribute, with what stands there for nothing.
pub(super) fn inputs(body: &mut Body, users: &UserLookup) -> Vec<ValueInfoProto> {
    let input = |((name, kind), length): ((&str, UserKind), &'static str)| {
        let name = input(name);
        if kind == UserKind::Number {
            body.doubles(&name, &[1], &[f64::NAN]);
            return value(&name, Element::Double, &[Size::Fixed(1)]);
        }
        body.strings(&name, [""]);
        let size = if kind == UserKind::List { Size::Named(length) } else { Size::Fixed(1) };
        value(&name, Element::String, &[size])
    };
    users.attributes().zip(LENGTHS).map(input).collect()
}

/// Ids of the attributes' values, one behind the other; none of a model that reads no attributes.
pub(super) fn ids(body: &mut Body, features: &[UserFeature]) -> Option<String> {
    let mut all = Vec::with_capacity(features.len());
    for feature in features {
        let given = input(feature.attribute());
        all.push(match &feature.values {
            UserValues::Texts(texts) if feature.kind() == UserKind::List => {
                greatest_of(body, &given, &feature.name, texts)
            }
            UserValues::Texts(texts) => body.numbers_of_texts(&given, texts.iter().map(String::as_str)),
            UserValues::Bounds(bounds) => bucket_of(body, &given, bounds),
        });
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    (!all.is_empty()).then(|| body.node_with("Concat", &all, vec![integer("axis", 0)]))
}

/// The greatest id of a list's entries in one part; 0 for none.
fn greatest_of(body: &mut Body, given: &str, part: &str, texts: &[String]) -> String {
    // So that a list without entries has one.
    let nothing = body.strings(&format!("{}.nothing", input(part)), [""]);
    let entries = body.node_with("Concat", &[given, &nothing], vec![integer("axis", 0)]);
    let ids = body.numbers_of_texts(&entries, texts.iter().map(String::as_str));
    body.node_with("ReduceMax", &[&ids], vec![integer("keepdims", 1)])
}

/// One more than the bounds that are at most a number; 0 for none.
fn bucket_of(body: &mut Body, given: &str, bounds: &[f64]) -> String {
    // A number that is none equals nothing.
    let known = body.node("Equal", &[given, given]);
    let known = body.node_with("Cast", &[&known], vec![integer("to", INT64)]);
    if bounds.is_empty() {
        return known;
    }
    let bounds = body.doubles(&format!("{given}.bounds"), &[bounds.len()], bounds);
    let reached = bucket(body, given, &bounds);
    // None reaches a bound.
    body.node("Add", &[&known, &reached])
}
