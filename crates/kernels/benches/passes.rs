//! Milliseconds of the fused passes at the size of a training step: 400 histories of 50 positions, 5 candidates.
//! `cargo bench --package slirec-kernels --bench passes`.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::time::{Duration, Instant};

use slirec_kernels::candidate_attention::{self, CandidateAttention};
use slirec_kernels::dropout::Dropout;
use slirec_kernels::histories::Histories;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::time_lstm::{self, TimeLstm};

const HISTORIES: usize = 400;
const SLOTS: usize = 50;
const CANDIDATES: usize = 5;

/// The least and the median time of a call.
fn times(mut call: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..41)
        .map(|_| {
            let started = Instant::now();
            call();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

fn report(name: &str, call: impl FnMut()) {
    // As with other benchmarks, an argument chooses by name.
    if std::env::args().skip(1).any(|filter| !filter.starts_with('-') && !name.contains(&filter)) {
        return;
    }
    let (least, median) = times(call);
    println!("{name:<28} least {:>6.2} ms, median {:>6.2} ms", least.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
}

fn values(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn attention(set: InstructionSet, lengths: &[u32]) {
    let sizes = candidate_attention::Sizes { hidden: 40, target: 40, layers: [80, 40] };
    let histories = Histories { slots: SLOTS, lengths };
    let states = values(histories.positions() * sizes.hidden);
    let queries = values(HISTORIES * CANDIDATES * sizes.target);
    let parameters = values(sizes.lengths().sum());
    let inputs = candidate_attention::Inputs {
        histories,
        candidates: CANDIDATES,
        states: &states,
        queries: &queries,
        parameters: &parameters,
        dropout: [Dropout::new(1, 0.3), Dropout::new(2, 0.3)],
    };
    let mut pooled = vec![0.0; HISTORIES * CANDIDATES * sizes.hidden];
    let mut gradients = [vec![0.0; states.len()], vec![0.0; queries.len()], vec![0.0; parameters.len()]];
    let mut attention = CandidateAttention::new(set, sizes);
    report("attention forward", || attention.forward(&inputs, &mut pooled));
    report("attention backward", || {
        let [states, queries, parameters] = &mut gradients;
        attention.backward(&inputs, &pooled, candidate_attention::Gradients { states, queries, parameters });
    });
}

fn lstm(set: InstructionSet, lengths: &[u32], distinct: u32) {
    let sizes = time_lstm::Sizes { input: 32, hidden: 40 };
    let histories = Histories { slots: SLOTS, lengths };
    let embeddings = values(distinct as usize * sizes.input);
    let parameters = values(sizes.lengths().iter().sum());
    let positions = histories.positions();
    let items: Vec<u32> = (0..positions as u32).map(|position| position * 7 % distinct).collect();
    let times = values(positions);
    let inputs = time_lstm::Inputs {
        histories,
        embeddings: &embeddings,
        items: &items,
        time_to_now: &times,
        time_from_first: &times,
        parameters: &parameters,
    };
    let mut states = vec![0.0; positions * sizes.hidden];
    let mut gradients = [vec![0.0; embeddings.len()], vec![0.0; parameters.len()]];
    let mut lstm = TimeLstm::new(set, sizes);
    report("LSTM forward", || lstm.forward(&inputs, &mut states));
    report("LSTM forward and backward", || {
        lstm.forward(&inputs, &mut states);
        let [embeddings, parameters] = &mut gradients;
        lstm.backward(&inputs, &states, &states, time_lstm::Gradients { embeddings, parameters });
    });
}

fn main() {
    for threads in [2, 1] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        for set in InstructionSet::available().into_iter().rev() {
            println!("{threads} threads, {}", set.name());
            pool.install(|| {
                attention(set, &[SLOTS as u32; HISTORIES]);
                lstm(set, &[SLOTS as u32; HISTORIES], 234);
            });
        }
    }
}
