//! Networks of all sizes with made-up weights, by the kernels and by the plain formulas in f64.
#![allow(dead_code, reason = "each test uses some of it")]

use proptest::prelude::*;
use slirec_kernels::bf16::Bf16Set;
use slirec_kernels::histories::Histories;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::approximate::{self, ApproximateCandidates, ApproximateHistory, ApproximateScoring};
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::{
    Embeddings, EncodedHistory, HistoryInputs, HistoryNetwork, HistoryWeights, Scratch, Transitions,
};
use slirec_kernels::request::scores::{self, Explained, NetworkWeights, Scoring};
use slirec_kernels::time_lstm::inference::InferenceLstm;
use slirec_kernels::time_lstm::{Inputs, Sizes, TimeLstm};

pub(crate) const ITEMS: usize = 9;
pub(crate) const VALUES: usize = 4;

/// Sizes of a case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) item: usize,
    pub(crate) feature: usize,
    pub(crate) layers: [[usize; 2]; 3],
    /// 0 for none.
    pub(crate) transition: usize,
    pub(crate) padded_slots: Option<usize>,
    pub(crate) length: usize,
    pub(crate) candidates: usize,
    /// Size of the weights.
    pub(crate) scale: f32,
}

impl Case {
    pub(crate) fn target(&self) -> usize {
        self.item + self.feature
    }
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let layer = || [1_usize..20, 1_usize..12];
    let scale = prop_oneof![Just(0.3_f32), Just(0.0), Just(1e-39), Just(4.0)];
    let layers = [layer(), layer(), layer()];
    (1_usize..14, 1_usize..6, layers, 0_usize..4, 1_usize..12, 1_usize..70, scale, any::<bool>()).prop_map(
        |(item, feature, layers, transition, length, candidates, scale, padded)| Case {
            item,
            feature,
            layers,
            transition,
            padded_slots: padded.then_some(10),
            length,
            candidates,
            scale,
        },
    )
}

/// Everything that a case computes with.
pub(crate) struct Data {
    pub(crate) items: Vec<f32>,
    pub(crate) features: Vec<f32>,
    pub(crate) lstm: Vec<f32>,
    pub(crate) attention_matrix: Vec<f32>,
    pub(crate) attention_share: Vec<f32>,
    pub(crate) direction: Vec<f32>,
    pub(crate) mixing_share: Vec<f32>,
    pub(crate) gate_time_share: Vec<f32>,
    pub(crate) from: Vec<f32>,
    pub(crate) positions: Vec<f32>,
    /// First, second, its bias, output.
    pub(crate) networks: [[Vec<f32>; 4]; 3],
    pub(crate) columns: [Vec<f32>; 5],
    pub(crate) history: [Vec<u32>; 2],
    pub(crate) times: [Vec<f32>; 2],
}

