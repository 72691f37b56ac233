//! What a plain pickle holds.

use std::sync::Arc;

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number of at most 64 bits.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text; equal texts that Python shared are shared here too.
    Text(Arc<str>),
    /// `[…]`
    List(Vec<Value>),
    /// `(…)`
    Tuple(Vec<Value>),
    /// `{…}` in the order of the pickle; a key may repeat, the last one counts.
    Dict(Vec<(Value, Value)>),
}

impl Value {
    /// What it is called in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "whole number",
            Self::Float(_) => "number with a fraction",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// Keys and values, if it is a dict.
    pub fn as_dict(&self) -> Option<&[(Value, Value)]> {
        if let Self::Dict(pairs) = self { Some(pairs) } else { None }
    }

    /// The elements, if it is a list or a tuple.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(values) | Self::Tuple(values) = self { Some(values) } else { None }
    }

    /// The value of a key, if it is a dict that holds it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_dict()?.iter().rev().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// Whether the value holds no others.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Tuple(_) | Self::Dict(_))
    }
}
