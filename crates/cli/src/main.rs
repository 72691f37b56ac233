//! The companion `slirec`: one verb for every step from a catalogue and a clickstream to a published model.
//!
//! Enters: arguments. Leaves: files, tables for people or JSON for programs, and exit code 0, or one error on
//! standard error and exit code 1 (2 for wrong arguments).

mod catalog;
mod evaluate;
mod export;
mod import;
mod interactions;
mod prepare;
mod progress;
mod recommend;
mod scorer;
mod shop;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "slirec", version, about = "Prepare data, train, evaluate and export SLi-Rec models")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring a catalogue here, or into a shop
    #[command(subcommand)]
    Catalog(catalog::Verb),
    /// Turn somebody else's trained model into a bundle
    #[command(subcommand)]
    Import(import::Verb),
    /// Make or import interactions
    #[command(subcommand)]
    Interactions(interactions::Verb),
    /// Split interactions for training and evaluation
    Prepare(prepare::Arguments),
    /// Train a model on a prepared dataset
    Train(train::Arguments),
    /// Measure a run or a bundle, beside the baselines
    Evaluate(evaluate::Arguments),
    /// Write the bundle that the server serves
    Export(export::Arguments),
    /// Recommend products for many sessions at once
    Recommend(recommend::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Catalog(verb) => catalog::run(verb),
        Verb::Import(verb) => import::run(verb),
        Verb::Interactions(verb) => interactions::run(verb),
        Verb::Prepare(arguments) => prepare::run(&arguments),
        Verb::Train(arguments) => train::run(&arguments),
        Verb::Evaluate(arguments) => evaluate::run(&arguments),
        Verb::Export(arguments) => export::run(&arguments),
        Verb::Recommend(arguments) => recommend::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
