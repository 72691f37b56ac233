//! Files in the forms that real programs write, with invented content: public data sets, exports, what pandas and
//! warehouses make of them. `tests/fixtures/cases` holds them.

use std::path::{Path, PathBuf};

use slirec_connect::events::kinds::KindNames;
use slirec_connect::events::snowplow::Snowplow;
use slirec_connect::events::table::{Order, Quote, Table};
use slirec_connect::events::{Source, Summary};

use crate::{Case, column, table};

pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases").join(name)
}

pub(super) fn case(table: Table, name: &str) -> Case {
    Case::new(Source::Table(table), &[path(name)]).without_catalog()
}

pub(super) fn read(table: Table, name: &str) -> (Vec<String>, Summary) {
    case(table, name).run()
}

fn numbered(user: &str, item: &str, time: &str) -> Table {
    Table { header: false, ..table(user, item, time) }
}

#[test]
fn a06_columns_between_spaces() {
    let (lines, _) = read(numbered("1", "2", "4"), "a06_space/ratings.txt");
    assert_eq!(lines.len(), 16);
    assert_eq!(lines[0], "1\t1\t100\t978301000\tnone");
}

#[test]
fn b05_kinds_of_taobao_are_known_and_may_be_mapped() {
    let mut kinds = numbered("1", "2", "5");
    (kinds.category, kinds.kind) = (Some(column("3")), Some(column("4")));
    let (lines, summary) = read(kinds.clone(), "b05_taobao/UserBehavior.csv");
    // As in the real file, some times are negative, far or small numbers.
    let counts = &summary.counts;
    assert_eq!((counts.bad_rows, counts.early.count, counts.late.count), (1, 1, 1));
    let taken: Vec<&str> = summary.counts.taken.keys().copied().collect();
    assert_eq!(taken, ["add_to_cart", "favourite", "transaction", "view"]);
    assert!(lines.contains(&"1\t1\t3830808\t1511544470\t2520381\t5\tpurchase".to_owned()), "{lines:?}");
    let names = ["pv=view", "buy=purchase", "cart=cart", "fav=ignore"];
    kinds.kinds = KindNames::new(names.map(|name| name.parse().unwrap()));
    let (_, mapped) = read(kinds, "b05_taobao/UserBehavior.csv");
    assert_eq!(mapped.counts.ignored["fav"], summary.counts.taken["favourite"]);
}

#[test]
fn b07_orders_with_dates_are_never_collapsed() {
    let (lines, summary) = read(table("customer_id", "article_id", "t_dat"), "b07_hm/transactions_train.csv");
    assert_eq!((lines.len(), summary.totals.collapsed), (10, 0));
    // Even if rows were views: two on one date are no view that was reported twice.
    let asked = Table { collapse: true, ..table("customer_id", "article_id", "t_dat") };
    assert_eq!(read(asked, "b07_hm/transactions_train.csv").1.totals.collapsed, 0);
}

#[test]
fn b08_numbers_of_orders_are_refused_as_times_and_accepted_as_an_order() {
    let message =
        case(table("user_id", "product_id", "order_number"), "b08_instacart/order_products.csv").failure().to_string();
    assert!(message.contains("lie before 1995") && message.contains("--order"), "{message}");
    let order =
        Table { order: Order::Ordinal(column("order_number")), ..table("user_id", "product_id", "order_number") };
    let (lines, summary) = read(order, "b08_instacart/order_products.csv");
    assert_eq!((lines.len(), summary.totals.collapsed), (36, 0));
    let first: Vec<&str> = lines[..4].iter().map(|line| line.split('\t').nth(2).unwrap()).collect();
    assert_eq!(first, ["196", "14084", "12427", "196"], "the order within a basket is the file's");
}

#[test]
fn b09_lists_within_sessions_are_unnested() {
    let mut otto = table("session", "events[].aid", "events[].ts");
    otto.kind = Some(column("events[].type"));
    let (lines, summary) = read(otto, "b09_otto/test.jsonl");
    assert_eq!((summary.counts.rows, summary.counts.further, lines.len()), (2, 6, 8));
    assert_eq!(lines[3], "1\t11098528\t571762\t1661724003.278\tnone\t5\tpurchase");
    let message = case(table("session", "events", "events[].ts"), "b09_otto/test.jsonl").failure().to_string();
    assert!(message.contains("column `events` holds a list: name its elements, such as `events[]`"), "{message}");
}

#[test]
fn b12_names_with_commas_and_quotes_are_items() {
    let (lines, summary) =
        read(numbered("1", "4", "2"), "b12_lastfm1k/userid-timestamp-artid-artname-traid-traname.tsv");
    assert_eq!(summary.counts.bad_rows, 0);
    let items: Vec<&str> = lines[..5].iter().map(|line| line.split('\t').nth(2).unwrap()).collect();
    assert_eq!(items, ["Sigur Rós", "AC/DC", "Crosby, Stills, Nash & Young", "\"Weird Al\" Yankovic", "Deep Dish"]);
}

