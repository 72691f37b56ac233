//! Rows in whole vectors: matrices whose rows are padded with zeros to a multiple of [`LANES`] need no code for tails,
//! and their loops compile to full vectors of any instruction set.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
use std::ops::{Deref, DerefMut};

/// Values that are worked on at once: one register of AVX-512, two of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// The values of one vector.
pub(crate) type Lanes = [f32; LANES];

/// Bytes of a cache line.
const LINE: usize = 64;

/// The width of a padded row.
pub(crate) fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// The vectors of padded rows.
#[inline(always)]
pub(crate) fn vectors(values: &[f32]) -> &[Lanes] {
    values.as_chunks().0
}

/// The vectors of padded rows, to write to.
#[inline(always)]
pub(crate) fn vectors_mut(values: &mut [f32]) -> &mut [Lanes] {
    values.as_chunks_mut().0
}

/// Storage that is reused from step to step and begins with a cache line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffer<T = f32> {
    storage: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Copy + Default> Buffer<T> {
    /// A buffer of zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let mut buffer = Self::default();
        buffer.resize(length);
        buffer
    }

    /// Changes the length; the values are what was there before, or zeros.
    pub(crate) fn resize(&mut self, length: usize) -> &mut [T] {
        let room = length + LINE / size_of::<T>();
        if self.storage.len() < room {
            self.storage = vec![T::default(); room];
            self.start = self.storage.as_ptr().align_offset(LINE).min(room - length);
        }
        self.length = length;
        self
    }
}

impl Buffer {
    /// A matrix `[rows, columns]` with padded rows.
    pub(crate) fn padded_rows(values: &[f32], columns: usize) -> Self {
        let width = padded(columns);
        let mut buffer = Self::zeros(values.len() / columns * width);
        for (row, values) in buffer.chunks_exact_mut(width).zip(values.chunks_exact(columns)) {
            row[..columns].copy_from_slice(values);
        }
        buffer
    }

    /// The transpose of a matrix `[rows, columns]` whose rows are `stride` apart, with padded rows.
    pub(crate) fn padded_transpose(values: &[f32], (rows, columns): (usize, usize), stride: usize) -> Self {
        let width = padded(rows);
        let mut buffer = Self::zeros(columns * width);
        for (column, target) in buffer.chunks_exact_mut(width).enumerate() {
            for (row, target) in target[..rows].iter_mut().enumerate() {
                *target = values[row * stride + column];
            }
        }
        buffer
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.storage[self.start..self.start + self.length]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.start..self.start + self.length]
    }
}

/// Values that will be read soon, asked for part by part while something else is computed: all at once would be more than a
/// processor fetches at a time.
#[derive(Debug)]
pub(crate) struct Ahead<'a, T> {
    rest: &'a [T],
    part: usize,
}

impl<'a, T> Ahead<'a, T> {
    /// To be asked for in so many steps.
    pub(crate) fn new(values: &'a [T], steps: usize) -> Self {
        Self { rest: values, part: values.len().div_ceil(steps.max(1)) }
    }

    /// Asks for the next part to come into the cache, where the processor can be asked.
    pub(crate) fn step(&mut self) {
        let (part, rest) = self.rest.split_at(self.part.min(self.rest.len()));
        self.rest = rest;
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "an intrinsic on an address")]
        for line in part.chunks(LINE / size_of::<T>()) {
            // SAFETY: every processor of this architecture has the instruction, which changes nothing and cannot fail.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = part;
    }
}

/// Disjoint parts of a slice, of the given lengths, for as many threads.
pub(crate) fn split(mut values: &mut [f32], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [f32]> {
    let take = |length| {
        let (part, rest) = std::mem::take(&mut values).split_at_mut(length);
        values = rest;
        part
    };
    lengths.into_iter().map(take).collect()
}
