//! Files that are damaged or mistaken for others: each is refused with a reason, or read with a count of what is wrong.

use slirec_connect::events::Source;
use slirec_connect::events::table::{Quote, Table};

use crate::{Case, column, table};

fn case(table: Table, text: impl AsRef<[u8]>) -> Case {
    Case::of_text(Source::Table(table), text).without_catalog()
}

fn refusal(table: Table, text: impl AsRef<[u8]>) -> String {
    case(table, text).failure().to_string()
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(|number| row(number) + "\n").collect()
}

fn usual(number: usize) -> String {
    format!("u{},i{},{}", number % 10, number % 50, 1_793_610_900 + number)
}

#[test]
fn a_share_of_bad_rows_ends_the_import_and_a_single_one_does_not() {
    let with_bad = |bad: usize| {
        format!("user,item,time\n{}", rows(100, |row| if row < bad { "u,i,soon".to_owned() } else { usual(row) }))
    };
    assert_eq!(case(table("user", "item", "time"), with_bad(5)).run().0.len(), 95);
    let message = refusal(table("user", "item", "time"), with_bad(6));
    assert!(message.contains("6 of 100 rows are bad, which is more than --max-bad 0.05 allows"), "{message}");
    assert!(message.contains("input:2: time: `soon` is no time"), "{message}");
    let mut lenient = case(table("user", "item", "time"), with_bad(6));
    lenient.import.limits.max_bad = 0.06;
    assert_eq!(lenient.run().0.len(), 94);
    let few = case(table("user", "item", "time"), "user,item,time\nu,i,1793610900\nu,i,soon\n");
    assert_eq!(few.run().1.counts.bad_rows, 1, "one row of two is told, not refused");
}

#[test]
fn a_quote_that_is_not_closed_stops_by_its_line() {
    let text = format!(
        "user,item,time\n{}",
        rows(1000, |row| if row == 100 { "u0,\"i0,1793610900".to_owned() } else { usual(row) })
    );
    let message = refusal(table("user", "item", "time"), &text);
    assert!(message.contains("input: line 102: the quote before `i0,1793610900`"), "{message}");
    assert!(message.contains("--quote none"), "{message}");
    let mut unquoted = table("user", "item", "time");
    unquoted.quote = Quote::None;
    assert_eq!(case(unquoted, &text).run().0.len(), 1000);
}

#[test]
fn two_quotes_that_pair_over_lines_are_not_one_value() {
    let text = "user,item,time\nu,\"a,1793610900\nv,\"b,1793610901\n";
    let message = refusal(table("user", "item", "time"), text);
    assert!(message.contains("line 2") && message.contains("closed on a later line"), "{message}");
}

#[test]
fn values_in_quotes_may_hold_separators_and_line_ends() {
    let text = "user,note,item,time\nu,\"one,\ntwo \"\"three\"\"\",a,1793610900\nv,x,b,1793610901\n";
    let (lines, summary) = case(table("user", "item", "time"), text).run();
    assert_eq!(lines, ["1\tu\ta\t1793610900\tnone", "1\tv\tb\t1793610901\tnone"]);
    assert_eq!((summary.counts.rows, summary.counts.lines), (2, 4));
}

#[test]
fn a_first_line_of_data_is_not_taken_for_a_header() {
    let text = rows(20, usual);
    let message = refusal(table("1", "2", "3"), &text);
    assert!(message.contains("the first line looks like data") && message.contains("--no-header"), "{message}");
    let mut without = table("1", "2", "3");
    without.header = false;
    assert_eq!(case(without, &text).run().0.len(), 20);
    // Numbered columns below a header are fine.
    assert_eq!(case(table("1", "2", "3"), format!("who,what,when\n{text}")).run().0.len(), 20);
}

#[test]
fn a_header_that_is_taken_for_data_is_a_bad_row() {
    let mut without = table("1", "2", "3");
    without.header = false;
    let summary = case(without, format!("who,what,when\n{}", rows(30, usual))).run().1;
    assert_eq!((summary.counts.bad_rows, summary.counts.bad_sample[0].row), (1, 1));
    assert!(summary.warnings()[0].contains("1 bad rows were left out"), "{:?}", summary.warnings());
}

#[test]
fn bytes_of_another_encoding_are_bad_rows_and_never_other_letters() {
    let latin = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<u8>>();
    let text = latin("user,item,time\njosé,a,1793610900\nanna,b,1793610901\n");
    let mut one = case(table("user", "item", "time"), &text);
    let (lines, summary) = one.run();
    assert_eq!((lines.len(), summary.counts.bad_rows), (1, 1));
    assert!(summary.counts.bad_sample[0].problem.contains("--encoding latin1"), "{:?}", summary.counts.bad_sample);
    one.import.encoding = Some("latin1".parse().unwrap());
    one.import.replace = true;
    assert_eq!(one.run().0[1], "1\tjosé\ta\t1793610900\tnone");
    let separated = latin("josé::a::1793610900\nmária::b::1793610901\n");
    let mut table = table("1", "2", "3");
    table.header = false;
    assert!(refusal(table, separated).contains("not UTF-8"));
}

