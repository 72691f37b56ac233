//! Tables that people and programs send by mistake, and what becomes of them.

use super::Outcome::{Error, Warning};
use super::{Case, TABLE, cut, sound};

/// A table of the sound interactions with one line in front of it, in its middle and behind it.
fn mistaken(header: &str, middle: &str, end: &str) -> Vec<u8> {
    let text = sound();
    let rows: Vec<String> = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|columns| format!("{},{},{}", columns[1], columns[2], columns[3]))
        .collect();
    let (before, behind) = rows.split_at(90);
    let lines = [header].into_iter().chain(before.iter().map(String::as_str)).chain([middle]);
    let lines = lines.chain(behind.iter().map(String::as_str)).chain([end]).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

pub(super) fn mistakes() -> Vec<Case> {
    const HEADER: &str = "user,item,time";
    let every = |change: &dyn Fn(usize, &str) -> String| {
        let text = String::from_utf8(mistaken("", "", "")).unwrap();
        let rows: Vec<String> = text.lines().enumerate().map(|(row, line)| change(row, line)).collect();
        format!("{HEADER}\n{}\n", rows.join("\n")).into_bytes()
    };
    let json = |change: &dyn Fn(usize) -> String| (0..180).map(|row| change(row) + "\n").collect::<String>();
    vec![
        ("a footer", mistaken(HEADER, "", "(180 rows)"), TABLE, Warning("182: found 1 columns: expected 3")),
        ("a sum", mistaken(HEADER, "", "Total,180"), TABLE, Warning("182: found 2 columns: expected 3")),
        ("marks of a merge", mistaken(HEADER, "<<<<<<< HEAD", "======="), TABLE, Warning("2 bad rows")),
        ("rows that a program has left out", mistaken(HEADER, "...,...,...", ""), TABLE, Warning("1 bad rows")),
        ("a second header", mistaken(HEADER, HEADER, ""), TABLE, Warning("time: `time` is no time")),
        ("zeros at the end", mistaken(HEADER, "", &"\0".repeat(99)), TABLE, Warning("1 bad rows")),
        ("a column twice", mistaken("user,item,item", "", ""), TABLE, Error("more than one column `item`")),
        ("comments in front", mistaken("# by me", "", ""), TABLE, Error("has no column `user`")),
        ("a web page", b"<!DOCTYPE html><html></html>".to_vec(), TABLE, Error("is a web page")),
        (
            "a pointer to a large file",
            b"version https://git-lfs.github.com/spec/v1\nsize 1\n".to_vec(),
            TABLE,
            Error("has no column `user`: found version"),
        ),
        (
            "another separator than the header's",
            every(&|_, line| line.replace(',', ";")),
            TABLE,
            Error("found 1 columns"),
        ),
        (
            "times in seconds and in milliseconds",
            every(&|row, line| format!("{line}{}", if row % 2 == 0 { "" } else { "000" })),
            TABLE,
            Error("of 180 rows are bad"),
        ),
        (
            "placeholders among the times",
            every(&|row, line| if row % 60 == 3 { "u1,i1,9999999999".into() } else { line.into() }),
            TABLE,
            Warning("3 bad rows were left out"),
        ),
        (
            "zero among the times",
            every(&|row, line| if row % 60 == 3 { "u1,i1,0".into() } else { line.into() }),
            TABLE,
            Warning("3 times lie before 1995"),
        ),
        ("times without a day", every(&|row, _| format!("u,i{row},10:00")), TABLE, Error("is no time")),
        (
            "letters that another program has lost",
            every(&|_, line| line.replace(",i7,", ",caf\u{fffd},")),
            TABLE,
            Warning("names hold U+FFFD: another program could not read what stood there; the first in row"),
        ),
        (
            "invisible characters",
            every(&|row, line| line.replace(",i7,", if row % 2 == 0 { ",i7\u{200b}," } else { ",i7," })),
            TABLE,
            Warning("names hold invisible characters"),
        ),
        (
            "most users missing",
            every(&|row, line| {
                if row % 3 == 0 { line.into() } else { format!(",{}", line.split_once(',').unwrap().1) }
            }),
            TABLE,
            Warning("120 of 180 rows were left out: no user"),
        ),
        (
            "most items missing",
            every(&|row, line| if row % 3 == 0 { line.into() } else { "u1,,1700000000".into() }),
            TABLE,
            Warning("120 of 180 rows were left out: no item"),
        ),
        (
            "JSON whose users are objects",
            json(&|row| format!("{{\"user\": {{\"id\": {row}}}, \"item\": 1, \"time\": 1700000000}}")).into_bytes(),
            TABLE,
            Error("column `user` holds an object: name a key in it"),
        ),
        (
            "JSON that was cut off",
            cut(json(&|row| format!("{{\"user\": {row}, \"item\": 1, \"time\": 1700000000}}")).into_bytes()),
            TABLE,
            Warning("1 bad rows were left out"),
        ),
        ("an answer instead of data", br#"{"error": {"code": 401}}"#.to_vec(), TABLE, Error("has no column `user`")),
    ]
}
