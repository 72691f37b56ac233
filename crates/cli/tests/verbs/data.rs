//! What a person must know of the data: `prepare`, `train` and `evaluate` say it, with counts, and keep it.

use serde_json::Value;

use crate::companion::Folder;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases");

/// Runs to success; answers standard output and standard error.
fn told(folder: &Folder, arguments: &[&str]) -> (String, String) {
    let output = folder.run(arguments);
    let (told, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "slirec {}: {warned}", arguments.join(" "));
    (told, warned)
}

fn prepare<'a>(interactions: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["prepare", "--interactions", interactions, "--output", "dataset", "--force"], more].concat()
}

fn manifest(folder: &Folder) -> Value {
    serde_json::from_str(&folder.read("dataset/manifest.json")).unwrap()
}

/// Rows read are the interactions and each named reason for leaving one out.
fn assert_counts_add_up(manifest: &Value) {
    let number = |value: &Value| value.as_u64().unwrap();
    let found = &manifest["findings"];
    let parts = [&manifest["interactions"], &manifest["skipped_lines"], &found["short_user_interactions"]];
    assert_eq!(number(&found["rows_read"]), parts.into_iter().map(number).sum::<u64>(), "{manifest}");
}

#[test]
fn items_never_seen_in_training_are_counted_and_never_found() {
    let folder = Folder::new();
    let (summary, warned) = told(&folder, &prepare(&format!("{CASES}/g02_cold.tsv"), &[]));
    let unseen = "100 of 100 (100.0 %) test rows have an item that was never seen in training";
    assert!(summary.contains("read: 600 rows = 600 interactions + 0 bad lines"), "{summary}");
    assert!(warned.contains(&format!("warning: {unseen}: every metric counts them as not found")), "{warned}");
    assert_eq!(manifest(&folder)["findings"]["unseen_test_rows"], 100);
    assert_counts_add_up(&manifest(&folder));

    let train =
        ["train", "--dataset", "dataset", "--hyperparameters", "small.toml", "--epochs", "1", "--output", "run"];
    let (table, warned) = told(&folder, &train);
    assert!(warned.contains(unseen), "{warned}");
    assert!(table.contains("100 of them have an item that was never seen in training"), "{table}");
    let run: Value = serde_json::from_str(&folder.read("run/run.json")).unwrap();
    assert_eq!(run["findings"], manifest(&folder)["findings"]);

    let evaluate = ["evaluate", "--run", "run", "--dataset", "dataset"];
    let (table, warned) = told(&folder, &evaluate);
    assert!(table.contains("100 of them have an item that was never seen in training"), "{table}");
    assert!(warned.contains("warning: 100 of 100 measured rows (100.0 %)"), "{warned}");
    let report = folder.json(&evaluate);
    assert_eq!((&report["unseen"], &report["rows"]), (&100.into(), &100.into()));
    for measured in report["measured"].as_array().unwrap() {
        assert!(["hr@10", "ndcg@10", "mrr"].iter().all(|metric| measured["ranking"][metric] == 0.0), "{measured}");
    }
    let sampled = &report["measured"][0]["sampled"];
    let metrics = ["auc", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"];
    assert!(metrics.iter().all(|metric| sampled[metric] == 0.0), "{sampled}");
}

#[test]
fn users_too_short_to_train_on_are_counted_and_can_be_left_out() {
    let folder = Folder::new();
    let file = format!("{CASES}/g03_short.tsv");
    let (_, warned) = told(&folder, &prepare(&file, &[]));
    let expected = "warning: 900 of 1000 (90.0 %) users with 1200 of 2000 (60.0 %) interactions give no training row";
    assert!(warned.contains(expected), "{warned}");
    let all = manifest(&folder);
    assert_eq!(all["findings"]["users_without_training_rows"], 900);
    assert_counts_add_up(&all);

    let (summary, warned) = told(&folder, &prepare(&file, &["--min-interactions", "4"]));
    let read = "read: 2000 rows = 800 interactions + 0 bad lines + 1200 of 900 users with fewer than 4 interactions";
    assert!(summary.contains(read), "{summary}");
    assert!(!warned.contains("give no training row"), "{warned}");
    let kept = manifest(&folder);
    assert_eq!((&kept["users"], &kept["rows"]["train"]), (&100.into(), &all["rows"]["train"]));
    assert_eq!(folder.read("dataset/users.txt").lines().count(), 100);
    assert_counts_add_up(&kept);
    assert!(folder.fail(&prepare(&file, &["--min-interactions", "100"])).contains("no training rows"));
}

/// Baskets of three products at one time, for 20 users.
fn baskets() -> String {
    let line = |user: usize, basket: usize, place: usize| {
        format!("1\tu{user}\ti{}\t{}\tc\n", (user * 7 + basket * 5 + place * 3) % 23, 1_700_000_000 + basket * 86_400)
    };
    let places = (0..20).flat_map(|user| (0..4).flat_map(move |basket| (0..3).map(move |place| (user, basket, place))));
    places.map(|(user, basket, place)| line(user, basket, place)).collect()
}

#[test]
fn equal_times_and_repeated_interactions_are_counted() {
    let folder = Folder::new();
    folder.write("baskets.tsv", format!("{}1\tu0\ti0\t1700000000\tc\n", baskets()));
    let (summary, warned) = told(&folder, &prepare("baskets.tsv", &[]));
    assert!(summary.contains("times: 2023-11-14T22:13:20Z to 2023-11-17T22:13:20Z (3.0 days)"), "{summary}");
    let equal =
        "20 of 20 (100.0 %) test rows have the same time as the view before: the order among equal times is the file's";
    assert!(warned.contains(&format!("warning: {equal}")), "{warned}");
    assert!(warned.contains("warning: 1 of 241 (0.4 %) interactions repeat another one"), "{warned}");
    let found = &manifest(&folder)["findings"];
    assert_eq!((&found["duplicates"], &found["equal_time_test_rows"]), (&1.into(), &20.into()));
    folder.succeed(&[
        "train",
        "--dataset",
        "dataset",
        "--hyperparameters",
        "small.toml",
        "--epochs",
        "1",
        "--output",
        "run",
    ]);
    let (_, warned) = told(&folder, &["evaluate", "--run", "run", "--dataset", "dataset"]);
    assert!(warned.contains(equal), "{warned}");
    // The file's own order was asked for: there is nothing to warn of.
    let (_, warned) = told(&folder, &prepare("baskets.tsv", &["--keep-order"]));
    assert!(!warned.contains("same time") && warned.contains("1 of 241 (0.4 %) interactions repeat"), "{warned}");
}

#[test]
fn times_that_are_no_dates_are_warned_of() {
    let folder = Folder::new();
    let order_numbers: String =
        (0..80).map(|step| format!("1\tu{}\ti{}\t{}\tc\n", step % 8, step * 7 % 23, step + 1)).collect();
    folder.write("orders.tsv", &order_numbers);
    let (_, warned) = told(&folder, &prepare("orders.tsv", &[]));
    assert!(warned.contains("warning: 80 of 80 (100.0 %) interactions lie before 1995"), "{warned}");
    folder.write("far.tsv", order_numbers.replace("\tc\n", "000000\tc\n").replace("\t8000000", "\t98000000000"));
    let (_, warned) = told(&folder, &prepare("far.tsv", &[]));
    assert!(warned.contains("warning: the last interaction lies in the future"), "{warned}");
    folder.write("one.tsv", baskets().replace("1700086400", "1700000000").replace("1700172800", "1700000000"));
    let one_time = folder.read("one.tsv").replace("1700259200", "1700000000");
    folder.write("one.tsv", one_time);
    let (_, warned) = told(&folder, &prepare("one.tsv", &[]));
    assert!(warned.contains("warning: all interactions have the time 1700000000"), "{warned}");
}

#[test]
fn evaluation_measures_a_sample_says_so_and_measures_all_on_request() {
    let folder = Folder::after(&["generate", "prepare", "train"]);
    let evaluate = ["evaluate", "--run", "run", "--dataset", "dataset"];
    let sampled = [&evaluate[..], &["--most-rows", "5", "--seed", "7"]].concat();
    let (table, said) = told(&folder, &sampled);
    assert!(table.contains("5 groups of test") && table.contains("a sample of 12 rows, drawn with seed 7"), "{table}");
    assert!(said.contains("measuring 5 of 12 test rows, drawn with seed 7; --all measures every row"), "{said}");
    assert_eq!(folder.json(&sampled), folder.json(&sampled));
    let all = folder.json(&[&evaluate[..], &["--all"]].concat());
    assert_eq!((&all["groups"], &all["rows"], &all["sample_seed"]), (&12.into(), &12.into(), &Value::Null));
    assert!(folder.misuse(&[&sampled[..], &["--all"]].concat()).contains("--all"));
}

#[test]
fn names_with_commas_go_all_the_way_and_are_escaped_in_the_original_s_files() {
    let folder = Folder::new();
    folder.write(
        "bands.tsv",
        baskets().replace("\ti", "\tCrosby, Stills & Nash 100%2C ").replace("\tc\n", "\tFolk, Rock\n"),
    );
    told(&folder, &prepare("bands.tsv", &["--export-original", "original"]));
    let expanded = folder.read("original/negative_sampled_test_data");
    let columns: Vec<&str> = expanded.lines().next().unwrap().split('\t').collect();
    assert!(columns[2].starts_with("Crosby%2C Stills & Nash 100%252C "), "{columns:?}");
    assert_eq!(columns[5].split(',').count(), columns[7].split(',').count(), "{columns:?}");
    folder.succeed(&[
        "train",
        "--dataset",
        "dataset",
        "--hyperparameters",
        "small.toml",
        "--epochs",
        "1",
        "--output",
        "run",
    ]);
    let evaluate = ["evaluate", "--run", "run", "--dataset", "dataset"];
    let of_file = [&evaluate[..], &["--file", "original/negative_sampled_test_data"]].concat();
    assert_eq!(folder.json(&evaluate)["measured"], folder.json(&of_file)["measured"]);
}
