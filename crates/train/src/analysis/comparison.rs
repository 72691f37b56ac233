//! How sure a figure is: gains of groups enter; intervals and paired differences leave, by drawing users with replacement
//! (the bootstrap of Efron), the same ones for all scorers.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::evaluation::EvaluationGroup;
use crate::quantile::quantile;

/// Times that users are drawn.
const RESAMPLES: u64 = 1_000;
const SEED: u64 = 42;

/// Where a figure lies with a probability of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// By how much one scorer is better than another on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean difference.
    pub mean: f64,
    /// Where it lies with a probability of 95 %.
    pub interval: Interval,
    /// Probability of a difference as large where there is none, from both sides.
    pub p: f64,
}

impl Difference {
    /// Whether the first scorer is better beyond doubt.
    pub fn wins(&self) -> bool {
        self.interval.low > 0.0
    }

    /// Whether it is worse beyond doubt.
    pub fn loses(&self) -> bool {
        self.interval.high < 0.0
    }
}

/// The groups of each user, by which they are drawn.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    users: Vec<Vec<usize>>,
}

impl Bootstrap {
    pub(crate) fn of<'a>(groups: impl Iterator<Item = &'a EvaluationGroup>) -> Self {
        let mut users: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, group) in groups.enumerate() {
            users.entry(group.user).or_default().push(number);
        }
        Self { users: users.into_values().collect() }
    }

    /// Where the mean of the groups' values lies.
    pub(crate) fn interval(&self, values: &[f64]) -> Interval {
        interval(&mut self.means(values))
    }

    /// By how much the first values are above the second ones.
    pub(crate) fn difference(&self, first: &[f64], second: &[f64]) -> Difference {
        let values: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
        let mut means = self.means(&values);
        let share = |holds: fn(f64) -> bool| {
            means.iter().filter(|mean| holds(**mean)).count() as f64 / means.len().max(1) as f64
        };
        let p = (2.0 * share(|mean| mean <= 0.0).min(share(|mean| mean >= 0.0))).min(1.0);
        Difference { mean: mean(&values), interval: interval(&mut means), p }
    }

    /// The mean of each draw.
    fn means(&self, values: &[f64]) -> Vec<f64> {
        let sums: Vec<(f64, usize)> = self
            .users
            .iter()
            .map(|groups| (groups.iter().filter_map(|group| values.get(*group)).sum(), groups.len()))
            .collect();
        let draw = |number: u64| {
            let mut random = ChaCha8Rng::seed_from_u64(SEED);
            random.set_stream(number);
            let (mut sum, mut count) = (0.0, 0);
            for _ in 0..sums.len() {
                let drawn = sums.get(random.random_range(0..sums.len()));
                let (of_user, groups) = drawn.copied().unwrap_or_default();
                sum += of_user;
                count += groups;
            }
            sum / count.max(1) as f64
        };
        (0..RESAMPLES).into_par_iter().map(draw).collect()
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn interval(means: &mut [f64]) -> Interval {
    let mut end = |share| quantile(means, share).unwrap_or_default();
    Interval { low: end(0.025), high: end(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap(users: usize, rows: usize) -> Bootstrap {
        Bootstrap { users: (0..users).map(|user| (user * rows..(user + 1) * rows).collect()).collect() }
    }

    #[test]
    fn an_interval_has_the_width_of_the_mean_of_as_many_values() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(u8::from(row % 4 == 0))).collect();
        let Interval { low, high } = bootstrap(400, 1).interval(&values);
        // The mean is 0.25 with a standard error of 0.0217.
        assert!((low - 0.2075).abs() < 0.006 && (high - 0.2925).abs() < 0.006, "{low} to {high}");
    }

    #[test]
    fn rows_of_one_user_are_drawn_together() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(u8::from(row / 40 % 2 == 0))).collect();
        let Interval { low, high } = bootstrap(10, 40).interval(&values);
        assert!(high - low > 0.5, "ten users, not 400: {low} to {high}");
    }

    #[test]
    fn a_difference_is_paired() {
        let first: Vec<f64> = (0..200).map(|row| f64::from(row % 10)).collect();
        let second: Vec<f64> = (0..200).map(|row| f64::from(row % 10) - if row % 3 == 0 { 0.2 } else { 0.0 }).collect();
        let bootstrap = bootstrap(200, 1);
        let better = bootstrap.difference(&first, &second);
        assert!(better.wins() && !better.loses() && better.p < 0.01, "{better:?}");
        let worse = bootstrap.difference(&second, &first);
        assert!(worse.loses() && !worse.wins(), "{worse:?}");
        let same = bootstrap.difference(&first, &first);
        assert!(!same.wins() && !same.loses() && same.p == 1.0, "{same:?}");
    }
}
