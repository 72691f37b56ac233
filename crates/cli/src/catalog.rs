//! `slirec catalog`: brings catalogues here. One file a verb.

mod import;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Convert somebody else's list of products, such as the original's inventory.pkl
    Import(import::Arguments),
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Import(arguments) => import::run(&arguments),
    }
}
