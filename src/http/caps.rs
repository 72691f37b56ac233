//! Caps of a request, `{"vendor": 2, "category": 3}`: a short object of counts enters, names with counts leave.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::values::Count;

/// Attributes that are capped at most.
const MOST: usize = 8;

/// Most products for each value of some attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caps(pub(crate) Vec<(String, usize)>);

impl<'de> Deserialize<'de> for Caps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CapsVisitor)
    }
}

struct CapsVisitor;

impl<'de> Visitor<'de> for CapsVisitor {
    type Value = Caps;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of counts such as {\"vendor\": 2}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Caps, A::Error> {
        let mut caps: Vec<(String, usize)> = Vec::new();
        while let Some((name, Count::<1, 1_000>(most))) = members.next_entry::<String, _>()? {
            if caps.len() == MOST {
                return Err(A::Error::custom(format_args!("has more than {MOST} attributes, expected at most {MOST}")));
            }
            if caps.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("has an attribute twice, expected each once"));
            }
            caps.push((name, most));
        }
        Ok(Caps(caps))
    }
}
