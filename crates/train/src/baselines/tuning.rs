//! Options of the baselines: training interactions and validation rows enter; each baseline leaves with the options that
//! rank those rows best, as a shop would have chosen them.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::blend::{Blend, Ingredient, WEIGHTS};
use super::counted::Counted;
use super::ease::{self, Ease};
use super::neighbours::{Neighbours, Sessions};
use super::own::{Age, OwnFrequency};
use super::popularity::Popularity;
use super::transitions::{LastItem, Transitions, successors};
use super::{BLEND, CO_OCCURRENCE, EASE, FitProgress, Fitted, NEIGHBOURS, OWN_FREQUENCY, POPULARITY, TRANSITIONS};
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::{Baseline, ScoreError, Seen, rank_of_target};
use crate::metrics::gain_at_10;

/// Fewer items than this: V-SKNN tries whole histories as sessions.
const WHOLE_HISTORIES: usize = 20_000;
/// Up to so many items EASE tries two regularisations, beyond it one.
const TWO_REGULARISATIONS: usize = 9_000;
/// Days that popularity looks back.
const WINDOWS: [f64; 2] = [7.0, 30.0];

/// A baseline with some options, which are named for people.
type Choice = (String, Arc<dyn Baseline>);

/// Two ingredients by their places, and the weight of the second.
type Weighted = ((usize, usize), f64);

/// Chooses options on validation rows.
pub(super) struct Tuning<'a> {
    pub(super) counted: &'a Arc<Counted>,
    /// The rows; none that `seen` leaves out.
    pub(super) groups: &'a [EvaluationGroup],
    pub(super) seen: Seen,
    /// Called with what is tried next.
    pub(super) progress: &'a mut FitProgress<'a>,
}

