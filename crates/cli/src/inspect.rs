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
enum Content {
    Catalog(catalog::Content),
    Interactions(interactions::Content),
    Expanded(expanded::Content),
    Dataset(dataset::Content),
    Vocabulary(vocabulary::Content),
    Rules(rules::Content),
    Hyperparameters(hyperparameters::Content),
    Run(run::Content),
    Bundle(bundle::Content),
    Weights(weights::Content),
    Graph(graph::Content),
}

#[derive(Debug, Serialize)]
struct Report {
    path: String,
    #[serde(flatten)]
    content: Content,
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
        Content::Bundle(bundle) => bundle.verdict(path),
        _ => Ok(()),
    }
}

fn read(arguments: &Arguments, path: &Path, kind: &Kind) -> Result<Content> {
    let (rows, user) = (arguments.rows, arguments.user.as_deref());
    Ok(match kind {
        Kind::Catalog => Content::Catalog(catalog::Content::read(path, rows)?),
        Kind::Interactions => {
            Content::Interactions(interactions::Content::read(path, rows, user, arguments.skip_bad_lines)?)
        }
        Kind::Expanded => Content::Expanded(expanded::Content::read(path, rows, user)?),
        Kind::Dataset(directory) => Content::Dataset(dataset::Content::read(directory, rows, user)?),
        Kind::Vocabulary => Content::Vocabulary(vocabulary::Content::read(path, rows)?),
        Kind::Rules => Content::Rules(rules::Content::read(path)?),
        Kind::Hyperparameters => Content::Hyperparameters(hyperparameters::Content::read(path)?),
        Kind::Run(directory) => Content::Run(run::Content::read(directory)?),
        Kind::Bundle(directory) => Content::Bundle(bundle::Content::read(directory)?),
        Kind::Weights => Content::Weights(weights::Content::read(path)?),
        Kind::Graph => Content::Graph(graph::Content::read(path)?),
    })
}

fn page(report: &Report, kind: &str) -> String {
    let mut page = Page::new(&report.path, kind);
    match &report.content {
        Content::Catalog(content) => content.show(&mut page),
        Content::Interactions(content) => content.show(&mut page),
        Content::Expanded(content) => content.show(&mut page),
        Content::Dataset(content) => content.show(&mut page),
        Content::Vocabulary(content) => content.show(&mut page),
        Content::Rules(content) => content.show(&mut page),
        Content::Hyperparameters(content) => content.show(&mut page),
        Content::Run(content) => content.show(&mut page),
        Content::Bundle(content) => content.show(&mut page),
        Content::Weights(content) => content.show(&mut page),
        Content::Graph(content) => content.show(&mut page),
    }
    page.into_text()
}
