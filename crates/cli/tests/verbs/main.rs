//! The companion end to end: the real binary on small data of its own, every verb as a user runs it.
//!
//! Whatever exports or loads a bundle needs ONNX Runtime, by `ORT_DYLIB_PATH` as `make test` sets it.

#![cfg(test)]

mod activity;
mod cold_start;
mod companion;
mod damaged;
mod data;
mod formats;
mod generate;
mod inspect;
mod item_features;
mod killed;
mod known_users;
mod manners;
#[cfg(feature = "parquet")]
mod partitions;
mod refusals;
mod repeated;
mod road;
mod training;
mod user_lists;
mod users;
