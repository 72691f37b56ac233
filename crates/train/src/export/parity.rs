//! The parity check of a bundle: its files and what they were made of enter; the manifest with metrics and golden
//! requests leaves, or how the graphs differ from the trained network.

use std::path::Path;

use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::{self, TOLERANCE};

use super::source::{Host, Parity, Source};
use super::{ExportError, GOLDEN_REQUESTS, catalog_candidates, golden_request, parity_scores, validation_histories};
use crate::analysis::Subject;
use crate::dataset::Split;
use crate::dataset::evaluation::Sampling;
use crate::evaluation::Seen;
use crate::inference::InferenceNetwork;

/// Scores the same histories with both sides; fills in metrics and golden requests.
pub(super) fn check(
    directory: &Path,
    source: &Source,
    catalog: &Catalog,
    mut manifest: Manifest,
    host: &dyn Host,
) -> Result<Manifest, ExportError> {
    let bundle = Bundle::read_unsealed(directory, manifest.clone())?;
    let lookup = ItemLookup::new(catalog, &source.vocabulary, manifest.model.network);
    let longest = source.sizes.longest_history;
    let dataset = source.dataset_of_same_ids();
    let mut histories = dataset.map(|dataset| validation_histories(dataset, &lookup, longest)).unwrap_or_default();
    if histories.is_empty() {
        histories = parity::made_up_histories(&source.vocabulary, &lookup, longest).collect();
    }
    let candidates = catalog_candidates(catalog, &lookup);
    let mut network = InferenceNetwork::new(&source.sizes, &source.vocabulary, &source.weights)?;
    let mut graphs = host.graphs(&bundle).map_err(ExportError::Score)?;
    let mut worst = 0.0_f32;
    for (number, history) in (0..).zip(&histories) {
        let expected = parity_scores(&mut network, history, &candidates).map_err(ExportError::Score)?;
        let found = parity_scores(graphs.as_mut(), history, &candidates).map_err(ExportError::Score)?;
        let difference = parity::compare(&found, &expected, TOLERANCE)
            .map_err(|difference| ExportError::Differs { length: history.items.len(), difference })?;
        worst = worst.max(difference);
        if number < GOLDEN_REQUESTS {
            manifest.golden_requests.push(golden_request(history, &source.vocabulary, &candidates, &expected));
        }
    }
    host.checked(Parity { histories: histories.len(), candidates: candidates.len(), worst });
    if let Some(dataset) = dataset {
        // By what will serve it.
        let mut served = host.served(&bundle).map_err(ExportError::Score)?;
        let baselines = host.fit(dataset).map_err(ExportError::Score)?;
        let sampling = Sampling::for_items(dataset.vocabulary.items().len());
        for split in [Split::Valid, Split::Test].into_iter().filter(|split| dataset.rows(*split) > 0) {
            manifest.loses_to.clear();
            let subject = Subject::of_dataset(dataset, split, longest, (sampling, Seen::Keep))?;
            let subject = subject.titled(Some(catalog));
            let analysis = host.judge(served.as_mut(), &subject, &baselines).map_err(ExportError::Score)?;
            // The last set that is measured is the test set.
            manifest.loses_to = analysis.losing_to().iter().map(|baseline| baseline.name.clone()).collect();
            manifest.metrics.extend(analysis.by_set());
        }
    }
    Ok(manifest)
}
