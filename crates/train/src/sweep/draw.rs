//! What a trial tries: values and ranges enter, rows of settings leave.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use toml::Value;

use super::{Range, Scale};

/// The settings of one trial, in the order of their keys.
type Settings = Vec<(String, Value)>;

/// Every combination; the last key changes fastest.
pub(super) fn grid(values: &BTreeMap<String, Vec<Value>>) -> Vec<Settings> {
    values.iter().fold(vec![Vec::new()], |rows, (key, values)| {
        let with = |row: &Settings, value: &Value| {
            let mut row = row.clone();
            row.push((key.clone(), value.clone()));
            row
        };
        rows.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).collect()
    })
}

/// Independent draws; each trial has a random stream of its own, so that more trials do not change the first ones.
pub(super) fn random(
    values: &BTreeMap<String, Vec<Value>>,
    ranges: &BTreeMap<String, Range>,
    trials: usize,
    seed: u64,
) -> Vec<Settings> {
    (0..trials as u64)
        .map(|trial| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(trial);
            let mut settings: Settings = Vec::new();
            for (key, values) in values {
                settings.extend(values.choose(&mut random).map(|value| (key.clone(), value.clone())));
            }
            for (key, range) in ranges {
                settings.push((key.clone(), Value::Float(between(range, random.random()))));
            }
            settings.sort_by(|one, other| one.0.cmp(&other.0));
            settings
        })
        .collect()
}

/// The number at a share of a range.
fn between(range: &Range, share: f64) -> f64 {
    match range.scale {
        Scale::Linear => range.low + (range.high - range.low) * share,
        Scale::Logarithmic => (range.low.ln() + (range.high.ln() - range.low.ln()) * share).exp(),
    }
}
