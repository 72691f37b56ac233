//! The time of day behind a date, with a fraction and an offset or a zone.

use super::{number, short_number, word};

/// Seconds of the day in UTC, and whether there was no time at all.
pub(super) fn time_of_day(rest: &[u8]) -> Option<(f64, bool)> {
    if rest.trim_ascii().is_empty() {
        return Some((0.0, true));
    }
    let basic = rest.first() == Some(&b'T');
    let rest = match rest {
        [b'T' | b't' | b'_', rest @ ..] => rest,
        [b',', rest @ ..] => rest.trim_ascii_start(),
        [b' ', ..] => rest.trim_ascii_start(),
        _ => return None,
    };
    let (hour, rest) = match number(rest, 2) {
        Some(found) => found,
        None => short_number(rest)?,
    };
    let (minute, second, rest) = if let Some(rest) = rest.strip_prefix(b":") {
        let (minute, rest) = number(rest, 2)?;
        match rest.strip_prefix(b":") {
            Some(rest) => {
                let (second, rest) = number(rest, 2)?;
                (minute, second, rest)
            }
            None => (minute, 0, rest),
        }
    } else if basic {
        let (minute, rest) = number(rest, 2)?;
        let (second, rest) = number(rest, 2).unwrap_or((0, rest));
        (minute, second, rest)
    } else {
        return None;
    };
    let (fraction, rest) = fraction(rest);
    let (hour, rest) = half_of_day(hour, rest)?;
    // 24:00 and leap seconds are written by some.
    if hour > 24 || hour == 24 && (minute, second) != (0, 0) || minute > 59 || second > 60 {
        return None;
    }
    let offset = offset(rest)?;
    Some(((hour * 3600 + minute * 60 + second - offset) as f64 + fraction, false))
}

/// The hour by a clock of 24 hours, where AM or PM stands behind it.
fn half_of_day(hour: i64, rest: &[u8]) -> Option<(i64, &[u8])> {
    let (mark, behind) = match word(rest.trim_ascii_start()) {
        Some((mark, behind)) => (mark.to_ascii_lowercase(), behind),
        None => return Some((hour, rest)),
    };
    let noon = match mark.as_slice() {
        b"am" => 0,
        b"pm" => 12,
        _ => return Some((hour, rest)),
    };
    (1..=12).contains(&hour).then_some((hour % 12 + noon, behind))
}

/// The seconds behind the point: nanoseconds at most, what is beyond does not fit an `f64` of this size.
fn fraction(text: &[u8]) -> (f64, &[u8]) {
    let Some(rest) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return (0.0, text) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(digits);
    let (mut value, mut scale) = (0_u32, 1.0);
    for digit in digits.iter().take(9) {
        value = value * 10 + u32::from(digit - b'0');
        scale *= 10.0;
    }
    (f64::from(value) / scale, rest)
}

/// Seconds east of Greenwich; without any it is UTC. Abbreviations such as PST mean several zones and are refused.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b"[UTC]").unwrap_or(text).trim_ascii_end();
    let text = [b"UTC".as_slice(), b"GMT", b"Z", b"z"].iter().find_map(|zone| text.strip_prefix(*zone)).unwrap_or(text);
    if text.is_empty() {
        return Some(0);
    }
    let minus = "−".as_bytes();
    let (sign, rest) = match (text.strip_prefix(b"+"), text.strip_prefix(b"-").or(text.strip_prefix(minus))) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = number(rest, 2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { number(rest, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}
