//! What a filter consists of: plain data, made of its words and read for its meaning.

/// A part of a filter with the character at which it begins, from 1.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) position: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    Literal(Literal),
    List(Vec<(Literal, usize)>),
    Attribute(Attribute),
    /// Whether a product has a value.
    Has(Attribute),
    /// Whether a product has the viewed one's value.
    Same(Attribute),
    Call(Attribute, Method, String),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// What a column is called.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    /// Named by `attributes["…"]`: never a built-in column.
    pub(super) quoted: bool,
    pub(super) position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
