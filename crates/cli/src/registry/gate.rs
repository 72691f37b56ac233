//! What may take an alias: a bundle's own figures, and those of the version that the alias points to now, enter; why it
//! should not be moved leaves.

use slirec_connect::mlflow::{BUNDLE_TAG, ModelVersion};
use slirec_core::bundle::Manifest;

/// Tag of a version: the dataset and the number of its test rows that its figures are of.
pub(super) const TEST_ROWS: &str = "slirec.test_rows";
/// Tag of a version: NDCG@10 over all items on those rows.
pub(super) const TEST_NDCG: &str = "slirec.test_ndcg_10";

const TEST: &str = "test";
const NDCG: &str = "ndcg@10";

/// The tags that a later push compares with; none for a bundle that was not measured.
pub(super) fn tags(manifest: &Manifest) -> Vec<(String, String)> {
    let tags = rows(manifest).zip(ndcg(manifest));
    let tags = tags.map(|(rows, ndcg)| [(TEST_ROWS.to_owned(), rows), (TEST_NDCG.to_owned(), ndcg.to_string())]);
    tags.into_iter().flatten().collect()
}

fn rows(manifest: &Manifest) -> Option<String> {
    let rows = manifest.metrics.get(TEST)?.get("measured_rows")?;
    Some(format!("{} {rows}", manifest.training.source_sha256))
}

fn ndcg(manifest: &Manifest) -> Option<f64> {
    manifest.metrics.get(TEST)?.get(NDCG).copied()
}

/// A sentence for every baseline that ranks the test rows better beyond doubt: the interval of the difference lies below 0.
pub(super) fn lost_to_baselines(manifest: &Manifest) -> Vec<String> {
    let baselines = manifest.metrics.iter().filter_map(|(set, metrics)| {
        let name = set.strip_prefix(TEST)?.strip_prefix(' ')?;
        let value = |metric: &str| metrics.get(metric).copied();
        let (mean, low, high) =
            (value("model_less_this")?, value("model_less_this_low")?, value("model_less_this_high")?);
        (high < 0.0).then(|| {
            format!("it loses to {name}: NDCG@10 on the test rows differs by {mean:+.4} (95 %: {low:.4} to {high:.4})")
        })
    });
    baselines.collect()
}

/// Why the version that an alias points to should keep it: it ranks the same test rows better.
pub(super) fn lost_to_version(manifest: &Manifest, present: &ModelVersion, bundle_sha256: &str) -> Option<String> {
    let tags = &present.tags;
    if tags.get(BUNDLE_TAG).is_some_and(|present| present == bundle_sha256) {
        return None;
    }
    let same = tags.get(TEST_ROWS).zip(rows(manifest)).is_some_and(|(present, own)| *present == own);
    let present_ndcg: f64 = tags.get(TEST_NDCG).filter(|_| same)?.parse().ok()?;
    let own = ndcg(manifest)?;
    (own < present_ndcg).then(|| {
        format!(
            "it loses to version {}: NDCG@10 on the same test rows is {own:.4} instead of {present_ndcg:.4}",
            present.version
        )
    })
}
