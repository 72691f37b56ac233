//! A trained model becomes a bundle: weights, vocabulary and catalogue enter, a checked directory leaves.
//!
//! The parity check needs ONNX Runtime, which this crate does not know: the caller brings what scores with a bundle
//! ([`bundle::Host`]), and the directory is sealed only if both sides agree.

pub mod bundle;
pub mod catalog;
pub mod known_users;
mod parity;
mod source;

use std::path::Path;

use slirec_core::bundle::{
    BundleError, CANDIDATES_GRAPH, CATALOG, GoldenRequest, GoldenScore, HISTORY_GRAPH, SCORES_GRAPH, VOCABULARY,
};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, FileError};
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::{Difference, HISTORIES, ParityHistory, length};
use slirec_core::vocabulary::Vocabulary;
use thiserror::Error;

use crate::dataset::evaluation::Candidate;
use crate::dataset::{Dataset, DatasetError, Split};
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::graphs::{self, Graphs};
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// How many histories of the parity check the bundle keeps as golden requests.
const GOLDEN_REQUESTS: usize = 4;
/// How many candidates a golden request keeps.
const GOLDEN_CANDIDATES: usize = 16;

/// An export that failed.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights are not those of a model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The files make no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The hyperparameters cannot be recorded.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The run was trained on another dataset.
    #[error("the dataset has manifest SHA-256 {found}: the run was trained on {expected}")]
    Foreign {
        /// The dataset that was given.
        found: String,
        /// The dataset of the run.
        expected: String,
    },
    /// Something could not score.
    #[error("{0}")]
    Score(#[source] ScoreError),
    /// The complete bundle could not be finished, such as signed.
    #[error("{0}; no bundle was written")]
    Sealed(#[source] ScoreError),
    /// The graphs do not compute what was trained.
    #[error(
        "the graphs differ from the trained network for a history of {length} items; no bundle was written: {difference}"
    )]
    Differs {
        /// Items of the history.
        length: usize,
        /// The scores.
        difference: Difference,
    },
    /// The creation time cannot be read.
    #[error("SOURCE_DATE_EPOCH is `{0}`: expected Unix seconds before the year 5138")]
    Epoch(String),
}

/// Writes everything of a bundle but its manifest.
///
/// # Errors
/// [`ExportError`] when a weight is missing or a file cannot be written.
pub fn write_files(
    directory: &Path,
    sizes: &ModelHyperparameters,
    weights: &Weights,
    vocabulary: &Vocabulary,
    catalog: &Catalog,
) -> Result<(), ExportError> {
    write_graphs(directory, &graphs::build(sizes, weights, vocabulary)?, vocabulary, catalog)
}

/// As [`write_files`], of graphs that are built.
///
/// # Errors
/// [`ExportError`] when a file cannot be written.
pub fn write_graphs(
    directory: &Path,
    graphs: &Graphs,
    vocabulary: &Vocabulary,
    catalog: &Catalog,
) -> Result<(), ExportError> {
    for (name, bytes) in
        [(CANDIDATES_GRAPH, &graphs.candidates), (HISTORY_GRAPH, &graphs.history), (SCORES_GRAPH, &graphs.scores)]
    {
        files::write_aside(&directory.join(name), bytes)?;
    }
    vocabulary.write(&directory.join(VOCABULARY))?;
    catalog.write(&directory.join(CATALOG))?;
    Ok(())
}

/// Histories of validation rows, spread over the users and cut to different lengths from 1 on.
fn validation_histories(dataset: &Dataset, lookup: &ItemLookup, longest: usize) -> Vec<ParityHistory> {
    let row = |user: std::ops::Range<usize>| Some((user.start, user.start + dataset.parts(&user).row(Split::Valid)?));
    let users: Vec<(usize, usize)> = dataset.users().filter_map(row).collect();
    let apart = users.len().div_ceil(HISTORIES).max(1);
    let mut histories = Vec::new();
    for (number, (start, row)) in users.into_iter().step_by(apart).enumerate() {
        // Of every fourth shopper nothing is known.
        let user_ids = if number.is_multiple_of(4) { &[] } else { dataset.user_ids_of_row(row) };
        let length = length(number).min(row - start);
        let viewed = (row - length..row).filter_map(|index| dataset.interaction(index));
        let handle = |item| dataset.vocabulary.item(item).map_or("unknown-item", |item| item.handle.as_str());
        let (items, timestamps) = viewed.map(|(item, _, time)| (handle(item).to_owned(), time)).unzip();
        let now = dataset.interaction(row).map_or(0.0, |(_, _, time)| time);
        let history = ParityHistory::new(items, timestamps, now, lookup, longest);
        histories.extend(history.map(|history| history.of_user(user_ids)));
    }
    histories
}

/// The candidates of a catalogue that may be recommended, with their handles.
pub fn catalog_candidates(catalog: &Catalog, lookup: &ItemLookup) -> Vec<(String, Candidate)> {
    let available = catalog.products().iter().filter(|product| product.available);
    available.filter_map(|product| Some((product.handle.clone(), lookup.ids(&product.handle)?))).collect()
}

/// A scorer's scores of a history, for the parity check.
///
/// # Errors
/// What the network answers.
fn parity_scores(
    scorer: &mut dyn Scorer,
    history: &ParityHistory,
    candidates: &[(String, Candidate)],
) -> Result<Vec<f32>, ScoreError> {
    let candidates: Vec<Candidate> = candidates.iter().map(|(_, candidate)| candidate.clone()).collect();
    let request = ScoreRequest { history: &history.encoded, candidates: &candidates };
    Ok(scorer.score(&[request])?.into_iter().next().unwrap_or_default())
}

/// A golden request of a history and its scores: the best candidates, equal scores in order of the handles.
pub fn golden_request(
    history: &ParityHistory,
    vocabulary: &Vocabulary,
    candidates: &[(String, Candidate)],
    scores: &[f32],
) -> GoldenRequest {
    let mut top: Vec<GoldenScore> = candidates
        .iter()
        .zip(scores)
        .map(|((handle, _), score)| GoldenScore { handle: handle.clone(), score: *score })
        .collect();
    top.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| left.handle.cmp(&right.handle)));
    top.truncate(GOLDEN_CANDIDATES);
    let user = vocabulary.users().examples(&history.encoded.user_ids);
    let ParityHistory { items, timestamps, now, .. } = history.clone();
    GoldenRequest { items, timestamps, now, user, top }
}