impl Tuning<'_> {
    /// All baselines but the blends.
    pub(super) fn single(&mut self) -> Result<Vec<Fitted>, ScoreError> {
        let mut fitted = vec![self.one(POPULARITY, self.popularity(None))?];
        for days in WINDOWS {
            fitted.push(self.one(&format!("{POPULARITY} {days} d"), self.popularity(Some(days)))?);
        }
        let successors = successors(self.counted, 1, false);
        fitted.push(self.one(CO_OCCURRENCE, Arc::new(LastItem { counted: Arc::clone(self.counted), successors }))?);
        fitted.push(self.best(TRANSITIONS, transitions(self.counted))?);
        fitted.push(self.best(NEIGHBOURS, neighbours(self.counted))?);
        fitted.push(self.best(OWN_FREQUENCY, own(self.counted))?);
        if self.counted.item_count() <= ease::MOST_ITEMS {
            fitted.push(self.best(EASE, eases(self.counted))?);
        }
        Ok(fitted)
    }

    fn popularity(&self, days: Option<f64>) -> Arc<dyn Baseline> {
        Arc::new(Popularity { counted: Arc::clone(self.counted), days })
    }

    /// A baseline that has no options.
    fn one(&mut self, name: &str, baseline: Arc<dyn Baseline>) -> Result<Fitted, ScoreError> {
        self.best(name, std::iter::once((String::new(), baseline)))
    }

    /// The first of the options with the highest NDCG@10.
    fn best(&mut self, name: &str, options: impl Iterator<Item = Choice>) -> Result<Fitted, ScoreError> {
        let started = Instant::now();
        let mut best: Option<(f64, Choice)> = None;
        for (number, option) in (1..).zip(options) {
            (self.progress)(&format!("{name}: options {number}"))?;
            let ndcg = self.ndcg(option.1.as_ref());
            if best.as_ref().is_none_or(|(known, _)| ndcg > *known) {
                best = Some((ndcg, option));
            }
        }
        let (ndcg, (options, baseline)) = best.unwrap_or_else(|| (0.0, (String::new(), self.popularity(None))));
        let seconds = started.elapsed().as_secs_f64();
        Ok(Fitted { name: name.to_owned(), options, valid_ndcg_10: ndcg, seconds, baseline })
    }

    fn ndcg(&self, baseline: &dyn Baseline) -> f64 {
        let (rows, seen) = (self.counted.rows, self.seen);
        let gain = |scores: &mut Vec<f64>, group: &EvaluationGroup| {
            baseline.score_all(group, scores);
            gain_at_10(rank_of_target(scores, group, seen))
        };
        // Summed up in order, so that no figure depends on the number of threads.
        let gains: Vec<f64> = self.groups.par_iter().map_init(|| vec![0.0; rows], gain).collect();
        gains.iter().sum::<f64>() / gains.len().max(1) as f64
    }

    /// The best blend of two of the baselines.
    pub(super) fn blend(&mut self, fitted: &[Fitted]) -> Result<Option<Fitted>, ScoreError> {
        (self.progress)("blends of two")?;
        Ok(self.best_blend(fitted))
    }

    fn best_blend(&self, fitted: &[Fitted]) -> Option<Fitted> {
        let started = Instant::now();
        let ingredients = ingredients(fitted);
        let pairs: Vec<(usize, usize)> =
            (0..ingredients.len()).flat_map(|first| (0..first).rev().map(move |second| (second, first))).collect();
        let tried = || pairs.iter().flat_map(|pair| WEIGHTS.iter().map(move |weight| (*pair, *weight)));
        let (rows, seen) = (self.counted.rows, self.seen);
        let of_group = |group: &EvaluationGroup| gains((rows, seen), group, &ingredients, tried());
        let gains: Vec<Vec<f64>> = self.groups.par_iter().map(of_group).collect();
        let mut best: Option<(f64, Weighted)> = None;
        for (number, candidate) in tried().enumerate() {
            let sum: f64 = gains.iter().filter_map(|of_group| of_group.get(number)).sum();
            if best.is_none_or(|(known, _)| sum > known) {
                best = Some((sum, candidate));
            }
        }
        let (sum, ((first, second), weight)) = best?;
        let (of_first, of_second) = (ingredients.get(first)?, ingredients.get(second)?);
        let parts = [of_first.clone(), of_second.clone()];
        Some(Fitted {
            name: BLEND.to_owned(),
            options: format!("{} and {weight} times {}", of_first.name, of_second.name),
            valid_ndcg_10: sum / self.groups.len().max(1) as f64,
            seconds: started.elapsed().as_secs_f64(),
            baseline: Arc::new(Blend { parts, weight }),
        })
    }
}

/// What each pair with each weight gains for one group.
fn gains(
    (rows, seen): (usize, Seen),
    group: &EvaluationGroup,
    ingredients: &[Ingredient],
    tried: impl Iterator<Item = Weighted>,
) -> Vec<f64> {
    let scores = |ingredient: &Ingredient| {
        let mut scores = vec![0.0; rows];
        ingredient.score(group, &mut scores);
        scores
    };
    let scores: Vec<Vec<f64>> = ingredients.iter().map(scores).collect();
    let mut blended = Vec::new();
    let gain = |((first, second), weight): Weighted| {
        let parts = scores.get(first).into_iter().flatten().zip(scores.get(second).into_iter().flatten());
        blended.clear();
        blended.extend(parts.map(|(first, second)| first + weight * second));
        gain_at_10(rank_of_target(&blended, group, seen))
    };
    tried.map(gain).collect()
}

/// What is blended: of popularity only the better window.
fn ingredients(fitted: &[Fitted]) -> Vec<Ingredient> {
    let window = |fitted: &&Fitted| fitted.name.starts_with(POPULARITY) && fitted.name != POPULARITY;
    let window = fitted.iter().filter(window).max_by(|one, other| one.valid_ndcg_10.total_cmp(&other.valid_ndcg_10));
    let named = [TRANSITIONS, NEIGHBOURS, OWN_FREQUENCY, EASE];
    let others = named.iter().filter_map(|name| fitted.iter().find(|fitted| fitted.name == *name));
    let ingredient = |fitted: &Fitted| Ingredient {
        name: fitted.name.clone(),
        baseline: Arc::clone(&fitted.baseline),
        // Normalised transitions are far below 1, where a logarithm changes nothing.
        scale: if fitted.name == TRANSITIONS { 10.0 } else { 1.0 },
    };
    others.chain(window).map(ingredient).collect()
}

