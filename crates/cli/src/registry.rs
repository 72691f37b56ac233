//! `slirec registry`: bundles go into an MLflow registry, or Unity Catalog, and come from there. One file a verb.

mod alias;
mod gate;
mod list;
mod pull;
mod push;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Publish a bundle: a run with what its training was, a version of a registered model, aliases
    Push(push::Arguments),
    /// Bring the bundle of a version here
    Pull(pull::Arguments),
    /// List the versions of a model
    List(list::Arguments),
    /// Point an alias to a version, or take it away
    Alias(alias::Arguments),
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Push(arguments) => push::run(&arguments),
        Verb::Pull(arguments) => pull::run(&arguments),
        Verb::List(arguments) => list::run(&arguments),
        Verb::Alias(arguments) => alias::run(&arguments),
    }
}
