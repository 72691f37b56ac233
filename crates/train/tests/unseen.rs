//! Products that training has not seen: networks learn from datasets whose products have content, and rank others by theirs.

#![cfg(test)]

use std::fmt::Write;

use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::lookup::ItemIds;
use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::Scorer;
use slirec_train::hyperparameters::{Hyperparameters, Preset};
use slirec_train::inference::InferenceNetwork;
use slirec_train::ranking::{RankingTraining, with_terms};
use slirec_train::weights::Weights;
use tempfile::TempDir;

const ITEMS: usize = 60;
const COLOURS: usize = 6;
const LONGEST: usize = 12;
const WIDTH: usize = 16;

/// Each shopper views products of one colour, in an order of the shopper's own; what is popular differs.
fn shop() -> (TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for user in 0..180_usize {
        for step in 0..10_usize {
            let of_colour = (user * 7 + step * (1 + user / 30) + step * step) % (ITEMS / COLOURS);
            let (item, time) = (of_colour * COLOURS + user % COLOURS, 1_790_000_000 + 60 * step);
            writeln!(text, "1\tuser {user}\titem {item}\t{time}\tall").unwrap();
        }
    }
    let file = folder.path().join("interactions.tsv");
    std::fs::write(&file, text).unwrap();
    prepare(&PrepareOptions::new(file, folder.path().join("dataset")), &mut |_, _| {}).unwrap();
    let dataset = Dataset::read(&folder.path().join("dataset")).unwrap();
    (folder, dataset)
}

fn colour_of(handle: &str) -> String {
    let number: usize = handle.rsplit(' ').next().unwrap().parse().unwrap();
    format!("colour {}", number % COLOURS)
}

fn catalog() -> Catalog {
    let product = |number: usize| {
        let handle = format!("item {number}");
        Product {
            gid: format!("gid://{number}"),
            title: String::new(),
            category: "all".to_owned(),
            available: true,
            attributes: [("colour", colour_of(&handle).as_str())].into(),
            handle,
        }
    };
    Catalog::new((0..ITEMS).map(product).collect()).unwrap()
}

/// A small network that reads the category alone.
fn by_category(dataset: &Dataset, negatives: usize) -> Hyperparameters {
    let mut hyperparameters = Preset::Ranking.hyperparameters(&dataset.shape());
    hyperparameters.model.item_embedding_size = WIDTH;
    hyperparameters.model.features = vec![FeatureShape { name: "category".to_owned(), embedding_size: WIDTH }];
    hyperparameters.model.longest_history = LONGEST;
    hyperparameters.training.learning_rate = 0.01;
    hyperparameters.training.negatives = negatives;
    hyperparameters
}

/// One that reads the colour too, with the dataset as it is then.
fn by_colour(dataset: Dataset, negatives: usize) -> (Dataset, Hyperparameters) {
    let mut hyperparameters = by_category(&dataset, negatives);
    hyperparameters.model.features.push(FeatureShape { name: "colour".to_owned(), embedding_size: WIDTH });
    let vocabulary = hyperparameters.model.vocabulary(&dataset.vocabulary, &catalog()).unwrap();
    (dataset.with_vocabulary(&vocabulary).unwrap(), hyperparameters)
}

/// Weights after so many epochs.
fn trained(dataset: &Dataset, hyperparameters: &Hyperparameters, epochs: u32) -> Weights {
    let mut training = RankingTraining::new(dataset, hyperparameters, 7);
    for epoch in 1..=epochs {
        let mut done = 0;
        while let Some(step) = training.step_of_epoch(epoch, done) {
            done = step.number;
        }
    }
    training.measured()
}

#[test]
fn a_network_without_content_hides_no_item_unless_it_is_told_to() {
    let (_folder, dataset) = shop();
    let usual = by_category(&dataset, 0);
    assert_eq!(usual.id_dropout(), 0.0);
    let with = |id_dropout| {
        let mut hyperparameters = usual.clone();
        hyperparameters.training.id_dropout = Some(id_dropout);
        with_terms(&hyperparameters, &dataset, trained(&dataset, &hyperparameters, 1)).unwrap()
    };
    let weights = with_terms(&usual, &dataset, trained(&dataset, &usual, 1)).unwrap();
    assert!(weights == with(0.0) && weights != with(0.2));
    let default = weights.get("embedding.item").unwrap().values[..WIDTH].to_vec();
    assert_eq!((default, weights.get("item.bias").unwrap().values[0]), (vec![0.0; WIDTH], 0.0));
}

#[test]
fn any_number_of_threads_hides_the_same_items() {
    for negatives in [0, 6] {
        let (_folder, dataset) = shop();
        let (dataset, hyperparameters) = by_colour(dataset, negatives);
        assert!(hyperparameters.id_dropout() > 0.0);
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| trained(&dataset, &hyperparameters, 1))
        });
        assert!(one == three, "{negatives} negatives");
        // What hidden items have in common was learnt.
        assert!(one.get("embedding.item").unwrap().values[..WIDTH].iter().any(|value| *value != 0.0));
    }
}

#[test]
fn a_product_that_training_has_not_seen_comes_first_where_its_content_fits_and_counts_as_much_as_others() {
    for negatives in [0, 20] {
        let (_folder, dataset) = shop();
        let (dataset, hyperparameters) = by_colour(dataset, negatives);
        let weights = with_terms(&hyperparameters, &dataset, trained(&dataset, &hyperparameters, 10)).unwrap();
        let mut network = InferenceNetwork::new(&hyperparameters.model, &dataset.vocabulary, &weights).unwrap();
        // One new product of each colour.
        let known = |item: &slirec_core::vocabulary::Item| item.features.clone();
        let mut colours: Vec<Vec<u32>> = dataset.vocabulary.items().iter().map(known).collect();
        colours.sort();
        colours.dedup();
        assert_eq!(colours.len(), COLOURS);
        let new: Vec<ItemIds> =
            colours.iter().map(|features| ItemIds { item: 0, features: features.clone() }).collect();
        let groups = dataset.groups(Split::Valid, LONGEST).unwrap();
        let mut fits = 0;
        for (group, scores) in groups.iter().zip(network.score_all(&groups, &new).unwrap()) {
            let best = (0..COLOURS).max_by(|one, other| scores[*one].total_cmp(&scores[*other])).unwrap();
            fits += usize::from(new[best].features[..] == group.history.feature_ids[..2]);
        }
        assert!(fits * 10 > groups.len() * 9, "{negatives} negatives: {fits} of {}", groups.len());
        // If all products were new they would be as likely, together, as they are.
        let all: Vec<ItemIds> = dataset
            .vocabulary
            .items()
            .iter()
            .map(|item| ItemIds { item: 0, features: item.features.clone() })
            .collect();
        let scores = network.score_all(&groups, &all).unwrap();
        let mean = scores.iter().flatten().map(|score| f64::from(*score)).sum::<f64>() / groups.len() as f64;
        assert!((0.9..1.1).contains(&mean), "{negatives} negatives: {mean}");
    }
}