fn transitions(counted: &Arc<Counted>) -> impl Iterator<Item = Choice> + '_ {
    let matrices = [1, 3, 10].into_iter().flat_map(|window| [false, true].map(|symmetric| (window, symmetric)));
    matrices.flat_map(move |(window, symmetric)| {
        let successors = Arc::new(successors(counted, window, symmetric));
        let direction = if symmetric { "before and after" } else { "after" };
        let mut options: Vec<Choice> = Vec::new();
        for norm in [None, Some(5.0)] {
            for (last, decay) in [(5, 0.5), (5, 0.8), (10, 0.5), (10, 0.8)] {
                let divided = if norm.is_some() { ", shares" } else { "" };
                let name = format!("last {last}, decay {decay}, {window} {direction}{divided}");
                let (counted, successors) = (Arc::clone(counted), Arc::clone(&successors));
                options.push((name, Arc::new(Transitions { counted, successors, last, decay, norm })));
            }
        }
        options
    })
}

fn neighbours(counted: &Arc<Counted>) -> impl Iterator<Item = Choice> + '_ {
    let lengths = if counted.item_count() < WHOLE_HISTORIES { [0, 20] } else { [20, 50] };
    lengths.into_iter().flat_map(move |length| {
        let sessions = Arc::new(Sessions::of(counted, length));
        let mut options: Vec<Choice> = Vec::new();
        for (nearest, last) in [(100, 10), (100, 30), (500, 10), (500, 30)] {
            for (decay, idf) in [(0.8, false), (0.8, true), (0.95, false), (0.95, true)] {
                let of = if length == 0 { "histories".to_owned() } else { format!("stretches of {length}") };
                let rare = if idf { ", rare items count more" } else { "" };
                let name = format!("{nearest} nearest {of}, last {last}, decay {decay}{rare}");
                let (counted, sessions) = (Arc::clone(counted), Arc::clone(&sessions));
                options.push((name, Arc::new(Neighbours { counted, sessions, nearest, last, decay, idf })));
            }
        }
        options
    })
}

fn own(counted: &Arc<Counted>) -> impl Iterator<Item = Choice> + '_ {
    let half_lives = [3.0, 10.0, 30.0, 100.0, 1_000.0].into_iter();
    half_lives.flat_map(|half_life| [Age::Views, Age::Days].map(|age| (half_life, age))).map(|(half_life, age)| {
        let unit = if age == Age::Views { "views" } else { "days" };
        let baseline = OwnFrequency { counted: Arc::clone(counted), half_life, age };
        (format!("half-life {half_life} {unit}"), Arc::new(baseline) as Arc<dyn Baseline>)
    })
}

fn eases(counted: &Arc<Counted>) -> impl Iterator<Item = Choice> + '_ {
    let regularisations: &[f32] = match counted.item_count() {
        ..5_000 => &[100.0, 500.0],
        5_000..=TWO_REGULARISATIONS => &[50.0, 300.0],
        _ => &[300.0],
    };
    regularisations.iter().flat_map(move |regularisation| {
        let weights = Arc::new(ease::Weights::of(counted, *regularisation));
        let mut options: Vec<Choice> = Vec::new();
        for last in [10, 50, 1_000] {
            for decay in [0.8, 0.95, 1.0] {
                let name = format!("regularisation {regularisation}, last {last}, decay {decay}");
                let (counted, weights) = (Arc::clone(counted), Arc::clone(&weights));
                options.push((name, Arc::new(Ease { counted, weights, last, decay })));
            }
        }
        options
    })
}
