//! Directories of Parquet as clusters write them: partitioned, typed this way or that, damaged.

#![cfg(test)]

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use slirec_connect::partitions::{ParquetInteractions, is_parquet};
use slirec_core::interactions::{InteractionSource, ReadError};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Rows as text, errors as messages.
fn read(path: &Path) -> Vec<String> {
    let mut source = ParquetInteractions::open(path).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = source.next_weighted() {
        match row {
            Ok((row, weight)) => {
                rows.push(format!("{} {} {} {} {weight}", row.user, row.item, row.timestamp, row.category));
            }
            Err(error @ ReadError::Line(_)) => rows.push(error.to_string()),
            Err(error) => rows.push(format!("stopped: {error}")),
        }
    }
    rows
}

#[test]
fn partitions_are_read_in_order_and_types_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let columns = |users: ArrayRef, times: ArrayRef| {
        vec![
            ("user", users),
            ("item", texts(&["mug", "cup"])),
            ("timestamp", times),
            ("category", texts(&["Home", "Home"])),
        ]
    };
    let seconds: ArrayRef = Arc::new(Float64Array::from(vec![100.5, 200.0]));
    let typed: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1_793_610_900_250, 0]).with_timezone("UTC"));
    let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["ann", "bob"]));
    write(&folder.path().join("user_bucket=1/part-0.parquet"), columns(texts(&["cid", "dan"]), typed));
    let mut weighted = columns(large, seconds);
    weighted.push(("weight", Arc::new(Int64Array::from(vec![5, 1]))));
    write(&folder.path().join("user_bucket=0/part-0.parquet"), weighted);
    fs::write(folder.path().join("_SUCCESS"), "").unwrap();
    assert!(is_parquet(folder.path()));
    let expected = ["ann mug 100.5 Home 5", "bob cup 200 Home 1", "cid mug 1793610900.25 Home 1", "dan cup 0 Home 1"];
    assert_eq!(read(folder.path()), expected);
}

#[test]
fn a_column_may_stand_in_the_path_only() {
    let folder = tempfile::tempdir().unwrap();
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1_793_610_900]));
    let path = folder.path().join("user=an%20n/part.parquet");
    write(&path, vec![("item", texts(&["mug"])), ("timestamp", times), ("category", texts(&["Home"]))]);
    assert_eq!(read(folder.path()), ["an n mug 1793610900 Home 1"]);
    assert!(is_parquet(&path));
}

#[test]
fn wrong_rows_are_named_by_file_and_row_and_reading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let users: ArrayRef = Arc::new(StringArray::from(vec![Some("ann"), None, Some("b\tb"), Some("cid"), Some("dan")]));
    let columns = vec![
        ("user", users),
        ("item", texts(&["mug", "mug", "mug", "a,b", "mug"])),
        ("timestamp", texts(&["100", "100", "100", "100", "soon"])),
        ("category", texts(&["Home"; 5])),
    ];
    write(&folder.path().join("part.parquet"), columns);
    let rows = read(folder.path());
    assert_eq!(rows[0], "ann mug 100 Home 1");
    assert!(rows[1].starts_with("line 2: user is empty: expected a name, in `row 2 of "), "{}", rows[1]);
    assert!(rows[2].contains("user holds control characters"), "{}", rows[2]);
    assert_eq!(rows[3], "cid a,b 100 Home 1");
    assert!(rows[4].contains("timestamp: ") && rows[4].contains("soon"), "{}", rows[4]);
}

#[test]
fn a_missing_column_and_a_damaged_file_stop_the_reading_and_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.parquet");
    write(&path, vec![("user", texts(&["ann"])), ("item", texts(&["mug"]))]);
    let rows = read(folder.path());
    assert_eq!(rows.len(), 1);
    assert!(rows[0].contains("part.parquet: has no column `timestamp`: expected user, item"), "{}", rows[0]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let rows = read(folder.path());
    assert!(rows.len() == 1 && rows[0].starts_with("stopped: ") && rows[0].contains("part.parquet"), "{rows:?}");
}
