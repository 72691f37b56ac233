//! A page of text for people: fields, bars and tables enter, aligned lines leave. Everything that is put on a page may
//! come from a file, so all of it is made printable here and nowhere else.

use unicode_width::UnicodeWidthStr;

use crate::output::printable;

/// Columns of the longest bar.
const BAR: u64 = 32;
/// Columns of a cell, at most; the rest is cut.
const CELL: usize = 44;

/// Text that is being laid out.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// A page about what lies at `path`.
    pub(crate) fn new(path: &str, kind: &str) -> Self {
        Self { text: format!("{}: {kind}\n", printable(path)) }
    }

    /// The page without its last line end.
    pub(crate) fn into_text(self) -> String {
        self.text.trim_end().to_owned()
    }

    /// A named value.
    pub(crate) fn field(&mut self, name: &str, value: impl ToString) {
        let (name, value) = (printable(name), printable(&value.to_string()));
        self.text.push_str(&format!("  {} {value}\n", padded(&name, 18, false)));
    }

    /// Begins a part of the page.
    pub(crate) fn heading(&mut self, text: &str) {
        self.text.push_str(&format!("\n{}\n", printable(text)));
    }

    /// A line of prose.
    pub(crate) fn line(&mut self, text: &str) {
        self.text.push_str(&format!("  {}\n", printable(text)));
    }

    /// Names with what belongs to each, of any length.
    pub(crate) fn pairs(&mut self, pairs: &[(&str, String)]) {
        let names: Vec<String> = pairs.iter().map(|(name, _)| printable(name)).collect();
        let width = widest(names.iter().map(String::as_str));
        for (name, (_, value)) in names.iter().zip(pairs) {
            self.text.push_str(&format!("  {}  {}\n", padded(name, width, false), printable(value)));
        }
    }

    /// A bar for each label with its count, and what stands behind the count.
    pub(crate) fn bars(&mut self, bars: &[(String, u64, String)]) {
        let most = bars.iter().map(|(_, count, _)| *count).max().unwrap_or_default().max(1);
        let labels: Vec<String> = bars.iter().map(|(label, ..)| cut(&printable(label))).collect();
        let width = widest(labels.iter().map(String::as_str));
        let counts: Vec<String> = bars.iter().map(|(_, count, _)| number(*count)).collect();
        let digits = widest(counts.iter().map(String::as_str));
        for ((label, count), (_, value, note)) in labels.iter().zip(&counts).zip(bars) {
            // At most BAR; what is there at all can be seen.
            let length = (value.saturating_mul(BAR) / most).max(u64::from(*value > 0));
            let bar: String = (0..length).map(|_| '█').collect();
            let (label, bar) = (padded(label, width, false), padded(&bar, BAR as usize, false));
            let line = format!("  {label} {bar} {} {}", padded(count, digits, true), printable(note));
            self.text.push_str(&format!("{}\n", line.trim_end()));
        }
    }

    /// Rows under the names of their columns; columns of numbers stand to the right.
    pub(crate) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let cells: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| cut(&printable(cell))).collect()).collect();
        let columns: Vec<(String, usize, bool)> = columns
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let column = || cells.iter().filter_map(move |row| row.get(index)).map(String::as_str);
                let width = widest(column()).max(name.width());
                (printable(name), width, !cells.is_empty() && column().all(is_numeric))
            })
            .collect();
        let names: Vec<String> = columns.iter().map(|(name, ..)| name.clone()).collect();
        for row in std::iter::once(&names).chain(&cells) {
            let cells = row.iter().zip(&columns).map(|(cell, (_, width, right))| padded(cell, *width, *right));
            let line = format!("  {}", cells.collect::<Vec<_>>().join("  "));
            self.text.push_str(&format!("{}\n", line.trim_end()));
        }
    }
}

/// A count with its thousands apart.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole, such as `12.5 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// One number, or the dash that stands for none; commas only between thousands, so that a list of numbers is none.
fn is_numeric(cell: &str) -> bool {
    let mut thousands = cell.split(',').skip(1);
    let whole = cell.chars().all(|letter| letter.is_ascii_digit() || ".,-+% ".contains(letter));
    whole && thousands.all(|part| part.len() == 3)
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(UnicodeWidthStr::width).max().unwrap_or_default()
}

fn padded(text: &str, width: usize, right: bool) -> String {
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{spaces}{text}") } else { format!("{text}{spaces}") }
}

fn cut(text: &str) -> String {
    if text.width() <= CELL {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if kept.width() >= CELL {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn tables_align_names_to_the_left_and_numbers_to_the_right() {
        let mut page = Page::new("x", "a test");
        page.table(&["name", "count", "ids"], &cells(&[&["茶", "7", "1"], &["mug", "1,200", "17,18"]]));
        assert_eq!(page.into_text(), "x: a test\n  name  count  ids\n  茶        7  1\n  mug   1,200  17,18");
    }

    #[test]
    fn bars_are_as_long_as_their_share_of_the_longest_and_never_invisible() {
        let mut page = Page::new("x", "a test");
        let bar = |label: &str, count| (label.to_owned(), count, String::new());
        page.bars(&[bar("all", 3_200), bar("half", 1_600), bar("few", 1), bar("none", 0)]);
        let lengths: Vec<usize> = page.into_text().lines().skip(1).map(|line| line.matches('█').count()).collect();
        assert_eq!(lengths, [32, 16, 1, 0]);
    }

    #[test]
    fn nothing_that_is_put_on_a_page_steers_a_terminal() {
        let evil = "\u{1b}[2J\nroot:";
        let mut page = Page::new(evil, "a test");
        page.field(evil, evil);
        page.heading(evil);
        page.line(evil);
        page.pairs(&[(evil, evil.to_owned())]);
        page.bars(&[(evil.to_owned(), 1, evil.to_owned())]);
        page.table(&[evil], &cells(&[&[evil]]));
        let text = page.into_text();
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.matches("\\u{1b}[2J\\nroot:").count(), 11, "{text}");
    }

    #[test]
    fn long_cells_are_cut_and_numbers_are_readable() {
        assert_eq!(cut(&"a".repeat(50)), format!("{}…", "a".repeat(43)));
        assert_eq!([0, 999, 1_000, 12_345_678].map(number), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(percent(0.1254), "12.5 %");
    }
}
