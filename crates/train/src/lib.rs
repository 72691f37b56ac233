//! From interactions to a model: datasets, the network, its training, its metrics, its ONNX graphs.
//!
//! In the order of the data's road: [`dataset`] is prepared from interactions, [`batches`] form the network's input,
//! [`model`] is the network that is trained, [`weights`] its plain arrays, [`inference`] the network at work.

pub mod activity;
pub mod analysis;
pub mod average;
pub mod baselines;
pub mod batch;
pub mod batches;
pub mod checkpoint;
pub mod cold_start;
pub mod dataset;
pub mod evaluation;
pub mod export;
mod folded;
pub mod graphs;
pub mod hyperparameters;
pub mod inference;
pub mod metrics;
pub mod model;
pub mod negatives;
pub mod next_basket;
pub mod optimizer;
mod quantile;
pub mod random;
pub mod ranking;
pub mod report;
pub mod run;
pub mod summaries;
pub mod sweep;
pub mod trainer;
pub mod weights;
