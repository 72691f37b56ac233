//! One shopper's history spelled out: interactions enter, rows leave as the original's expanded files have them, each
//! with everything that came before it.

use serde::Serialize;
use slirec_train::dataset::original::COLUMNS;

use super::page::{Page, number};

/// Rows of an expanded history, as many as the original's notebook shows.
pub(crate) const ROWS: usize = 5;

/// An interaction with its names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Viewed {
    pub(crate) item: String,
    pub(crate) category: String,
    pub(crate) timestamp: f64,
}

/// The first rows of a shopper's expanded history.
#[derive(Debug, Serialize)]
pub(crate) struct History {
    pub(crate) user: String,
    /// All of the shopper's interactions.
    pub(crate) interactions: u64,
    pub(crate) rows: Vec<Row>,
}

/// A row of an expanded file.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    label: u8,
    user: String,
    item: String,
    category: String,
    timestamp: f64,
    history_items: Vec<String>,
    history_categories: Vec<String>,
    history_timestamps: Vec<f64>,
}

impl History {
    /// Expands the first of a shopper's interactions, in order.
    pub(crate) fn expand(user: &str, interactions: u64, first: &[Viewed]) -> Self {
        let expand = |position: usize| -> Option<Row> {
            let (before, rest) = first.split_at_checked(position)?;
            let Viewed { item, category, timestamp } = rest.first()?.clone();
            Some(Row {
                label: 1,
                user: user.to_owned(),
                item,
                category,
                timestamp,
                history_items: before.iter().map(|viewed| viewed.item.clone()).collect(),
                history_categories: before.iter().map(|viewed| viewed.category.clone()).collect(),
                history_timestamps: before.iter().map(|viewed| viewed.timestamp).collect(),
            })
        };
        Self { user: user.to_owned(), interactions, rows: (1..=ROWS).map_while(expand).collect() }
    }

    pub(crate) fn show(&self, page: &mut Page) {
        let (rows, all) = (self.rows.len(), self.interactions.saturating_sub(1));
        page.heading(&format!("History of {}, expanded: {rows} of {} rows", self.user, number(all)));
        let times = |times: &[f64]| times.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let cells = |row: &Row| {
            vec![
                row.label.to_string(),
                row.user.clone(),
                row.item.clone(),
                row.category.clone(),
                row.timestamp.to_string(),
                row.history_items.join(","),
                row.history_categories.join(","),
                times(&row.history_timestamps),
            ]
        };
        page.table(&COLUMNS, &self.rows.iter().map(cells).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_all_rows_before_it_as_its_history() {
        let viewed = |item: &str, timestamp| Viewed { item: item.into(), category: "Tech".into(), timestamp };
        let first = [viewed("laptop", 1.0), viewed("charger", 2.0), viewed("mouse", 3.0)];
        let history = History::expand("user_1", 9, &first);
        let mut page = Page::new("x", "a test");
        history.show(&mut page);
        let text = page.into_text();
        assert!(text.contains("History of user_1, expanded: 2 of 8 rows"), "{text}");
        let lines: Vec<Vec<&str>> = text.lines().rev().take(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["1", "user_1", "mouse", "Tech", "3", "laptop,charger", "Tech,Tech", "1,2"]);
        assert_eq!(lines[1], ["1", "user_1", "charger", "Tech", "2", "laptop", "Tech", "1"]);
    }
}
