//! The whole export: a run with its dataset, or weights from elsewhere, and a catalogue enter; a bundle leaves, sealed
//! once its graphs have scored like the trained network.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use slirec_core::bundle::{self, Bundle, Manifest, TrainingRecord};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, StagedDirectory};
use slirec_core::vocabulary::Vocabulary;

use super::{ExportError, parity, write_files};
use crate::analysis::{Analysis, Subject};
use crate::baselines::Fitted;
use crate::dataset::Dataset;
use crate::evaluation::{ScoreError, Scorer};
use crate::hyperparameters::ModelHyperparameters;
use crate::run::{Run, RunState};
use crate::weights::Weights;

/// One past the latest creation time, as for the times of interactions.
const LATEST: u64 = 100_000_000_000;

/// Everything a bundle is made of.
#[derive(Debug)]
pub struct Source {
    /// Sizes of the network.
    pub sizes: ModelHyperparameters,
    /// Its weights.
    pub weights: Weights,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// How it was trained.
    pub training: TrainingRecord,
    /// What it was trained on: its rows check the bundle and give its metrics.
    pub dataset: Option<Dataset>,
    /// Unix seconds of the data's last interaction.
    pub created: f64,
    /// How the run ended, where it was stopped before its end, and the epoch of its weights.
    pub stopped: Option<(RunState, usize)>,
}

/// Where a bundle goes and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// Version of the model.
    pub version: &'a str,
    /// The bundle directory.
    pub output: &'a Path,
    /// Replace an earlier bundle.
    pub replace: bool,
}

/// What a bundle is measured with and this crate does not have: an engine, and someone who watches the progress.
pub trait Host {
    /// Scores by the graphs of a bundle, as every user of its files does.
    ///
    /// # Errors
    /// When the graphs cannot be used.
    fn graphs(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError>;

    /// Scores by what will serve the bundle.
    ///
    /// # Errors
    /// As for [`Host::graphs`].
    fn served(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError>;

    /// Fits the baselines.
    ///
    /// # Errors
    /// When the dataset does not fit together.
    fn fit(&self, dataset: &Dataset) -> Result<Vec<Fitted>, ScoreError>;

    /// Measures a model beside the baselines.
    ///
    /// # Errors
    /// When the model fails.
    fn judge(
        &self,
        model: &mut dyn Scorer,
        subject: &Subject<'_>,
        baselines: &[Fitted],
    ) -> Result<Analysis, ScoreError>;

    /// Hears that the graphs have scored like the trained network.
    fn checked(&self, parity: Parity);
}

/// How far the graphs of a bundle are from the trained network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parity {
    /// Histories that both scored.
    pub histories: usize,
    /// Candidates of each.
    pub candidates: usize,
    /// The greatest difference.
    pub worst: f32,
}

impl Source {
    /// A run and the dataset that it was trained on.
    ///
    /// # Errors
    /// [`ExportError::Foreign`] for another dataset.
    pub fn of_run(run: Run, dataset: Dataset) -> Result<Self, ExportError> {
        if dataset.sha256 != run.record.dataset_sha256 {
            return Err(ExportError::Foreign { found: dataset.sha256, expected: run.record.dataset_sha256 });
        }
        let dataset = dataset.with_vocabulary(&run.vocabulary)?;
        let stopped = match run.record.state {
            RunState::Interrupted | RunState::Diverged => Some((run.record.state, run.record.best_epoch)),
            RunState::Running | RunState::Finished => None,
        };
        let training = TrainingRecord {
            source_sha256: run.record.dataset_sha256.clone(),
            seed: run.record.seed,
            epochs: run.record.epochs,
            best_epoch: run.record.best_epoch,
            interactions: run.record.train_rows,
            hyperparameters: serde_json::to_value(&run.hyperparameters)?,
        };
        Ok(Self {
            sizes: run.hyperparameters.model,
            weights: run.weights,
            vocabulary: run.vocabulary,
            training,
            created: run.record.last_time,
            dataset: Some(dataset),
            stopped,
        })
    }
}

/// Writes a bundle and checks it before it gets its name. Leaves its manifest and the SHA-256 of that.
///
/// # Errors
/// [`ExportError`]; there is no bundle then.
pub fn write_bundle(
    source: &Source,
    catalog: &Catalog,
    target: &Target<'_>,
    host: &dyn Host,
) -> Result<(Manifest, String), ExportError> {
    let staged = StagedDirectory::create(target.output, bundle::MANIFEST, target.replace)?;
    write_files(staged.path(), &source.sizes, &source.weights, &source.vocabulary, catalog)?;
    // The manifest, which makes a directory a bundle, is written only when the files passed the check.
    let manifest = Manifest {
        format: bundle::FORMAT.to_owned(),
        name: target.name.to_owned(),
        version: target.version.to_owned(),
        created: created(source.created)?,
        model: source.sizes.shape(),
        training: source.training.clone(),
        metrics: BTreeMap::new(),
        files: bundle::record_files(staged.path())?,
        golden_requests: Vec::new(),
        loses_to: Vec::new(),
    };
    let manifest = parity::check(staged.path(), source, catalog, manifest, host)?;
    let manifest = bundle::seal(staged.path(), manifest)?;
    staged.commit()?;
    let sha256 = files::sha256_of_file(&target.output.join(bundle::MANIFEST))?;
    Ok((manifest, sha256))
}

/// RFC 3339 of `SOURCE_DATE_EPOCH`, or else of the data's last interaction: never of the clock, so that the same inputs
/// give the same bytes.
fn created(last_time: f64) -> Result<String, ExportError> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().ok().filter(|seconds| *seconds < LATEST).ok_or(ExportError::Epoch(text))?,
        // Times of interactions are checked to lie between 0 and 1e11 when they are read.
        Err(_) => last_time as u64,
    };
    Ok(humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
}
