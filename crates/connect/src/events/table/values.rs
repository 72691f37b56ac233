//! Values of a row: texts enter, weights and ids leave.

use std::borrow::Cow;

use crate::events::problem::Problem;
use crate::events::sink::{Sink, shown};

/// Largest weight of a row.
const MOST_WEIGHT: f64 = 1000.0;

/// The text without spaces around it.
pub(super) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// As `str::trim`, which is slower where nothing is to be trimmed.
fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [only] if only.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// A weight from 0 to 1000; `2.0` is the whole number 2.
pub(super) fn whole_weight(text: &str) -> Result<u16, Problem> {
    let number =
        text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && (0.0..=MOST_WEIGHT).contains(number));
    // In this range every whole number fits.
    number
        .map(|number| number as u16)
        .ok_or_else(|| format!("weight is `{}`: expected a whole number from 0 to 1000", shown(text)).into())
}

/// From here on an `f64` does not hold every whole number: different ids become one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether an id is the text of a floating point number that has lost digits: `7512345678901234600.0`, `6.93E+12`.
fn is_rounded(text: &str) -> bool {
    match text.split_once(['e', 'E']) {
        Some((digits, power)) => {
            (digits.contains('.') || power.starts_with('+'))
                && is_digits(&digits.replacen('.', "", 1))
                && is_digits(power.strip_prefix('+').unwrap_or(power))
        }
        None => text.strip_suffix(".0").is_some_and(is_digits) && text.parse::<f64>().is_ok_and(|id| id >= EXACT),
    }
}

/// `10` of `10.0`: pandas writes ids so in columns where others are missing. What has lost digits on its way is counted.
pub(super) fn whole<'a>(text: Cow<'a, str>, wanted: bool, sink: &mut Sink<'_>) -> Cow<'a, str> {
    if text.starts_with(|first: char| first.is_ascii_digit()) && is_rounded(&text) {
        sink.rounded_id(&text);
    }
    let digits = text.strip_suffix(".0").filter(|digits| is_digits(digits));
    let Some(length) = digits.filter(|_| wanted).map(str::len) else { return text };
    sink.decimal_id(&text);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..length).unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(length);
            Cow::Owned(text)
        }
    }
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether it is a decimal number other than `N.0`.
pub(super) fn is_fraction(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, fraction)| is_digits(whole) && is_digits(fraction) && fraction != "0")
}
