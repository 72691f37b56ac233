//! The ranking network learns: small datasets are prepared, trained on and ranked.

#![cfg(test)]

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use slirec_core::bundle::FeatureShape;
use slirec_train::analysis::vocabulary_candidates;
use slirec_train::dataset::evaluation::EvaluationGroup;
use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::{Scorer, evaluate_ranking};
use slirec_train::hyperparameters::{Hyperparameters, Preset};
use slirec_train::inference::InferenceNetwork;
use slirec_train::ranking::{RankingTraining, with_terms};
use slirec_train::run::{KeptWeights, Run};
use slirec_train::trainer::{TrainOptions, train};
use slirec_train::weights::Weights;
use tempfile::TempDir;

const ITEMS: usize = 30;
const LONGEST: usize = 12;

/// Sixty shoppers walk round a circle of items, each from where the number of the shopper says, a minute a step.
fn circle() -> (TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for user in 0..60 {
        for step in 0..20 + user % 7 {
            let (item, time) = ((user * 11 + step) % ITEMS, 1_790_000_000 + 60 * step);
            writeln!(text, "1\tuser {user}\titem {item}\t{time}\tcategory {}", item % 3).unwrap();
        }
    }
    let file = folder.path().join("interactions.tsv");
    std::fs::write(&file, text).unwrap();
    let options = PrepareOptions::new(file, folder.path().join("dataset"));
    prepare(&options, &mut |_, _| {}).unwrap();
    let dataset = Dataset::read(&folder.path().join("dataset")).unwrap();
    (folder, dataset)
}

/// A small network with so many sampled negatives, 0 for all items.
fn small(dataset: &Dataset, negatives: usize) -> Hyperparameters {
    let mut hyperparameters = Preset::Ranking.hyperparameters(&dataset.shape());
    hyperparameters.model.item_embedding_size = 16;
    hyperparameters.model.features = vec![FeatureShape { name: "category".to_owned(), embedding_size: 16 }];
    hyperparameters.model.longest_history = LONGEST;
    hyperparameters.training.learning_rate = 0.01;
    hyperparameters.training.negatives = negatives;
    hyperparameters
}

fn test_rows(dataset: &Dataset) -> Vec<EvaluationGroup> {
    dataset.groups(Split::Test, LONGEST).unwrap()
}

fn ndcg_10(dataset: &Dataset, hyperparameters: &Hyperparameters, weights: &Weights) -> f64 {
    let mut network = InferenceNetwork::new(&hyperparameters.model, &dataset.vocabulary, weights).unwrap();
    let candidates = vocabulary_candidates(&dataset.vocabulary);
    evaluate_ranking(&mut network, &test_rows(dataset), &candidates, &mut |_| Ok(())).unwrap().ndcg_10
}

/// Weights after so many steps.
fn trained(dataset: &Dataset, hyperparameters: &Hyperparameters, steps: u32) -> Weights {
    let mut training = RankingTraining::new(dataset, hyperparameters, 7);
    for done in 0..steps {
        training.step_of_epoch(1, done).unwrap();
    }
    training.measured()
}

#[test]
fn what_always_follows_is_ranked_first_against_all_items_and_against_a_sample() {
    let (folder, dataset) = circle();
    for negatives in [0, 6] {
        let hyperparameters = small(&dataset, negatives);
        let output = folder.path().join(format!("run {negatives}"));
        let interrupted = AtomicBool::new(false);
        let options = TrainOptions::new(&dataset, &hyperparameters, 1, &output, &interrupted);
        train(options, &mut |_| ()).unwrap();
        let run = Run::read(&output, KeptWeights::Best).unwrap();
        let ndcg = ndcg_10(&dataset, &hyperparameters, &run.weights);
        assert!(ndcg > 0.95, "{negatives} negatives: {ndcg}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (_folder, dataset) = circle();
    for negatives in [0, 6] {
        let hyperparameters = small(&dataset, negatives);
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| trained(&dataset, &hyperparameters, 10))
        });
        assert!(one == three, "{negatives} negatives");
    }
}

#[test]
fn another_seed_gives_other_weights() {
    let (_folder, dataset) = circle();
    let hyperparameters = small(&dataset, 0);
    let of = |seed| {
        let mut training = RankingTraining::new(&dataset, &hyperparameters, seed);
        training.step_of_epoch(1, 0).unwrap();
        training.measured()
    };
    assert!(of(1) != of(2));
}

#[test]
fn the_scores_of_all_items_are_probabilities_that_sum_to_one() {
    let (_folder, dataset) = circle();
    let hyperparameters = small(&dataset, 0);
    let weights = trained(&dataset, &hyperparameters, 10);
    let mut network = InferenceNetwork::new(&hyperparameters.model, &dataset.vocabulary, &weights).unwrap();
    let candidates = vocabulary_candidates(&dataset.vocabulary);
    for scores in network.score_all(&test_rows(&dataset), &candidates).unwrap() {
        let sum: f32 = scores.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4 && scores.iter().all(|score| *score > 0.0), "{sum}");
    }
}

#[test]
fn a_co_occurrence_is_added_where_it_ranks_better_and_left_out_where_the_network_knows() {
    let (_folder, dataset) = circle();
    let hyperparameters = small(&dataset, 0);
    // A network that has hardly begun: counts know more.
    let without = trained(&dataset, &hyperparameters, 1);
    let with = with_terms(&hyperparameters, &dataset, without.clone()).unwrap();
    assert!(with.get("cooccurrence.items").is_some());
    let [before, after] = [&without, &with].map(|weights| ndcg_10(&dataset, &hyperparameters, weights));
    assert!(after > before + 0.3, "{before} {after}");
    // One that ranks what follows first has nothing to gain.
    let mut training = RankingTraining::new(&dataset, &hyperparameters, 7);
    for epoch in 1..=15 {
        let mut done = 0;
        while let Some(step) = training.step_of_epoch(epoch, done) {
            done = step.number;
        }
    }
    let knowing = with_terms(&hyperparameters, &dataset, training.measured()).unwrap();
    assert!(knowing.get("cooccurrence.items").is_none());
    let temperature = knowing.get("score.temperature").unwrap().values[0];
    assert!(temperature > 0.2 && temperature < 5.0, "{temperature}");
}
