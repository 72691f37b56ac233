//! The first stage of a large catalogue alone, beside the rate at which memory is read: sizes enter, a table leaves.

use std::convert::Infallible;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::Layout;
use slirec_kernels::request::BLOCK;
use slirec_kernels::request::ranking::{
    RankingHistory, RankingInputs, RankingNetwork, RankingWeights, RoundedCandidates, Sample, Scratch,
};

/// Bytes that are read to measure the memory: more than any cache holds.
const READ: usize = 1 << 29;
const REPEATS: usize = 15;

fn numbers() -> impl FnMut() -> f32 {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

/// The median time of a call whose parts so many threads take.
fn median(threads: usize, part: impl Fn(usize) + Sync) -> Duration {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let started = Instant::now();
            thread::scope(|scope| {
                let part = &part;
                (1..threads).for_each(|number| {
                    scope.spawn(move || part(number));
                });
                part(0);
            });
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[REPEATS / 2]
}

/// 10^9 bytes a second that so many threads read, one number after the other.
fn memory(values: &[u64], threads: usize) -> f64 {
    let size = values.len() / threads;
    let time = median(threads, |number| {
        // Sums that do not wait for each other.
        let mut sums = [0_u64; 16];
        for chunk in values[number * size..][..size].as_chunks::<16>().0 {
            sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum = sum.wrapping_add(*value));
        }
        black_box(sums);
    });
    (size * threads * 8) as f64 / time.as_secs_f64() / 1e9
}

/// A network whose tables are small: only its query is used.
fn network(width: usize) -> RankingNetwork {
    let mut random = numbers();
    let mut values = |count: usize| (0..count).map(|_| 0.3 * random()).collect::<Vec<f32>>();
    let layout = Layout::new(width, 50);
    let sample = Sample { items: vec![1], rows: values(2 * width), bias: vec![0.0], correction: vec![0.0] };
    let weights = RankingWeights {
        items: values(2 * width),
        from: values(2 * width),
        to: values(2 * width),
        bias: values(2),
        temperature: 1.0,
        sample,
        ..RankingWeights::of_layers(&layout, &values(layout.len()))
    };
    RankingNetwork::new(InstructionSet::detect(), weights)
}

pub(crate) fn report(sizes: &[usize], width: usize) {
    let values: Vec<u64> = (0..READ as u64 / 8).collect();
    let rates = [1, 2].map(|threads| memory(&values, threads));
    drop(values);
    println!("memory is read at {:.1} GB/s by one core, {:.1} by two", rates[0], rates[1]);
    println!("first stage alone; bytes of a product, ms and GB/s on one and on two cores, share of the memory's rate");
    let network = network(width);
    let mut history = RankingHistory::default();
    let inputs = RankingInputs { items: &[1, 0, 1], features: &[], gaps: &[0, 3, 5], age: 2, user: &[] };
    network.encode(&inputs, &mut Scratch::default(), &mut history).expect("a history");
    for products in sizes {
        let mut random = numbers();
        let began = Instant::now();
        let Ok(candidates) = RoundedCandidates::new(2 * width, *products, |_, row: &mut [f32]| {
            row.fill_with(&mut random);
            Ok::<f32, Infallible>(0.0)
        });
        let built = began.elapsed().as_secs_f64();
        let query = network.rounded_query(&history, &candidates).expect("a query");
        let (blocks, bytes) = (products.div_ceil(BLOCK), 2 * width + 8);
        let cells = [1, 2].map(|threads| {
            let size = blocks.div_ceil(threads);
            let time = median(threads, |number| {
                let mut logits = [0.0; BLOCK];
                for block in number * size..((number + 1) * size).min(blocks) {
                    black_box(network.approximate(&candidates, &query, block, &mut logits));
                }
            });
            let rate = (products * bytes) as f64 / time.as_secs_f64() / 1e9;
            format!("{:>8.3} {rate:>6.1} {:>4.0} %", time.as_secs_f64() * 1e3, 100.0 * rate / rates[threads - 1])
        });
        println!("{products:>9} {bytes:>4}  {}  made in {built:.2} s", cells.join("  "));
    }
}