#[test]
fn utf_16_is_read_by_its_mark_and_asked_for_without_one() {
    let text = "user,item,time\njosé,茶,1793610900\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [vec![0xff, 0xfe], utf16.clone()].concat();
    assert_eq!(case(table("user", "item", "time"), marked).run().0, ["1\tjosé\t茶\t1793610900\tnone"]);
    assert!(refusal(table("user", "item", "time"), utf16).contains("--encoding utf-16le reads it"));
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    assert_eq!(case(table("user", "item", "time"), marked).run().0.len(), 1);
}

#[test]
fn columns_that_do_not_occur_are_told_in_every_form() {
    let mut kind = table("user", "item", "time");
    kind.kind = Some(column("evnt"));
    let csv = "user,item,time,event\nu,i,1793610900,view\n";
    let json = "{\"user\":\"u\",\"item\":\"i\",\"time\":1793610900,\"event\":\"view\"}\n";
    for text in [csv, json] {
        let message = refusal(kind.clone(), text);
        assert!(message.contains("has no column `evnt`, did you mean `event`"), "{message}");
    }
    let optional = "{\"user\":\"u\",\"item\":\"i\",\"time\":1793610900}\n{\"user\":\"u\",\"item\":\"j\",\"time\":1793610901,\"evnt\":\"view\"}\n";
    let (lines, summary) = case(kind, optional).run();
    assert_eq!((lines.len(), summary.counts.ignored["no kind"]), (1, 1), "a key that some rows have is a column");
    let twice = "user,item,item,time\nu,i,j,1793610900\n";
    assert!(refusal(table("user", "item", "time"), twice).contains("has more than one column `item`"));
    let upper = "USER,Item,TIME\nu,i,1793610900\n";
    assert_eq!(case(table("user", "item", "time"), upper).run().0.len(), 1);
}

#[test]
fn kinds_that_are_not_known_are_named_and_most_of_them_end_the_import() {
    let mut kinds = table("user", "item", "time");
    kinds.kind = Some(column("kind"));
    let text = |known: usize| {
        let kind = |row: usize| if row < known { "pv" } else { "dance" };
        format!("user,item,time,kind\n{}", rows(10, |row| format!("{},{}", usual(row), kind(row))))
    };
    let summary = case(kinds.clone(), text(5)).run().1;
    assert_eq!(summary.unknown_kinds(), [("dance", 5)]);
    assert!(summary.warnings()[0].contains("kinds that are not known were left out (dance 5)"), "{summary}");
    let message = refusal(kinds.clone(), text(4));
    assert!(message.contains("6 of 10 rows have kinds that are not known: dance 6") && message.contains("--kinds"));
    kinds.kinds = slirec_connect::events::kinds::KindNames::new(["dance=purchase".parse().unwrap()]);
    assert_eq!(case(kinds, text(4)).run().1.counts.taken["transaction"], 6);
}

