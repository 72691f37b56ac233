//! The fused passes against the formulas, written out in double precision, for many sizes and extreme values.

use proptest::prelude::*;

use super::*;
use crate::instruction_set::InstructionSet;
use crate::testing::Random;

/// Sizes of a model, a history and candidates.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    item: usize,
    target: usize,
    attention: [usize; 2],
    mixing: [usize; 2],
    score: [usize; 2],
    length: usize,
    candidates: usize,
    transition: usize,
    padding: bool,
}

/// Everything that enters, as plain vectors.
struct Model {
    sizes: Sizes,
    lstm: Vec<f32>,
    square: [Vec<f32>; 2],
    query: Vec<f32>,
    empty: Vec<f32>,
    attention_first: [Vec<f32>; 3],
    attention_bias: Vec<f32>,
    mixing_first: [Vec<f32>; 2],
    mixing_time: Vec<f32>,
    score_user: Vec<f32>,
    rest: [Rest; 3],
    position: Vec<f32>,
    embeddings: Vec<f32>,
    times: [Vec<f32>; 2],
    factors: Vec<f32>,
    queries: Vec<f32>,
    own: [Vec<f32>; 2],
    next: Vec<f32>,
}

/// Weight, bias and output of a network behind its first layer.
type Rest = (Vec<f32>, Vec<f32>, Vec<f32>, f32);

impl Model {
    fn new(sizes: Sizes, scale: f32, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut some = |count: usize| -> Vec<f32> { (0..count).map(|_| scale * random.next() as f32).collect() };
        let Sizes { item, target, attention, mixing, score, length, candidates, transition, .. } = sizes;
        let lengths = crate::time_lstm::Sizes { input: item, hidden: target }.lengths();
        let [d, square] = [target, target * target];
        let mut rest = |[first, second]: [usize; 2]| (some(first * second), some(second), some(second), 0.25);
        let rest = [rest(attention), rest(mixing), rest(score)];
        Self {
            sizes,
            lstm: some(lengths.iter().sum()),
            square: [some(square), some(square)],
            query: some(d),
            empty: some(d),
            attention_first: [0; 3].map(|_| some(d * attention[0])),
            attention_bias: some(attention[0]),
            mixing_first: [0; 2].map(|_| some(d * mixing[0])),
            mixing_time: some(mixing[0]),
            score_user: some(d * score[0]),
            rest,
            position: some(if transition > 0 { 3 } else { 0 }),
            embeddings: some(length * d),
            times: [some(length), some(length)],
            factors: some(transition * length.min(3)),
            queries: some(candidates * d),
            own: [some(candidates * mixing[0]), some(candidates * score[0])],
            next: some(if transition > 0 { candidates * (transition + 1) } else { 0 }),
        }
    }

