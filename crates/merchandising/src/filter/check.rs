//! The meaning of a filter: an expression and the columns of a catalogue enter, a tree of conditions leaves in which every
//! value has become a place in its column.

use std::ops::Range;

use slirec_core::attributes::AttributeType;

use super::expression::{Attribute, Comparison, Expression, Kind, Literal, Method};
use super::node::Node;
use super::tokens::cut;
use super::{FilterError, MOST_SEARCHES};
use crate::columns::{ColumnId, Columns, Numbers, Texts, Values, ranges};

/// The conditions of a filter, and the columns of which the viewed product's value counts.
pub(super) fn check(expression: &Expression, columns: &Columns) -> Result<(Node, Vec<ColumnId>), FilterError> {
    let mut checker = Checker { columns, viewed: Vec::new(), searches: 0 };
    let node = checker.condition(expression)?;
    Ok((node, checker.viewed))
}

struct Checker<'a> {
    columns: &'a Columns,
    viewed: Vec<ColumnId>,
    searches: usize,
}

impl<'a> Checker<'a> {
    fn condition(&mut self, expression: &Expression) -> Result<Node, FilterError> {
        let position = expression.position;
        let wrong = |found: &str| {
            let problem = format!("found {found}, expected a condition such as `price < 50` or `vendor == \"Ochre\"`");
            Err(FilterError::new(position, problem))
        };
        Ok(match &expression.kind {
            Kind::Literal(Literal::Boolean(value)) => Node::Everything(*value),
            Kind::Literal(literal) => return wrong(literal.shown()),
            Kind::List(_) => return wrong("a list"),
            Kind::Attribute(attribute) => match self.column(attribute)? {
                (column, Values::Booleans { .. }) => Node::Boolean { column, value: true },
                (_, values) => return wrong(&format!("an attribute of type {}", values.kind().name())),
            },
            Kind::Has(attribute) => Node::Has(self.column(attribute)?.0),
            Kind::Same(attribute) => {
                let (column, _) = self.column(attribute)?;
                self.viewed.push(column);
                Node::Same(column)
            }
            Kind::Call(attribute, method, text) => self.call(attribute, *method, text)?,
            Kind::Compare(comparison, left, right) => self.compare(*comparison, left, right)?,
            Kind::In(left, right) => self.within(left, right)?,
            Kind::Not(inner) => Node::Not(Box::new(self.condition(inner)?)),
            Kind::All(parts) => Node::All(self.conditions(parts)?),
            Kind::Any(parts) => Node::Any(self.conditions(parts)?),
        })
    }

    fn conditions(&mut self, parts: &[Expression]) -> Result<Vec<Node>, FilterError> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    fn column(&self, attribute: &Attribute) -> Result<(ColumnId, &'a Values), FilterError> {
        let Attribute { name, quoted, position } = attribute;
        let found = if *quoted { self.columns.find_attribute(name) } else { self.columns.find(name) };
        found.and_then(|column| Some((column, self.columns.values(column)?))).ok_or_else(|| {
            let expected = self.columns.expected(name);
            let problem = format!("found `{}`, which is no attribute of the catalogue, {expected}", cut(name));
            FilterError::new(*position, problem)
        })
    }

    fn call(&mut self, attribute: &Attribute, method: Method, text: &str) -> Result<Node, FilterError> {
        let (column, values) = self.column(attribute)?;
        let Values::Texts(texts) = values else {
            return Err(of_type(attribute, values.kind(), "an attribute of type text"));
        };
        if method != Method::StartsWith {
            self.searches += 1;
            if self.searches > MOST_SEARCHES {
                let problem =
                    format!("found more than {MOST_SEARCHES} of `contains` and `endsWith`, expected at most so many");
                return Err(FilterError::new(attribute.position, problem));
            }
        }
        let ranges = match method {
            Method::StartsWith => vec![texts.beginning_with(text)],
            Method::EndsWith => texts.passing(|value| value.ends_with(text)),
            Method::Contains => texts.passing(|value| value.contains(text)),
        };
        Ok(Node::Codes { column, ranges })
    }

