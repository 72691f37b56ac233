//! Networks of all sizes with made-up weights, by the kernels; `plain` has them by the formulas.
#![allow(dead_code, reason = "each test uses some of it")]

mod plain;

use proptest::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::{
    Embeddings, HistoryInputs, HistoryNetwork, HistoryWeights, PreparedHistory, Scratch, Transitions,
};
use slirec_kernels::request::scores::{self, Explained, NetworkWeights, Scoring};
use slirec_kernels::time_lstm::Sizes;
use slirec_kernels::time_lstm::inference::InferenceLstm;

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
    pub(crate) long_term_matrix: Vec<f32>,
    pub(crate) long_term_query: Vec<f32>,
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
            long_term_matrix: random(target * target),
            long_term_query: random(target),
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
                long_term_matrix: self.long_term_matrix.clone(),
                long_term_query: self.long_term_query.clone(),
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

    pub(crate) fn transition(&self) -> usize {
        if self.from.is_empty() { 0 } else { self.from.len() / ITEMS + 1 }
    }

    /// Scores, attention and long-term shares of the case.
    pub(crate) fn run(&self, set: InstructionSet, case: &Case) -> [Vec<f32>; 3] {
        let mut encoded = PreparedHistory::default();
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
