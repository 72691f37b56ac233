//! The baselines against an independent implementation: a small shop's interactions enter (`tests/fixtures/judging`), and
//! the figures are those of scripts in Python with numpy and scipy, to three decimals.
//!
//! The scripts read the dataset that `slirec prepare` writes and try the same options on the validation rows. They are
//! `simple.py DATASET` and, for the blend, all pairs as in `fuse.py DATASET none FIRST+SECOND`, of the methods that this
//! project's makers compare it with; `SPLIT=temporal` with a share of 0.7 gives the figures under `time`.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use slirec_train::baselines::{self, Fitted};
use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::{RankedGroup, Seen, rank_by_baseline, ranking_metrics};

/// By split, by what becomes of seen items, by name: figures by name.
type Expected = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>>;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/judging").join(name)
}

fn dataset(time_share: Option<f64>) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let options = PrepareOptions {
        time_share,
        ..PrepareOptions::new(fixture("interactions.tsv"), folder.path().join("dataset"))
    };
    prepare(&options, &mut |_, _| {}).unwrap();
    Dataset::read(&options.output).unwrap()
}

fn test_rows(dataset: &Dataset, fitted: &Fitted, seen: Seen) -> Vec<RankedGroup> {
    let mut groups = dataset.groups(Split::Test, 1).unwrap();
    groups.retain(|group| seen.measures(group));
    rank_by_baseline(fitted.baseline.as_ref(), &groups, dataset.vocabulary.item_rows(), seen, &mut |_| Ok(())).unwrap()
}

#[test]
fn every_baseline_has_the_figures_of_the_independent_implementation() {
    let expected: Expected = serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap();
    for (split, share) in [("last", None), ("time", Some(0.7))] {
        let dataset = dataset(share);
        for (name, seen) in [("keep", Seen::Keep), ("remove", Seen::Remove)] {
            let expected = &expected[split][name];
            let fitted = baselines::fit(&dataset, seen, &mut |_| Ok(())).unwrap();
            let names: Vec<&str> = fitted.iter().map(|fitted| fitted.name.as_str()).collect();
            assert!(
                names.len() == expected.len() && names.iter().all(|name| expected.contains_key(*name)),
                "{names:?}"
            );
            for fitted in &fitted {
                let metrics = ranking_metrics(&test_rows(&dataset, fitted, seen), dataset.vocabulary.items().len());
                let found = [
                    ("valid ndcg@10", fitted.valid_ndcg_10),
                    ("ndcg@10", metrics.ndcg_10),
                    ("hr@10", metrics.hit_rate_10),
                ];
                for (figure, found) in found {
                    // Without options there is nothing to choose on validation rows, and the scripts do not measure it.
                    let Some(expected) = expected[&fitted.name].get(figure) else { continue };
                    let place = format!("{split}, {name}: {figure} of {} ({})", fitted.name, fitted.options);
                    assert!((found - expected).abs() < 5e-4, "{place} is {found:.5} instead of {expected:.5}");
                }
            }
        }
    }
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let dataset = dataset(None);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let fitted = baselines::fit(&dataset, Seen::Keep, &mut |_| Ok(())).unwrap();
            let ranked: Vec<Vec<RankedGroup>> =
                fitted.iter().map(|fitted| test_rows(&dataset, fitted, Seen::Keep)).collect();
            let chosen: Vec<(String, f64)> =
                fitted.iter().map(|fitted| (fitted.options.clone(), fitted.valid_ndcg_10)).collect();
            (chosen, ranked)
        })
    };
    assert!(on(1) == on(5), "another number of threads, other figures");
}