impl Data {
    pub(crate) fn new(case: &Case) -> Self {
        let mut state = 5_u64;
        let mut random = |count: usize| -> Vec<f32> {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                case.scale * ((state >> 33) as f32 / (1_u32 << 30) as f32 - 1.0)
            };
            (0..count).map(|_| next()).collect()
        };
        let (target, [attention, mixing, score]) = (case.target(), case.layers.map(|layers| layers[0]));
        let sizes = Sizes { input: case.item, hidden: target };
        let ids = |rows: u32| (0..case.length).map(|position| u32::try_from(position * 5).unwrap() % rows).collect();
        let count = case.candidates;
        Self {
            items: random(ITEMS * case.item),
            features: random(VALUES * case.feature),
            lstm: random(sizes.lengths().iter().sum()),
            attention_matrix: random(target * target),
            attention_share: random(target * attention),
            direction: random(target),
            mixing_share: random(target * mixing),
            gate_time_share: random(mixing),
            from: random(ITEMS * case.transition),
            positions: random(3),
            networks: case.layers.map(|[first, second]| {
                [random(target * first), random(first * second), random(second), random(second)]
            }),
            columns: [target, attention, mixing, score, if case.transition > 0 { case.transition + 1 } else { 0 }]
                .map(|size| random(count * size)),
            history: [ids(9), ids(4)],
            times: [random(case.length), random(case.length)],
        }
    }

    pub(crate) fn network(&self, number: usize) -> NetworkWeights<'_> {
        let [first, second, second_bias, output] = &self.networks[number];
        NetworkWeights { first, second, second_bias, output, output_bias: if number > 0 { 0.25 } else { 0.0 } }
    }

    pub(crate) fn history_network(&self, set: InstructionSet, case: &Case) -> HistoryNetwork {
        let sizes = Sizes { input: case.item, hidden: case.target() };
        let table = |width: usize, values: &[f32]| Embeddings { width, values: values.to_vec() };
        let transitions = (case.transition > 0)
            .then(|| Transitions { from: table(case.transition, &self.from), positions: self.positions.clone() });
        HistoryNetwork::new(
            set,
            HistoryWeights {
                items: table(case.item, &self.items),
                features: vec![table(case.feature, &self.features)],
                lstm: InferenceLstm::new(set, sizes, &self.lstm),
                attention_matrix: self.attention_matrix.clone(),
                attention_share: self.attention_share.clone(),
                long_term_direction: self.direction.clone(),
                padded_slots: case.padded_slots,
                mixing_share: self.mixing_share.clone(),
                gate_time_share: self.gate_time_share.clone(),
                transitions,
            },
        )
    }

    pub(crate) fn inputs(&self) -> HistoryInputs<'_> {
        let ([items, features], [time_to_now, time_from_first]) = (&self.history, &self.times);
        HistoryInputs { items, features, time_to_now, time_from_first, gate_time: 0.75 }
    }

    /// Approximate logits of the case.
    pub(crate) fn approximate(&self, set: Bf16Set, case: &Case) -> Vec<f32> {
        let floats = InstructionSet::detect();
        let mut encoded = EncodedHistory::default();
        self.history_network(floats, case).encode(&self.inputs(), &mut Scratch::default(), &mut encoded).unwrap();
        let exact = Scoring::new(floats, case.target(), [&self.network(0), &self.network(1), &self.network(2)]);
        let scoring = ApproximateScoring::new(set, &exact);
        let mut candidates = Candidates::zeros(exact.candidate_sizes(self.transition()), case.candidates);
        candidates.set(0, self.columns.each_ref().map(Vec::as_slice));
        let mut history = ApproximateHistory::default();
        scoring.history(&encoded, &mut history);
        let mut scratch = approximate::Scratch::default();
        let mut logits_of = |candidates: &Candidates| {
            let mut logits = vec![0.0; candidates.len()];
            let candidates = ApproximateCandidates::new(candidates);
            scoring.logits((&encoded, &history), &candidates, 0..logits.len(), &mut scratch, &mut logits);
            logits
        };
        let logits = logits_of(&candidates);
        // A candidate alone, behind others or selected has the same bits.
        let alone = logits_of(&candidates.select(&[case.candidates - 1]));
        assert_eq!(alone[0].to_bits(), logits[case.candidates - 1].to_bits());
        logits
    }

    pub(crate) fn transition(&self) -> usize {
        if self.from.is_empty() { 0 } else { self.from.len() / ITEMS + 1 }
    }

    /// Scores, attention and long-term shares of the case.
    pub(crate) fn run(&self, set: InstructionSet, case: &Case) -> [Vec<f32>; 3] {
        let mut encoded = EncodedHistory::default();
        self.history_network(set, case).encode(&self.inputs(), &mut Scratch::default(), &mut encoded).unwrap();
        let scoring = Scoring::new(set, case.target(), [&self.network(0), &self.network(1), &self.network(2)]);
        let mut candidates = Candidates::zeros(scoring.candidate_sizes(self.transition()), case.candidates);
        candidates.set(0, self.columns.each_ref().map(Vec::as_slice));
        let mut scratch = scores::Scratch::default();
        let mut results =
            [vec![0.0; case.candidates], vec![0.0; case.candidates * case.length], vec![0.0; case.candidates]];
        let [of_candidates, attention, long_term_share] = &mut results;
        scoring.scores(&encoded, &candidates, 0..case.candidates, &mut scratch, of_candidates);
        scoring.explain(&encoded, &candidates, &mut scratch, Explained { attention, long_term_share });
        // A candidate alone, behind others or selected has the same bits.
        let last = candidates.select(&[case.candidates - 1]);
        let mut alone = [0.0];
        scoring.scores(&encoded, &last, 0..1, &mut scratch, &mut alone);
        assert_eq!(alone[0].to_bits(), of_candidates[case.candidates - 1].to_bits());
        results
    }

    /// The same and the scores' logits by the formulas of `docs/MODEL.md`, with the states of the training's LSTM.
    pub(crate) fn plain(&self, case: &Case) -> [Vec<f64>; 4] {
        let (target, length) = (case.target(), case.length);
        let states = self.states(case);
        let states: Vec<Vec<f64>> = states.chunks(target).map(wide).collect();
        let row = |table: &[f32], width: usize, id: usize| wide(&table[id * width..][..width]);
        let embedded = |item: usize, feature: usize| {
            [row(&self.items, case.item, item), row(&self.features, case.feature, feature)].concat()
        };
        let mut terms: Vec<(Vec<f64>, f64)> = (self.history[0].iter().zip(&self.history[1]))
            .map(|(item, feature)| (embedded(*item as usize, *feature as usize), 1.0))
            .collect();
        if let Some(slots) = case.padded_slots.filter(|slots| *slots > length) {
            terms.push((embedded(0, 0), (slots - length) as f64));
        }
        let direction = wide(&self.direction);
        let powers: Vec<f64> = terms.iter().map(|(vector, count)| count * dot(vector, &direction).exp()).collect();
        let total: f64 = powers.iter().sum();
        let long_term: Vec<f64> = (0..target)
            .map(|column| terms.iter().zip(&powers).map(|((vector, _), power)| vector[column] * power / total).sum())
            .collect();
        let mixing_history = add(&times(&long_term, &self.mixing_share), &wide(&self.gate_time_share), 0.75);
        let mut transition = vec![0.0; case.transition];
        for (item, weight) in self.history[0].iter().rev().zip(self.positions.iter().rev()) {
            transition = add(&transition, &row(&self.from, case.transition, *item as usize), f64::from(*weight));
        }
        transition.push(1.0);

        let mut results = [const { Vec::new() }; 4];
        for candidate in 0..case.candidates {
            let column = |number: usize| {
                let width = self.columns[number].len() / case.candidates;
                row(&self.columns[number], width, candidate)
            };
            let query = column(0);
            let logits: Vec<f64> = (states.iter())
                .map(|state| {
                    let key = times(state, &self.attention_matrix);
                    let scaled: Vec<f64> = key.iter().zip(&query).map(|(key, query)| key * query).collect();
                    let start = add(&column(1), &times(&key, &self.attention_share), 1.0);
                    self.logit(0, &scaled, &start)
                })
                .collect();
            let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = logits.iter().map(|logit| (logit - greatest).exp()).sum();
            let weights: Vec<f64> = logits.iter().map(|logit| (logit - greatest).exp() / total).collect();
            let attended: Vec<f64> = (0..target)
                .map(|column| states.iter().zip(&weights).map(|(state, weight)| state[column] * weight).sum())
                .collect();
            let share = sigmoid(self.logit(1, &attended, &add(&column(2), &mixing_history, 1.0)));
            let user: Vec<f64> =
                long_term.iter().zip(&attended).map(|(long, short)| short + share * (long - short)).collect();
            let logit = self.logit(2, &user, &column(3)) + dot(&column(4), &transition);
            results[0].push(sigmoid(logit));
            results[1].extend(weights);
            results[2].push(share);
            results[3].push(logit);
        }
        results
    }

    pub(crate) fn logit(&self, number: usize, inputs: &[f64], start: &[f64]) -> f64 {
        let network = self.network(number);
        let relu = |values: Vec<f64>| values.into_iter().map(|value| value.max(0.0)).collect::<Vec<_>>();
        let first = relu(add(start, &times(inputs, network.first), 1.0));
        let second = relu(add(&wide(network.second_bias), &times(&first, network.second), 1.0));
        dot(&second, &wide(network.output)) + f64::from(network.output_bias)
    }

    pub(crate) fn states(&self, case: &Case) -> Vec<f32> {
        let set = InstructionSet::detect();
        let mut lstm = TimeLstm::new(set, Sizes { input: case.item, hidden: case.target() });
        let mut states = vec![0.0; case.length * case.target()];
        let lengths = [u32::try_from(case.length).unwrap()];
        let inputs = Inputs {
            histories: Histories { slots: case.length, lengths: &lengths },
            embeddings: &self.items,
            items: &self.history[0],
            time_to_now: &self.times[0],
            time_from_first: &self.times[1],
            parameters: &self.lstm,
        };
        lstm.forward(&inputs, &mut states);
        states
    }
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

pub(crate) fn add(left: &[f64], right: &[f64], factor: f64) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + factor * right).collect()
}

pub(crate) fn times(values: &[f64], matrix: &[f32]) -> Vec<f64> {
    let width = matrix.len() / values.len();
    let column = |column: usize| {
        values.iter().enumerate().map(|(row, value)| value * f64::from(matrix[row * width + column])).sum()
    };
    (0..width).map(column).collect()
}

pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

pub(crate) fn ordinary() -> Case {
    Case {
        item: 8,
        feature: 3,
        layers: [[16, 8], [9, 7], [20, 5]],
        transition: 2,
        padded_slots: Some(10),
        length: 4,
        candidates: 50,
        scale: 0.3,
    }
}
