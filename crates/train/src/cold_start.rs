//! Cold start: a dataset, its catalogue and hyperparameters enter; metrics of products that training has not seen leave,
//! of the model and of two baselines that know no more of a product than its category.
//!
//! Some products are held out: a network is trained without any interaction with them, and each user's last interaction
//! with one of them is a row, with the history before it, without products that are held out.

mod products;
mod rest;
mod users;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::{ItemFeatureError, Vocabulary};
use thiserror::Error;

use crate::analysis::{Bootstrap, Difference, Interval, mean};
use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::dataset::prepare::{PrepareOptions, prepare_from};
use crate::dataset::{Dataset, DatasetError, IN_FILE_ORDER};
use crate::evaluation::ScoreError;
use crate::hyperparameters::Hyperparameters;
use crate::inference::InferenceNetwork;
use crate::quantile::quantile;
use crate::run::{KeptWeights, Run, RunError, RunState};
use crate::trainer::{TrainError, TrainEvent, TrainOptions, train};
use crate::weights::WeightsError;
use products::{Products, Ranks};
use rest::Rest;

/// Why products that are held out could not be measured.
#[derive(Debug, Error)]
pub enum ColdError {
    /// The rest is no dataset.
    #[error("without the products that are held out: {0}")]
    Dataset(#[from] DatasetError),
    /// The rest cannot be trained on.
    #[error("without the products that are held out: {0}")]
    Training(#[from] TrainError),
    /// The catalogue does not have what the model reads.
    #[error("without the products that are held out: {0}")]
    Features(#[from] ItemFeatureError),
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network fails.
    #[error("evaluation: {0}")]
    Score(ScoreError),
    /// There is nothing to measure.
    #[error("{0}")]
    Nothing(&'static str),
    /// It was stopped.
    #[error("stopped before the training was over")]
    Interrupted,
}

/// What to hold out, and how to train without it.
#[derive(Debug, Clone, Copy)]
pub struct ColdOptions<'a> {
    /// The data, with categories alone, and with the attributes of users that the network reads.
    pub dataset: &'a Dataset,
    /// Where the products' content stands.
    pub catalog: &'a Catalog,
    /// How to train.
    pub hyperparameters: &'a Hyperparameters,
    /// Share of the products that are held out, between 0 and 1.
    pub share: f64,
    /// Seed of the choice and of the training.
    pub seed: u64,
    /// A directory for what is needed meanwhile.
    pub directory: &'a Path,
    /// Set from outside to stop.
    pub interrupted: &'a AtomicBool,
}

/// How well unseen products are ranked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdStart {
    /// Products that were held out.
    pub held_out: usize,
    /// Products that the network was trained on.
    pub trained_on: usize,
    /// Rows: users with an interaction with a product that was held out, and one before.
    pub rows: usize,
    /// The model first.
    pub measured: Vec<ColdMeasured>,
}

/// Metrics of one way to rank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdMeasured {
    /// What ranks.
    pub by: &'static str,
    /// NDCG@10 among all products.
    pub ndcg_10: f64,
    /// Where it lies.
    pub interval: Interval,
    /// Median of the rank among all products.
    pub median_rank: f64,
    /// NDCG@10 among the products that were held out.
    pub among_held_out: f64,
    /// Where that lies.
    pub among_interval: Interval,
    /// NDCG@10 among the products that were held out, of the model less this; none for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_less_this: Option<Difference>,
}

/// Trains without some products and measures their ranks.
///
/// # Errors
/// [`ColdError`]
pub fn measure(options: ColdOptions<'_>, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<ColdStart, ColdError> {
    let ColdOptions { dataset, catalog, hyperparameters, share, seed, .. } = options;
    let held_out = choose(dataset, catalog, share, seed)?;
    let rest = train_without(&options, &held_out, events)?;
    let run = Run::read(&rest, KeptWeights::Best)?;
    let mut network = InferenceNetwork::of_run(&run)?;
    let products = Products::of(&run.vocabulary, dataset, catalog, &held_out);
    let groups = rows(dataset, &held_out, &run.vocabulary, &products, hyperparameters.model.longest_history)?;
    let bootstrap = Bootstrap::of(groups.iter());
    let measured = |by, ranks: &Ranks, model: Option<&Ranks>| {
        let [all, among] = ranks.gains();
        ColdMeasured {
            by,
            ndcg_10: mean(&all),
            interval: bootstrap.interval(&all),
            median_rank: quantile(&mut ranks.all.clone(), 0.5).unwrap_or_default(),
            among_held_out: mean(&among),
            among_interval: bootstrap.interval(&among),
            model_less_this: model.map(|model| bootstrap.difference(&model.gains()[1], &among)),
        }
    };
    let model = products.ranks_of(&mut network, &groups, &products.candidates)?;
    let by_category = products.ranks_of(&mut network, &groups, &products.by_category_alone())?;
    let popular = products.popular(&run.vocabulary, &groups);
    Ok(ColdStart {
        held_out: held_out.len(),
        trained_on: run.vocabulary.items().len(),
        rows: groups.len(),
        measured: vec![
            measured("the model", &model, None),
            measured("the model, by category alone", &by_category, Some(&model)),
            measured("popularity of the category", &popular, Some(&model)),
        ],
    })
}

/// Ids of some of the products that the catalogue has.
fn choose(dataset: &Dataset, catalog: &Catalog, share: f64, seed: u64) -> Result<HashSet<u32>, ColdError> {
    let items = (1..).zip(dataset.vocabulary.items());
    let known: Vec<u32> =
        items.filter(|(_, item)| catalog.position(&item.handle).is_some()).map(|(id, _)| id).collect();
    let count = (known.len() as f64 * share).round() as usize;
    if count == 0 {
        return Err(ColdError::Nothing("no product is held out: expected a greater share, or the dataset's catalogue"));
    }
    let chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), known.len(), count.min(known.len()));
    Ok(chosen.into_iter().filter_map(|place| known.get(place).copied()).collect())
}

