//! Ranking networks of random weights: a bundle enters, one of the same vocabulary and catalogue leaves.

use slirec_core::bundle::{Bundle, FeatureShape, ModelShape, Network};
use slirec_train::graphs::build_ranking;

use crate::random_weights::ranking_weights;

/// Neighbours of each item and last views that they are of.
const NEIGHBOURS: [usize; 2] = [50, 5];

/// A ranking network of random weights for the vocabulary and catalogue of a bundle.
pub(crate) fn of_width(bundle: &Bundle, width: usize) -> Bundle {
    let mut manifest = bundle.manifest.clone();
    let longest = manifest.model.longest_history;
    let weights = ranking_weights(&bundle.vocabulary, width, longest, Some(NEIGHBOURS));
    let graphs = build_ranking(&weights, &bundle.vocabulary, longest).expect("graphs");
    let feature = |feature: &FeatureShape| FeatureShape { embedding_size: width, ..feature.clone() };
    manifest.model = ModelShape {
        network: Network::Ranking,
        item_embedding_size: width,
        features: manifest.model.features.iter().map(feature).collect(),
        ..manifest.model
    };
    // Those of the other network.
    manifest.golden_requests.clear();
    Bundle {
        manifest,
        candidates_graph: graphs.candidates,
        history_graph: graphs.history,
        scores_graph: graphs.scores,
        ..bundle.clone()
    }
}
