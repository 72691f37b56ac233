//! Columns that stand in the path instead of in the file, as Hive writes them, in every form of text.

use std::fs;

use slirec_connect::events::Source;
use slirec_connect::events::table::Table;

use crate::{Case, column, table};

/// A case of a directory with these files.
fn of_files(table: Table, files: &[(&str, &str)]) -> Case {
    let mut case = Case::new(Source::Table(table), &[]).without_catalog();
    let directory = case.folder.path().join("input");
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    case.import.inputs = vec![directory];
    case
}

const EXPECTED: [&str; 2] = ["1\tanna\ta cup\t1699920000\tnone", "1\tanna\tmug\t1700006400\tnone"];

#[test]
fn days_and_users_of_the_path_are_columns_of_csv_and_json() {
    for (name, first, second) in [
        ("csv", "item\na cup\n", "item\nmug\n"),
        ("csv", "item,price\n\"a cup\",5\n", "price,item\n5,mug\n"),
        ("jsonl", "{\"item\": \"a cup\"}\n", "{\"item\": \"mug\"}\n"),
        ("json", "[{\"item\": \"a cup\"}]", "[{\"item\":\n\"mug\"}]"),
    ] {
        let files = [("day=2023-11-14/user=anna", first), ("day=2023-11-15/user=anna", second)];
        let names = files.map(|(folder, text)| (format!("{folder}/part-0.{name}"), text));
        let files = names.each_ref().map(|(name, text)| (name.as_str(), *text));
        let (lines, summary) = of_files(table("user", "item", "day"), &files).run();
        assert_eq!(lines, EXPECTED, "{name}");
        assert_eq!(summary.counts.bad_rows, 0, "{name}");
    }
}

#[test]
fn values_of_the_path_are_decoded_and_may_be_missing_and_the_file_s_own_count_first() {
    let files = [
        ("user=a%2Fb/1.csv", "item,t\nmug,1793610900\n"),
        ("user=__HIVE_DEFAULT_PARTITION__/2.csv", "item,t\nmug,1793610900\n"),
        ("user=path/3.csv", "USER,item,t\nfile,mug,1793610900\n"),
        ("user=path/4.jsonl", "{\"User\": \"file\", \"item\": \"cup\", \"t\": 1793610900}\n"),
    ];
    let (lines, summary) = of_files(table("user", "item", "t"), &files).run();
    assert_eq!(
        lines,
        ["1\ta/b\tmug\t1793610900\tnone", "1\tfile\tmug\t1793610900\tnone", "1\tfile\tcup\t1793610900\tnone"]
    );
    assert_eq!(summary.counts.ignored["no user"], 1);
}

#[test]
fn files_without_a_header_and_lists_take_the_columns_of_the_path_too() {
    let numbered = Table { header: false, ..table("user", "1", "2") };
    let (lines, _) = of_files(numbered, &[("user=anna/1.csv", "mug,1793610900\n")]).run();
    assert_eq!(lines, ["1\tanna\tmug\t1793610900\tnone"]);
    let mut nested = table("user", "items[].id", "day");
    nested.category = Some(column("items[].group"));
    let json = "{\"items\": [{\"id\": \"mug\", \"group\": \"Home\"}, {\"id\": \"cup\"}]}\n";
    let (lines, _) = of_files(nested, &[("day=2023-11-14/user=anna/1.jsonl", json)]).run();
    assert_eq!(lines, ["1\tanna\tmug\t1699920000\tHome", "1\tanna\tcup\t1699920000\tnone"]);
}

#[test]
fn a_column_that_stands_in_neither_is_named_with_those_of_the_path() {
    let message = of_files(table("user", "item", "days"), &[("day=2023-11-14/1.csv", "user,item\nu,i\n")]).failure();
    assert!(
        message.to_string().contains("has no column `days`, did you mean `day`: found user, item, day"),
        "{message}"
    );
}
