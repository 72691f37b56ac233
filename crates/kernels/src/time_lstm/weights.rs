//! The parameters in the order and width that the products need.

use super::{CANDIDATE, FORGET, GATES, INPUT, OUTPUT, RECURRENT, Sizes, TIME_1, TIME_2};
use crate::lanes::{Buffer, padded, split};
use crate::layers::parts;

/// Parameters of one of the two times, as slices that are read or written.
#[derive(Default)]
pub(super) struct Time<T> {
    pub(super) input_weight: T,
    pub(super) input_bias: T,
    pub(super) bias: T,
    pub(super) kernel_input: T,
    pub(super) kernel_time: T,
    pub(super) output_kernel: T,
}

/// All parameters.
pub(super) struct Parameters<T> {
    pub(super) times: [Time<T>; 2],
    pub(super) kernel: T,
    pub(super) bias: T,
}

impl<T: Default> Parameters<T> {
    pub(super) fn from_parts(mut parts: impl Iterator<Item = T>) -> Self {
        let mut next = || parts.next().unwrap_or_default();
        let mut time = || Time {
            input_weight: next(),
            input_bias: next(),
            bias: next(),
            kernel_input: next(),
            kernel_time: next(),
            output_kernel: next(),
        };
        let times = [time(), time()];
        Self { times, kernel: next(), bias: next() }
    }
}

impl<'a> Parameters<&'a [f32]> {
    pub(super) fn read(values: &'a [f32], sizes: &Sizes) -> Self {
        Self::from_parts(parts(values, sizes.lengths()))
    }
}

impl<'a> Parameters<&'a mut [f32]> {
    pub(super) fn write(values: &'a mut [f32], sizes: &Sizes) -> Self {
        Self::from_parts(split(values, sizes.lengths()).into_iter())
    }
}

/// The parameters as matrices of padded gates.
#[derive(Debug)]
pub(super) struct Weights {
    /// From an embedding to all gates, `[X, 6 * padded H]`.
    pub(super) input: Buffer,
    /// `[6 * padded H]`
    pub(super) bias: Buffer,
    /// From a state to the first four gates, `[H, 4 * padded H]`.
    pub(super) recurrent: Buffer,
    /// From n1 to the output and the first time gate, `[H, 2 * padded H]`.
    pub(super) time_1: Buffer,
    /// From n2 to the output, then to the second time gate, `[H, padded H]` each.
    pub(super) time_2: [Buffer; 2],
    /// w and b of either time, padded.
    pub(super) times: [[Buffer; 2]; 2],
}

impl Weights {
    pub(super) fn new<'a>(parameters: &Parameters<&'a [f32]>, sizes: &Sizes) -> Self {
        let Sizes { input, hidden } = *sizes;
        let [first, second] = &parameters.times;
        let of_embedding = &parameters.kernel[..input * RECURRENT * hidden];
        let of_state = &parameters.kernel[input * RECURRENT * hidden..];
        let gate = |values, gate| Block { values, columns: RECURRENT * hidden, first: gate * hidden };
        let whole = |values| Block { values, columns: hidden, first: 0 };
        let recurrent = |values| [INPUT, CANDIDATE, FORGET, OUTPUT].map(|part| gate(values, part));
        let all = |values, [first, second]: [&'a [f32]; 2]| {
            let [input, candidate, forget, output] = recurrent(values);
            [input, candidate, forget, output, whole(first), whole(second)]
        };
        let row = |values: &[f32]| Buffer::padded_rows(values, hidden);
        Self {
            input: beside(&all(of_embedding, [first.kernel_input, second.kernel_input]), hidden),
            bias: beside(&all(parameters.bias, [first.bias, second.bias]), hidden),
            recurrent: beside(&recurrent(of_state), hidden),
            time_1: beside(&[whole(first.output_kernel), whole(first.kernel_time)], hidden),
            time_2: [row(second.output_kernel), row(second.kernel_time)],
            times: [first, second].map(|time| [row(time.input_weight), row(time.input_bias)]),
        }
    }
}

/// Some columns of a matrix.
struct Block<'a> {
    values: &'a [f32],
    columns: usize,
    first: usize,
}

/// Blocks of `width` columns beside each other, each padded.
fn beside(blocks: &[Block<'_>], width: usize) -> Buffer {
    let stride = blocks.len() * padded(width);
    let rows = blocks.first().map_or(0, |block| block.values.len() / block.columns);
    let mut buffer = Buffer::zeros(rows * stride);
    for (number, block) in blocks.iter().enumerate() {
        for (row, target) in buffer.chunks_exact_mut(stride).enumerate() {
            let from = &block.values[row * block.columns + block.first..][..width];
            target[number * padded(width)..][..width].copy_from_slice(from);
        }
    }
    buffer
}

/// Sums of gradients in the shapes of [`Weights`], to be put back into the parameters' order.
pub(super) struct WeightSums {
    pub(super) input: Vec<f64>,
    pub(super) bias: Vec<f64>,
    pub(super) recurrent: Vec<f64>,
    pub(super) time_1: Vec<f64>,
    pub(super) time_2: [Vec<f64>; 2],
    pub(super) times: [[Vec<f64>; 2]; 2],
}

impl WeightSums {
    pub(super) fn write(&self, gradients: &mut [f32], sizes: &Sizes) {
        let Sizes { input, hidden } = *sizes;
        let mut target = Parameters::write(gradients, sizes);
        let (of_embedding, of_state) = target.kernel.split_at_mut(input * RECURRENT * hidden);
        for gate in 0..RECURRENT {
            take(&self.input, (GATES, gate), hidden, (RECURRENT, gate), of_embedding);
            take(&self.bias, (GATES, gate), hidden, (RECURRENT, gate), target.bias);
            take(&self.recurrent, (RECURRENT, gate), hidden, (RECURRENT, gate), of_state);
        }
        let [first, second] = &mut target.times;
        take(&self.time_1, (2, 0), hidden, (1, 0), first.output_kernel);
        take(&self.time_1, (2, 1), hidden, (1, 0), first.kernel_time);
        take(&self.time_2[0], (1, 0), hidden, (1, 0), second.output_kernel);
        take(&self.time_2[1], (1, 0), hidden, (1, 0), second.kernel_time);
        for ((time, gate), [weight, bias]) in [(first, TIME_1), (second, TIME_2)].into_iter().zip(&self.times) {
            take(&self.input, (GATES, gate), hidden, (1, 0), time.kernel_input);
            take(&self.bias, (GATES, gate), hidden, (1, 0), time.bias);
            take(weight, (1, 0), hidden, (1, 0), time.input_weight);
            take(bias, (1, 0), hidden, (1, 0), time.input_bias);
        }
    }
}

/// Copies one of several padded blocks of columns to one of several blocks of `width` columns.
fn take(from: &[f64], (blocks, block): (usize, usize), width: usize, to: (usize, usize), target: &mut [f32]) {
    let rows = from.chunks_exact(blocks * padded(width)).zip(target.chunks_exact_mut(to.0 * width));
    for (from, target) in rows {
        let from = &from[block * padded(width)..][..width];
        target[to.1 * width..][..width].iter_mut().zip(from).for_each(|(target, value)| *target = *value as f32);
    }
}
