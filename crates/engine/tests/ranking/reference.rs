//! The formulas of the ranking network in f64, value by value: weights, a history and candidates enter, scores and what
//! explains them leave.

use std::collections::BTreeMap;

use slirec_core::history::EncodedHistory;
use slirec_core::vocabulary::Vocabulary;
use slirec_engine::CandidateIds;
use slirec_train::weights::Weights;

/// A matrix row by row.
type Rows = Vec<Vec<f64>>;

pub(crate) struct Reference<'a> {
    arrays: BTreeMap<&'a str, Rows>,
    width: usize,
    /// Feature of every item of the vocabulary.
    features: Vec<u32>,
}

pub(crate) struct Answer {
    pub(crate) scores: Vec<f64>,
    pub(crate) attention: Vec<f64>,
    pub(crate) long_term_share: f64,
    /// Of each candidate, the terms of its logit in the order of the engine's.
    pub(crate) terms: Vec<[f64; 8]>,
    /// Of each candidate, what each view gave.
    pub(crate) views: Vec<Vec<f64>>,
}

/// What the query is made of.
struct Parts {
    short: Vec<f64>,
    /// Of each view.
    long: Rows,
    last: Vec<f64>,
    mixed: Vec<f64>,
    /// Of each view; 0 for those before the last ones.
    from: Rows,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn plus(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + right).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn times(row: &[f64], matrix: &[Vec<f64>]) -> Vec<f64> {
    assert_eq!(row.len(), matrix.len());
    (0..matrix[0].len()).map(|column| row.iter().zip(matrix).map(|(value, row)| value * row[column]).sum()).collect()
}

impl<'a> Reference<'a> {
    pub(crate) fn new(weights: &'a Weights, vocabulary: &Vocabulary, width: usize) -> Self {
        let rows = |values: &[f32], columns: usize| {
            values.chunks(columns).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
        };
        let arrays = weights.iter().map(|(name, array)| (name, rows(&array.values, *array.shape.last().unwrap())));
        let features = std::iter::once(0).chain(vocabulary.items().iter().map(|item| item.features[0])).collect();
        Self { arrays: arrays.collect(), width, features }
    }

    fn matrix(&self, name: &str) -> &Rows {
        &self.arrays[name]
    }

    fn vector(&self, name: &str) -> &[f64] {
        &self.arrays[name][0]
    }

    fn embedding(&self, item: u32, feature: u32) -> Vec<f64> {
        plus(&self.matrix("embedding.item")[item as usize], &self.matrix("embedding.category")[feature as usize])
    }

    fn short(&self, embedded: &Rows, history: &EncodedHistory) -> Vec<f64> {
        let width = self.width;
        let (mut state, mut cell) = (vec![0.0; width], vec![0.0; width]);
        for (position, embedded) in embedded.iter().enumerate() {
            let gap = usize::from(history.gaps[position]);
            let mut gates = plus(&times(embedded, self.matrix("time_lstm.input")), self.vector("time_lstm.bias"));
            gates = plus(&gates, &times(&state, self.matrix("time_lstm.recurrent")));
            gates = plus(&gates, &self.matrix("time_lstm.gaps")[gap]);
            for place in 0..width {
                let [input, forget, output, candidate] = [0, 1, 2, 3].map(|gate| gates[gate * width + place]);
                cell[place] = sigmoid(forget) * cell[place] + sigmoid(input) * candidate.tanh();
                state[place] = sigmoid(output) * cell[place].tanh();
            }
        }
        plus(&times(&state, self.matrix("short_term.weight")), self.vector("short_term.bias"))
    }

    /// Logit of an item before the temperature.
    fn logit(&self, item: u32, feature: u32, query: &[f64], history: &EncodedHistory) -> f64 {
        let row = [self.embedding(item, feature), self.matrix("transition.to")[item as usize].clone()].concat();
        let mut logit = dot(query, &row) + self.vector("item.bias")[item as usize];
        if item == 0 {
            return logit;
        }
        let last = history.len() - 1;
        let age = self.vector("repeat.age")[usize::from(history.age)];
        for (position, viewed) in history.item_ids.iter().enumerate() {
            if *viewed == item {
                logit += self.vector("repeat.distance")[last - position] + age;
            }
        }
        if self.arrays.contains_key("cooccurrence.items") {
            let mut sum = 0.0;
            for (viewed, recent) in history.item_ids.iter().rev().zip(self.vector("cooccurrence.recent")) {
                let neighbours = &self.matrix("cooccurrence.items")[*viewed as usize];
                let weights = &self.matrix("cooccurrence.weights")[*viewed as usize];
                let same = neighbours.iter().zip(weights).filter(|(id, _)| *viewed != 0 && **id == f64::from(item));
                sum += recent * same.map(|(_, weight)| weight).sum::<f64>();
            }
            logit += self.vector("cooccurrence.scale")[0] * (1.0 + sum).ln();
        }
        logit
    }

