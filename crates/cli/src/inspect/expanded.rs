//! An expanded file of the original: it enters row by row; counts, lengths of histories, frequencies, a sample and one
//! shopper's rows leave.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;
use slirec_train::dataset::original::{COLUMNS, ExpandedRow, for_each_row};

use super::frequency::{self, Frequencies, Frequency};
use super::history;
use super::lengths::Lengths;
use super::page::{Page, number};
use super::sample::Sample;
use super::times::{Span, widen};
use crate::progress;

/// What an expanded file holds.
#[derive(Debug, Serialize)]
pub(crate) struct ExpandedContents {
    rows: u64,
    positives: u64,
    negatives: u64,
    users: usize,
    items: usize,
    categories: usize,
    times: Span,
    history_lengths: Lengths,
    /// Of the positives.
    top_items: Vec<Frequency>,
    top_categories: Vec<Frequency>,
    sample: Vec<Row>,
    /// Whose rows are shown.
    user: String,
    history: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    label: u8,
    user: String,
    item: String,
    category: String,
    timestamp: f64,
    history_items: Vec<String>,
    history_categories: Vec<String>,
    history_timestamps: Vec<String>,
}

impl ExpandedContents {
    pub(crate) fn read(path: &Path, rows: usize, user: Option<&str>) -> Result<Self> {
        let mut reading = progress::Reading::open(path)?;
        let mut seen = Seen { sample: Sample::new(rows), user: user.map(str::to_owned), ..Seen::default() };
        let mut text = reading.text();
        for_each_row(path, text.as_mut(), &mut |row| {
            seen.add(row);
            reading.tell(seen.rows, "rows");
            Ok(())
        })?;
        reading.finish();
        seen.into_content(path, rows)
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("rows", number(self.rows));
        page.field("positives", number(self.positives));
        page.field("negatives", number(self.negatives));
        page.field("users", number(self.users as u64));
        page.field("items", number(self.items as u64));
        page.field("categories", number(self.categories as u64));
        self.times.show(page);
        self.history_lengths.show(page, "Lengths of the histories");
        frequency::show(page, "Most frequent items of the positives", &self.top_items);
        frequency::show(page, "Most frequent categories of the positives", &self.top_categories);
        for (heading, rows) in
            [("Sample".to_owned(), &self.sample), (format!("The first rows of {}", self.user), &self.history)]
        {
            if !rows.is_empty() {
                page.heading(&heading);
                page.table(&COLUMNS, &rows.iter().map(Row::cells).collect::<Vec<_>>());
            }
        }
    }
}

impl Row {
    fn new(row: ExpandedRow<'_>) -> Self {
        let [items, categories, times] = row.history.map(|part| part.split(',').map(str::to_owned).collect());
        Self {
            label: u8::from(row.positive),
            user: row.user.to_owned(),
            item: row.item.to_owned(),
            category: row.category.to_owned(),
            timestamp: row.timestamp,
            history_items: items,
            history_categories: categories,
            history_timestamps: times,
        }
    }

    fn cells(&self) -> Vec<String> {
        let [items, categories, times] =
            [&self.history_items, &self.history_categories, &self.history_timestamps].map(|part| part.join(","));
        let (label, time) = (self.label.to_string(), self.timestamp.to_string());
        vec![label, self.user.clone(), self.item.clone(), self.category.clone(), time, items, categories, times]
    }
}

/// Everything that is kept while reading.
#[derive(Default)]
struct Seen {
    rows: u64,
    positives: u64,
    users: HashSet<String>,
    items: HashSet<String>,
    positive_items: Frequencies,
    positive_categories: Frequencies,
    span: Option<(f64, f64)>,
    lengths: BTreeMap<u64, u64>,
    sample: Sample<Row>,
    user: Option<String>,
    history: Vec<Row>,
}

impl Seen {
    fn add(&mut self, row: ExpandedRow<'_>) {
        self.rows += 1;
        widen(&mut self.span, row.timestamp);
        for (names, name) in [(&mut self.users, row.user), (&mut self.items, row.item)] {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
        if row.positive {
            self.positives += 1;
            self.positive_items.add(row.item);
            self.positive_categories.add(row.category);
        }
        *self.lengths.entry(row.history_length() as u64).or_default() += 1;
        self.sample.offer(|| Row::new(row));
        if self.user.get_or_insert_with(|| row.user.to_owned()) == row.user && self.history.len() < history::ROWS {
            self.history.push(Row::new(row));
        }
    }

    fn into_content(self, path: &Path, rows: usize) -> Result<ExpandedContents> {
        let lengths = Lengths::of_counts(&self.lengths);
        let (Some(lengths), Some((first, last)), Some(user)) = (lengths, self.span, self.user) else {
            bail!("{}: holds no rows", path.display());
        };
        if self.history.is_empty() {
            bail!("--user: {} holds no rows of `{user}`", path.display());
        }
        Ok(ExpandedContents {
            rows: self.rows,
            positives: self.positives,
            negatives: self.rows - self.positives,
            users: self.users.len(),
            items: self.items.len(),
            categories: self.positive_categories.names(),
            times: Span::new(first, last),
            history_lengths: lengths,
            top_items: self.positive_items.most(rows),
            top_categories: self.positive_categories.most(rows),
            sample: self.sample.into_rows(),
            user,
            history: self.history,
        })
    }
}
