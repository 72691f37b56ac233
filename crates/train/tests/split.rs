//! A cut in time: interactions are prepared with it, and nothing that training counts comes from behind it.

#![cfg(test)]

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::dataset::{Dataset, DatasetError, Division, Split};

fn prepared(folder: &Path, interactions: &str, keep_order: bool) -> Result<Dataset, DatasetError> {
    let file = folder.join("interactions.tsv");
    std::fs::write(&file, interactions).unwrap();
    let options = PrepareOptions {
        time_share: Some(0.5),
        keep_order,
        replace: true,
        ..PrepareOptions::new(file, folder.join("dataset"))
    };
    prepare(&options, &mut |_, _| {})?;
    Dataset::read(&folder.join("dataset"))
}

/// Lines of users with items and times.
fn lines(users: &[(&str, &[(&str, u32)])]) -> String {
    let mut text = String::new();
    for (user, views) in users {
        for (item, time) in *views {
            writeln!(text, "1\t{user}\t{item}\t{time}\tall").unwrap();
        }
    }
    text
}

#[test]
fn everything_before_one_moment_is_known_and_nothing_after_it() {
    let folder = tempfile::tempdir().unwrap();
    // The moment lies between 45 and 50: half of the 12 times are before it.
    let text = lines(&[
        ("anna", &[("mug", 10), ("pan", 20), ("pot", 30), ("mug", 45), ("jar", 50), ("jar", 60)]),
        ("bert", &[("pan", 40), ("mug", 42), ("lid", 70)]),
        ("carl", &[("new", 60), ("new", 80), ("new", 90)]),
    ]);
    let dataset = prepared(folder.path(), &text, false).unwrap();
    assert_eq!(dataset.manifest.split, Division::Time { share: 0.5, cut: 47.5 });
    // Carl has nothing before the moment.
    assert_eq!(dataset.users().len(), 2);
    let counted: HashMap<&str, u64> =
        dataset.vocabulary.items().iter().map(|item| (item.handle.as_str(), item.interactions)).collect();
    assert_eq!(counted, HashMap::from([("mug", 1), ("pan", 2), ("pot", 1)]));
    assert_eq!([0, 1, 7].map(|user| dataset.train_range(user)), [0..3, 6..7, 0..0]);
    assert_eq!(dataset.train_sequences().map(<[u32]>::len).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(dataset.train_rows(), [1, 2]);
    assert_eq!((dataset.manifest.rows.train, dataset.manifest.rows.valid, dataset.manifest.rows.test), (2, 2, 2));

    let known = |split| -> Vec<(f64, usize)> {
        dataset.groups(split, 9).unwrap().iter().map(|group| (group.now, group.history_length())).collect()
    };
    assert_eq!(known(Split::Valid), [(45.0, 3), (42.0, 1)]);
    assert_eq!(known(Split::Test), [(50.0, 4), (70.0, 2)]);
    let test = dataset.groups(Split::Test, 9).unwrap();
    assert!(test.iter().all(|group| !group.seen()), "jar and lid come after the moment only");
    assert!(test.iter().all(|group| group.candidates[1].item != 0), "negatives are items that training has seen");
    assert_eq!((test[0].user, test[1].user, &test[1].history_times[..]), (0, 1, &[40.0, 42.0][..]));
}

#[test]
fn a_cut_in_time_needs_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let error = prepared(folder.path(), &lines(&[("anna", &[("mug", 10)])]), true).unwrap_err().to_string();
    assert!(error.contains("cannot be divided by time in the file's order"), "{error}");
}