    fn compare(&mut self, comparison: Comparison, left: &Expression, right: &Expression) -> Result<Node, FilterError> {
        let (attribute, comparison, value) = match (&left.kind, &right.kind) {
            (Kind::Attribute(attribute), _) => (attribute, comparison, right),
            (_, Kind::Attribute(attribute)) => (attribute, comparison.turned(), left),
            _ => {
                let problem = format!("found {}, expected an attribute on one side of a comparison", left.kind.shown());
                return Err(FilterError::new(left.position, problem));
            }
        };
        let (column, values) = self.column(attribute)?;
        let mismatch = |expected: &str| {
            let Attribute { name, .. } = attribute;
            let problem = format!(
                "found {}, expected {expected}, because `{}` is of type {}",
                value.kind.shown(),
                cut(name),
                values.kind().name()
            );
            FilterError::new(value.position, problem)
        };
        let node = match (values, &value.kind) {
            (Values::Texts(texts), Kind::Literal(Literal::Text(text))) => compare_text(column, texts, comparison, text),
            (Values::Numbers(numbers) | Values::Prices(numbers), Kind::Literal(Literal::Number(number))) => {
                compare_number(column, numbers, comparison, *number)
            }
            (Values::Booleans { .. }, Kind::Literal(Literal::Boolean(value))) if comparison.is_equality() => {
                Node::Boolean { column, value: *value }
            }
            (Values::Booleans { .. }, Kind::Literal(Literal::Boolean(_))) => {
                return Err(of_type(attribute, AttributeType::Boolean, "`==` or `!=`"));
            }
            (Values::Lists(_), _) => return Err(of_type(attribute, AttributeType::List, "`\"value\" in` the list")),
            (Values::Texts(_), _) => return Err(mismatch("a text")),
            (Values::Numbers(_) | Values::Prices(_), _) => return Err(mismatch("a number")),
            (Values::Booleans { .. }, _) => return Err(mismatch("`true` or `false`")),
        };
        Ok(if comparison == Comparison::NotEqual { Node::Not(Box::new(node)) } else { node })
    }

    fn within(&mut self, left: &Expression, right: &Expression) -> Result<Node, FilterError> {
        match (&left.kind, &right.kind) {
            (Kind::Literal(Literal::Text(text)), Kind::Attribute(attribute)) => match self.column(attribute)? {
                (column, Values::Lists(texts)) => {
                    Ok(Node::Codes { column, ranges: ranges(texts.code(text).into_iter()) })
                }
                (_, values) => Err(of_type(attribute, values.kind(), "an attribute of type list")),
            },
            (Kind::Attribute(attribute), Kind::List(elements)) => self.one_of(attribute, elements),
            _ => {
                let problem =
                    "found something else, expected `\"value\" in attribute` or `attribute in [\"value\", …]`";
                Err(FilterError::new(left.position, problem))
            }
        }
    }

    fn one_of(&mut self, attribute: &Attribute, elements: &[(Literal, usize)]) -> Result<Node, FilterError> {
        let (column, values) = self.column(attribute)?;
        let mismatch = |literal: &Literal, position: usize, expected: &str| {
            let (name, kind) = (cut(&attribute.name), values.kind().name());
            let problem = format!("found {}, expected {expected}, because `{name}` is of type {kind}", literal.shown());
            FilterError::new(position, problem)
        };
        match values {
            Values::Texts(texts) => {
                let mut codes = Vec::new();
                for (literal, position) in elements {
                    let Literal::Text(text) = literal else { return Err(mismatch(literal, *position, "a text")) };
                    codes.extend(texts.code(text));
                }
                codes.sort_unstable();
                codes.dedup();
                Ok(Node::Codes { column, ranges: ranges(codes.into_iter()) })
            }
            Values::Numbers(numbers) | Values::Prices(numbers) => {
                let mut places = Vec::new();
                for (literal, position) in elements {
                    let Literal::Number(number) = literal else {
                        return Err(mismatch(literal, *position, "a number"));
                    };
                    places.push(numbers.equal_to(*number));
                }
                Ok(Node::Places { column, ranges: places })
            }
            _ => Err(of_type(attribute, values.kind(), "an attribute of type text, number or price")),
        }
    }
}

fn of_type(attribute: &Attribute, found: AttributeType, expected: &str) -> FilterError {
    let problem = format!("found `{}`, which is of type {}, expected {expected}", cut(&attribute.name), found.name());
    FilterError::new(attribute.position, problem)
}

/// Equality, also for its contrary.
fn compare_text(column: ColumnId, texts: &Texts, comparison: Comparison, text: &str) -> Node {
    let range = comparison.range(texts.codes(), texts.before(text, false), texts.before(text, true));
    Node::Codes { column, ranges: vec![range] }
}

/// Equality, also for its contrary.
fn compare_number(column: ColumnId, numbers: &Numbers, comparison: Comparison, number: f64) -> Node {
    let range = comparison.range(numbers.len(), numbers.below(number, false), numbers.below(number, true));
    Node::Places { column, ranges: vec![range] }
}

impl Comparison {
    /// The same with the sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Which of so many sorted values meet a comparison with one: `below` are less, `up_to` less or equal.
    fn range<T: From<u8>>(self, all: T, below: T, up_to: T) -> Range<T> {
        match self {
            Self::Equal | Self::NotEqual => below..up_to,
            Self::Less => T::from(0)..below,
            Self::LessOrEqual => T::from(0)..up_to,
            Self::Greater => up_to..all,
            Self::GreaterOrEqual => below..all,
        }
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

impl Literal {
    fn shown(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Boolean(_) => "`true` or `false`",
        }
    }
}

impl Kind {
    fn shown(&self) -> &'static str {
        match self {
            Self::Literal(literal) => literal.shown(),
            Self::List(_) => "a list",
            Self::Attribute(_) => "another attribute",
            _ => "a condition",
        }
    }
}
