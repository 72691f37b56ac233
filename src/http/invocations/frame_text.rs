//! A table as pandas prints it on 80 columns: MLflow quotes it in the messages that clients compare.
//!
//! The rules are those of `DataFrame.__repr__`: columns are right-aligned behind one space, cells are cut to 50
//! characters, of more than 60 rows the first and last five are shown, and columns that do not fit give way from the
//! middle to `...`, which adds the table's size.

use super::frame::Frame;
use super::json::Json;
use super::python_text;

const TERMINAL_WIDTH: usize = 80;
const CELL_WIDTH: usize = 50;
const MOST_ROWS: usize = 60;
const SHOWN_ROWS: usize = 5;
/// More columns never fit; those between the first and the last of them need not be looked at.
const SHOWN_COLUMNS: usize = 40;

/// Prints a table.
pub(crate) fn render(frame: &Frame<'_>) -> String {
    let width = frame.names().len();
    if width == 0 || frame.rows() == 0 {
        let names: Vec<&str> = frame.names().iter().take(50).map(|name| name.plain()).collect();
        let index: Vec<String> = (0..frame.rows().min(10)).map(|row| row.to_string()).collect();
        return format!("Empty DataFrame\nColumns: [{}]\nIndex: [{}]", names.join(", "), index.join(", "));
    }
    let rows = shown_rows(frame.rows());
    let index = rows.iter().map(|row| row.map_or_else(|| "..".to_owned(), |row| row.to_string()));
    let index = left_aligned(std::iter::once(String::new()).chain(index).collect());
    let positions: Vec<usize> =
        (0..width).filter(|column| *column < SHOWN_COLUMNS || width - column <= SHOWN_COLUMNS).collect();
    let mut columns: Vec<Vec<String>> = positions.iter().map(|column| printed_column(frame, *column, &rows)).collect();
    let kept = fitting_columns(&index, &columns, width);
    let cut = kept < width;
    if cut {
        let side = kept / 2;
        columns.drain(side..columns.len() - side);
        columns.insert(side, vec![" ...".to_owned(); rows.len() + 1]);
    }
    columns.insert(0, index);
    let lines = (0..=rows.len()).map(|line| {
        columns.iter().filter_map(|column| column.get(line)).map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if cut || frame.rows() > MOST_ROWS {
        text.push_str(&format!("\n\n[{} rows x {width} columns]", frame.rows()));
    }
    text
}

/// Rows to show; none stands for those left out.
fn shown_rows(rows: usize) -> Vec<Option<usize>> {
    if rows <= MOST_ROWS {
        return (0..rows).map(Some).collect();
    }
    let first = (0..SHOWN_ROWS).map(Some);
    first.chain(std::iter::once(None)).chain((rows - SHOWN_ROWS..rows).map(Some)).collect()
}

/// How many columns pandas shows: it takes them out of the middle, one by one, until the rest fits, but keeps two.
fn fitting_columns(index: &[String], columns: &[Vec<String>], width: usize) -> usize {
    let mut widths: Vec<usize> =
        std::iter::once(index).chain(columns.iter().map(Vec::as_slice)).map(column_width).collect();
    let line: usize = widths.iter().sum::<usize>() + widths.len() - 1;
    let mut excess = if columns.len() < width { isize::MAX } else { line as isize - TERMINAL_WIDTH as isize + 1 };
    while excess > 0 && widths.len() > 1 {
        let half = widths.len() / 2;
        // Python rounds halves to the even neighbour.
        let middle = if widths.len() % 2 == 1 { half + half % 2 } else { half };
        excess -= widths.remove(middle.min(widths.len() - 1)) as isize + 1;
    }
    (widths.len() - 1).max(2)
}

fn column_width(column: &[String]) -> usize {
    column.iter().map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Header and cells of a column, all of one width.
fn printed_column(frame: &Frame<'_>, column: usize, rows: &[Option<usize>]) -> Vec<String> {
    let cells: Vec<Option<&Json>> = rows.iter().flatten().map(|row| frame.cell(*row, column)).collect();
    let number = |cell: &Option<&Json>| matches!(cell, None | Some(Json::Integer(_) | Json::Float(_)));
    let name = frame.names().get(column).map_or("", |name| name.plain());
    // MLflow has made the user's column one of any values. Of records, pandas takes a column of nothing for missing numbers.
    let of_numbers = name != "userId" && (cells.iter().any(Option::is_some) || frame.is_of_records());
    let numeric = of_numbers && cells.iter().all(number);
    let truths = name != "userId" && cells.iter().all(|cell| matches!(cell, Some(Json::Bool(_))));
    let nothing =
        numeric && !cells.iter().flatten().any(|cell| !matches!(cell, Json::Float(number) if number.is_nan()));
    let fraction = |cell: &Option<&Json>| matches!(cell, None | Some(Json::Float(_)));
    let decimals = if numeric && cells.iter().any(fraction) { Some(shared_decimals(&cells)) } else { None };
    // Pandas only knows texts to be missing when a column has nothing else.
    let texts = cells.iter().flatten().all(|cell| matches!(cell, Json::Text(_)));
    let missing = if texts { frame.missing().0 } else { frame.missing_among_others() };
    let cell_text = |row: &Option<usize>| {
        let text = row.map_or("...".to_owned(), |row| match (frame.cell(row, column), decimals) {
            (None, None) => missing.to_owned(),
            (None, Some(_)) => "NaN".to_owned(),
            (Some(Json::Integer(number)), Some(decimals)) => format!("{:.decimals$}", *number as f64),
            (Some(Json::Float(number)), Some(decimals)) => format!("{number:.decimals$}"),
            (Some(cell), _) => printed(cell),
        });
        // Numbers keep a place for their sign, unless all of them are missing.
        cut(&if nothing { text } else { format!(" {text}") })
    };
    let header = if numeric || truths { format!(" {name}") } else { name.to_owned() };
    right_aligned(std::iter::once(header).chain(rows.iter().map(cell_text)).collect())
}

/// Decimals that show every number of a column, at least 1 and at most 6.
fn shared_decimals(cells: &[Option<&Json>]) -> usize {
    let needed = cells.iter().flatten().map(|cell| match cell {
        Json::Float(number) if number.is_finite() => {
            let text = format!("{number:.6}");
            text.trim_end_matches('0').rsplit('.').next().map_or(0, str::len)
        }
        _ => 0,
    });
    needed.max().unwrap_or(0).max(1)
}

/// A cell as pandas prints it: texts of a list without quotes, line ends and tabs escaped.
fn printed(cell: &Json) -> String {
    const MOST_ELEMENTS: usize = 100;
    match cell {
        Json::Text(text) => {
            let shown: String = text.chars().take(CELL_WIDTH * 2).collect();
            shown.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
        }
        Json::List(elements) => {
            let mut shown: Vec<String> = elements.iter().take(MOST_ELEMENTS.min(CELL_WIDTH)).map(printed).collect();
            if elements.len() > shown.len() {
                shown.push("...".to_owned());
            }
            format!("[{}]", shown.join(", "))
        }
        other => python_text::plain(other),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_WIDTH {
        return text.to_owned();
    }
    text.chars().take(CELL_WIDTH - 3).chain("...".chars()).collect()
}

fn right_aligned(column: Vec<String>) -> Vec<String> {
    let width = column_width(&column);
    column.into_iter().map(|text| format!("{text:>width$}")).collect()
}

fn left_aligned(column: Vec<String>) -> Vec<String> {
    let width = column_width(&column);
    column.into_iter().map(|text| format!("{text:<width$}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(records: &str) -> String {
        let json: Json = serde_json::from_str(records).unwrap();
        render(&Frame::from_records(&json).unwrap())
    }

    #[test]
    fn small_tables_look_as_pandas_prints_them() {
        let two = rendered(r#"[{"userId": "u", "items": ["a"]}, {"userId": "u2", "items": ["ab", "cd"]}]"#);
        assert_eq!(two, "  userId     items\n0      u       [a]\n1     u2  [ab, cd]");
        let types = rendered(r#"[{"a":1,"b":2.5,"c":true,"d":null,"e":"x","f":[1,2],"g":{"k":[1,"a"]}}]"#);
        let expected =
            "   a    b     c     d  e       f                g\n0  1  2.5  True  None  x  [1, 2]  {'k': [1, 'a']}";
        assert_eq!(types, expected);
        assert_eq!(rendered(r#"[{"items": [], "userId": ""}]"#), "  items userId\n0    []       ");
        assert_eq!(rendered("[1.5, 2]"), "     0\n0  1.5\n1  2.0");
        let nothing: Json = serde_json::from_str(r#"{"columns": ["a", "b"], "data": [{"x": 1}]}"#).unwrap();
        assert_eq!(render(&Frame::from_split(&nothing).unwrap()), "    a   b\n0 NaN NaN");
        let columns: Json = serde_json::from_str(r#"{"columns": ["u", "b-"], "data": {"u": ["v"]}}"#).unwrap();
        assert_eq!(render(&Frame::from_split(&columns).unwrap()), "   u   b-\n0  v  NaN");
        assert_eq!(rendered(r#"[{"userId": 2.5, "truth": true}]"#), "  userId  truth\n0    2.5   True");
        assert_eq!(rendered(r#"[{"userId": true, "number": 1}]"#), "  userId  number\n0   True       1");
        let infinite = [1.5, f64::INFINITY, f64::NAN].map(Json::Float);
        let infinite = Json::List(infinite.into());
        assert_eq!(render(&Frame::from_records(&infinite).unwrap()), "     0\n0  1.5\n1  inf\n2  NaN");
        assert_eq!(rendered(r#"[["a", ["b"]], ["c"]]"#), "   0     1\n0  a   [b]\n1  c  None");
        assert_eq!(rendered(r#"[["a", "b"], ["c"]]"#), "   0    1\n0  a    b\n1  c  NaN");
        assert_eq!(rendered("[]"), "Empty DataFrame\nColumns: []\nIndex: []");
        assert_eq!(rendered("[{}]"), "Empty DataFrame\nColumns: []\nIndex: [0]");
    }

    #[test]
    fn columns_that_do_not_fit_give_way_from_the_middle() {
        let row = r#"[{"user": "7f3c1f52-7d2e-4a8e-9e0e-3f3c6d1f9a11", "items": ["thermometer", "comic-book", "brush"],
            "timestamps": ["1730807061", "1730808119", "1730809203"], "extra": 1}]"#;
        let expected = "                                   user  ...  extra\n0  7f3c1f52-7d2e-4a8e-9e0e-3f3c6d1f9a11  ...      1\n\n\
            [1 rows x 4 columns]";
        assert_eq!(rendered(row), expected);
        let members: Vec<String> = (0..12).map(|column| format!(r#""col{column}": "xxxxxxxxxxxx""#)).collect();
        let expected = "           col0          col1  ...         col10         col11\n\
            0  xxxxxxxxxxxx  xxxxxxxxxxxx  ...  xxxxxxxxxxxx  xxxxxxxxxxxx\n\n[1 rows x 12 columns]";
        assert_eq!(rendered(&format!("[{{{}}}]", members.join(","))), expected);
    }

    #[test]
    fn long_cells_and_many_rows_are_cut() {
        let cell = rendered(&format!(r#"[{{"items": [{}]}}]"#, vec!["\"a\""; 300].join(",")));
        assert!(cell.ends_with("\n0  [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, ..."), "{cell}");
        let many: Vec<String> = (0..70).map(|row| format!(r#"{{"user": "u{row}"}}"#)).collect();
        let expected = "   user\n0    u0\n1    u1\n2    u2\n3    u3\n4    u4\n..  ...\n65  u65\n66  u66\n67  u67\n68  u68\n69  u69\n\n\
            [70 rows x 1 columns]";
        assert_eq!(rendered(&format!("[{}]", many.join(","))), expected);
    }
}
