//! Other people's formats and services become ours.
//!
//! What users of the original hold: [`pickle`] and [`tensorflow`] read its files as data, [`original`] makes
//! vocabularies and a catalogue of them.

pub mod original;
pub mod pickle;
pub mod tensorflow;
