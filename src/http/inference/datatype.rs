//! The datatypes of the protocol: a name enters, one that an input may have leaves.

use serde::de::{Deserialize, Deserializer, Error};

use crate::http::quote::quoted;

/// All names of the protocol.
const NAMES: [&str; 13] =
    ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"];

/// What the elements of an input are. Times do not fit into fewer bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Datatype {
    Bytes,
    Int32,
    Int64,
    UInt32,
    UInt64,
    Fp64,
}

impl<'de> Deserialize<'de> for Datatype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "BYTES" => Self::Bytes,
            "INT32" => Self::Int32,
            "INT64" => Self::Int64,
            "UINT32" => Self::UInt32,
            "UINT64" => Self::UInt64,
            "FP64" => Self::Fp64,
            known if NAMES.contains(&known) => {
                let expected = "expected BYTES, INT32, INT64, UINT32, UINT64 or FP64";
                return Err(D::Error::custom(format_args!("is {known}: {expected}")));
            }
            _ => {
                let found = quoted(&name);
                return Err(D::Error::custom(format_args!("{found} is no datatype: expected one of {NAMES:?}")));
            }
        })
    }
}
