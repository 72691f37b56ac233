//! Scoring in the steady state takes no memory from the system.
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::{
    Embeddings, HistoryInputs, HistoryNetwork, HistoryWeights, PreparedHistory, Scratch, Transitions,
};
use slirec_kernels::request::scores::{self, NetworkWeights, Scoring};
use slirec_kernels::time_lstm::Sizes;
use slirec_kernels::time_lstm::inference::InferenceLstm;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_request_after_the_first_allocates_nothing() {
    let (set, target) = (InstructionSet::detect(), 40);
    let table = |width: usize| Embeddings { width, values: vec![0.1; 10 * width] };
    let sizes = Sizes { input: 32, hidden: target };
    let history = HistoryNetwork::new(
        set,
        HistoryWeights {
            items: table(32),
            features: vec![table(8)],
            lstm: InferenceLstm::new(set, sizes, &vec![0.1; sizes.lengths().iter().sum()]),
            attention_matrix: vec![0.1; target * target],
            attention_share: vec![0.1; target * 80],
            long_term_matrix: vec![0.1; target * target],
            long_term_query: vec![0.1; target],
            padded_slots: Some(50),
            mixing_share: vec![0.1; target * 80],
            gate_time_share: vec![0.1; 80],
            transitions: Some(Transitions { from: table(32), positions: vec![0.1; 3] }),
        },
    );
    let weights: Vec<[Vec<f32>; 3]> = [(80, 40), (80, 40), (100, 64)]
        .map(|(first, second)| [vec![0.1; target * first], vec![0.1; first * second], vec![0.1; second]])
        .into();
    let networks: Vec<NetworkWeights<'_>> = weights
        .iter()
        .map(|[first, second, output]| NetworkWeights { first, second, second_bias: output, output, output_bias: 0.0 })
        .collect();
    let [attention, mixing, score] = networks.as_slice() else { unreachable!("there are three networks") };
    let scoring = Scoring::new(set, target, [attention, mixing, score]);
    let candidates = Candidates::zeros(scoring.candidate_sizes(33), 236);
    let (mut scratch, mut encoded) = (Scratch::default(), PreparedHistory::default());
    let (mut of_block, mut all) = (scores::Scratch::default(), vec![0.0; 236]);
    let mut request = |length: usize| {
        let (ids, times) = ([3; 50], [1.0; 50]);
        let (ids, times) = (&ids[..length], &times[..length]);
        let inputs =
            HistoryInputs { items: ids, features: ids, time_to_now: times, time_from_first: times, gate_time: 0.5 };
        let before = COUNT.with(Cell::get);
        history.encode(&inputs, &mut scratch, &mut encoded).unwrap();
        scoring.scores(&encoded, &candidates, 0..236, &mut of_block, &mut all);
        COUNT.with(Cell::get) - before
    };
    assert!(request(50) > 0);
    assert_eq!([request(50), request(3), request(10)], [0; 3]);
}
