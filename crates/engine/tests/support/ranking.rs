//! Bundles of ranking networks with random weights, for the tests and benchmarks of the engine.
#![allow(dead_code, reason = "each test uses some of it")]

use slirec_core::bundle::{FeatureShape, ModelShape, Network};
use slirec_core::catalog::{Attributes, Catalog, Product};
use slirec_core::vocabulary::{Feature, Item, UserFeature, UserValues, Vocabulary};
use slirec_train::export::write_graphs;
use slirec_train::graphs::build_ranking;
use slirec_train::weights::Weights;
use tempfile::TempDir;

use crate::random_weights::ranking_weights;
use crate::support::seal;

/// Positions of a history.
pub(crate) const LONGEST: usize = 50;
/// Values of the feature, the default one included.
const CATEGORIES: usize = 6;

/// Sizes of a network.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) items: usize,
    pub(crate) width: usize,
    /// Neighbours of each item among the co-occurrences, and last views that they are of.
    pub(crate) neighbours: Option<[usize; 2]>,
}

pub(crate) fn vocabulary(items: usize) -> Vocabulary {
    let values = (1..CATEGORIES).map(|number| format!("category-{number}")).collect();
    let item = |number: usize| Item {
        handle: format!("item-{number}"),
        interactions: (items - number) as u64 + 1,
        features: vec![(number % CATEGORIES) as u32],
    };
    let vocabulary = Vocabulary::new(vec![Feature::new("category", values)], (1..=items).map(item).collect());
    vocabulary.unwrap().with_user_features(user_features()).unwrap()
}

/// A text and a number.
fn user_features() -> Vec<UserFeature> {
    let countries = ["DE", "FR", "IT"].map(str::to_owned).to_vec();
    vec![
        UserFeature::new("country", UserValues::Texts(countries)),
        UserFeature::new("age", UserValues::Bounds(vec![20.0, 30.0, 45.5])),
    ]
}

/// The vocabulary's items, every eighth of which is sold out, and three products that it does not know.
pub(crate) fn catalog(items: usize) -> Catalog {
    let product = |handle: String, number: usize| Product {
        gid: format!("gid://shop/Product/{number}"),
        title: handle.clone(),
        handle,
        category: format!("category-{}", 1 + number % (CATEGORIES - 1)),
        available: !number.is_multiple_of(8),
        attributes: Attributes::default(),
    };
    let known = (1..=items).map(|number| product(format!("item-{number}"), number));
    let new = (1..4).map(|number| product(format!("new-{number}"), 100_001 + 8 * number));
    Catalog::new(known.chain(new).collect()).unwrap()
}

pub(crate) fn weights(Sizes { items, width, neighbours }: Sizes) -> Weights {
    ranking_weights(&vocabulary(items), width, LONGEST, neighbours)
}

/// A bundle of these weights.
pub(crate) fn bundle_of(sizes: Sizes, weights: &Weights) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (vocabulary, catalog) = (vocabulary(sizes.items), catalog(sizes.items));
    let graphs = build_ranking(weights, &vocabulary, LONGEST).unwrap();
    write_graphs(folder.path(), &graphs, &vocabulary, &catalog).unwrap();
    let shape_of = |name: &str| FeatureShape { name: name.into(), embedding_size: sizes.width };
    let shape = ModelShape {
        network: Network::Ranking,
        longest_history: LONGEST,
        item_embedding_size: sizes.width,
        features: vec![shape_of("category")],
        user_features: user_features().iter().map(|feature| shape_of(&feature.name)).collect(),
    };
    seal(folder.path(), shape);
    folder
}

pub(crate) fn bundle(sizes: Sizes) -> TempDir {
    bundle_of(sizes, &weights(sizes))
}
