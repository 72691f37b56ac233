//! What shoppers did on its way from events to the counts of a bundle.

use slirec_core::activity::Repeats;
use slirec_core::bundle::Bundle;
use slirec_core::event::Event;

use crate::companion::Folder;

/// Twelve shoppers who look at three products on three days, and buy two of them together on the second and third.
fn events() -> String {
    let mut lines = String::from("user,item,time,event,category\n");
    for user in 0..12 {
        for day in 0..3 {
            let time = |seconds: usize| 1_700_000_000 + 86_400 * day + seconds;
            for (place, item) in ["mug", "tea", "pot"].into_iter().enumerate() {
                lines.push_str(&format!("u{user},{item},{},view,Kitchen\n", time(100 * place)));
            }
            if day > 0 {
                lines.push_str(&format!("u{user},mug,{0},cart,Kitchen\nu{user},mug,{0},purchase,Kitchen\n", time(900)));
                lines.push_str(&format!("u{user},tea,{},purchase,Kitchen\n", time(900)));
            }
        }
    }
    lines
}

const PREPARE: [&str; 9] = [
    "prepare",
    "--interactions",
    "events.tsv",
    "--output",
    "dataset",
    "--valid-negatives",
    "1",
    "--test-negatives",
    "1",
];
const TRAIN: [&str; 7] = ["train", "--dataset", "dataset", "--hyperparameters", "small.toml", "--output", "run"];
const EXPORT: [&str; 7] = ["export", "--run", "run", "--dataset", "dataset", "--output", "bundle"];

fn imported() -> Folder {
    let folder = Folder::new();
    folder.write("events.csv", events());
    let columns = ["--user", "user", "--item", "item", "--time", "time", "--kind", "event", "--category", "category"];
    folder.succeed(
        &[&["interactions", "import", "table", "events.csv", "--output", "events.tsv"], &columns[..]].concat(),
    );
    folder
}

#[test]
fn kinds_of_events_go_from_the_import_into_the_counts_of_a_bundle() {
    let folder = imported();
    let lines = folder.read("events.tsv");
    assert!(lines.contains("\tmug\t1700087300\tKitchen\t3\tcart\n"), "{lines}");
    assert!(lines.contains("\ttea\t1700087300\tKitchen\t5\tpurchase\n"), "{lines}");
    assert!(lines.contains("\ttea\t1700000100\tKitchen\n"), "{lines}");
    let prepared = folder.succeed(&PREPARE);
    assert!(prepared.contains("events: 108 views, 24 into carts, 48 purchases"), "{prepared}");
    for inspected in ["events.tsv", "dataset"] {
        let shown = folder.succeed(&["inspect", inspected]);
        assert!(shown.contains("108 views, 24 into carts, 48 purchases"), "{shown}");
    }
    folder.succeed(&TRAIN);
    folder.succeed(&EXPORT);
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let activity = bundle.activity.unwrap();
    assert_eq!((activity.baskets_of, activity.baskets), (Event::Purchase, 24));
    let of = |handle: &str| {
        let id = bundle.vocabulary.item_id(handle);
        (id, activity.products.iter().find(|product| product.id == id).unwrap())
    };
    let ((mug, of_mug), (tea, of_tea), (_, of_pot)) = (of("mug"), of("tea"), of("pot"));
    assert_eq!((of_mug.baskets, &of_mug.together, &of_tea.together), (24, &vec![(tea, 24)], &vec![(mug, 24)]));
    assert_eq!(of_mug.again, Some(Repeats { buyers: 12, repeaters: 12, interval: Some(86_400.0) }));
    assert_eq!((of_pot.baskets, of_pot.again), (0, None));
    // 36 views, 24 times into carts at 3 each and 24 purchases at 5 each.
    assert_eq!((of_mug.demand[3], of_pot.demand[3]), (228.0, 36.0));
    assert!(of_pot.demand[0] < of_pot.demand[1] && of_pot.demand[1] < of_pot.demand[2], "{of_pot:?}");
    let inspected = folder.succeed(&["inspect", "bundle"]);
    assert!(inspected.contains("activity.json") && inspected.contains("24 baskets of purchases"), "{inspected}");
}

