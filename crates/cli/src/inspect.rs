//! `slirec inspect`: any file or directory of ours enters; what it holds leaves, as a page for people or JSON for
//! programs. What PATH is, its content says, never its name.

mod bundle;
mod catalog;
mod dataset;
mod expanded;
mod frequency;
mod graph;
mod history;
mod hyperparameters;
mod interactions;
mod lengths;
mod page;
mod recognise;
mod rules;
mod run;
mod sample;
mod times;
mod vocabulary;
mod weights;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Serialize;
use slirec_core::files::Spooled;

use crate::output;
use page::Page;
use recognise::Kind;
pub(crate) use times::utc;

/// Show what a file or directory of ours holds
#[derive(Debug, clap::Args)]
#[command(after_help = "PATH may be a catalogue, interactions (gzip too), an expanded file of the original, rules, a \
    dataset, a vocabulary, hyperparameters, a run, weights, a bundle, or an ONNX graph of a bundle. With --json, every \
    document has the keys `kind` and `path`; times are Unix seconds, with the same in UTC beside them.")]
pub(crate) struct Arguments {
    /// File or directory to look into; - is standard input
    path: PathBuf,
    /// Number of sample rows, and of the names in each list of the most frequent
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    rows: usize,
    /// Whose history to spell out; by default that of the first shopper
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// In interactions, pass over lines that cannot be read, and count them, instead of stopping
    #[arg(long)]
    skip_bad_lines: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a kind of file holds.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Inspected {
    Catalog(catalog::CatalogContents),
    Interactions(interactions::InteractionsContents),
    Expanded(expanded::ExpandedContents),
    Dataset(dataset::DatasetContents),
    Vocabulary(vocabulary::VocabularyContents),
    Rules(rules::RulesContents),
    Hyperparameters(hyperparameters::HyperparametersContents),
    Run(run::RunContents),
    Bundle(bundle::BundleContents),
    Weights(weights::WeightsContents),
    Graph(graph::GraphContents),
}

#[derive(Debug, Serialize)]
struct Report {
    path: String,
    #[serde(flatten)]
    content: Inspected,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // It is looked at before it is read.
    let spooled = Spooled::of(&arguments.path)?;
    let path = spooled.as_ref().map_or(arguments.path.as_path(), Spooled::path);
    let kind = recognise::recognise(path)?;
    if arguments.user.is_some() && !kind.has_users() {
        bail!("--user: {} is {}, which names no shoppers", arguments.path.display(), kind.name());
    }
    let content = read(arguments, path, &kind)?;
    let report = Report { path: arguments.path.display().to_string(), content };
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(page(&report, kind.name()))?;
    }
    match &report.content {
        // Shown first, as it says what is wrong; the exit code says so to scripts.
        Inspected::Bundle(bundle) => bundle.verdict(path),
        _ => Ok(()),
    }
}

fn read(arguments: &Arguments, path: &Path, kind: &Kind) -> Result<Inspected> {
    let (rows, user) = (arguments.rows, arguments.user.as_deref());
    Ok(match kind {
        Kind::Catalog => Inspected::Catalog(catalog::CatalogContents::read(path, rows)?),
        Kind::Interactions => Inspected::Interactions(interactions::InteractionsContents::read(
            path,
            rows,
            user,
            arguments.skip_bad_lines,
        )?),
        Kind::Expanded => Inspected::Expanded(expanded::ExpandedContents::read(path, rows, user)?),
        Kind::Dataset(directory) => Inspected::Dataset(dataset::DatasetContents::read(directory, rows, user)?),
        Kind::Vocabulary => Inspected::Vocabulary(vocabulary::VocabularyContents::read(path, rows)?),
        Kind::Rules => Inspected::Rules(rules::RulesContents::read(path)?),
        Kind::Hyperparameters => Inspected::Hyperparameters(hyperparameters::HyperparametersContents::read(path)?),
        Kind::Run(directory) => Inspected::Run(run::RunContents::read(directory)?),
        Kind::Bundle(directory) => Inspected::Bundle(bundle::BundleContents::read(directory)?),
        Kind::Weights => Inspected::Weights(weights::WeightsContents::read(path)?),
        Kind::Graph => Inspected::Graph(graph::GraphContents::read(path)?),
    })
}

fn page(report: &Report, kind: &str) -> String {
    let mut page = Page::new(&report.path, kind);
    match &report.content {
        Inspected::Catalog(content) => content.show(&mut page),
        Inspected::Interactions(content) => content.show(&mut page),
        Inspected::Expanded(content) => content.show(&mut page),
        Inspected::Dataset(content) => content.show(&mut page),
        Inspected::Vocabulary(content) => content.show(&mut page),
        Inspected::Rules(content) => content.show(&mut page),
        Inspected::Hyperparameters(content) => content.show(&mut page),
        Inspected::Run(content) => content.show(&mut page),
        Inspected::Bundle(content) => content.show(&mut page),
        Inspected::Weights(content) => content.show(&mut page),
        Inspected::Graph(content) => content.show(&mut page),
    }
    page.into_text()
}