    /// Terms of an item's logit, and what each view gave to them.
    fn explained(&self, (item, feature): (u32, u32), parts: &Parts, history: &EncodedHistory) -> ([f64; 8], Vec<f64>) {
        let (row, to) = (self.embedding(item, feature), &self.matrix("transition.to")[item as usize]);
        let length = history.len();
        let of_views = |rows: &Rows, by: &[f64]| rows.iter().map(|row| dot(row, by)).collect::<Vec<f64>>();
        let (long, from) = (of_views(&parts.long, &row), of_views(&parts.from, to));
        let mut last = vec![0.0; length];
        last[length - 1] = dot(&parts.last, &row);
        let (mut repeats, mut near) = (vec![0.0; length], vec![0.0; length]);
        for position in (0..length).filter(|_| item != 0) {
            let (viewed, back) = (history.item_ids[position] as usize, length - 1 - position);
            if viewed == item as usize {
                repeats[position] =
                    self.vector("repeat.distance")[back] + self.vector("repeat.age")[usize::from(history.age)];
            }
            let recent = self.arrays.get("cooccurrence.recent").and_then(|recent| recent[0].get(back));
            if let Some(recent) = recent.filter(|_| viewed != 0) {
                let neighbours = &self.matrix("cooccurrence.items")[viewed];
                let weights = neighbours.iter().zip(&self.matrix("cooccurrence.weights")[viewed]);
                let same = weights.filter(|(id, _)| **id == f64::from(item)).map(|(_, weight)| recent * weight);
                near[position] = same.sum();
            }
        }
        let sum: f64 = near.iter().sum();
        if sum > 0.0 {
            let term = self.vector("cooccurrence.scale")[0] * (1.0 + sum).ln();
            near.iter_mut().for_each(|share| *share *= term / sum);
        }
        let temperature = self.vector("score.temperature")[0];
        let total = |values: &[f64]| values.iter().sum::<f64>();
        let (short, mixed) = (dot(&parts.short, &row), dot(&parts.mixed, &row));
        let bias = self.vector("item.bias")[item as usize];
        let terms = [short, total(&long), total(&last), mixed, total(&from), bias, total(&repeats), total(&near)];
        let views = (0..length).map(|at| temperature * (long[at] + last[at] + from[at] + repeats[at] + near[at]));
        (terms.map(|term| temperature * term), views.collect())
    }

    pub(crate) fn answer(&self, history: &EncodedHistory, candidates: &CandidateIds) -> Answer {
        let ids = history.item_ids.iter().zip(&history.feature_ids);
        let embedded: Rows = ids.map(|(item, feature)| self.embedding(*item, *feature)).collect();
        let short = self.short(&embedded, history);
        let weight = |row: &Vec<f64>| (4.0 * (dot(row, self.vector("long_term.query")) / 4.0).tanh()).exp();
        let weights: Vec<f64> = embedded.iter().map(weight).collect();
        let attention: Vec<f64> = weights.iter().map(|weight| weight / weights.iter().sum::<f64>()).collect();
        let long = times(&attention, &embedded);
        let mut now = self.matrix("now")[usize::from(history.age)].clone();
        for (name, id) in ["user.country", "user.age"].into_iter().zip(&history.user_ids) {
            now = plus(&now, &self.matrix(name)[*id as usize]);
        }
        let gate = times(&[&short[..], &long, &now].concat(), self.matrix("gate.weight"));
        let gate: Vec<f64> = plus(&gate, self.vector("gate.bias")).into_iter().map(sigmoid).collect();

        let last = embedded.last().unwrap();
        let moved: Vec<f64> = now.iter().zip(&short).map(|(now, short)| now * short + now).collect();
        let mixed: Vec<f64> = [&short[..], last, &moved].concat().into_iter().map(f64::tanh).collect();
        let mixed = plus(&times(&mixed, self.matrix("mixing.weight")), self.vector("mixing.bias"));
        let last = times(last, self.matrix("last_view.weight"));
        let between = short.iter().zip(&long).zip(&gate).map(|((short, long), gate)| short + gate * (long - short));
        let query = plus(&plus(&between.collect::<Vec<f64>>(), &mixed), &last);
        let mut from = vec![vec![0.0; self.width]; history.len()];
        let viewed = history.item_ids.iter().zip(&mut from).rev().zip(self.vector("transition.recent"));
        for ((item, from), recent) in viewed {
            *from = self.matrix("transition.from")[*item as usize].iter().map(|value| recent * value).collect();
        }
        let all_from = from.iter().fold(vec![0.0; self.width], |sum, from| plus(&sum, from));
        let query = [query, all_from].concat();
        let scaled = |row: &[f64], factor: &dyn Fn(f64) -> f64| {
            row.iter().zip(&gate).map(|(value, gate)| value * factor(*gate)).collect::<Vec<f64>>()
        };
        let long = embedded.iter().zip(&attention).map(|(row, weight)| scaled(row, &|gate| gate * weight)).collect();
        let parts = Parts { short: scaled(&short, &|gate| 1.0 - gate), long, last, mixed, from };

        let temperature = self.vector("score.temperature")[0];
        let power = |item, feature| (self.logit(item, feature, &query, history) * temperature).exp();
        let all: f64 = (1..).zip(&self.features[1..]).map(|(item, feature)| power(item, *feature)).sum();
        let ids = candidates.items.iter().copied().zip(candidates.features.iter().copied());
        let scores = ids.clone().map(|(item, feature)| (power(item, feature) / all).min(1.0)).collect();
        let (terms, views) = ids.map(|candidate| self.explained(candidate, &parts, history)).unzip();
        let long_term_share = gate.iter().sum::<f64>() / self.width as f64;
        Answer { scores, attention, long_term_share, terms, views }
    }
}
