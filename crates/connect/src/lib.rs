//! Other people's formats and services become ours. [`original`] reads what users of the original notebook hold.

pub mod original;
