//! The terms that the validation rows choose when a network is trained: the network and a dataset enter, terms leave.
//!
//! A co-occurrence is taken only where its gain on the rows is greater than its standard error; the temperature is the
//! one under which the next views are likeliest.

use rayon::prelude::*;
use slirec_kernels::ranking::Choices;
use slirec_kernels::request::ranking::Cooccurrence;

use super::encoded::{Encoded, all_items};
use super::network::RankingNetwork;
use super::terms::{Terms, sums};
use crate::baselines::{NextItemCounts, NextItems};
use crate::dataset::evaluation::{EvaluationGroup, SAMPLE_SEED, Sampling};
use crate::dataset::{Dataset, Split};
use crate::evaluation::ScoreError;
use crate::metrics::gain_at_10;

/// Logits that are held at once.
const MOST_LOGITS: usize = 20_000_000;
/// Rows at most.
const MOST_ROWS: usize = 1_000;
/// Neighbours of an item.
const NEIGHBOURS: usize = 100;
/// Views that an item counts as having, beside those that there were, so that rare ones say little.
const NORM: f64 = 5.0;
/// What shares are multiplied by, so that their logarithms tell them apart.
const SHARPNESS: f32 = 10.0;
/// How far views lie apart at most that count as following each other, and whether those before count too.
const WINDOWS: [(usize, bool); 6] = [(1, false), (3, false), (10, false), (1, true), (3, true), (10, true)];
/// Last views that count, and what an older one counts relative to a newer one.
const RECENT: [(i32, f32); 4] = [(5, 0.5), (5, 0.8), (10, 0.5), (10, 0.8)];
/// Factors of the term.
const SCALES: [f32; 6] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.0];

/// A validation row: what its target competes with.
struct Row {
    viewed: Vec<u32>,
    target: usize,
    logits: Vec<f32>,
    /// The logits in rising order.
    sorted: Vec<f32>,
}

impl Row {
    /// Rank of the target once `scale · ln(1 + sum)` is added to some logits.
    fn rank(&self, sums: &[(usize, f32)], scale: f32) -> f64 {
        let added = |choice: usize| {
            let found =
                sums.binary_search_by_key(&choice, |(choice, _)| *choice).ok().and_then(|index| sums.get(index));
            found.map_or(0.0, |(_, sum)| scale * sum.ln_1p())
        };
        let logit = |choice: usize| self.logits.get(choice).copied().unwrap_or(f32::NEG_INFINITY);
        let of_target = logit(self.target) + added(self.target);
        let mut higher = (self.sorted.len() - self.sorted.partition_point(|logit| *logit <= of_target)) as f64;
        for (choice, sum) in sums {
            let before = logit(*choice);
            let after = before + scale * sum.ln_1p();
            higher += f64::from(u8::from(after > of_target && *choice != self.target));
            higher -= f64::from(u8::from(before > of_target));
        }
        // The target itself never stands above its own logit, also when it was raised.
        1.0 + higher
    }
}

/// The validation rows that choose.
///
/// # Errors
/// What the dataset answers.
pub(super) fn groups(dataset: &Dataset, network: &RankingNetwork) -> Result<Vec<EvaluationGroup>, ScoreError> {
    let items = network.rows() - 1;
    let sampling = Sampling { most: (MOST_LOGITS / items.max(1)).clamp(1, MOST_ROWS), seed: SAMPLE_SEED };
    let mut groups = dataset.sampled_groups(Split::Valid, network.layout.longest, sampling)?;
    groups.retain(EvaluationGroup::seen);
    Ok(groups)
}

/// Chooses the terms of a network.
///
/// # Errors
/// What the network answers.
pub(super) fn fit(
    dataset: &Dataset,
    network: &RankingNetwork,
    groups: &[EvaluationGroup],
) -> Result<Terms, ScoreError> {
    let choices = all_items(network);
    let mut rows = rows(network, groups, &choices)?;
    let mut terms = Terms { inverse_temperature: 1.0, cooccurrence: cooccurrence(dataset, &rows, &choices) };
    rows.par_iter_mut().for_each(|row| terms.add(&row.viewed, &choices, &mut row.logits));
    terms.inverse_temperature = temperature(&rows);
    Ok(terms)
}

