//! The ranking network on one request against the forward pass of its training, for every instruction set of this
//! processor, and without memory from the system once it is warm.
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]
#![cfg(test)]

use std::alloc::{GlobalAlloc, System};
use std::cell::Cell;

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, GAPS, Layout, Pass, Sequence, Sequences, Tables};
use slirec_kernels::request::history::UnknownId;
use slirec_kernels::request::ranking::{
    Cooccurrence, RankingCandidates, RankingHistory, RankingInputs, RankingNetwork, RankingWeights, Sample, Scratch,
};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ITEMS: usize = 60;
const LONGEST: usize = 50;

/// Numbers between -1 and 1 that look random.
fn numbers(count: usize, seed: u32, scale: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        scale * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
    };
    (0..count).map(|_| next()).collect()
}

/// A network in the layout of its training.
struct Trained {
    layout: Layout,
    weights: Vec<f32>,
    items: Vec<f32>,
    feature: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
    bias: Vec<f32>,
    /// Of two attributes of shoppers.
    users: [Vec<f32>; 2],
}

fn feature_of(item: usize) -> u32 {
    (item % 3) as u32
}

impl Trained {
    fn new(width: usize) -> Self {
        let layout = Layout::new(width, LONGEST);
        let scale = 1.0 / (width as f32).sqrt();
        Self {
            weights: numbers(layout.len(), 1, scale),
            layout,
            items: numbers(ITEMS * width, 2, scale),
            feature: numbers(3 * width, 3, scale),
            from: numbers(ITEMS * width, 4, scale),
            to: numbers(ITEMS * width, 5, scale),
            bias: numbers(ITEMS, 6, 1.0),
            users: [7, 8].map(|seed| numbers(3 * width, seed, scale)),
        }
    }

    /// What a query meets of an item.
    fn row(&self, item: usize) -> Vec<f32> {
        let (width, feature) = (self.layout.width, feature_of(item) as usize);
        let embedding = self.items[item * width..][..width].iter().zip(&self.feature[feature * width..][..width]);
        embedding
            .map(|(item, feature)| item + feature)
            .chain(self.to[item * width..][..width].iter().copied())
            .collect()
    }

    fn served(&self) -> RankingWeights {
        RankingWeights {
            items: self.items.clone(),
            features: vec![self.feature.clone()],
            from: self.from.clone(),
            to: self.to.clone(),
            bias: self.bias.clone(),
            users: self.users.to_vec(),
            cooccurrence: None,
            temperature: 1.0,
            sample: Sample {
                items: (1..ITEMS as u32).collect(),
                rows: (1..ITEMS).flat_map(|item| self.row(item)).collect(),
                bias: self.bias[1..].to_vec(),
                correction: vec![0.0; ITEMS - 1],
            },
            ..RankingWeights::of_layers(&self.layout, &self.weights)
        }
    }

    /// Query and scores of all items but the default one, by the pass of the training.
    fn pass(&self, history: &History) -> (Vec<f32>, Vec<f32>) {
        let width = self.layout.width;
        let ages = vec![history.age; history.items.len()];
        let next = vec![0; history.items.len()];
        let sequence = Sequence {
            items: &history.items,
            features: &history.features,
            gaps: &history.gaps,
            ages: &ages,
            next: &next,
            user: &history.user,
        };
        let mut sequences = Sequences::default();
        sequences.fill(&[sequence]);
        let mut choices = Choices::default();
        choices.choice_of.resize(ITEMS, u32::MAX);
        for item in 1..ITEMS {
            choices.items.push(item as u32);
            choices.choice_of[item] = item as u32 - 1;
            choices.rows.extend(self.row(item));
            choices.bias.push(self.bias[item]);
        }
        choices.prepare(2 * width);
        let (features, users): ([&[f32]; 1], [&[f32]; 2]) = ([&self.feature], [&self.users[0], &self.users[1]]);
        let tables = Tables { items: &self.items, features: &features, from: &self.from, users: &users };
        let mut pass = Pass::new(InstructionSet::detect(), self.layout.clone());
        let position = sequences.last_positions()[0];
        let query = pass.forward(&sequences, &tables, &self.weights)[position * 2 * width..][..2 * width].to_vec();
        let mut logits = vec![0.0; ITEMS - 1];
        pass.logits(position, &sequences, &self.weights, &choices, &mut logits);
        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        (query, logits.iter().map(|logit| (f64::from(*logit).exp() / sum) as f32).collect())
    }
}

