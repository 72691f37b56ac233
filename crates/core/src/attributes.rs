//! What the attributes of products are: their texts, as the catalogue has them, enter; a type for each attribute and
//! typed values leave.
//!
//! A type is declared in the catalogue, and then every value must be of it, or it is inferred: the narrowest type that
//! all values have. Lists are never inferred, because a comma in a text means nothing by itself.

mod product_attributes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::shortened;
pub use product_attributes::Attributes;

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Any text.
    Text,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Texts with commas between them.
    List,
    /// A decimal number and a currency of three capital letters, `12.50 EUR`; the same currency for all products.
    Price,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue<'a> {
    /// A text without space around it.
    Text(&'a str),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// Texts without space around them, none of them empty.
    List(Vec<&'a str>),
    /// A finite amount of a currency.
    Price {
        /// How much.
        amount: f64,
        /// Three capital letters.
        currency: &'a str,
    },
}

impl AttributeType {
    /// The name in catalogues, answers and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Price => "price",
        }
    }

    /// What a text means; none when it is not of this type.
    pub fn read(self, text: &str) -> Option<AttributeValue<'_>> {
        let text = text.trim();
        Some(match self {
            Self::Text => AttributeValue::Text(text),
            Self::Number => AttributeValue::Number(number(text)?),
            Self::Boolean => AttributeValue::Boolean(text.parse().ok()?),
            Self::List => {
                AttributeValue::List(text.split(',').map(str::trim).filter(|element| !element.is_empty()).collect())
            }
            Self::Price => {
                let (first, second) = text.split_once(' ')?;
                let (amount, currency) = if is_currency(first) { (second, first) } else { (first, second) };
                let amount = number(amount.trim()).filter(|_| is_currency(currency.trim()))?;
                AttributeValue::Price { amount, currency: currency.trim() }
            }
        })
    }
}

/// A decimal number as people write it. One that begins with a zero that counts for nothing is a code, and no number.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = whole.len() > 1 && whole.starts_with('0');
    let is_number = are_digits(whole) && are_digits(fraction) && !is_code;
    is_number.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The type of every attribute: the declared one, or else the narrowest that all of its values have.
pub(crate) fn types<'a>(
    products: impl Iterator<Item = &'a Attributes>,
    declared: &BTreeMap<String, AttributeType>,
) -> BTreeMap<String, AttributeType> {
    let mut possible: BTreeMap<&str, Inference<'_>> = BTreeMap::new();
    for (name, text) in products.flat_map(Attributes::iter) {
        if !declared.contains_key(name) && !text.trim().is_empty() {
            possible.entry(name).or_default().see(text);
        }
    }
    let inferred = possible.into_iter().map(|(name, inference)| (name.to_owned(), inference.narrowest()));
    declared.iter().map(|(name, declared)| (name.clone(), *declared)).chain(inferred).collect()
}

/// Which types all values of an attribute have so far.
struct Inference<'a> {
    booleans: bool,
    numbers: bool,
    prices: bool,
    currency: Option<&'a str>,
}

impl Default for Inference<'_> {
    fn default() -> Self {
        Self { booleans: true, numbers: true, prices: true, currency: None }
    }
}

impl<'a> Inference<'a> {
    fn see(&mut self, text: &'a str) {
        self.booleans = self.booleans && AttributeType::Boolean.read(text).is_some();
        self.numbers = self.numbers && AttributeType::Number.read(text).is_some();
        if self.prices {
            let currency = match AttributeType::Price.read(text) {
                Some(AttributeValue::Price { currency, .. }) => Some(currency),
                _ => None,
            };
            self.prices = currency.is_some() && self.currency.is_none_or(|known| Some(known) == currency);
            self.currency = currency;
        }
    }

    fn narrowest(self) -> AttributeType {
        match (self.booleans, self.numbers, self.prices) {
            (true, _, _) => AttributeType::Boolean,
            (_, true, _) => AttributeType::Number,
            (_, _, true) => AttributeType::Price,
            _ => AttributeType::Text,
        }
    }
}

/// Checks the attributes of products against their declared types.
///
/// # Errors
/// The index of the first product that breaks one, and how.
pub(crate) fn check<'a>(
    products: impl Iterator<Item = &'a Attributes>,
    declared: &BTreeMap<String, AttributeType>,
) -> Result<(), (usize, String)> {
    let mut currencies: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, texts) in products.enumerate() {
        let texts = texts.iter().filter(|(_, text)| !text.trim().is_empty());
        for (name, text, declared) in texts.filter_map(|(name, text)| Some((name, text, *declared.get(name)?))) {
            let wrong = |expected: &str| {
                let (name, text) = (shortened(name), shortened(text));
                (index, format!("attribute `{name}` is `{text}`: expected {expected}, as its type says"))
            };
            match declared.read(text) {
                Some(AttributeValue::Price { currency, .. }) => {
                    let known = currencies.entry(name).or_insert(currency);
                    if *known != currency {
                        return Err(wrong(&format!("a price in {known}")));
                    }
                }
                Some(_) => {}
                None => {
                    return Err(wrong(match declared {
                        AttributeType::Boolean => "`true` or `false`",
                        AttributeType::Price => "a price such as `12.50 EUR`",
                        _ => "a decimal number",
                    }));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> Attributes {
        [("it", text)].into_iter().collect()
    }

    fn inferred(texts: &[&str]) -> AttributeType {
        let products: Vec<Attributes> = texts.iter().map(|text| product(text)).collect();
        types(products.iter(), &BTreeMap::new())["it"]
    }

    #[test]
    fn the_narrowest_type_that_all_values_have_is_inferred() {
        assert_eq!(inferred(&["true", " false", ""]), AttributeType::Boolean);
        assert_eq!(inferred(&["1", "-2.50", "0", "0.5"]), AttributeType::Number);
        assert_eq!(inferred(&["12.50 EUR", "EUR 3"]), AttributeType::Price);
        for texts in [&["true", "1"][..], &["12.50 EUR", "3 USD"], &["007"], &["1e5"], &["inf"], &["1."], &["a, b"]] {
            assert_eq!(inferred(texts), AttributeType::Text, "{texts:?}");
        }
    }

    #[test]
    fn a_declared_type_goes_before_an_inferred_one_and_is_checked() {
        let declared = |name| BTreeMap::from([("it".to_owned(), name)]);
        let codes = [product("1"), product("2")];
        assert_eq!(types(codes.iter(), &declared(AttributeType::Text))["it"], AttributeType::Text);
        assert_eq!(check(codes.iter(), &declared(AttributeType::Number)), Ok(()));
        for (named, texts, expected) in [
            (AttributeType::Boolean, ["true", "yes"], "attribute `it` is `yes`: expected `true` or `false`"),
            (AttributeType::Number, ["1", "1,5"], "attribute `it` is `1,5`: expected a decimal number"),
            (AttributeType::Price, ["1 EUR", "1"], "attribute `it` is `1`: expected a price such as `12.50 EUR`"),
            (AttributeType::Price, ["1 EUR", "1 USD"], "attribute `it` is `1 USD`: expected a price in EUR"),
        ] {
            let products = texts.map(product);
            let (index, problem) = check(products.iter(), &declared(named)).unwrap_err();
            assert!(index == 1 && problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn lists_are_texts_between_commas() {
        assert_eq!(
            AttributeType::List.read(" new, sale,,red "),
            Some(AttributeValue::List(vec!["new", "sale", "red"]))
        );
    }
}