fn rows(network: &RankingNetwork, groups: &[EvaluationGroup], choices: &Choices) -> Result<Vec<Row>, ScoreError> {
    let of_part = |part: &[EvaluationGroup]| -> Result<Vec<Row>, ScoreError> {
        let histories: Vec<_> = part.iter().map(|group| &group.history).collect();
        let logits = Encoded::of(network, &histories)?.logits(choices);
        let row = |(group, logits): (&EvaluationGroup, Vec<f32>)| {
            let mut sorted = logits.clone();
            sorted.sort_by(f32::total_cmp);
            // Item ids begin with 1.
            let target = group.target() as usize - 1;
            Row { viewed: group.history.item_ids.clone(), target, logits, sorted }
        };
        Ok(part.iter().zip(logits).map(row).collect())
    };
    let parts: Vec<_> = groups.par_chunks(16).map(of_part).collect();
    Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The co-occurrence that ranks the rows best; none where its gain may be chance.
fn cooccurrence(dataset: &Dataset, rows: &[Row], choices: &Choices) -> Option<Cooccurrence> {
    let without: Vec<f64> = rows.par_iter().map(|row| gain_at_10(row.rank(&[], 0.0))).collect();
    let counts = NextItemCounts::of(dataset);
    let recent_weights = |(last, decay): (i32, f32)| (0..last).map(|age| decay.powi(age)).collect();
    let of_window = |window| {
        let NextItems { items, shares } = counts.next_items(window, NORM, NEIGHBOURS);
        let weights = shares.iter().map(|share| SHARPNESS * share).collect();
        Cooccurrence { neighbours: NEIGHBOURS, items, weights, recent: Vec::new(), scale: 1.0 }
    };
    let mut best: Option<(f64, Chosen)> = None;
    for window in WINDOWS {
        let mut tried = of_window(window);
        for recent in RECENT {
            tried.recent = recent_weights(recent);
            let gains: Vec<[f64; SCALES.len()]> = rows
                .par_iter()
                .map(|row| {
                    let sums = sums(&tried, &row.viewed, choices);
                    SCALES.map(|scale| gain_at_10(row.rank(&sums, scale)))
                })
                .collect();
            for (index, scale) in SCALES.into_iter().enumerate() {
                let differences = gains
                    .iter()
                    .zip(&without)
                    .map(|(gains, before)| gains.get(index).copied().unwrap_or_default() - before);
                let (mean, error) = mean_and_error(differences);
                if mean > error && best.is_none_or(|(known, _)| mean > known) {
                    best = Some((mean, Chosen { window, recent, scale }));
                }
            }
        }
    }
    best.map(|(_, Chosen { window, recent, scale })| Cooccurrence {
        recent: recent_weights(recent),
        scale,
        ..of_window(window)
    })
}

/// What was chosen of [`WINDOWS`], [`RECENT`] and [`SCALES`].
#[derive(Clone, Copy)]
struct Chosen {
    window: (usize, bool),
    recent: (i32, f32),
    scale: f32,
}

/// A mean with its standard error.
fn mean_and_error(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(2) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// The factor of the logits under which the targets are likeliest, by golden-section search of its logarithm.
fn temperature(rows: &[Row]) -> f32 {
    let loss = |logarithm: f64| -> f64 {
        let factor = logarithm.exp();
        let of_row = |Row { logits, target, .. }: &Row| {
            let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|logit| (factor * f64::from(logit - greatest)).exp()).sum();
            let of_target = logits.get(*target).copied().unwrap_or(greatest);
            sum.ln() - factor * f64::from(of_target - greatest)
        };
        rows.par_iter().map(of_row).collect::<Vec<_>>().iter().sum()
    };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-1.5, 1.5);
    if rows.is_empty() {
        return 1.0;
    }
    for _ in 0..12 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if loss(left) < loss(right) { high = right } else { low = left }
    }
    f64::midpoint(low, high).exp() as f32
}