struct History {
    items: Vec<u32>,
    features: Vec<u32>,
    gaps: Vec<u8>,
    age: u8,
    user: Vec<u32>,
}

impl History {
    /// Items that come again, an unknown one among them, of shoppers of whom all, some or nothing is known.
    fn new(length: usize) -> Self {
        let items: Vec<u32> = (0..length).map(|place| (place * 7 % 11 * (place % 5)) as u32).collect();
        let features = items.iter().map(|item| feature_of(*item as usize)).collect();
        let gaps = (0..length).map(|place| if place == 0 { 0 } else { (place * 5 % GAPS) as u8 }).collect();
        let user = [vec![1, 2], vec![0, 1], Vec::new()][length % 3].clone();
        Self { items, features, gaps, age: (length % GAPS) as u8, user }
    }

    fn inputs(&self) -> RankingInputs<'_> {
        let Self { items, features, gaps, age, user } = self;
        RankingInputs { items, features, gaps, age: *age, user }
    }
}

fn candidates(trained: &Trained) -> RankingCandidates {
    let sample = trained.served().sample;
    let mut candidates = RankingCandidates::zeros(2 * trained.layout.width, &sample.items);
    candidates.set(0, &sample.rows, &sample.bias);
    candidates
}

#[test]
fn candidates_of_ids_are_those_of_their_rows() {
    let trained = Trained::new(16);
    let network = RankingNetwork::new(InstructionSet::detect(), trained.served());
    let items: Vec<u32> = (1..ITEMS as u32).collect();
    let features: Vec<u32> = items.iter().map(|item| feature_of(*item as usize)).collect();
    let history = History::new(3);
    let of_ids = network.candidates(&items, &features).unwrap();
    assert_eq!(served(&network, &of_ids, &history), served(&network, &candidates(&trained), &history));
    assert_eq!(network.candidates(&[1, 60], &[0, 0]).unwrap_err(), UnknownId(60));
    assert_eq!(network.candidates(&[1], &[3]).unwrap_err(), UnknownId(3));
}

/// Query and scores of all items but the default one.
fn served(network: &RankingNetwork, candidates: &RankingCandidates, history: &History) -> (Vec<f32>, Vec<f32>) {
    let mut encoded = RankingHistory::default();
    network.encode(&history.inputs(), &mut Scratch::default(), &mut encoded).unwrap();
    let mut scores = vec![0.0; candidates.len()];
    network.scores(&encoded, candidates, 0..scores.len(), &mut scores);
    assert!((encoded.attention().iter().sum::<f32>() - 1.0).abs() < 1e-5 && encoded.length() == history.items.len());
    assert!((0.0..=1.0).contains(&encoded.long_term_share()));
    (encoded.query().to_vec(), scores)
}

#[test]
fn queries_and_scores_are_those_of_the_training_s_pass() {
    for width in [16, 64, 80] {
        let trained = Trained::new(width);
        let candidates = candidates(&trained);
        for length in [1, 2, 3, 10, LONGEST] {
            let history = History::new(length);
            let expected = trained.pass(&history);
            for set in InstructionSet::available() {
                let network = RankingNetwork::new(set, trained.served());
                let found = served(&network, &candidates, &history);
                for (found, expected) in found.0.iter().zip(&expected.0).chain(found.1.iter().zip(&expected.1)) {
                    let close = (found - expected).abs() <= 1e-5;
                    assert!(close, "width {width}, {length} views, {}: {found}, expected {expected}", set.name());
                }
            }
        }
    }
}

