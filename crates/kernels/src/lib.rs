//! Numeric kernels of the model on plain slices: fused forward and backward passes for training, forward passes for
//! scoring. No tensor library, nothing of ours.
//!
//! Foundations first: [`instruction_set`] finds out what the processor has, [`product`] multiplies small matrices,
//! [`functions`] has the exponential functions.

#![allow(clippy::indexing_slicing, reason = "offsets follow from sizes that every entry checks against its slices")]

pub mod candidate_attention;
pub mod dropout;
pub mod fully_connected;
pub mod functions;
mod hidden;
pub mod histories;
pub mod instruction_set;
mod lanes;
pub mod layers;
pub mod normalisation;
mod output;
pub mod product;
mod simd;
mod sums;
#[cfg(test)]
mod testing;
pub mod time_lstm;
