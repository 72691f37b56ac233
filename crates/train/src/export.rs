//! A trained model becomes the files of a bundle: weights, vocabulary and catalogue enter, a directory without its
//! manifest leaves; the histories that prove it right come along.
//!
//! The proof itself needs ONNX Runtime, which this crate does not know: whoever writes a bundle scores
//! [`ProofHistory`]s with both sides and seals the directory only if they agree.

use std::path::Path;

use slirec_core::bundle::{
    CANDIDATES_GRAPH, CATALOG, GoldenRequest, GoldenScore, HISTORY_GRAPH, SCORES_GRAPH, VOCABULARY,
};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, FileError};
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemLookup;
use slirec_core::vocabulary::Vocabulary;
use thiserror::Error;

use crate::dataset::Dataset;
use crate::dataset::evaluation::Candidate;
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::graphs;
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// How many histories prove a bundle.
pub const PROOF_HISTORIES: usize = 32;
/// How many of them the bundle keeps as golden requests.
pub const GOLDEN_REQUESTS: usize = 4;
/// How many candidates a golden request keeps.
const GOLDEN_CANDIDATES: usize = 16;
/// Longest history of a proof: longer than any model uses, so that the cut is proven too.
const LONGEST_PROOF: usize = 120;
/// Steps of the made-up histories for weights without a dataset.
const MADE_UP_START: f64 = 1_790_000_000.0;

/// An export that failed.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights are not those of a model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
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
    let graphs = graphs::build(sizes, weights)?;
    for (name, bytes) in
        [(CANDIDATES_GRAPH, &graphs.candidates), (HISTORY_GRAPH, &graphs.history), (SCORES_GRAPH, &graphs.scores)]
    {
        files::write_aside(&directory.join(name), bytes)?;
    }
    vocabulary.write(&directory.join(VOCABULARY))?;
    catalog.write(&directory.join(CATALOG))?;
    Ok(())
}

/// A history that both sides must score alike.
#[derive(Debug, Clone)]
pub struct ProofHistory {
    /// Handles, oldest first.
    pub items: Vec<String>,
    /// Unix seconds.
    pub timestamps: Vec<f64>,
    /// Time of the prediction.
    pub now: f64,
    /// The model's view of it.
    pub encoded: EncodedHistory,
}

impl ProofHistory {
    fn new(viewed: Vec<(&str, f64)>, now: f64, lookup: &ItemLookup, longest: usize) -> Option<Self> {
        let encoded = lookup.encode(&viewed, now, longest).ok().flatten()?.encoded;
        let (items, timestamps) = viewed.into_iter().map(|(handle, time)| (handle.to_owned(), time)).unzip();
        Some(Self { items, timestamps, now, encoded })
    }
}

/// Histories of validation rows, spread over the users and cut to different lengths from 1 on.
pub fn validation_histories(dataset: &Dataset, lookup: &ItemLookup, longest: usize) -> Vec<ProofHistory> {
    let users: Vec<_> = dataset.users().filter(|user| user.len() >= 3).collect();
    let apart = users.len().div_ceil(PROOF_HISTORIES).max(1);
    let mut histories = Vec::new();
    for (number, user) in users.into_iter().step_by(apart).enumerate() {
        let row = user.end - 2;
        let length = proof_length(number).min(row - user.start);
        let viewed = (row - length..row).filter_map(|index| dataset.interaction(index));
        let handle = |item| dataset.vocabulary.item(item).map_or("unknown-item", |item| item.handle.as_str());
        let viewed = viewed.map(|(item, _, time)| (handle(item), time)).collect();
        let now = dataset.interaction(row).map_or(0.0, |(_, _, time)| time);
        histories.extend(ProofHistory::new(viewed, now, lookup, longest));
    }
    histories
}

/// Histories made up of the vocabulary's items, for weights that come without a dataset.
pub fn made_up_histories(vocabulary: &Vocabulary, lookup: &ItemLookup, longest: usize) -> Vec<ProofHistory> {
    let items = vocabulary.items();
    (0..PROOF_HISTORIES)
        .filter_map(|number| {
            let length = proof_length(number);
            let strolled = items.iter().cycle().skip(number).step_by(number + 1);
            let times = (0..length).map(|step| MADE_UP_START + (step * (number + 1)) as f64 * 3_600.0);
            let viewed = strolled.map(|item| item.handle.as_str()).zip(times).collect();
            ProofHistory::new(viewed, MADE_UP_START + 5e6, lookup, longest)
        })
        .collect()
}

/// 1, 2, 3, 5, 8, … up to the longest, over and over.
fn proof_length(number: usize) -> usize {
    let lengths = std::iter::successors(Some((1, 2)), |(length, next)| Some((*next, length + next)));
    let lengths = lengths.map(|(length, _)| length).take_while(|length| *length <= LONGEST_PROOF);
    lengths.cycle().nth(number).unwrap_or(1)
}

/// The candidates of a catalogue that may be recommended, with their handles.
pub fn catalog_candidates(catalog: &Catalog, lookup: &ItemLookup) -> Vec<(String, Candidate)> {
    let available = catalog.products().iter().filter(|product| product.available);
    let candidate = |handle: &String| {
        let ids = lookup.ids(handle)?;
        Some((handle.clone(), Candidate { item: ids.item, features: ids.features.clone() }))
    };
    available.filter_map(|product| candidate(&product.handle)).collect()
}

/// The training network's scores of a history, for the proof.
///
/// # Errors
/// What the network answers.
pub fn proof_scores(
    scorer: &mut dyn Scorer,
    history: &ProofHistory,
    candidates: &[(String, Candidate)],
) -> Result<Vec<f32>, ScoreError> {
    let candidates: Vec<Candidate> = candidates.iter().map(|(_, candidate)| candidate.clone()).collect();
    let request = ScoreRequest { history: &history.encoded, candidates: &candidates };
    Ok(scorer.score(&[request])?.into_iter().next().unwrap_or_default())
}

/// A golden request of a history and its scores: the best candidates, equal scores in order of the handles.
pub fn golden_request(history: &ProofHistory, candidates: &[(String, Candidate)], scores: &[f32]) -> GoldenRequest {
    let mut top: Vec<GoldenScore> = candidates
        .iter()
        .zip(scores)
        .map(|((handle, _), score)| GoldenScore { handle: handle.clone(), score: *score })
        .collect();
    top.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| left.handle.cmp(&right.handle)));
    top.truncate(GOLDEN_CANDIDATES);
    let ProofHistory { items, timestamps, now, .. } = history.clone();
    GoldenRequest { items, timestamps, now, top }
}
