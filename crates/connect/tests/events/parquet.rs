//! Parquet in every form: codecs, types, nested columns, what loaders unload.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use slirec_connect::events::Source;
use slirec_connect::events::snowplow::Snowplow;
use slirec_connect::events::table::Table;

use crate::cases::{case, read};
use crate::{Case, column, fixture, table};

/// A case of a file with these columns.
fn of_columns(source: Source, columns: Vec<(&str, ArrayRef)>) -> Case {
    let mut case = Case::new(source, &[]);
    let path = case.folder.path().join("input.parquet");
    write(&path, columns);
    case.import.inputs = vec![path];
    case
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)));
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

const NAMES: [&str; 3] = ["user", "item", "ts"];

fn usual() -> Table {
    table(NAMES[0], NAMES[1], NAMES[2])
}

fn of(name: &str) -> Case {
    case(usual(), &format!("c_parquet/{name}.parquet"))
}

#[test]
fn codecs_encodings_and_types_of_text_give_the_same_rows() {
    let expected = of("ok").run().0;
    assert_eq!(expected.len(), 30);
    for name in [
        "codec_none",
        "codec_snappy",
        "codec_gzip",
        "codec_zstd",
        "codec_lz4",
        "codec_brotli",
        "delta",
        "bss",
        "dict",
        "v2pages",
        "empty_groups",
        "binary",
        "large_string",
        "string_view",
        "upper",
        "ts_s",
        "ts_ms",
        "ts_us",
        "ts_ns",
        "ts_tz",
        "ts_text",
        "int96",
        "micros_int",
        "nanos_int",
        "pandas_index",
    ] {
        assert_eq!(of(name).run().0, expected, "{name}");
    }
}

#[test]
fn numbers_uuids_and_dates_are_read() {
    assert!(of("uuid").run().0[0].starts_with("1\t00000000-0000-0000-0000-000000000000\ti0\t"));
    assert!(of("duck").run().0[0].contains("\t1f0e8d7c-0000-0000-0000-000000000000\t"));
    assert!(of("int_ids").run().0[0].starts_with("1\t0\t9223372036854775807\t"));
    assert!(of("float_ids").run().0[0].starts_with("1\t0\t10000000000000000\t"));
    assert_eq!(of("pandas").run().0.len(), 30);
    let (_, summary) = of("date32").run();
    assert_eq!((summary.totals.interactions, summary.totals.collapsed), (30, 0));
    let decimal = case(table("dec", "item", "tstz"), "c_parquet/duck.parquet");
    assert!(decimal.run().0[0].starts_with("1\t0\t"));
}

#[test]
fn nulls_are_missing_values() {
    let (_, summary) = of("nulls").run();
    assert!(summary.counts.ignored["no item"] + summary.counts.ignored.get("no user").unwrap_or(&0) >= 1);
    for name in ["allnull", "nulltype"] {
        let message = of(name).failure().to_string();
        assert!(message.contains("found no interactions") && message.contains("no user 30"), "{message}");
    }
}

#[test]
fn a_far_year_makes_its_row_bad_and_never_another_year() {
    for name in ["int96_far", "us_far"] {
        let (lines, summary) = of(name).lenient().run();
        assert!(summary.counts.bad_rows > 0, "{name}: {summary}");
        let problem = &summary.counts.bad_sample[0].problem;
        assert!(problem.contains("behind the year 2200"), "{name}: {problem}");
        let last = lines.iter().map(|line| line.split('\t').nth(3).unwrap().parse::<f64>().unwrap());
        assert!(last.into_iter().all(|time| (1.6e9..1.8e9).contains(&time)), "{name}: {lines:?}");
    }
}

