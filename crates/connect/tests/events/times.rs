//! Times of a column: units, dates, orders of day and month, what is hardly meant.

use slirec_connect::events::Source;
use slirec_connect::events::table::{Order, Table};
use slirec_connect::time::TimeUnit;

use crate::{Case, column, table};

fn of_rows(table: Table, rows: &[&str]) -> Case {
    Case::of_text(Source::Table(table), format!("u,i,t\n{}\n", rows.join("\n"))).without_catalog()
}

fn with_format(format: &str) -> Table {
    let mut table = table("u", "i", "t");
    table.times.formats = vec![format.parse().unwrap()];
    table
}

fn times(case: &Case) -> Vec<String> {
    case.run().0.iter().map(|line| line.split('\t').nth(3).unwrap().to_owned()).collect()
}

#[test]
fn the_unit_of_a_column_is_told_and_named_in_the_summary() {
    for (unit, zeros) in
        [("seconds", ""), ("milliseconds", "000"), ("microseconds", "000000"), ("nanoseconds", "000000000")]
    {
        let rows = [format!("u,a,1793610900{zeros}"), format!("u,b,1793610901{zeros}")];
        let mut case = of_rows(table("u", "i", "t"), &rows.each_ref().map(String::as_str));
        assert_eq!(times(&case), ["1793610900", "1793610901"], "{unit}");
        case.import.replace = true;
        let summary = case.run().1.to_string();
        assert!(summary.contains(&format!("times are         {unit} since 1970, told by their size")), "{summary}");
    }
}

#[test]
fn compact_dates_are_dates_and_never_numbers_of_milliseconds() {
    let rows = ["u,a,20261102", "u,b,20240115", "u,c,20240115093000"];
    assert_eq!(times(&of_rows(table("u", "i", "t"), &rows)), ["1705276800", "1705311000", "1793577600"]);
}

#[test]
fn a_unit_that_changes_within_a_column_makes_rows_bad_and_many_end_the_import() {
    let mut rows: Vec<String> = (0..2000).map(|row| format!("u{row},i,{}", 1_793_610_900 + row)).collect();
    rows[1500] = "late,i,1793610900000".to_owned();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (lines, summary) = of_rows(table("u", "i", "t"), &rows).run();
    assert_eq!((lines.len(), summary.counts.bad_rows), (1999, 1));
    let row = &summary.counts.bad_sample[0];
    assert_eq!(row.row, 1502);
    assert!(row.problem.contains("as milliseconds since 1970, but the column's other numbers are seconds"), "{row:?}");
    let halves: Vec<String> =
        (0..3000).map(|row| format!("u,i,1793610900{}", if row < 1500 { "" } else { "000" })).collect();
    let message = of_rows(table("u", "i", "t"), &halves.iter().map(String::as_str).collect::<Vec<_>>()).failure();
    assert!(message.to_string().contains("1500 of 3000 rows are bad"), "{message}");
    assert!(message.to_string().contains("input:1502: t: `1793610900000`"), "{message}");
}

#[test]
fn a_unit_that_is_asked_for_counts_whatever_the_size() {
    let mut milliseconds = table("u", "i", "t");
    milliseconds.times.unit = Some(TimeUnit::Milliseconds);
    let message = of_rows(milliseconds, &["u,a,1793610900", "u,b,1793610901"]).failure().to_string();
    assert!(message.contains("2 of 2 times lie before 1995 or after tomorrow"), "{message}");
    assert!(message.contains("1970-01-21"), "{message}");
}

#[test]
fn day_and_month_are_told_by_the_whole_column() {
    // Only the last row tells that the day stands first; all rows follow it, and their order too.
    let day_first = ["u,a,11/02/2026 21:47", "u,b,03/02/2026 10:00", "u,c,29/01/2026 10:00"];
    let case = of_rows(table("u", "i", "t"), &day_first);
    let lines = case.run().0;
    let items: Vec<&str> = lines.iter().map(|line| line.split('\t').nth(2).unwrap()).collect();
    assert_eq!(items, ["c", "b", "a"]);
    let month_first = ["u,a,11/02/2026 21:47", "u,b,01/29/2026 10:00"];
    assert_eq!(times(&of_rows(table("u", "i", "t"), &month_first)), ["1769680800", "1793656020"]);
}

