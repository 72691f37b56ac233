//! The companion `slirec`: one verb for every step from a catalogue and a clickstream to a published model.
//!
//! Enters: arguments. Leaves: files, tables for people or JSON for programs, and exit code 0, or one error on
//! standard error and exit code 1 (2 for wrong arguments, 130 for a training that was interrupted).

/// Writes a line to standard error, as `eprintln!` does, but ends nothing when standard error is closed.
macro_rules! note {
    ($($text:tt)*) => { $crate::output::note(format_args!($($text)*)) };
}

/// Prints a line on standard output, as `println!` does, but answers an error instead of ending the program.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}

mod catalog;
mod definitions;
mod evaluate;
mod export;
mod import;
mod inspect;
mod interactions;
mod judging;
mod mlflow_server;
mod original;
mod output;
mod prepare;
mod progress;
mod recommend;
mod registry;
mod scorer;
mod shop;
mod sweep;
mod train;
mod variables;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "slirec", version, about = "Prepare data, train, evaluate and export SLi-Rec models")]
#[command(after_help = "The road from a catalogue to a model:
  slirec interactions generate --catalog catalog.json --output interactions.tsv
  slirec prepare --interactions interactions.tsv --output dataset
  slirec train --dataset dataset --output run
  slirec evaluate --run run --dataset dataset
  slirec export --run run --dataset dataset --catalog catalog.json --output bundle
  slirec registry push --bundle bundle --run run --alias champion

`slirec inspect PATH` shows what any of these holds; docs/FORMATS.md describes every file.")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring a catalogue here, or into a shop
    #[command(subcommand)]
    Catalog(catalog::Verb),
    /// Turn a model that another program trained into a bundle
    #[command(subcommand)]
    Import(import::Verb),
    /// Make or import interactions
    #[command(subcommand)]
    Interactions(interactions::Verb),
    /// Split interactions for training and evaluation
    Prepare(prepare::Arguments),
    /// Train a model on a prepared dataset
    Train(train::Arguments),
    /// Search hyperparameters: train several runs and rank them
    Sweep(sweep::Arguments),
    /// Measure a run or a bundle, beside the baselines
    Evaluate(evaluate::Arguments),
    /// Write the bundle that the server serves
    Export(export::Arguments),
    /// Publish bundles in an MLflow registry, and bring them from there
    #[command(subcommand)]
    Registry(registry::Verb),
    /// Recommend products for many sessions at once
    Recommend(recommend::Arguments),
    /// Show what a file or directory of ours holds
    Inspect(inspect::Arguments),
    /// Print a shell's completions of these verbs and flags
    Completions(definitions::CompletionArguments),
    /// Write manual pages, one for every verb
    Man(definitions::ManArguments),
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match Arguments::parse().verb {
        Verb::Catalog(verb) => catalog::run(verb).map(done),
        Verb::Import(verb) => import::run(verb).map(done),
        Verb::Interactions(verb) => interactions::run(verb).map(done),
        Verb::Prepare(arguments) => prepare::run(&arguments).map(done),
        Verb::Train(arguments) => train::run(&arguments),
        Verb::Sweep(arguments) => sweep::run(&arguments),
        Verb::Evaluate(arguments) => evaluate::run(&arguments).map(done),
        Verb::Export(arguments) => export::run(&arguments).map(done),
        Verb::Registry(verb) => registry::run(verb).map(done),
        Verb::Recommend(arguments) => recommend::run(&arguments).map(done),
        Verb::Inspect(arguments) => inspect::run(&arguments).map(done),
        Verb::Completions(arguments) => definitions::completions(&arguments, Arguments::command()).map(done),
        Verb::Man(arguments) => definitions::manual(&arguments, Arguments::command()).map(done),
    };
    match result {
        Ok(code) => code,
        Err(error) if output::reader_has_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {}", output::message(&error));
            ExitCode::FAILURE
        }
    }
}
