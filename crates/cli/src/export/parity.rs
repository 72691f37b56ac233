//! The parity check of a bundle: its files and what they were made of enter; the manifest with metrics and golden
//! requests leaves, or how the graphs differ from the trained network.

use std::path::Path;

use anyhow::{Context, Result};
use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::{self, TOLERANCE};
use slirec_engine::{BundleScorer, Kernels};
use slirec_train::analysis::Subject;
use slirec_train::dataset::Split;
use slirec_train::dataset::evaluation::Sampling;
use slirec_train::evaluation::Seen;
use slirec_train::export::{GOLDEN_REQUESTS, catalog_candidates, golden_request, parity_scores, validation_histories};
use slirec_train::inference::InferenceNetwork;

use super::Source;
use crate::judging::{fit, judge};
use crate::output;
use crate::scorer::ScorerOfBundle;

/// Scores the same histories with both sides; fills in metrics and golden requests.
pub(super) fn check(
    onnxruntime: Option<&Path>,
    directory: &Path,
    source: &Source,
    catalog: &Catalog,
    mut manifest: Manifest,
) -> Result<Manifest> {
    let bundle = Bundle::read_unsealed(directory, manifest.clone())?;
    let lookup = ItemLookup::new(catalog, &source.vocabulary, manifest.model.network);
    let longest = source.sizes.longest_history;
    // A dataset of other ids than the weights' would show nothing.
    let dataset = source.dataset.as_ref().filter(|dataset| dataset.vocabulary.same_items(&source.vocabulary));
    let mut histories = dataset.map(|dataset| validation_histories(dataset, &lookup, longest)).unwrap_or_default();
    if histories.is_empty() {
        histories = parity::made_up_histories(&source.vocabulary, &lookup, longest).collect();
    }
    let candidates = catalog_candidates(catalog, &lookup);
    let mut network = InferenceNetwork::new(&source.sizes, &source.vocabulary, &source.weights)?;
    let mut graphs = ScorerOfBundle(BundleScorer::from_bundle(&bundle, onnxruntime)?);
    let mut worst = 0.0_f32;
    for (number, history) in (0..).zip(&histories) {
        let expected = parity_scores(&mut network, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        let found = parity_scores(&mut graphs, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        worst = worst.max(parity::compare(&found, &expected, TOLERANCE).with_context(|| {
            let length = history.items.len();
            format!("the graphs differ from the trained network for a history of {length} items; no bundle was written")
        })?);
        if number < GOLDEN_REQUESTS {
            manifest.golden_requests.push(golden_request(history, &candidates, &expected));
        }
    }
    output::print(format!(
        "parity: {} histories × {} candidates differ by at most {worst:.1e} between training and ONNX Runtime",
        histories.len(),
        candidates.len()
    ))?;
    if let Some(dataset) = dataset {
        // By what will serve it.
        let served = BundleScorer::with_kernels(&bundle, onnxruntime, Kernels::Fused)?;
        let mut served = ScorerOfBundle(served);
        let baselines = fit(dataset, Seen::Keep)?;
        for split in [Split::Valid, Split::Test].into_iter().filter(|split| dataset.rows(*split) > 0) {
            manifest.loses_to.clear();
            let subject = Subject::of_dataset(dataset, split, longest, (Sampling::default(), Seen::Keep))?;
            let subject = subject.titled(Some(catalog));
            let analysis = judge(&mut served, &subject, &baselines)?;
            manifest.loses_to = analysis.losing_to().iter().map(|baseline| baseline.name.clone()).collect();
            manifest.metrics.extend(analysis.by_set());
        }
        // The last set that was measured is the test set.
        if !manifest.loses_to.is_empty() {
            let names = manifest.loses_to.join(", ");
            output::warn(format!(
                "the model does not rank the test rows better than these: {names}; the manifest says so"
            ));
        }
    }
    Ok(manifest)
}
