//! The words of a filter: a text enters, words with their places leave.

use super::{FilterError, LONGEST_FILTER};

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, also a reserved one.
    Name(String),
    /// A text without its quotes.
    Text(String),
    /// A number, never negative.
    Number(f64),
    /// An operator or a parenthesis.
    Symbol(&'static str),
    /// Behind the last word.
    End,
}

/// A word with the character at which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) position: usize,
}

/// The longer ones before those that they begin with.
const SYMBOLS: [&str; 16] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", ".", "-"];

impl Token {
    /// As messages name it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) => format!("`{}`", cut(name)),
            Self::Text(text) => format!("the text {:?}", cut(text)),
            Self::Number(number) => format!("the number `{number}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// The beginning of what was written.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The words of a text, the end last.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    if text.len() > LONGEST_FILTER {
        let problem = format!("the filter has {} bytes, expected at most {LONGEST_FILTER}", text.len());
        return Err(FilterError::new(1, problem));
    }
    let mut reader = Reader { rest: text, position: 1 };
    let mut tokens = Vec::new();
    loop {
        reader.skip(char::is_whitespace);
        let position = reader.position;
        let token = reader.next()?;
        let is_end = token == Token::End;
        tokens.push(Placed { token, position });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Token, FilterError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first == '"' || first == '\'' {
            return self.text(first);
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            let name = self.skip(|letter| letter.is_alphanumeric() || letter == '_');
            return Ok(Token::Name(name.to_owned()));
        }
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
            self.advance(symbol.len());
            return Ok(Token::Symbol(symbol));
        }
        let expected = match first {
            '=' => "expected `==`",
            '&' => "expected `&&`",
            '|' => "expected `||`",
            _ => "expected an attribute, a value or an operator",
        };
        Err(FilterError::new(self.position, format!("found `{}`, {expected}", first.escape_default())))
    }

    /// Takes what is of a kind.
    fn skip(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.advance(self.rest.find(|letter| !belongs(letter)).unwrap_or(self.rest.len()))
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.position += taken.chars().count();
        taken
    }

    fn number(&mut self) -> Result<Token, FilterError> {
        let position = self.position;
        let begun = self.rest;
        self.skip(|letter| letter.is_ascii_digit());
        if self.rest.starts_with('.') {
            self.advance(1);
            self.skip(|letter| letter.is_ascii_digit());
        }
        if self.rest.starts_with(['e', 'E']) {
            self.advance(1);
            if self.rest.starts_with(['+', '-']) {
                self.advance(1);
            }
            self.skip(|letter| letter.is_ascii_digit());
        }
        let written = begun.get(..begun.len() - self.rest.len()).unwrap_or_default();
        let number = written.parse().ok().filter(|number: &f64| number.is_finite());
        let is_followed = self.rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        number.filter(|_| !is_followed && !written.ends_with('.')).map(Token::Number).ok_or_else(|| {
            FilterError::new(position, format!("found `{}`, expected a number such as 50 or 49.90", cut(written)))
        })
    }

    fn text(&mut self, quote: char) -> Result<Token, FilterError> {
        let begun = self.position;
        self.advance(quote.len_utf8());
        let mut text = String::new();
        loop {
            text.push_str(self.skip(|letter| letter != quote && letter != '\\'));
            let position = self.position;
            let Some(letter) = self.rest.chars().next() else {
                return Err(FilterError::new(begun, format!("found a text without its end, expected {quote}")));
            };
            self.advance(letter.len_utf8());
            if letter == quote {
                return Ok(Token::Text(text));
            }
            let escaped = self.rest.chars().next();
            self.advance(escaped.map_or(0, char::len_utf8));
            text.push(match escaped {
                Some(letter @ ('"' | '\'' | '\\')) => letter,
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                _ => {
                    let expected = r#"expected one of \" \' \\ \n \r \t"#;
                    return Err(FilterError::new(position, format!("found an escape that is none, {expected}")));
                }
            });
        }
    }
}