#[test]
fn files_of_other_kinds_are_named() {
    for (bytes, name) in [
        (&b"%PDF-1.7 ..."[..], "is a PDF document"),
        (b"SQLite format 3\0...", "is a SQLite database"),
        (b"Obj\x01avro", "is an Avro file"),
        (b"ORC...", "is an ORC file"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"\x80\x04\x95pickle", "is a pickle"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive"),
        (b"\x04\x22\x4d\x18", "is an LZ4 file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Office document"),
    ] {
        let message = refusal(table("user", "item", "time"), bytes);
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn compressed_files_that_are_cut_off_are_errors() {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!("user,item,time\n{}", rows(5000, usual)).as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let message = refusal(table("user", "item", "time"), &bytes[..bytes.len() / 2]);
    assert!(message.contains("cannot read") && message.contains("input"), "{message}");
    let damaged = [&bytes[..200], &[0; 50], &bytes[250..]].concat();
    assert!(refusal(table("user", "item", "time"), damaged).contains("input"));
}

#[test]
fn empty_files_hold_no_interactions() {
    for text in ["", "\n\n", "user,item,time\n", "[]", "{}"] {
        let _ = refusal(table("user", "item", "time"), text);
    }
}

#[test]
fn json_that_is_cut_off_or_lacks_a_bracket_is_told() {
    let object =
        |number: usize| format!("{{\"user\":\"u\",\"item\":\"i{number}\",\"time\":{}}}", 1_793_610_900 + number);
    let array = (0..50).map(object).collect::<Vec<_>>().join(",");
    let cut = format!("[{}", &array[..array.len() - 10]);
    let summary = case(table("user", "item", "time"), cut).run().1;
    assert_eq!((summary.totals.interactions, summary.counts.bad_rows), (49, 1));
    let lines = (0..50).map(|number| object(number) + "\n").collect::<String>().replacen("\"i7\"", "\"i7", 1);
    let summary = case(table("user", "item", "time"), lines).run().1;
    assert_eq!((summary.totals.interactions, summary.counts.bad_sample[0].row), (49, 8));
}

#[test]
fn semicolons_pipes_spaces_and_declared_separators_are_told() {
    for separator in [";", "|", "\t", " ", "  "] {
        let text = format!("user,item,time\n{}", rows(5, usual)).replace(',', separator);
        assert_eq!(case(table("user", "item", "time"), text).run().0.len(), 5, "{separator:?}");
    }
    let declared = format!("sep=;\nuser;item;time\n{}", rows(5, usual).replace(',', ";"));
    assert_eq!(case(table("user", "item", "time"), declared).run().0.len(), 5);
    // The separator is the one by which the asked columns are found, whatever else the names hold.
    let commas = "user;item;time;a,b,c,d,e\nu;i;1793610900;x\n";
    assert_eq!(case(table("user", "item", "time"), commas).run().0.len(), 1);
}

#[test]
fn a_separator_that_is_not_quoted_moves_no_value_into_another_column() {
    let text = format!(
        "user,title,item,time\n{}",
        rows(40, |row| match row {
            // The title holds a comma: what would be the item is a part of the title.
            7 => "u,One, two,i9,1793610900".to_owned(),
            // Empty columns at the end are harmless.
            8 => "u,Title,i8,1793610900,,".to_owned(),
            _ => format!("u,Title,i{row},1793610900"),
        })
    );
    let (lines, summary) = case(table("user", "item", "time"), text).run();
    assert_eq!((lines.len(), summary.counts.bad_sample[0].row), (39, 9));
    assert_eq!(summary.counts.bad_sample[0].problem, "found 5 columns: expected 4, as the first line has");
}

#[test]
fn numbers_of_columns_that_are_not_there_are_told() {
    let text = rows(5, usual);
    let mut without = table("1", "9", "3");
    without.header = false;
    assert!(refusal(without, &text).contains("has no column `9`: the first row has 3"));
    let message = refusal(table("1", "9", "3"), format!("a,b,c\n{text}"));
    assert!(message.contains("has no column `9`: found a, b, c") || message.contains("did you mean"), "{message}");
}

#[test]
fn a_bad_object_of_a_list_does_not_take_the_others_with_it() {
    let text = concat!(
        r#"{"data": [{"user":"u","item":"a","time":1793610900}, {"user":"u","item":"b","time":"soon"}, 7, "#,
        r#"{"user":"u","item":"c","time":1793610901}, {"user":"u","item":{"id":1},"time":1793610902}, "#,
        r#"{"user":"u","item":"d","time":1793610903}]}"#
    );
    let (lines, summary) = case(table("user", "item", "time"), text).lenient().run();
    assert_eq!((lines.len(), summary.counts.bad_rows), (3, 3), "{summary}");
    let problems: Vec<&str> = summary.counts.bad_sample.iter().map(|row| row.problem.as_str()).collect();
    assert!(problems.iter().any(|problem| problem.contains("`soon` is no time")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("found `7`: expected an object")), "{problems:?}");
    assert!(
        problems.iter().any(|problem| problem.contains("`item` holds an object: name a key in it")),
        "{problems:?}"
    );
}

/// How many bytes of its file a failing import has read, and why it failed.
fn read_until_refused(case: &Case) -> (u64, String) {
    let mut read = 0;
    let error = case.import.run(&mut |bytes| read = bytes).expect_err("expected a refusal");
    (read, error.to_string())
}

#[test]
fn a_file_that_is_nearly_all_bad_is_not_read_to_its_end() {
    let long = "i".repeat(100);
    let csv = format!("user,item,time\n{}", rows(100_000, |_| format!("u,{long},soon")));
    let json = rows(100_000, |_| format!(r#"{{"user": "u", "item": "{long}", "time": "soon"}}"#));
    for text in [csv, json] {
        let mut case = case(table("user", "item", "time"), &text);
        case.import.limits.max_bad = 0.001;
        let (read, message) = read_until_refused(&case);
        assert!(read < text.len() as u64 * 9 / 10, "{read} of {}", text.len());
        assert!(message.contains("rows are bad, which is more than --max-bad 0.001 allows"), "{message}");
        assert!(
            message.contains("of the first ") && message.contains("whatever the rest of the file holds"),
            "{message}"
        );
        assert!(message.contains("time: `soon` is no time"), "{message}");
    }
}

#[test]
fn bad_rows_at_the_start_do_not_end_an_import_whose_rest_is_good() {
    let long = "i".repeat(60);
    let bad = rows(30_000, |_| format!("u,{long},soon"));
    let text = format!("user,item,time\n{bad}{}", rows(30_001, |number| format!("{number},i,1793610900")));
    let mut case = case(table("user", "item", "time"), &text);
    case.import.limits.max_bad = 0.5;
    assert_eq!(case.run().0.len(), 30_001);
}