#[test]
fn b16_exports_of_analytics_in_microseconds_and_nanoseconds() {
    let mut ga4 = table("user_pseudo_id", "items[].item_id", "event_timestamp");
    (ga4.kind, ga4.category) = (Some(column("event_name")), Some(column("items[].item_category")));
    let (lines, summary) = read(ga4, "b16_ga4/events_20201101.json");
    assert!(lines.contains(&"1\t1026454.4271112504\tGGOEGAEB\t1604195494\tApparel\t3\tcart".to_owned()), "{lines:?}");
    assert_eq!(summary.counts.bad_rows, 0);
    let mut flat = table("user_pseudo_id", "item_id", "event_timestamp");
    flat.kind = Some(column("event_name"));
    let (lines, _) = read(flat, "b16_ga4/flat_micros.csv");
    assert_eq!((lines.len(), lines[0].as_str()), (8, "1\t1026454.4271112504\tA\t1604195374\tnone"));
    let (lines, _) = read(table("user", "item", "ts"), "b16_ga4/flat_nanos.csv");
    assert_eq!((lines.len(), lines[1].as_str()), (8, "1\ta\ti1\t1700000060\tnone"));
}

#[test]
fn b18_dates_of_a_column_without_one_form() {
    let (lines, _) = read(table("UserId", "ItemId", "Timestamp"), "b18_gorse/feedback_ok.csv");
    assert_eq!(lines.len(), 8);
    let mut mixed = table("user_id", "item_id", "time_stamp");
    mixed.kind = Some(column("feedback_type"));
    let (lines, summary) = read(mixed, "b18_gorse/feedback.csv");
    // 29-01-2021 tells that 05-10-2020 is the fifth of October; 81 seconds are told as a time before 1995.
    assert!(lines.contains(&"1\t3420\t186754\t1601868660\tnone\t3".to_owned()), "{lines:?}");
    assert_eq!((summary.counts.bad_rows, summary.counts.early.count), (1, 1));
    assert!(summary.counts.bad_sample[0].problem.contains("`01:21.7` is no time"), "{summary}");
}

#[test]
fn b20_what_pandas_writes_for_missing_values_and_ids() {
    let (lines, summary) = read(table("user_id", "item_id", "ts"), "b20_pandas/df.csv");
    assert_eq!(lines[0], "1\t1\t10\t1700000000\tnone");
    assert_eq!(summary.counts.ignored["no user"], 1);
    let warnings = summary.warnings().join("\n");
    assert!(warnings.contains("ids were read as whole numbers, the first in row 2: `1.0` as `1`"), "{warnings}");
    let (lines, summary) = read(table("user_id", "item_id", "ts"), "b20_pandas/na.csv");
    let users: std::collections::BTreeSet<&str> = lines.iter().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(users.into_iter().collect::<Vec<_>>(), ["00000000-0000-0000-0000-000000000000", "1", "anonymous"]);
    assert_eq!(summary.counts.ignored["no user"], 36);
}

#[test]
fn b21_arrays_pretty_concatenated_and_wrapped_json() {
    let expected = read(table("user", "item", "ts"), "b21_json/ok.jsonl").0;
    assert_eq!(expected.len(), 10);
    for name in ["records.json", "records_pretty.json", "concat.jsonl", "bom.jsonl", "wrapped.json"] {
        let (lines, summary) = read(table("user", "item", "ts"), &format!("b21_json/{name}"));
        assert_eq!(lines, expected, "{name}");
        assert_eq!(summary.counts.bad_rows, 0, "{name}");
    }
    let message = case(table("user", "item", "ts"), "b21_json/columns.json").failure().to_string();
    assert!(message.contains("holds whole columns instead of rows"), "{message}");
}

#[test]
fn b23_an_unbalanced_quote_stops_by_its_line() {
    for name in ["ratings.csv", "ratings2.csv"] {
        let name = format!("b23_quote/{name}");
        let message = case(table("user", "item", "ts"), &name).failure().to_string();
        assert!(message.contains("line 102: the quote before `Unclosed title"), "{message}");
        let unquoted = Table { quote: Quote::None, ..table("user", "item", "ts") };
        assert_eq!(read(unquoted, &name).0.len(), 1000);
    }
}