    fn layers(&self, network: usize) -> LayersWeights<'_> {
        let (weight, bias, output, output_bias) = &self.rest[network];
        LayersWeights { weight, bias, output, output_bias: *output_bias }
    }

    /// Scores, attention and long-term shares by the kernels.
    fn fused(&self, set: InstructionSet) -> [Vec<f32>; 3] {
        let Sizes { item, target, length, candidates, transition, padding, .. } = self.sizes;
        let encoder = HistoryEncoder::new(
            set,
            &HistoryWeights {
                item,
                lstm: &self.lstm,
                long_term_matrix: &self.square[0],
                long_term_query: &self.query,
                padding: padding.then_some(Padding { slots: 50, embedding: &self.empty }),
                key_matrix: &self.square[1],
                attention_key: &self.attention_first[0],
                attention_bias: &self.attention_bias,
                mixing_long_term: &self.mixing_first[0],
                mixing_time: &self.mixing_time,
                transition_position: &self.position,
            },
        );
        let scorer = CandidateScorer::new(
            set,
            target,
            &ScorerWeights {
                attention_product: &self.attention_first[1],
                attention_query: &self.attention_first[2],
                attention: self.layers(0),
                mixing_short_term: &self.mixing_first[1],
                mixing: self.layers(1),
                score_user: &self.score_user,
                score: self.layers(2),
            },
        );
        let factors: Vec<&[f32]> = self.factors.chunks_exact(transition.max(1)).collect();
        let history = encoder.encode(&Views {
            embeddings: &self.embeddings,
            time_to_now: &self.times[0],
            time_from_first: &self.times[1],
            gate_time: 0.5,
            transitions: &factors,
        });
        let candidates_of =
            Candidates { queries: &self.queries, mixing: &self.own[0], score: &self.own[1], transitions: &self.next };
        let [mut scores, mut shares] = [0; 2].map(|_| vec![f32::NAN; candidates]);
        let mut attention = vec![f32::NAN; candidates * length];
        let reasons = Reasons { attention: &mut attention, long_term_share: &mut shares };
        scorer.score(&history, &candidates_of, &mut Workspace::default(), &mut scores, Some(reasons));
        [scores, attention, shares]
    }

    /// The same by the formulas of `docs/MODEL.md`; the states are the LSTM's, which has tests of its own.
    fn plain(&self) -> [Vec<f64>; 3] {
        let Sizes { item, target: d, length, transition, padding, .. } = self.sizes;
        let lstm = crate::time_lstm::Sizes { input: item, hidden: d };
        let items: Vec<f32> = self.embeddings.chunks_exact(d).flat_map(|row| row[..item].to_vec()).collect();
        let mut states = vec![0.0; length * d];
        crate::time_lstm::inference::TrainedLstm::new(InstructionSet::detect(), lstm, &self.lstm).states(
            &items,
            &self.times[0],
            &self.times[1],
            &mut states,
        );
        let keys: Vec<Vec<f64>> = states.chunks_exact(d).map(|state| times(&wide(state), &self.square[1])).collect();
        let direction: Vec<f64> =
            self.square[0].chunks_exact(d).map(|row| dot(&wide(row), &wide(&self.query))).collect();
        let mut rows: Vec<Vec<f64>> = self.embeddings.chunks_exact(d).map(wide).collect();
        if padding {
            rows.extend(vec![wide(&self.empty); 50 - length]);
        }
        let long_term = mean(&rows, &softmax(rows.iter().map(|row| dot(row, &direction)).collect()));
        let states: Vec<Vec<f64>> = states.chunks_exact(d).map(wide).collect();
        let [mut scores, mut attention, mut shares] = [Vec::new(), Vec::new(), Vec::new()];
        for (number, query) in self.queries.chunks_exact(d).map(wide).enumerate() {
            let logits = keys.iter().map(|key| {
                let pair: Vec<f64> = key.iter().zip(&query).map(|(key, query)| key * query).collect();
                let [of_key, of_pair, of_query] = [key, &pair, &query]
                    .iter()
                    .zip(&self.attention_first)
                    .map(|(side, weight)| times(side, weight))
                    .collect::<Vec<_>>()
                    .try_into()
                    .unwrap();
                self.rest_of(0, add([of_key, of_pair, of_query, wide(&self.attention_bias)]))
            });
            let weights = softmax(logits.collect());
            let attended = mean(&states, &weights);
            let own = |side: usize, width: usize| wide(&self.own[side][number * width..][..width]);
            let time: Vec<f64> = wide(&self.mixing_time).iter().map(|weight| 0.5 * weight).collect();
            let gate = add([
                times(&long_term, &self.mixing_first[0]),
                times(&attended, &self.mixing_first[1]),
                own(0, self.sizes.mixing[0]),
                time,
            ]);
            let gate = sigmoid(self.rest_of(1, gate));
            let user: Vec<f64> =
                long_term.iter().zip(&attended).map(|(long, short)| gate * long + (1.0 - gate) * short).collect();
            let mut logit = self.rest_of(2, add([times(&user, &self.score_user), own(1, self.sizes.score[0])]));
            if transition > 0 {
                let next = &self.next[number * (transition + 1)..][..transition + 1];
                logit += f64::from(next[transition]);
                let views = self.factors.chunks_exact(transition);
                let weights = &self.position[3 - views.len()..];
                for (from, weight) in views.zip(weights) {
                    logit += f64::from(*weight) * dot(&wide(from), &wide(&next[..transition]));
                }
            }
            scores.push(sigmoid(logit));
            attention.extend(weights);
            shares.push(gate);
        }
        [scores, attention, shares]
    }

    fn rest_of(&self, network: usize, first: Vec<f64>) -> f64 {
        let relu = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|value| value.max(0.0)).collect() };
        let (weight, bias, output, output_bias) = &self.rest[network];
        let second = relu(add([times(&relu(first), weight), wide(bias)]));
        dot(&second, &wide(output)) + f64::from(*output_bias)
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// row · matrix
fn times(row: &[f64], matrix: &[f32]) -> Vec<f64> {
    let columns = matrix.len() / row.len();
    (0..columns)
        .map(|column| row.iter().enumerate().map(|(k, value)| value * f64::from(matrix[k * columns + column])).sum())
        .collect()
}