#[test]
fn sets_with_fused_instructions_give_the_same_bits() {
    let (trained, history) = (Trained::new(48), History::new(20));
    let fused = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
    let results = fused.map(|set| {
        let (query, scores) = served(&RankingNetwork::new(set, trained.served()), &candidates(&trained), &history);
        query.into_iter().chain(scores).map(f32::to_bits).collect::<Vec<_>>()
    });
    let results: Vec<_> = results.collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Every item has the one after the next as its only neighbour.
fn with_neighbours(trained: &Trained) -> RankingNetwork {
    let cooccurrence = Cooccurrence {
        neighbours: 2,
        items: (0..ITEMS as u32).flat_map(|item| [(item + 2) % ITEMS as u32, 0]).collect(),
        weights: [0.5, 9.0].repeat(ITEMS),
        recent: vec![1.0, 0.25, 0.125],
        scale: 0.7,
    };
    let weights = RankingWeights { cooccurrence: Some(cooccurrence), temperature: 0.8, ..trained.served() };
    RankingNetwork::new(InstructionSet::detect(), weights)
}

#[test]
fn neighbours_of_the_last_views_rise_by_their_logarithm_and_the_default_item_never() {
    let trained = Trained::new(16);
    let without = RankingWeights { temperature: 0.8, ..trained.served() };
    let networks = [with_neighbours(&trained), RankingNetwork::new(InstructionSet::detect(), without)];
    let history = History { items: vec![9, 5, 0, 5], features: vec![0; 4], gaps: vec![0; 4], age: 3, user: Vec::new() };
    let mut candidates = RankingCandidates::zeros(32, &[0, 7, 8, 11]);
    candidates.set(0, &numbers(4 * 32, 8, 0.3), &[-9.0; 4]);
    let [with, without] = networks.map(|network| served(&network, &candidates, &history).1);
    let raised: Vec<f32> = with.iter().zip(without).map(|(with, without)| (with / without).ln()).collect();
    // 5 is the last view and the one two before it: 0.5 · (1 + 0.125) for 7. The unknown one between has no neighbours, 9
    // lies too far back for 11. The normaliser rises for all.
    let expected = [0.0, 0.8 * 0.7 * 1.5625_f32.ln(), 0.0, 0.0];
    for (raised_by, expected) in raised.iter().zip(expected) {
        assert!((raised_by - raised[0] - expected).abs() < 1e-5, "{raised:?}, expected {expected}");
    }
    assert!(raised[0] < 0.0);
}

#[test]
fn an_id_beyond_its_table_is_told() {
    let trained = Trained::new(16);
    let network = RankingNetwork::new(InstructionSet::detect(), trained.served());
    let history = History { items: vec![1, 99], ..History::new(2) };
    let result = network.encode(&history.inputs(), &mut Scratch::default(), &mut RankingHistory::default());
    assert_eq!(result, Err(UnknownId(99)));
    let history = History { user: vec![0, 3], ..History::new(2) };
    let result = network.encode(&history.inputs(), &mut Scratch::default(), &mut RankingHistory::default());
    assert_eq!(result, Err(UnknownId(3)));
}

#[test]
fn memory_that_held_a_longer_history_gives_the_same_scores_and_takes_nothing_from_the_system() {
    let trained = Trained::new(64);
    let (network, candidates) = (with_neighbours(&trained), candidates(&trained));
    let (mut scratch, mut encoded) = (Scratch::default(), RankingHistory::default());
    let mut scores = vec![0.0; candidates.len()];
    let mut request = |history: &History| {
        let before = COUNT.with(Cell::get);
        network.encode(&history.inputs(), &mut scratch, &mut encoded).unwrap();
        network.scores(&encoded, &candidates, 0..scores.len(), &mut scores);
        (COUNT.with(Cell::get) - before, scores.clone())
    };
    let histories = [50, 3, 10].map(History::new);
    assert!(request(&histories[0]).0 > 0);
    for history in &histories {
        assert_eq!(request(history), (0, served(&network, &candidates, history).1));
    }
}
