//! `slirec import`: models that other programs trained become bundles.

mod tensorflow;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Convert a checkpoint of the original, without TensorFlow
    Tensorflow(tensorflow::Arguments),
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Tensorflow(arguments) => tensorflow::run(&arguments),
    }
}