/// Prepares and trains on all other products; leaves the run's directory.
fn train_without(
    options: &ColdOptions<'_>,
    held_out: &HashSet<u32>,
    events: &mut dyn FnMut(TrainEvent<'_>),
) -> Result<PathBuf, ColdError> {
    let ColdOptions { dataset, catalog, hyperparameters, seed, directory, interrupted, .. } = *options;
    let (prepared, run) = (directory.join("dataset"), directory.join("run"));
    let prepare = PrepareOptions {
        seed,
        time_share: dataset.manifest.split.share(),
        keep_order: dataset.manifest.order == IN_FILE_ORDER,
        users: users::table(dataset),
        ..PrepareOptions::new("the rest of the dataset".into(), prepared.clone())
    };
    prepare_from(&prepare, &mut Rest::of(dataset, held_out), &mut |_, _| {})?;
    let rest = Dataset::read(&prepared)?;
    let vocabulary = hyperparameters.model.vocabulary(&rest.vocabulary, catalog)?;
    let rest = rest.with_vocabulary(&vocabulary)?.with_user_features(&hyperparameters.model.user_features)?;
    let record = train(TrainOptions::new(&rest, hyperparameters, seed, &run, interrupted), events)?;
    if record.state == RunState::Interrupted { Err(ColdError::Interrupted) } else { Ok(run) }
}

/// The last interaction of each user with a product that was held out, where one with another product lies before.
fn rows(
    dataset: &Dataset,
    held_out: &HashSet<u32>,
    vocabulary: &Vocabulary,
    products: &Products,
    longest: usize,
) -> Result<Vec<EvaluationGroup>, ColdError> {
    let rest = Rest::of(dataset, held_out);
    let mut groups = Vec::new();
    for (number, user) in dataset.users().enumerate() {
        let items = dataset.items(user.clone());
        let Some(last) = items.iter().rposition(|item| held_out.contains(item)) else { continue };
        let place = items.get(last).and_then(|item| products.places.get(item)).copied();
        let Some(place) = place.and_then(|place| u32::try_from(place).ok()) else { continue };
        let Some(mut group) = rest.group(number, user.start..user.start + last, vocabulary, longest) else { continue };
        group.history.user_ids = users::ids(dataset, number, vocabulary);
        // Ids of the vocabulary end before the places of those that were held out.
        let target = Candidate { item: place, features: Vec::new() };
        groups.push(EvaluationGroup { candidates: vec![target], ..group });
    }
    if groups.is_empty() {
        return Err(ColdError::Nothing(
            "no user viewed a product that is held out after another one: expected a greater share",
        ));
    }
    Ok(groups)
}