fn add<const N: usize>(rows: [Vec<f64>; N]) -> Vec<f64> {
    (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column]).sum()).collect()
}

fn mean(rows: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    (0..rows[0].len()).map(|column| rows.iter().zip(weights).map(|(row, weight)| weight * row[column]).sum()).collect()
}

fn softmax(logits: Vec<f64>) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - greatest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn check(sizes: Sizes, scale: f32, tolerance: f64, seed: u64) {
    let model = Model::new(sizes, scale, seed);
    let plain = model.plain();
    for set in InstructionSet::available() {
        for (fused, plain) in model.fused(set).iter().zip(&plain) {
            assert_eq!(fused.len(), plain.len());
            for (fused, plain) in fused.iter().zip(plain) {
                assert!((f64::from(*fused) - plain).abs() <= tolerance, "{}: {fused} {plain} {sizes:?}", set.name());
            }
        }
    }
}

const DEFAULT: Sizes = Sizes {
    item: 32,
    target: 40,
    attention: [80, 40],
    mixing: [80, 40],
    score: [100, 64],
    length: 10,
    candidates: 61,
    transition: 0,
    padding: true,
};

#[test]
fn the_model_s_own_sizes_give_the_formulas_scores_attention_and_gate() {
    for (length, candidates, transition, padding) in
        [(1, 1, 0, true), (2, 300, 64, false), (10, 241, 64, true), (50, 60, 0, true), (50, 7, 64, false)]
    {
        check(Sizes { length, candidates, transition, padding, ..DEFAULT }, 0.3, 1e-5, 7);
    }
}

#[test]
fn large_values_saturate_and_stay_finite() {
    let model = Model::new(DEFAULT, 30.0, 3);
    for set in InstructionSet::available() {
        assert!(model.fused(set).iter().flatten().all(|value| (0.0..=1.0 + 1e-5).contains(value)));
    }
}

#[test]
fn zeros_and_denormals_give_even_attention() {
    for scale in [0.0, 1e-40] {
        let [scores, attention, _] = Model::new(DEFAULT, scale, 5).fused(InstructionSet::detect());
        assert!(scores.iter().all(|score| score.is_finite()));
        assert!(attention.iter().all(|weight| (weight - 0.1).abs() < 1e-6));
    }
}

#[test]
fn a_weight_that_is_not_a_number_does_not_become_a_score() {
    let mut model = Model::new(DEFAULT, 0.3, 11);
    model.queries[3] = f32::NAN;
    for set in InstructionSet::available() {
        let [scores, ..] = model.fused(set);
        assert!(scores[0].is_nan() && scores[1..].iter().all(|score| score.is_finite()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn other_sizes_go_the_same_way(
        item in 1..20_usize, more in 0..9_usize, first in 1..90_usize, second in 1..50_usize, other in 1..35_usize,
        length in 1..=50_usize, candidates in 1..130_usize, transition in 0..20_usize, padding: bool, seed: u64,
    ) {
        let layers = [first, second];
        let (mixing, score) = ([other, second], [second, other]);
        let sizes = Sizes { item, target: item + more, attention: layers, mixing, score, length, candidates, transition, padding };
        check(sizes, 0.3, 1e-5, seed);
    }
}