#[test]
fn day_and_month_that_nothing_tells_are_asked_for() {
    let rows = ["u,a,11/02/2026 21:47", "u,b,03/02/2026 10:00", "v,a,1793610900"];
    let message = of_rows(table("u", "i", "t"), &rows).failure().to_string();
    assert!(message.contains("no date tells whether the day or the month stands first"), "{message}");
    assert!(message.contains("`11/02/2026 21:47`") && message.contains(":2), the first of 2"), "{message}");
    assert!(message.contains("--time-format day-first or month-first"), "{message}");
    assert_eq!(times(&of_rows(with_format("day-first"), &rows)), ["1770112800", "1770846420", "1793610900"]);
    assert_eq!(times(&of_rows(with_format("%m/%d/%Y %H:%M"), &rows[..2])), ["1772445600", "1793656020"]);
    let both = ["u,a,29/01/2026", "u,b,01/29/2026", "u,c,02/03/2026"];
    let message = of_rows(table("u", "i", "t"), &both).failure().to_string();
    assert!(message.contains("some dates have the day first") && message.contains("and some the month"), "{message}");
}

#[test]
fn a_few_times_that_are_hardly_meant_are_counted_and_many_end_the_import() {
    let mut rows: Vec<String> = (0..40).map(|row| format!("u{row},i,2026-11-02")).collect();
    rows[7] = "u7,i,1970-01-01".to_owned();
    rows[8] = "u8,i,2031-01-01".to_owned();
    let borrowed =
        |rows: &[String]| of_rows(table("u", "i", "t"), &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let summary = borrowed(&rows).run().1;
    assert_eq!((summary.counts.early.count, summary.counts.late.count), (1, 1));
    let warnings = summary.warnings().join("\n");
    assert!(warnings.contains("1 times lie before 1995, the first in row 9: 1970-01-01"), "{warnings}");
    assert!(warnings.contains("1 times lie after tomorrow, the first in row 10: 2031-01-01"), "{warnings}");
    rows[9] = "u9,i,1980-01-01".to_owned();
    let message = borrowed(&rows).failure().to_string();
    assert!(message.contains("3 of 40 times lie before 1995 or after tomorrow"), "{message}");
    assert!(message.contains("input:9: 1970-01-01T00:00:00Z") && message.contains("--order"), "{message}");
    let mut case = borrowed(&rows);
    case.import.limits.max_odd_times = 0.1;
    assert_eq!(case.run().0.len(), 40);
}

#[test]
fn far_years_and_negative_times_make_their_rows_bad() {
    let rows = ["u,a,2026-11-02", "u,b,9999-12-31", "u,c,0001-01-01", "u,d,-5"];
    let case = of_rows(table("u", "i", "t"), &rows).lenient();
    let (lines, summary) = case.run();
    assert_eq!(lines.len(), 1);
    let problems: Vec<&str> = summary.counts.bad_sample.iter().map(|row| row.problem.as_str()).collect();
    assert!(problems[0].contains("behind the year 2200"), "{problems:?}");
    assert!(problems[1].contains("lies before 1970") && problems[2].contains("lies before 1970"), "{problems:?}");
}

#[test]
fn ordinals_are_refused_as_times_and_accepted_as_an_order() {
    let rows = ["u,a,1", "u,a,2", "u,b,2", "u,a,10"];
    let message = of_rows(table("u", "i", "t"), &rows).failure().to_string();
    assert!(
        message.contains("4 of 4 times lie before 1995") && message.contains("--order names a column"),
        "{message}"
    );
    let mut ordered = table("u", "i", "t");
    ordered.order = Order::Ordinal(column("t"));
    let (lines, summary) = of_rows(ordered, &rows).run();
    assert_eq!(lines, ["1\tu\ta\t1\tnone", "1\tu\ta\t2\tnone", "1\tu\tb\t2\tnone", "1\tu\ta\t10\tnone"]);
    assert!(summary.to_string().contains("order             1 to 10"), "{summary}");
}
