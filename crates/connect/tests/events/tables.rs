//! Any other table: separators, headers, JSON keys, typed columns.

use slirec_connect::events::Source;
use slirec_connect::events::table::Table;

use crate::{Case, column, table};

fn lines(table: Table, text: impl AsRef<[u8]>) -> Vec<String> {
    Case::of_text(Source::Table(table), text).without_catalog().run().0
}

fn without_header(mut table: Table) -> Table {
    table.header = false;
    table
}

#[test]
fn the_three_generations_of_movielens_need_flags_alone() {
    let expected = ["1\t196\t242\t881250949\tnone", "1\t22\t377\t878887116\tnone"];
    // u.data of ML-100K, ratings.dat of ML-1M, ratings.csv of ML-25M.
    assert_eq!(
        lines(without_header(table("1", "2", "4")), "196\t242\t3\t881250949\n22\t377\t1\t878887116\n"),
        expected
    );
    assert_eq!(
        lines(without_header(table("1", "2", "4")), "196::242::3::881250949\n22::377::1::878887116\n"),
        expected
    );
    let csv = "userId,movieId,rating,timestamp\n196,242,3.0,881250949\n22,377,1.0,878887116\n";
    assert_eq!(lines(table("userId", "movieId", "timestamp"), csv), expected);
    let mut rated = table("userId", "movieId", "timestamp");
    rated.minimum = Some((column("rating"), 3.0));
    assert_eq!(lines(rated, csv), expected[..1]);
}

#[test]
fn names_separators_quotes_and_further_columns_are_understood() {
    let mut table = table("Shopper", "Product", "When");
    (table.category, table.kind, table.weight) = (Some(column("Group")), Some(column("What")), Some(column("Times")));
    let text = "When;Shopper;Product;Group;What;Times\n2026-11-02T09:15:00Z;\"ann; b\";mug;Home;purchase;7\n1793610901;bob;cup;;view;1\n";
    assert_eq!(lines(table, text), ["1\tann; b\tmug\t1793610900\tHome\t7\tpurchase", "1\tbob\tcup\t1793610901\tnone"]);
}

#[test]
fn json_lines_are_read_by_keys_and_keys_within_keys() {
    let text = concat!(
        r#"{"user": {"id": 7}, "item": "mug", "at": 1793610900123}"#,
        "\n",
        r#"{"user.id": "flat", "item": "cup", "at": "2026-11-02 09:15:00"}"#
    );
    assert_eq!(
        lines(table("user.id", "item", "at"), text),
        ["1\t7\tmug\t1793610900.123\tnone", "1\tflat\tcup\t1793610900\tnone"]
    );
}

#[test]
fn a_missing_column_is_named_with_what_there_is() {
    let failure = |table: Table, text: &str| Case::of_text(Source::Table(table), text).failure().to_string();
    let message = failure(table("user", "item", "time"), "user,product,time\nu,p,1793610900\n");
    assert!(message.contains("has no column `item`") && message.ends_with(": found user, product, time"), "{message}");
    let message = failure(without_header(table("user", "2", "3")), "a,b,3\n");
    assert!(message.contains("column is `user`: expected a number from 1, there is no header"), "{message}");
}

#[test]
fn rows_that_are_wrong_are_sampled_with_their_numbers() {
    let text = "user,item,time\nu,a,1793610900\nu,b\nu,c,noon\n\u{e9},d,1793610901\n";
    let case = Case::of_text(Source::Table(table("user", "item", "time")), text).without_catalog().lenient();
    let (lines, summary) = case.run();
    assert_eq!(lines.len(), 2);
    let rows: Vec<(u64, &str)> = summary.counts.bad_sample.iter().map(|row| (row.row, row.problem.as_str())).collect();
    assert_eq!(rows[0], (3, "found 2 columns: expected 3, as the first line has"));
    assert_eq!(rows[1].0, 4);
    assert!(rows[1].1.starts_with("time: `noon` is no time"), "{rows:?}");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_columns_may_be_text_numbers_or_times() {
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use parquet::arrow::ArrowWriter;

    let times = TimestampMicrosecondArray::from(vec![Some(1_793_610_900_250_000), None]).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter([
        ("user", Arc::new(Int64Array::from(vec![7, 8])) as arrow_array::ArrayRef),
        ("item", Arc::new(StringArray::from(vec!["mug", "cup"]))),
        ("at", Arc::new(times)),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let case = Case::of_text(Source::Table(table("user", "item", "at")), &bytes).without_catalog();
    let (lines, summary) = case.run();
    assert_eq!(lines, ["1\t7\tmug\t1793610900.25\tnone"]);
    assert_eq!(summary.counts.bad_sample[0].problem, "no value in column `at`");
    let cut = Case::of_text(Source::Table(table("user", "item", "at")), &bytes[..bytes.len() / 2]);
    assert!(cut.failure().to_string().contains("input: "));
    let other = Case::of_text(Source::Table(table("who", "item", "at")), &bytes).failure().to_string();
    assert!(other.contains("has no column `who`: found user, item, at"), "{other}");
}

#[test]
fn ids_that_a_spreadsheet_or_pandas_has_rounded_are_counted() {
    let text = "user,item,time\nu,7512345678901234600.0,1793610900\nu,6.93E+12,1793610901\nu,12.0,1793610902\nu,1e5,1793610903\n";
    let summary = Case::of_text(Source::Table(table("user", "item", "time")), text).without_catalog().run().1;
    assert_eq!(summary.counts.rounded_ids.count, 2);
    assert!(summary.warnings().join("\n").contains("the first in row 2: `7512345678901234600.0`"));
    let json = r#"{"user": 1, "item": 9007199254740993.0, "time": 1793610900}"#;
    assert_eq!(
        Case::of_text(Source::Table(table("user", "item", "time")), json)
            .without_catalog()
            .run()
            .1
            .counts
            .rounded_ids
            .count,
        1
    );
}
