//! Interactions of data frames: columns of any name and type, in batches as libraries hand them out.

#![cfg(test)]

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Date32Array, DictionaryArray, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampSecondArray,
};
use slirec_connect::frames::{FrameInteractions, InteractionColumns, catalog};
use slirec_core::catalog::Attributes;
use slirec_core::interactions::{InteractionSource, ReadError};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Rows as text, errors as messages.
fn read(batches: Vec<RecordBatch>, columns: InteractionColumns) -> Vec<String> {
    let mut source = FrameInteractions::new(batches.into_iter().map(Ok), columns);
    let mut rows = Vec::new();
    while let Some(row) = source.next_weighted() {
        rows.push(match row {
            Ok((row, weight)) => format!("{} {} {} {} {weight}", row.user, row.item, row.timestamp, row.category),
            Err(error @ ReadError::Line(_)) => error.to_string(),
            Err(error) => format!("stopped: {error}"),
        });
    }
    rows
}

#[test]
fn batches_are_read_one_after_another_whatever_their_columns_are_called() {
    let columns = InteractionColumns {
        user: "session".to_owned(),
        item: "product".to_owned(),
        timestamp: "at".to_owned(),
        category: None,
        ..InteractionColumns::default()
    };
    let categories: DictionaryArray<Int32Type> = ["mug", "cup", "mug"].into_iter().collect();
    let first = batch(vec![
        ("session", Arc::new(Int64Array::from(vec![7, 8, 7]))),
        ("page", texts(&[None, None, None])),
        ("product", Arc::new(categories)),
        ("at", Arc::new(Int64Array::from(vec![1_793_610_900_000, 1_793_610_900, 100]))),
    ]);
    let second = batch(vec![
        ("session", texts(&[Some("nine")])),
        ("product", Arc::new(StringViewArray::from(vec!["a handle that is longer than twelve bytes"]))),
        ("at", texts(&[Some("2026-11-02T09:15:00Z")])),
    ]);
    let expected = [
        "7 mug 1793610900 none 1",
        "8 cup 1793610900 none 1",
        "7 mug 100 none 1",
        "nine a handle that is longer than twelve bytes 1793610900 none 1",
    ];
    assert_eq!(read(vec![first, second], columns), expected);
}

#[test]
fn a_batch_of_many_rows_is_read_in_pieces_to_its_end() {
    const ROWS: usize = 150_000;
    let count = |from: i64| -> ArrayRef { Arc::new((from..from + ROWS as i64).map(Some).collect::<Int64Array>()) };
    let items: DictionaryArray<Int32Type> = (0..ROWS).map(|row| ["mug", "cup", "tee"].get(row % 3).copied()).collect();
    let columns = InteractionColumns { category: None, ..InteractionColumns::default() };
    let rows = batch(vec![("user", count(0)), ("item", Arc::new(items)), ("timestamp", count(1_790_000_000))]);
    let last =
        batch(vec![("user", texts(&[None])), ("item", texts(&[Some("mug")])), ("timestamp", texts(&[Some("5")]))]);
    let found = read(vec![rows.slice(0, 0), rows, last], columns);
    let expected = |row: usize| format!("{row} {} {} none 1", ["mug", "cup", "tee"][row % 3], 1_790_000_000 + row);
    assert!(found.iter().take(ROWS).enumerate().all(|(row, text)| *text == expected(row)));
    assert_eq!(
        found[ROWS..],
        [format!("line {0}: user is empty: expected a name, in `row {0} of the frame`", ROWS + 1)]
    );
}

#[test]
fn what_is_wrong_with_a_row_or_a_column_is_said_by_its_place() {
    let rows = batch(vec![
        ("user", texts(&[Some("ann"), None, Some("bob")])),
        ("item", texts(&[Some("mug"), Some("cup"), Some("tee")])),
        ("timestamp", texts(&[Some("5"), Some("6"), Some("soon")])),
        ("category", texts(&[Some("Home"), Some("Home"), Some("Home")])),
        ("weight", Arc::new(Int64Array::from(vec![3, 1, 1]))),
    ]);
    let found = read(vec![rows.clone()], InteractionColumns::default());
    assert_eq!(found[0], "ann mug 5 Home 3");
    assert_eq!(found[1], "line 2: user is empty: expected a name, in `row 2 of the frame`");
    assert!(found[2].starts_with("line 3: timestamp: ") && found[2].contains("`soon` is no time"), "{}", found[2]);
    let named = InteractionColumns { item: "handle".to_owned(), ..InteractionColumns::default() };
    let found = read(vec![rows], named);
    let missing =
        "stopped: line 1: cannot read: the frame: has no column `handle`: expected user, handle, timestamp, category";
    assert_eq!(found, [missing]);
}

#[test]
fn a_column_without_a_name_is_neither_a_weight_nor_what_was_done() {
    let rows = batch(vec![
        ("", texts(&[Some("0"), Some("1")])),
        ("user", texts(&[Some("ann"), Some("bob")])),
        ("item", texts(&[Some("mug"), Some("cup")])),
        ("timestamp", texts(&[Some("5"), Some("6")])),
        ("weight", texts(&[Some("1.5 kg"), Some("heavy")])),
        ("event", texts(&[Some("page_view"), None])),
    ]);
    let columns = InteractionColumns { category: None, weight: None, event: None, ..InteractionColumns::default() };
    assert_eq!(read(vec![rows], columns), ["ann mug 5 none 1", "bob cup 6 none 1"]);
}

#[test]
fn times_of_a_catalogue_are_attributes_and_columns_of_another_type_are_refused() {
    let since = TimestampSecondArray::from(vec![Some(1_793_610_900), None]).with_timezone("UTC");
    let products = batch(vec![
        ("item", texts(&[Some("mug"), Some("cup")])),
        ("since", Arc::new(since)),
        ("day", Arc::new(Date32Array::from(vec![20_000, 20_001]))),
    ]);
    let read = catalog([Ok(products)].into_iter()).unwrap();
    let attributes: Vec<&Attributes> = read.products().iter().map(|product| &product.attributes).collect();
    assert_eq!(*attributes[0], Attributes::from_iter([("since", "2026-11-02T09:15:00Z"), ("day", "2024-10-04")]));
    assert_eq!(*attributes[1], Attributes::from_iter([("day", "2024-10-05")]));

    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("Kitchen")]);
    let nested = batch(vec![("item", texts(&[Some("mug")])), ("category", Arc::new(lists.finish()))]);
    let refused = catalog([Ok(nested)].into_iter()).unwrap_err().to_string();
    assert!(refused.contains("has a column `category` that is a list"), "{refused}");
}
