//! What no shopper did, and what was reported more than once.

use proptest::prelude::*;
use slirec_connect::events::Source;
use slirec_connect::events::event::{Kind, Weights};

use crate::{Case, column, of_seconds, table};

fn source() -> Source {
    let mut table = of_seconds(table("user", "item", "time"));
    (table.kind, table.id) = (Some(column("kind")), Some(column("id")));
    Source::Table(table)
}

fn of_rows(rows: &[&str]) -> Case {
    Case::of_text(source(), format!("user,item,time,kind,id\n{}\n", rows.join("\n"))).without_catalog().lenient()
}

#[test]
fn an_event_that_comes_twice_counts_once() {
    let (lines, summary) = of_rows(&["u,a,100,view,1", "u,b,200,view,2", "u,a,100,view,1", "u,b,200,view,2"]).run();
    assert_eq!(lines, ["1\tu\ta\t100\tnone", "1\tu\tb\t200\tnone"]);
    assert_eq!(summary.totals.repeated, 2);
}

#[test]
fn events_without_an_id_are_never_repeated_ones() {
    let (lines, _) = of_rows(&["u,a,100,view,", "u,a,200,view,"]).run();
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_view_that_is_reported_twice_within_seconds_is_one_view() {
    let rows = [
        "u,a,100,view,1",
        "u,a,108,view,2",
        "u,a,118,view,3",
        "u,a,119,add_to_cart,4",
        "u,a,129,view,5",
        "v,a,101,view,6",
    ];
    let (lines, summary) = of_rows(&rows).run();
    let expected = ["1\tu\ta\t100\tnone", "1\tu\ta\t119\tnone\t3\tcart", "1\tu\ta\t129\tnone", "1\tv\ta\t101\tnone"];
    assert_eq!(lines, expected);
    assert_eq!(summary.totals.collapsed, 2);
}

#[test]
fn views_on_a_date_are_never_one_view_reported_twice() {
    for time in ["2026-11-02", "2026-11-02 00:00:00", "20261102", "02.11.2026"] {
        let mut dates = table("user", "item", "time");
        dates.kind = Some(column("kind"));
        let text = format!("user,item,time,kind\nu,a,{time},view\nu,a,{time},view\n");
        let (lines, summary) = Case::of_text(Source::Table(dates), text).without_catalog().run();
        assert_eq!((lines.len(), summary.totals.collapsed), (2, 0), "{time}");
    }
    let moments = "user,item,time,kind\nu,a,2026-11-02 09:15:00,view\nu,a,2026-11-02 09:15:03,view\n";
    let mut views = table("user", "item", "time");
    views.kind = Some(column("kind"));
    let mut case = Case::of_text(Source::Table(views), moments).without_catalog();
    assert_eq!(case.run().1.totals.collapsed, 1);
    (case.import.cleaning.collapse_seconds, case.import.replace) = (0.0, true);
    assert_eq!(case.run().0.len(), 2, "0 takes every view");
}

#[test]
fn equal_times_keep_the_order_of_files_and_rows_on_any_number_of_threads() {
    let row = |item: usize| format!("{{\"user\":\"u\",\"item\":\"i{item}\",\"time\":1793610900}}\n");
    // Several blocks of JSON lines, which several threads parse, in names that sort in another order.
    let items: Vec<usize> = (0..40_000).map(|number| number * 7919 % 40_000).collect();
    let (first, second) = items.split_at(30_000);
    let text = |items: &[usize]| items.iter().map(|item| row(*item)).collect::<String>();
    let mut case = Case::of_text(Source::Table(table("user", "item", "time")), text(first)).without_catalog();
    let other = case.folder.path().join("a second file");
    std::fs::write(&other, text(second)).unwrap();
    case.import.inputs.push(other);
    case.import.cleaning.most_daily_events = 0;
    let (lines, _) = case.run();
    let found: Vec<usize> =
        lines.iter().map(|line| line.split('\t').nth(2).unwrap().trim_start_matches('i').parse().unwrap()).collect();
    assert_eq!(found, items);
}

#[test]
fn a_user_with_too_many_events_on_a_day_is_left_out_whole() {
    let mut case = of_rows(&[
        "robot,a,100,view,1",
        "robot,b,200,view,2",
        "robot,c,300,view,3",
        "robot,d,200000,view,4",
        "shopper,a,86390,view,5",
        "shopper,b,86410,view,6",
        "shopper,c,86420,view,7",
    ]);
    case.import.cleaning.most_daily_events = 2;
    let (lines, summary) = case.run();
    assert!(lines.iter().all(|line| line.starts_with("1\tshopper\t")), "{lines:?}");
    assert_eq!((lines.len(), summary.totals.robots, summary.totals.robot_events), (3, 1, 4));
}

#[test]
fn weights_decide_what_counts_and_how_much() {
    let mut case = of_rows(&["u,a,100,view,1", "u,a,200,cart,2", "u,a,300,purchase,3", "u,a,400,dance,4"]);
    let mut weights = Weights::default();
    weights.set(Kind::View, 0);
    weights.set(Kind::Transaction, 9);
    case.import.meaning.weights = weights;
    let (lines, summary) = case.run();
    assert_eq!(lines, ["1\tu\ta\t200\tnone\t3\tcart", "1\tu\ta\t300\tnone\t9\tpurchase"]);
    assert_eq!((summary.counts.ignored["view"], summary.unknown_kinds()), (1, vec![("dance", 1)]));
}

#[test]
fn an_import_without_any_interaction_says_why_and_leaves_no_file() {
    let message = of_rows(&["u,a,100,refund,1", ",a,100,view,2"]).failure().to_string();
    assert!(message.starts_with("found no interactions"), "{message}");
    assert!(message.contains("no user 1, refund 1"), "{message}");
}

#[test]
fn an_existing_output_is_replaced_only_on_request() {
    let mut case = of_rows(&["u,a,100,view,1"]);
    std::fs::write(&case.import.output, "precious").unwrap();
    let message = case.import.run(&mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("exists already"), "{message}");
    assert_eq!(std::fs::read_to_string(&case.import.output).unwrap(), "precious");
    case.import.replace = true;
    assert_eq!(case.run().0.len(), 1);
}

#[test]
fn a_name_that_the_file_could_not_hold_makes_its_row_a_bad_one() {
    let (lines, summary) = of_rows(&["u,a,100,view,1", "\"u\tv\",a,100,view,2"]).run();
    assert_eq!(lines.len(), 1);
    let problems: Vec<&str> = summary.counts.bad_sample.iter().map(|row| row.problem.as_str()).collect();
    assert_eq!(problems, ["user is \"u\\tv\": expected no tabs, line ends or other control characters"]);
}

#[test]
fn a_name_with_a_comma_is_a_name_like_any_other() {
    let (lines, summary) = of_rows(&["u,\"Crosby, Stills & Nash\",100,view,1"]).run();
    assert_eq!((lines.len(), summary.counts.bad_rows), (1, 0));
    assert!(lines[0].starts_with("1\tu\tCrosby, Stills & Nash\t100\t"), "{lines:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_order_of_the_input_decides_among_equal_times_alone(
        events in prop::collection::vec((0_u32..5, 0_u32..6, 0_u32..50, 0_u32..60), 1..120),
    ) {
        let rows: Vec<String> =
            events.iter().map(|(user, item, time, id)| format!("u{user},i{item},{time},cart,{id}")).collect();
        let (lines, summary) = of_rows(&rows.iter().map(String::as_str).collect::<Vec<_>>()).run();
        let mut seen = std::collections::HashSet::new();
        let mut expected: Vec<_> = events.iter().filter(|(user, item, _, id)| seen.insert((*user, *id, *item))).collect();
        // A stable sort: what stands first in the file stays first.
        expected.sort_by_key(|(user, _, time, _)| (*user, *time));
        let expected: Vec<String> =
            expected.iter().map(|(user, item, time, _)| format!("1\tu{user}\ti{item}\t{time}\tnone\t3\tcart")).collect();
        // Which of repeated events counts, their time of receipt decides: only runs without any are compared whole.
        if seen.len() == events.len() {
            prop_assert_eq!(&lines, &expected);
        }
        prop_assert_eq!(summary.totals.interactions + summary.totals.repeated, events.len() as u64);
        prop_assert_eq!(summary.totals.interactions, seen.len() as u64);
    }
}
