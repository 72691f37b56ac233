//! Windows of users' interactions: a dataset enters, batches of sequences leave, in an order that seed and epoch decide.

use std::ops::Range;

use rand::Rng;
use rand::seq::SliceRandom;
use slirec_core::history::gap_bucket;
use slirec_core::vocabulary::DEFAULT_ID;
use slirec_kernels::ranking::{Sequence, Sequences};

use super::hidden::Hidden;
use crate::dataset::Dataset;
use crate::random::{Purpose, generator};

/// Sequences of a batch are divided into so many parts, each with gradients of its own: the sum has the same bits for any
/// number of threads.
pub(super) const PARTS: usize = 4;

/// Share of the windows that are cut into pieces, each epoch others: most histories that a shop asks about are short, and
/// in whole windows few positions have little before them.
const CUT: f64 = 0.3;

/// Windows of an epoch, each a range of interactions of one user; every position but the last has a next item. Histories
/// beyond the longest are cut anew in every epoch, and some windows further.
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
    let mut windows: Vec<Range<usize>> =
        windows.into_iter().flat_map(|window| pieces(window, longest, &mut random)).collect();
    windows.shuffle(&mut random);
    windows
}

/// The window, or pieces of it that together have its positions; short lengths are as likely as long ones, measured by
/// their logarithms.
fn pieces(window: Range<usize>, longest: usize, random: &mut impl Rng) -> Vec<Range<usize>> {
    if !random.random_bool(CUT) {
        return vec![window];
    }
    let mut pieces = Vec::new();
    let mut start = window.start;
    while start + 1 < window.end {
        let positions = (random.random::<f64>() * (longest as f64).ln()).exp() as usize;
        // The item that ends a piece is the first view of the next one.
        let end = (start + 1 + positions.max(1)).min(window.end);
        pieces.push(start..end);
        start = end - 1;
    }
    pieces
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

/// Share of the windows in which nothing of the shopper is known, and in the others of the attributes that are not: so the
/// network learns to do without.
const HIDDEN: [f64; 2] = [0.25, 0.1];

/// Ids of the shoppers' attributes of some windows, some of them hidden; empty for models without such attributes.
pub(super) fn users(dataset: &Dataset, windows: &[Range<usize>], random: &mut impl Rng) -> Vec<Vec<u32>> {
    let [all, each] = HIDDEN;
    let of_window = |window: &Range<usize>| {
        let ids = dataset.user_ids_of_row(window.start);
        if ids.is_empty() || random.random_bool(all) {
            return Vec::new();
        }
        ids.iter().map(|id| if random.random_bool(each) { DEFAULT_ID } else { *id }).collect()
    };
    windows.iter().map(of_window).collect()
}

/// The sequences of some windows, whose shoppers have these ids of attributes; hidden items are the default one.
pub(super) fn sequences(
    dataset: &Dataset,
    windows: &[Range<usize>],
    users: &[Vec<u32>],
    hidden: Hidden,
    sequences: &mut Sequences,
) {
    let rows: Vec<Vec<u32>> =
        windows.iter().map(|window| hidden.rows(dataset.items(window.start..window.end - 1))).collect();
    let buckets: Vec<[Vec<u8>; 2]> = windows.iter().map(|window| buckets(dataset.times(window.clone()))).collect();
    let all: Vec<Sequence<'_>> = windows
        .iter()
        .zip(&buckets)
        .zip(users.iter().zip(&rows))
        .map(|((window, [gaps, ages]), (user, items))| Sequence {
            items,
            features: dataset.feature_ids(window.start..window.end - 1),
            gaps,
            ages,
            next: dataset.items(window.start + 1..window.end),
            user,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_windows_in_ten_are_cut_into_pieces_of_all_lengths_that_keep_every_position() {
        let mut random = generator(7, Purpose::Order(1));
        let (mut cut, mut short, mut long) = (0, 0, 0);
        for start in 0..1_000 {
            let window = start..start + 101;
            let pieces = pieces(window.clone(), 100, &mut random);
            // Every view but the first is the next item of one position.
            let next: Vec<usize> = pieces.iter().flat_map(|piece| piece.start + 1..piece.end).collect();
            assert_eq!(next, (window.start + 1..window.end).collect::<Vec<_>>());
            cut += usize::from(pieces.len() > 1);
            short += pieces.iter().filter(|piece| piece.len() <= 4).count();
            long += pieces.iter().filter(|piece| (31..101).contains(&piece.len())).count();
        }
        assert!((250..350).contains(&cut), "{cut}");
        assert!(short > 500 && long > 100, "{short} and {long}");
        let shortest = pieces(5..7, 100, &mut random);
        assert_eq!((shortest.len(), shortest.first()), (1, Some(&(5..7))));
    }
}
