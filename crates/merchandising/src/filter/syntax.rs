//! The form of a filter: words enter, an expression leaves in which every part knows its place. Names mean nothing yet.

use super::expression::{Attribute, Comparison, Expression, Kind, Literal, Method};
use super::tokens::{Placed, Token, tokens};
use super::{DEEPEST_FILTER, FilterError, MOST_CONDITIONS};

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, conditions: 0 };
    let expression = parser.any()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("`&&`, `||` or the end")),
    }
}

struct Parser {
    /// Ends with [`Token::End`].
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    conditions: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |placed| &placed.token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(1, |placed| placed.position)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        // The end stays.
        if token != Token::End {
            self.next += 1;
        }
        token
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.next += usize::from(found);
        found
    }

    fn require(&mut self, symbol: &str) -> Result<(), FilterError> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn unexpected(&self, expected: &str) -> FilterError {
        FilterError::new(self.position(), format!("found {}, expected {expected}", self.peek().shown()))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        if self.depth == DEEPEST_FILTER {
            let problem = format!("found more than {DEEPEST_FILTER} levels, expected at most so many");
            return Err(FilterError::new(self.position(), problem));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        self.joined("||", Self::all, Kind::Any)
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        self.joined("&&", Self::condition, Kind::All)
    }

    fn joined(
        &mut self,
        symbol: &str,
        read: fn(&mut Self) -> Result<Expression, FilterError>,
        join: fn(Vec<Expression>) -> Kind,
    ) -> Result<Expression, FilterError> {
        let position = self.position();
        let first = read(self)?;
        if !self.takes(symbol) {
            return Ok(first);
        }
        let mut parts = vec![first, read(self)?];
        while self.takes(symbol) {
            parts.push(read(self)?);
        }
        Ok(Expression { kind: join(parts), position })
    }

    fn condition(&mut self) -> Result<Expression, FilterError> {
        let position = self.position();
        self.conditions += 1;
        if self.conditions > MOST_CONDITIONS {
            let problem = format!("found more than {MOST_CONDITIONS} conditions, expected at most so many");
            return Err(FilterError::new(position, problem));
        }
        let left = self.operand()?;
        let comparison = match self.peek() {
            Token::Symbol("==") => Comparison::Equal,
            Token::Symbol("!=") => Comparison::NotEqual,
            Token::Symbol("<") => Comparison::Less,
            Token::Symbol("<=") => Comparison::LessOrEqual,
            Token::Symbol(">") => Comparison::Greater,
            Token::Symbol(">=") => Comparison::GreaterOrEqual,
            Token::Name(name) if name == "in" => {
                self.take();
                let kind = Kind::In(Box::new(left), Box::new(self.operand()?));
                return Ok(Expression { kind, position });
            }
            _ => return Ok(left),
        };
        self.take();
        let kind = Kind::Compare(comparison, Box::new(left), Box::new(self.operand()?));
        Ok(Expression { kind, position })
    }

    fn operand(&mut self) -> Result<Expression, FilterError> {
        let position = self.position();
        let kind = match self.peek() {
            Token::Symbol("!") => {
                self.take();
                Kind::Not(Box::new(self.deeper(Self::operand)?))
            }
            Token::Symbol("(") => {
                self.take();
                let inner = self.deeper(Self::any)?;
                self.require(")")?;
                return Ok(inner);
            }
            Token::Symbol("[") => {
                self.take();
                self.list()?
            }
            Token::Name(name) if !["true", "false"].contains(&name.as_str()) => return self.named(),
            _ => Kind::Literal(self.literal("an attribute, a value, `!` or `(`")?),
        };
        Ok(Expression { kind, position })
    }

    fn literal(&mut self, expected: &str) -> Result<Literal, FilterError> {
        let literal = match self.peek() {
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Number(number) => Literal::Number(*number),
            Token::Name(name) if name == "true" || name == "false" => Literal::Boolean(name == "true"),
            Token::Symbol("-") => {
                self.take();
                let Token::Number(number) = *self.peek() else { return Err(self.unexpected("a number")) };
                Literal::Number(-number)
            }
            _ => return Err(self.unexpected(expected)),
        };
        self.take();
        Ok(literal)
    }

    fn list(&mut self) -> Result<Kind, FilterError> {
        let mut elements = Vec::new();
        if self.takes("]") {
            return Ok(Kind::List(elements));
        }
        loop {
            let position = self.position();
            elements.push((self.literal("a text or a number")?, position));
            if !self.takes(",") {
                self.require("]")?;
                return Ok(Kind::List(elements));
            }
        }
    }

    /// What begins with a name: a column, a test, or a call.
    fn named(&mut self) -> Result<Expression, FilterError> {
        let position = self.position();
        let kind = match self.peek() {
            Token::Name(name) if name == "has" => {
                self.take();
                self.require("(")?;
                let attribute = self.attribute()?;
                self.require(")")?;
                Kind::Has(attribute)
            }
            Token::Name(name) if name == "same" => {
                self.take();
                let quoted = matches!(self.peek(), Token::Symbol("["));
                if !quoted {
                    self.require(".")?;
                }
                Kind::Same(if quoted { self.quoted(position)? } else { self.attribute()? })
            }
            _ => {
                let attribute = self.attribute()?;
                if !self.takes(".") {
                    return Ok(Expression { kind: Kind::Attribute(attribute), position });
                }
                self.call(attribute)?
            }
        };
        Ok(Expression { kind, position })
    }

    fn call(&mut self, attribute: Attribute) -> Result<Kind, FilterError> {
        let method = match self.peek() {
            Token::Name(name) if name == "startsWith" => Method::StartsWith,
            Token::Name(name) if name == "endsWith" => Method::EndsWith,
            Token::Name(name) if name == "contains" => Method::Contains,
            _ => return Err(self.unexpected("`startsWith`, `endsWith` or `contains`")),
        };
        self.take();
        self.require("(")?;
        let Token::Text(text) = self.peek().clone() else { return Err(self.unexpected("a text")) };
        self.take();
        self.require(")")?;
        Ok(Kind::Call(attribute, method, text))
    }

    fn attribute(&mut self) -> Result<Attribute, FilterError> {
        let position = self.position();
        match self.peek().clone() {
            Token::Name(name) if name == "attributes" => {
                self.take();
                self.quoted(position)
            }
            Token::Name(name) if !["has", "in", "same", "true", "false"].contains(&name.as_str()) => {
                self.take();
                Ok(Attribute { name, quoted: false, position })
            }
            _ => Err(self.unexpected("the name of an attribute")),
        }
    }

    /// `["name"]`
    fn quoted(&mut self, position: usize) -> Result<Attribute, FilterError> {
        self.require("[")?;
        let Token::Text(name) = self.peek().clone() else {
            return Err(self.unexpected("the name of an attribute, a text"));
        };
        self.take();
        self.require("]")?;
        Ok(Attribute { name, quoted: true, position })
    }
}
