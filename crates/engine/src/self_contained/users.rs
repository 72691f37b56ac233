//! Attributes of shoppers: what the model reads of them enters; optional inputs of the graph, and the ids of their values,
//! leave.

use slirec_core::vocabulary::{UserFeature, UserValues};
use slirec_onnx::builder::{Body, Element, Size, integer, value};
use slirec_onnx::proto::ValueInfoProto;

use super::times::{INT64, bucket};

/// Name of the input that has an attribute.
pub(super) fn input(name: &str) -> String {
    format!("user.{name}")
}

/// An input for each attribute, with what stands there for nothing.
pub(super) fn inputs(body: &mut Body, features: &[UserFeature]) -> Vec<ValueInfoProto> {
    let input = |feature: &UserFeature| {
        let name = input(&feature.name);
        let element = match feature.values {
            UserValues::Texts(_) => {
                body.strings(&name, [""]);
                Element::String
            }
            UserValues::Bounds(_) => {
                body.doubles(&name, &[1], &[f64::NAN]);
                Element::Double
            }
        };
        value(&name, element, &[Size::Fixed(1)])
    };
    features.iter().map(input).collect()
}

/// Ids of the attributes' values, one behind the other; none of a model that reads no attributes.
pub(super) fn ids(body: &mut Body, features: &[UserFeature]) -> Option<String> {
    let mut all = Vec::with_capacity(features.len());
    for feature in features {
        let given = input(&feature.name);
        all.push(match &feature.values {
            UserValues::Texts(texts) => body.numbers_of_texts(&given, texts.iter().map(String::as_str)),
            UserValues::Bounds(bounds) => bucket_of(body, &given, bounds),
        });
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    (!all.is_empty()).then(|| body.node_with("Concat", &all, vec![integer("axis", 0)]))
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