#[test]
fn b26_compressed_files_are_told_by_their_content_and_others_named() {
    let expected = read(table("user", "item", "ts"), "b26_comp/notgz.csv.gz").0;
    // A file of two parts, as `cat` makes it of two.
    let parts = read(table("user", "item", "ts"), "b26_comp/x.csv.gz").0;
    assert_eq!((parts.len(), &parts[..expected.len()]), (24, &expected[..]));
    for name in ["x.csv.bz2", "x.csv.xz", "x.csv.zip"] {
        assert_eq!(read(table("user", "item", "ts"), &format!("b26_comp/{name}")).0, expected, "{name}");
    }
    let zstd = zstd::encode_all(std::fs::read(path("b26_comp/notgz.csv.gz")).unwrap().as_slice(), 1).unwrap();
    let packed = Case::of_text(Source::Table(table("user", "item", "ts")), zstd).without_catalog();
    assert_eq!(packed.run().0, expected);
    for (name, what) in [("orders.xlsx", "is an Excel workbook (xlsx)"), ("x.pdf", "is a PDF document")] {
        let message = case(table("user", "item", "ts"), &format!("b26_comp/{name}")).failure().to_string();
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn b28_dates_of_every_kind() {
    let message = case(table("user", "item", "ts"), "b28_dates/dates.csv").failure().to_string();
    assert!(message.contains("rows are bad"), "{message}");
    let mut lenient = case(table("user", "item", "ts"), "b28_dates/dates.csv").lenient();
    let message = lenient.failure().to_string();
    assert!(message.contains("no date tells whether the day or the month stands first"), "{message}");
    let mut table = table("user", "item", "ts");
    table.times.formats = vec!["day-first".parse().unwrap()];
    lenient.import.source = Source::Table(table);
    let (lines, summary) = lenient.run();
    let at = |item: &str| {
        let line = lines.iter().find(|line| line.contains(&format!("\t{item}\t")))?;
        line.split('\t').nth(3).unwrap().parse::<f64>().ok()
    };
    for item in ["i00", "i02", "i04", "i05", "i06", "i11", "i12", "i13", "i16", "i19", "i26"] {
        assert_eq!(at(item).map(f64::floor), Some(1_793_610_900.0), "{item}");
    }
    assert_eq!(at("i24"), Some(1_793_664_000.0), "24:00 is the next midnight");
    // Zones by abbreviation or city, compact dates among seconds, far and early years.
    for item in ["i03", "i08", "i09", "i15", "i21", "i22"] {
        assert_eq!(at(item), None, "{item}");
    }
    assert!(summary.counts.early.count >= 1, "{summary}");
}

#[test]
fn h_misc_columns_dates_and_weights() {
    let mut kinds = table("u", "i", "t");
    kinds.kind = Some(column("evnt"));
    let message = case(kinds, "h_misc/k.jsonl").failure().to_string();
    assert!(message.contains("has no column `evnt`, did you mean `event`"), "{message}");
    let mut weights = table("u", "i", "t");
    weights.weight = Some(column("w"));
    let (lines, summary) = read(weights, "h_misc/w.csv");
    assert_eq!(lines, ["1\ta\tx\t1700000000\tnone\t2", "1\ta\tz\t1700000002\tnone\t3"]);
    assert!(summary.counts.bad_sample[0].problem.contains("weight is `0.5`: expected a whole number"));
    let (lines, summary) = case(table("u", "i", "d"), "h_misc/d.csv").lenient().run();
    assert_eq!(lines, ["1\ta\tz\t1705276800\tnone", "1\ta\tw\t1705311000\tnone"], "a year alone is no time");
    assert_eq!(summary.counts.bad_rows, 2);
    let (lines, summary) = read(table("u", "i", "t"), "h_misc/bm.csv");
    assert_eq!((lines.len(), summary.counts.bad_rows), (1000, 0));
}

#[test]
fn e01_a_bad_clock_of_a_device_gives_way_to_the_collector_s() {
    let import = Case::new(Source::Snowplow(Snowplow::default()), &[path("e01_badtime/enriched.tsv")]);
    let (lines, summary) = import.without_catalog().run();
    assert_eq!((summary.counts.bad_rows, summary.counts.other_times.count), (0, 3));
    assert_eq!(lines.iter().filter(|line| line.contains("1793610900.137")).count(), 1, "{lines:?}");
    let warnings = summary.warnings().join("\n");
    assert!(
        warnings.contains("of 3 events another time counts, the first in row 1: their derived_tstamp"),
        "{warnings}"
    );
}

#[test]
fn e16_a_bad_event_loses_itself_and_not_its_payload() {
    let import = Case::new(Source::Snowplow(Snowplow::default()), &[path("e16_body/payload.jsonl")]);
    let (lines, summary) = import.without_catalog().run();
    assert_eq!(lines, ["1\tD1\that\t1793610900\tnone", "1\tD2\tmug\t1793610900\tnone"]);
    assert_eq!((summary.counts.rows, summary.counts.further, summary.counts.bad_rows), (1, 2, 1));
    assert!(summary.counts.bad_sample[0].problem.contains("is not base64"), "{:?}", summary.counts.bad_sample);
}
