//! What modules whose threads share something by hand take from the standard library. `loom/` compiles these very modules
//! with loom's types in its place, which tries the threads' steps in every order.

pub(crate) use std::sync::{Arc, atomic};
