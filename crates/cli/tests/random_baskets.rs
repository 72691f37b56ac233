//! Baskets without any pattern, through import and prepare: the order among equal times is the file's, and so no way of
//! counting finds what is not there.

#![cfg(test)]

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use slirec_train::dataset::Dataset;

const USERS: usize = 600;
const BASKETS: usize = 4;
const BASKET: usize = 5;
const ITEMS: usize = 200;
const NOW: usize = 1_793_610_900;

/// A small generator of numbers that look random (xorshift), so that a seed gives one file.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// The items of each user in the order of the file; times are equal within a basket.
fn baskets(seed: u64) -> Vec<Vec<usize>> {
    let mut numbers = Numbers(seed | 1);
    (0..USERS).map(|_| (0..BASKETS * BASKET).map(|_| numbers.below(ITEMS)).collect()).collect()
}

fn slirec(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_slirec")).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The dataset of a file in which the baskets of all users are mixed, each whole.
fn prepared(folder: &Path, baskets: &[Vec<usize>]) -> Dataset {
    let mut text = String::from("user,item,time\n");
    for basket in 0..BASKETS {
        for (user, items) in baskets.iter().enumerate() {
            for item in &items[basket * BASKET..(basket + 1) * BASKET] {
                writeln!(text, "u{user:03},i{item:03},{}", NOW + basket * 86_400).unwrap();
            }
        }
    }
    fs::write(folder.join("baskets.csv"), text).unwrap();
    let table =
        ["--user", "user", "--item", "item", "--time", "time", "--now", "2026-11-29", "--output", "interactions.tsv"];
    slirec(folder, &[&["interactions", "import", "table", "baskets.csv"][..], &table].concat());
    slirec(folder, &["prepare", "--interactions", "interactions.tsv", "--output", "dataset"]);
    Dataset::read(&folder.join("dataset")).unwrap()
}

/// Item ids user by user, in the order of the dataset.
fn sequences(dataset: &Dataset) -> Vec<Vec<u32>> {
    dataset.users().map(|rows| rows.map(|row| dataset.interaction(row).unwrap().0).collect()).collect()
}

/// Share of hits among the first ten of all items, and mean AUC, of the last item of every user.
fn measured(sequences: &[Vec<u32>], score: impl Fn(&[u32], u32) -> f64) -> (f64, f64) {
    let (mut hits, mut areas) = (0.0, 0.0);
    for items in sequences {
        let (positive, history) = items.split_last().unwrap();
        let own = score(history, *positive);
        let others = (1..=ITEMS as u32).filter(|item| item != positive).map(|item| score(history, item));
        let (above, equal) = others.fold((0.0, 0.0), |(above, equal), other| {
            (above + f64::from(u8::from(other > own)), equal + f64::from(u8::from(other == own)))
        });
        let rank: f64 = above + equal / 2.0;
        hits += f64::from(u8::from(rank < 10.0));
        areas += 1.0 - rank / (ITEMS - 1) as f64;
    }
    (hits / sequences.len() as f64, areas / sequences.len() as f64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn on_random_baskets_the_order_is_the_file_s_and_no_counter_beats_chance(seed in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let baskets = baskets(seed);
        let dataset = prepared(folder.path(), &baskets);
        let sequences = sequences(&dataset);
        let ids = |item: &usize| dataset.vocabulary.item_id(&format!("i{item:03}"));
        let expected: Vec<Vec<u32>> = baskets.iter().map(|items| items.iter().map(ids).collect()).collect();
        prop_assert_eq!(&sequences, &expected);

        let mut popular: HashMap<u32, f64> = HashMap::new();
        let mut following: HashMap<(u32, u32), f64> = HashMap::new();
        for items in dataset.train_sequences() {
            items.iter().for_each(|item| *popular.entry(*item).or_default() += 1.0);
            for pair in items.windows(2) {
                *following.entry((pair[0], pair[1])).or_default() += 1.0;
            }
        }
        let popularity = |_: &[u32], item: u32| popular.get(&item).copied().unwrap_or_default();
        let co_occurrence = |history: &[u32], item: u32| {
            let last = *history.last().unwrap();
            following.get(&(last, item)).copied().unwrap_or_default() + popularity(history, item) / 1e6
        };
        // Where ties are in order of the names, the next item is the next name: AUC is 0.7 then.
        let next_name = |history: &[u32], item: u32| {
            let name = |id: u32| dataset.vocabulary.items().get(id as usize - 1).map(|item| item.handle.clone());
            f64::from(u8::from(name(item) > name(*history.last().unwrap())))
        };
        for (hit_rate, area) in
            [measured(&sequences, popularity), measured(&sequences, co_occurrence), measured(&sequences, next_name)]
        {
            // Chance is 0.05 and 0.5; five standard errors of 600 rows are 0.045 and 0.06.
            prop_assert!(hit_rate < 0.05 + 0.045, "hit rate {hit_rate}");
            prop_assert!((area - 0.5).abs() < 0.06, "AUC {area}");
        }
    }
}

#[test]
fn on_random_baskets_the_trained_network_does_not_beat_chance_either() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path(), &baskets(20_261_130));
    slirec(folder.path(), &["train", "--dataset", "dataset", "--epochs", "2", "--output", "run"]);
    let report = slirec(folder.path(), &["evaluate", "--run", "run", "--dataset", "dataset", "--all", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["groups"], USERS);
    let measured = report["measured"].as_array().unwrap();
    assert_eq!(measured.len(), 10, "the network and the baselines");
    for measured in measured {
        let hit_rate = measured["ranking"]["hr@10"].as_f64().unwrap();
        assert!(hit_rate < 0.05 + 0.045, "{}: {hit_rate}", measured["name"]);
    }
    let area = measured[0]["sampled"]["auc"].as_f64().unwrap();
    assert!(area < 0.5 + 0.06, "{area}");
}
