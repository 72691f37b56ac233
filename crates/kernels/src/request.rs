//! A trained model at work on one request: ids and times of a history enter, a score for every candidate leaves.
//!
//! Candidates stand beside each other in the lanes of vectors, [`BLOCK`] at once: a layer is then a product of a weight,
//! read value by value, with columns of candidates. No layer width wastes lanes, softmax and the last layers need no sum
//! across lanes, and nothing of size candidates × positions leaves the block's few kilobytes.
//!
//! Of SLi-Rec, [`history`] computes what depends on the history alone, [`candidates`] holds what depends on the candidates
//! alone, [`scores`] brings both together. The normalisations of training are folded into the weights that enter. [`ranking`]
//! is the ranking network at work.

mod blocks;
pub mod candidates;
pub mod history;
mod layer;
pub mod ranking;
mod rows;
pub mod scores;

use crate::lanes::{LANES, Lanes};

/// Vectors of a block.
const VECTORS: usize = 3;
/// Candidates that are scored together.
pub const BLOCK: usize = VECTORS * LANES;

/// One value of every candidate of a block.
type Row = [Lanes; VECTORS];

/// The rows of a block.
#[inline(always)]
fn rows_of(values: &[f32]) -> &[Row] {
    values.as_chunks().0.as_chunks().0
}

/// The rows of a block, to write to.
#[inline(always)]
fn rows_of_mut(values: &mut [f32]) -> &mut [Row] {
    values.as_chunks_mut().0.as_chunks_mut().0
}