#[test]
fn damaged_and_other_columns_are_named() {
    for (name, part) in [
        ("garbled", "garbled.parquet"),
        ("trunc", "trunc.parquet"),
        ("onlymagic", "onlymagic.parquet"),
        ("empty", "found no interactions"),
        ("duptwo", "has more than one column `item`"),
        ("bool_time", "`true` is no time"),
    ] {
        let message = of(name).failure().to_string();
        assert!(message.contains(part), "{name}: {message}");
    }
    let message = case(table("user", "itm", "ts"), "c_parquet/ok.parquet").failure().to_string();
    assert!(message.contains("has no column `itm`, did you mean `item`"), "{message}");
}

#[test]
fn lists_and_structs_are_unnested() {
    let message = case(table("uid", "item_id", "timestamp"), "c_parquet/lists.parquet").failure().to_string();
    assert!(message.contains("column `item_id` is a list: name its elements"), "{message}");
    let (lines, summary) = read(table("uid", "item_id[]", "timestamp[]"), "c_parquet/lists.parquet");
    assert_eq!((summary.counts.rows, lines.len()), (3, 9));
    assert_eq!(lines[1], "1\t1\t11\t1700000060\tnone");
    let mut ga4 = table("user_pseudo_id", "items[].item_id", "event_timestamp");
    ga4.kind = Some(column("event_name"));
    let (lines, _) = read(ga4, "b16_ga4/ga4.parquet");
    assert_eq!((lines.len(), lines[0].as_str()), (6, "1\ta\tx0\t1700000000\tnone"));
}

#[test]
fn values_of_the_path_are_columns() {
    assert_eq!(read(usual(), "c_parquet/hive").0.len(), 30);
    let (lines, _) = read(usual(), "c_parquet/hive_user");
    assert_eq!(lines.len(), 30);
    assert!(lines[0].starts_with("1\tu0\ti0\t"), "{lines:?}");
    let relative = case(table("uid", "item_id", "timestamp"), "c_parquet/yambda_flat.parquet").failure();
    assert!(relative.to_string().contains("lie before 1995"), "{relative}");
}

#[test]
fn ids_that_a_floating_point_number_has_rounded_are_counted() {
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1_793_610_900, 1_793_610_901]));
    let users: ArrayRef = Arc::new(Float64Array::from(vec![9_007_199_254_740_993.0, 7.0]));
    let items: ArrayRef = Arc::new(Float32Array::from(vec![5.0, 16_777_217.0]));
    let columns = vec![("user", users), ("item", items), ("ts", times)];
    let (lines, summary) = of_columns(Source::Table(usual()), columns).without_catalog().run();
    assert_eq!(lines[1], "1\t9007199254740992\t5\t1793610900\tnone");
    assert_eq!(summary.counts.rounded_ids.count, 2);
    let warnings = summary.warnings().join("\n");
    assert!(warnings.contains("2 ids are floating point numbers that do not hold all digits"), "{warnings}");
    assert!(warnings.contains("the first in row 1: `9007199254740992`"), "{warnings}");
}

#[test]
fn unloads_of_snowplow_s_events_have_upper_case_names_and_json_as_text() {
    let text = fs::read_to_string(fixture("snowplow/enriched.analytics-sdk.jsonl")).unwrap();
    let rows: Vec<BTreeMap<String, serde_json::Value>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    let unloaded = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    };
    let values = |name: &String| texts(rows.iter().map(|row| row.get(name).and_then(unloaded)));
    let upper: Vec<(String, ArrayRef)> = names.iter().map(|name| (name.to_uppercase(), values(name))).collect();
    let columns = upper.iter().map(|(name, values)| (name.as_str(), Arc::clone(values))).collect();
    let unloaded = of_columns(Source::Snowplow(Snowplow::default()), columns).run();
    let jsonl = Case::new(Source::Snowplow(Snowplow::default()), &[fixture("snowplow/enriched.analytics-sdk.jsonl")]);
    assert_eq!(unloaded.0, jsonl.run().0);
    assert_eq!((unloaded.0.len(), unloaded.1.counts.bad_rows), (3, 0));
}
