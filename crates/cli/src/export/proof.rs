//! The proof of a bundle: its files and what they were made of enter; the manifest with metrics and golden requests leaves, or
//! how the graphs differ from the training network.

use std::path::Path;

use anyhow::{Result, ensure};
use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_engine::BundleScorer;
use slirec_train::analysis::{MODEL, analyse};
use slirec_train::dataset::Split;
use slirec_train::export::{
    self, GOLDEN_REQUESTS, ProofHistory, catalog_candidates, golden_request, proof_scores, validation_histories,
};
use slirec_train::inference::InferenceNetwork;
use slirec_train::run::table_rows;

use super::Source;
use crate::scorer::GraphScorer;
use crate::{output, progress};

/// Largest difference between the training network's score and ONNX Runtime's.
const TOLERANCE: f32 = 1e-4;

/// Scores the proof histories with both sides; fills in metrics and golden requests.
pub(super) fn prove(
    onnxruntime: Option<&Path>,
    directory: &Path,
    source: &Source,
    catalog: &Catalog,
    mut manifest: Manifest,
) -> Result<Manifest> {
    let bundle = Bundle::read_unsealed(directory, manifest.clone())?;
    let lookup = ItemLookup::new(catalog, &source.vocabulary);
    let longest = source.sizes.longest_history;
    // A dataset of other ids than the weights' would prove nothing.
    let dataset = source.dataset.as_ref().filter(|dataset| dataset.vocabulary.same_items(&source.vocabulary));
    let mut histories = dataset.map(|dataset| validation_histories(dataset, &lookup, longest)).unwrap_or_default();
    if histories.is_empty() {
        histories = export::made_up_histories(&source.vocabulary, &lookup, longest);
    }
    let candidates = catalog_candidates(catalog, &lookup);
    let mut network = InferenceNetwork::new(&source.sizes, &table_rows(&source.vocabulary), &source.weights)?;
    let mut graphs = GraphScorer::new(BundleScorer::from_bundle(&bundle, onnxruntime)?);
    let mut worst = 0.0_f32;
    for (number, history) in (0..).zip(&histories) {
        let expected = proof_scores(&mut network, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        let found = proof_scores(&mut graphs, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        worst = worst.max(difference(&expected, &found, history)?);
        if number < GOLDEN_REQUESTS {
            manifest.golden_requests.push(golden_request(history, &candidates, &expected));
        }
    }
    output::print(format!(
        "proof: {} histories × {} candidates differ by at most {worst:.1e} between training and ONNX Runtime",
        histories.len(),
        candidates.len()
    ))?;
    if let Some(dataset) = dataset {
        for split in [Split::Valid, Split::Test] {
            let _step = progress::step(format!("measuring the bundle on the {} rows", split.name()));
            let analysis = analyse(&mut graphs, None, dataset, split, longest, &mut |_, _, _| ())?;
            manifest.loses_to = analysis.lost_to().iter().map(|baseline| baseline.name.clone()).collect();
            for measured in &analysis.measured {
                let (set, name) = (&analysis.set, &measured.name);
                let key = if name == MODEL { set.clone() } else { format!("{set} {name}") };
                let mut metrics = measured.sampled.by_name();
                metrics.extend(measured.ranking.by_name());
                if name == MODEL {
                    metrics.insert("measured_rows".to_owned(), analysis.groups as f64);
                    metrics.insert("unseen_rows".to_owned(), analysis.unseen as f64);
                }
                manifest.metrics.insert(key, metrics);
            }
        }
        // The last set that was measured is the test set.
        for baseline in &manifest.loses_to {
            output::warn(format!(
                "the model ranks the test rows no better than plain {baseline}; the manifest says so"
            ));
        }
    }
    Ok(manifest)
}

fn difference(expected: &[f32], found: &[f32], history: &ProofHistory) -> Result<f32> {
    ensure!(expected.len() == found.len(), "{} scores instead of {}", found.len(), expected.len());
    let worst = expected.iter().zip(found).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
    let sound = found.iter().all(|score| score.is_finite()) && worst <= TOLERANCE;
    ensure!(
        sound,
        "the graphs differ from the training network by {worst} for a history of {} items: expected at most {TOLERANCE}; \
         no bundle was written",
        history.items.len()
    );
    Ok(worst)
}
