//! Numeric kernels of the model on plain slices: fused forward and backward passes for training, forward passes for
//! scoring. No tensor library, nothing of ours.
//!
//! Foundations first: [`instruction_set`] finds out what the processor has, [`product`] multiplies small matrices,
//! [`functions`] has the exponential functions. On them stand the parts of the model in the order of a history's road:
//! [`time_lstm`], [`long_term`], [`candidate_attention`], [`scoring`] with its [`fully_connected`] networks. Each keeps
//! what its backward pass needs in a struct that is used again for the next step.

#![allow(clippy::indexing_slicing, reason = "offsets follow from sizes that every entry checks against its slices")]
#![allow(clippy::needless_range_loop, reason = "an index that several matrices share stays visible as one")]

pub mod candidate_attention;
pub mod dropout;
pub mod fully_connected;
pub mod functions;
mod hidden;
pub mod histories;
pub mod instruction_set;
mod lanes;
pub mod layers;
pub mod long_term;
pub mod normalisation;
mod occurrences;
mod output;
pub mod product;
pub mod ranking;
pub mod request;
pub mod scoring;
mod simd;
mod sums;
#[cfg(test)]
mod testing;
pub mod time_lstm;
