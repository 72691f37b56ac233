//! Windows of users' interactions: a dataset enters, batches of sequences leave, in an order that seed and epoch decide.

use std::ops::Range;

use rand::Rng;
use rand::seq::SliceRandom;
use slirec_core::history::gap_bucket;
use slirec_kernels::ranking::{Sequence, Sequences};

use crate::dataset::Dataset;
use crate::random::{Purpose, generator};

/// Sequences of a batch are divided into so many parts, each with gradients of its own: the sum has the same bits for any
/// number of threads.
pub(super) const PARTS: usize = 4;

/// Windows of an epoch, each a range of interactions of one user; every position but the last has a next item. Histories
/// beyond the longest are cut anew in every epoch.
pub(super) fn windows(dataset: &Dataset, longest: usize, seed: u64, epoch: u32) -> Vec<Range<usize>> {
    let mut random = generator(seed, Purpose::Order(epoch));
    let mut windows = Vec::new();
    for user in 0..dataset.users().len() {
        let range = dataset.train_range(user);
        if range.len() < 2 {
            continue;
        }
        if range.len() <= longest + 1 {
            windows.push(range);
            continue;
        }
        let shift = random.random_range(0..longest);
        let mut end = range.end;
        if shift > 0 {
            // The newest interactions, with as much before them as fits; they take part as often as all others.
            if random.random_bool(shift as f64 / longest as f64) {
                windows.push(end - (longest + 1).min(range.len())..end);
            }
            end -= shift;
        }
        while end > range.start + 1 {
            windows.push(end.saturating_sub(longest + 1).max(range.start)..end);
            end = end.saturating_sub(longest);
        }
    }
    windows.shuffle(&mut random);
    windows
}

/// Cuts windows into batches of about so many positions.
pub(super) fn batches(windows: Vec<Range<usize>>, positions: usize) -> Vec<Vec<Range<usize>>> {
    let mut batches = Vec::new();
    let (mut batch, mut sum) = (Vec::new(), 0);
    for window in windows {
        sum += window.len() - 1;
        batch.push(window);
        if sum >= positions {
            batches.push(std::mem::take(&mut batch));
            sum = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The sequences of some windows.
pub(super) fn sequences(dataset: &Dataset, windows: &[Range<usize>], sequences: &mut Sequences) {
    let buckets: Vec<[Vec<u8>; 2]> = windows.iter().map(|window| buckets(dataset.times(window.clone()))).collect();
    let all: Vec<Sequence<'_>> = windows
        .iter()
        .zip(&buckets)
        .map(|(window, [gaps, ages])| {
            let items = window.start..window.end - 1;
            Sequence {
                items: dataset.items(items.clone()),
                features: dataset.feature_ids(items),
                gaps,
                ages,
                next: dataset.items(window.start + 1..window.end),
            }
        })
        .collect();
    sequences.fill(&all);
}

/// Buckets of the times since the view before and until the next one, of all views but the last.
fn buckets(times: &[f64]) -> [Vec<u8>; 2] {
    let ages: Vec<u8> = times.array_windows().map(|[before, next]| gap_bucket(next - before)).collect();
    let gaps = std::iter::once(0).chain(ages.iter().copied()).take(ages.len()).collect();
    [gaps, ages]
}
