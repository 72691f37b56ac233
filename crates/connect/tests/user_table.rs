//! Tables of users in any form: the same users with the same attributes.

#![cfg(test)]

use slirec_connect::user_table::read;
use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::UserValue;

fn of(content: &[u8]) -> Result<UserTable, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    std::fs::write(&path, content).unwrap();
    read(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "users"))
}

fn users(table: &UserTable) -> Vec<(String, Vec<(String, UserValue)>)> {
    let named = |(user, values): (&String, &Vec<Option<UserValue>>)| {
        let values = table.attributes.iter().zip(values);
        let mut known: Vec<_> = values.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
        known.sort_by(|one, other| one.0.cmp(&other.0));
        (user.clone(), known)
    };
    table.users.iter().map(named).collect()
}

const TSV: &str = "user\tage\tcountry\n7\t31\tDE\nada\t\tFR\nbob\t45.5\tNA\n";

fn text(text: &str) -> UserValue {
    UserValue::Text(text.to_owned())
}

#[test]
fn text_json_and_parquet_say_the_same() {
    let expected = users(&of(TSV.as_bytes()).unwrap());
    let ages = |age: f64| ("age".to_owned(), UserValue::Number(age));
    let from = |country: &str| ("country".to_owned(), text(country));
    let first = vec![
        ("7".to_owned(), vec![ages(31.0), from("DE")]),
        ("ada".to_owned(), vec![from("FR")]),
        ("bob".to_owned(), vec![ages(45.5)]),
    ];
    assert_eq!(expected, first);
    let csv = "age,user,country\n31,7,DE\n,ada,\"FR\"\n45.5,bob,\n";
    let lines = "{\"user\": 7, \"age\": 31, \"country\": \"DE\"}\n{\"user\": \"ada\", \"country\": \"FR\"}\n\
                 {\"user\": \"bob\", \"age\": 45.5, \"country\": null}\n";
    for form in [csv, lines] {
        assert_eq!(users(&of(form.as_bytes()).unwrap()), expected, "{form}");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, csv.as_bytes()).unwrap();
    assert_eq!(users(&of(&packed.finish().unwrap()).unwrap()), expected);
}

#[cfg(feature = "parquet")]
#[test]
fn users_of_json_that_are_numbers_have_the_names_that_requests_give_them() {
    let lines = "{\"user\": 5.0, \"age\": 1}\n{\"user\": -3, \"age\": 2}\n{\"user\": 0.5, \"age\": 3}\n\
                 {\"user\": 9007199254740993, \"age\": 4}\n";
    let names: Vec<String> = of(lines.as_bytes()).unwrap().users.into_keys().collect();
    assert_eq!(names, ["-3", "0.5", "5", "9007199254740993"]);
}

#[test]
fn parquet_has_types_of_its_own() {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};

    let batch = |columns: Vec<(&str, ArrayRef)>| {
        let columns = columns.into_iter().map(|(name, values)| (name, values, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    let names: ArrayRef = Arc::new(StringArray::from(vec!["ada", "bob"]));
    let ages: ArrayRef = Arc::new(Int64Array::from(vec![Some(31), None]));
    let codes: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let table = of(&batch(vec![("user", names.clone()), ("age", ages), ("code", codes)])).unwrap();
    let expected = [
        ("ada".to_owned(), vec![("age".to_owned(), UserValue::Number(31.0)), ("code".to_owned(), text("1"))]),
        ("bob".to_owned(), vec![("code".to_owned(), text("2"))]),
    ];
    assert_eq!(users(&table), expected);
    let likes = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(vec![Some(vec![Some(1)]), None]);
    let table = of(&batch(vec![("user", names), ("likes", Arc::new(likes))])).unwrap();
    let likes = |entries: &[&str]| UserValue::List(entries.iter().map(|entry| (*entry).to_owned()).collect());
    let expected = [("ada".to_owned(), vec![("likes".to_owned(), likes(&["1"]))]), ("bob".to_owned(), Vec::new())];
    assert_eq!(users(&table), expected);
}

#[test]
fn the_last_row_of_a_user_counts_and_rows_are_counted() {
    let table = of(b"user\tcountry\nada\tFR\nada\tDE\n").unwrap();
    assert_eq!((table.rows, users(&table)), (2, vec![("ada".to_owned(), vec![("country".to_owned(), text("DE"))])]));
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    for (content, expected) in [
        ("name\tage\nada\t3\n", "users:1: has no column `user`"),
        ("user\tage\n\t3\n", "users:2: no value in column `user`"),
        ("{\"user\": \"ada\", \"likes\": [[1]]}", "users:1: `likes` is no list of at most 1000 texts"),
        ("{\"user\": \"ada\"}\n{\"user\": \"bob\", \"home\": {}}", "users:2: `home` is an object"),
        ("{\"user\": [], \"age\": 3}", "users:1: `user` is no name"),
        ("user\n7\n", "holds no attributes"),
        ("user\tage\n", "holds no users"),
    ] {
        let refused = of(content.as_bytes()).unwrap_err();
        assert!(refused.contains(expected), "{content}: {refused}");
    }
    let many: Vec<String> = (0..17).map(|number| format!("a{number}")).collect();
    let refused = of(format!("user\t{}\nada\t1\n", many.join("\t")).as_bytes()).unwrap_err();
    assert!(refused.contains("has more than 16 attributes, such as `a16`"), "{refused}");
}