#[test]
fn kinds_of_events_change_nothing_about_the_training_and_files_without_them_stay_as_they_were() {
    let folder = imported();
    let trained = |folder: &Folder| {
        folder.succeed(&[&PREPARE[..], &["--force"]].concat());
        folder.succeed(&[&TRAIN[..], &["--epochs", "1", "--force"]].concat());
        std::fs::read(folder.path("run/best.safetensors")).unwrap()
    };
    let with_kinds = trained(&folder);
    let with = std::fs::read(folder.path("dataset/interactions.safetensors")).unwrap();
    let plain = folder.read("events.tsv").replace("\tcart\n", "\n").replace("\tpurchase\n", "\n");
    folder.write("events.tsv", plain);
    assert!(trained(&folder) == with_kinds, "the weights differ");
    let without = std::fs::read(folder.path("dataset/interactions.safetensors")).unwrap();
    let column = b"\"events\"";
    let has = |bytes: &[u8]| bytes.windows(column.len()).any(|part| part == column);
    assert!(has(&with) && !has(&without));
    assert!(!folder.read("dataset/manifest.json").contains("events"));
}

#[test]
fn orders_without_kinds_are_purchases_where_preparing_is_told_so_and_views_stand_in_otherwise() {
    let folder = imported();
    let plain = folder.read("events.tsv").replace("\tcart\n", "\n").replace("\tpurchase\n", "\n");
    folder.write("events.tsv", plain);
    let baskets = |more: &[&str]| {
        folder.succeed(&[&PREPARE[..], &["--force"], more].concat());
        folder.succeed(&[&TRAIN[..], &["--epochs", "1", "--force"]].concat());
        folder.succeed(&[&EXPORT[..], &["--force"]].concat());
        let activity = Bundle::read(&folder.path("bundle")).unwrap().activity.unwrap();
        let repeats = activity.products.iter().filter(|product| product.again.is_some()).count();
        (activity.baskets_of, activity.baskets, repeats)
    };
    assert_eq!(baskets(&[]), (Event::View, 36, 0));
    assert_eq!(baskets(&["--event", "purchase"]), (Event::Purchase, 36, 3));
}

#[test]
fn next_baskets_are_found_by_what_was_bought_before_and_beside_them() {
    let folder = imported();
    folder.succeed(&PREPARE);
    let report = folder.json(&["evaluate", "--baskets", "--dataset", "dataset"]);
    // On the second day everybody bought what everybody bought on the third.
    assert_eq!((&report["baskets_of"], &report["users"]), (&"purchase".into(), &12.into()));
    let repeats = &report["kinds"][0];
    assert_eq!((&repeats["name"], &repeats["users"]), (&"repeats".into(), &12.into()));
    let recalls = repeats["recall_10"].as_array().unwrap();
    assert!(recalls.iter().all(|recall| recall["recall"] == 1.0), "{report}");
    assert_eq!(report["kinds"][1]["users"], 0);
    let table = folder.succeed(&["evaluate", "--baskets", "--dataset", "dataset"]);
    assert!(table.contains("buy again") && table.lines().all(|line| line.chars().count() <= 120), "{table}");
    assert!(folder.misuse(&["evaluate", "--baskets", "--run", "run", "--dataset", "dataset"]).contains("--baskets"));
    assert!(folder.misuse(&["evaluate", "--baskets"]).contains("--dataset"));
    for unused in [["--all", "--json"], ["--most-rows", "9"], ["--seed", "9"], ["--seen", "remove"]] {
        let refused = folder.misuse(&[&["evaluate", "--baskets", "--dataset", "dataset"], &unused[..]].concat());
        assert!(refused.contains(unused[0]), "{refused}");
    }
}
