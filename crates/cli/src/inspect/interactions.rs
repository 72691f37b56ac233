//! Interactions: a file of any size enters, line by line; counts, lengths, frequencies, a sample and one history
//! leave. In memory are the names and their counters, never the lines.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use slirec_core::interactions::{Interaction, InteractionReader, ReadError};
use slirec_train::dataset::EventCounts;

use super::frequency::{self, Frequencies, Frequency};
use super::history::{self, History, Viewed};
use super::lengths::Lengths;
use super::page::{Page, number};
use super::sample::Sample;
use super::times::{Span, utc, widen};
use crate::progress;

/// How many bad lines are shown.
const SHOWN_SKIPPED: usize = 5;

/// What interactions hold.
#[derive(Debug, Serialize)]
pub(crate) struct InteractionsContents {
    interactions: u64,
    users: usize,
    items: usize,
    categories: usize,
    times: Span,
    /// Interactions that stand behind a later one of the same user.
    out_of_order: u64,
    /// Items that stand with more than one category.
    items_with_several_categories: usize,
    /// Users with fewer than three interactions: they give no training rows.
    short_users: usize,
    skipped_lines: u64,
    /// The first of them.
    skipped: Vec<String>,
    /// None where all are views.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<EventCounts>,
    interactions_per_user: Lengths,
    top_items: Vec<Frequency>,
    top_categories: Vec<Frequency>,
    sample: Vec<Row>,
    history: History,
}

#[derive(Debug, Serialize)]
struct Row {
    line: u64,
    user: String,
    item: String,
    timestamp: f64,
    utc: String,
    category: String,
}

impl InteractionsContents {
    pub(crate) fn read(path: &Path, rows: usize, user: Option<&str>, skip_bad_lines: bool) -> Result<Self> {
        let mut reading = progress::Reading::open(path)?;
        let mut reader = InteractionReader::new(reading.text());
        let mut seen = Seen::new(rows, user);
        let (mut skipped_lines, mut skipped) = (0, Vec::new());
        loop {
            match reader.next_row() {
                None => break,
                Some(Ok(row)) => seen.add(row.line, row.interaction),
                Some(Err(ReadError::Line(error))) if skip_bad_lines => {
                    skipped_lines += 1;
                    if skipped.len() < SHOWN_SKIPPED {
                        skipped.push(error.to_string());
                    }
                }
                Some(Err(error)) => return Err(error).context(path.display().to_string()),
            }
            reading.tell(seen.interactions + skipped_lines, "lines");
        }
        reading.finish();
        seen.into_content(path, rows, skipped_lines, skipped)
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("interactions", number(self.interactions));
        page.field("users", number(self.users as u64));
        page.field("items", number(self.items as u64));
        page.field("categories", number(self.categories as u64));
        self.times.show(page);
        page.field("out of order", format!("{} interactions", number(self.out_of_order)));
        let several = number(self.items_with_several_categories as u64);
        page.field("category unclear", format!("{several} items stand with more than one category"));
        page.field("short", format!("{} users have fewer than 3 interactions", number(self.short_users as u64)));
        if self.skipped_lines > 0 {
            page.field("skipped", format!("{} lines that cannot be read", number(self.skipped_lines)));
            self.skipped.iter().for_each(|line| page.line(line));
        }
        if let Some(events) = &self.events {
            page.field("events", events.to_string());
        }
        self.interactions_per_user.show(page, "Interactions per user");
        frequency::show(page, "Most frequent items", &self.top_items);
        frequency::show(page, "Most frequent categories", &self.top_categories);
        if !self.sample.is_empty() {
            page.heading("Sample");
            let cells = |row: &Row| {
                let Row { line, user, item, timestamp, utc, category } = row;
                let time = timestamp.to_string();
                vec![line.to_string(), user.clone(), item.clone(), time, utc.clone(), category.clone()]
            };
            let rows: Vec<Vec<String>> = self.sample.iter().map(cells).collect();
            page.table(&["line", "user", "item", "timestamp", "utc", "category"], &rows);
        }
        self.history.show(page);
    }
}

/// Counters of a user.
struct User {
    interactions: u64,
    latest: f64,
}

/// Counters of an item, with the categories that it stands with.
struct Item {
    interactions: u64,
    categories: Vec<String>,
}

/// Everything that is kept while reading.
struct Seen {
    interactions: u64,
    events: EventCounts,
    users: HashMap<String, User>,
    items: HashMap<String, Item>,
    categories: Frequencies,
    span: Option<(f64, f64)>,
    out_of_order: u64,
    sample: Sample<Row>,
    /// Whose history is shown, once that is known.
    user: Option<String>,
    /// The earliest interactions of that user, as many as are shown.
    earliest: Vec<Viewed>,
}

impl Seen {
    fn new(rows: usize, user: Option<&str>) -> Self {
        Self {
            interactions: 0,
            events: EventCounts::default(),
            users: HashMap::new(),
            items: HashMap::new(),
            categories: Frequencies::default(),
            span: None,
            out_of_order: 0,
            sample: Sample::new(rows),
            user: user.map(str::to_owned),
            earliest: Vec::new(),
        }
    }

    fn add(&mut self, line: u64, interaction: Interaction<'_>) {
        let Interaction { user, item, timestamp, category, event } = interaction;
        self.events.count(event.unwrap_or_default());
        self.interactions += 1;
        widen(&mut self.span, timestamp);
        if let Some(known) = self.users.get_mut(user) {
            known.interactions += 1;
            self.out_of_order += u64::from(timestamp < known.latest);
            known.latest = known.latest.max(timestamp);
        } else {
            self.users.insert(user.to_owned(), User { interactions: 1, latest: timestamp });
        }
        if let Some(known) = self.items.get_mut(item) {
            known.interactions += 1;
            if known.categories.iter().all(|other| other != category) {
                known.categories.push(category.to_owned());
            }
        } else {
            self.items.insert(item.to_owned(), Item { interactions: 1, categories: vec![category.to_owned()] });
        }
        self.categories.add(category);
        self.sample.offer(|| Row {
            line,
            user: user.to_owned(),
            item: item.to_owned(),
            timestamp,
            utc: utc(timestamp),
            category: category.to_owned(),
        });
        if self.user.get_or_insert_with(|| user.to_owned()) == user {
            // As `prepare` orders them: by time, equal times in the file's order.
            let place = self.earliest.partition_point(|earlier| earlier.timestamp <= timestamp);
            if place <= history::ROWS {
                let viewed = Viewed { item: item.to_owned(), category: category.to_owned(), timestamp };
                self.earliest.insert(place, viewed);
                self.earliest.truncate(history::ROWS + 1);
            }
        }
    }

    fn into_content(
        self,
        path: &Path,
        rows: usize,
        skipped_lines: u64,
        skipped: Vec<String>,
    ) -> Result<InteractionsContents> {
        let lengths = Lengths::of(self.users.values().map(|user| user.interactions));
        let (Some(lengths), Some((first, last)), Some(name)) = (lengths, self.span, self.user) else {
            bail!("{}: holds no interactions", path.display());
        };
        let Some(user) = self.users.get(&name) else {
            bail!("--user: {} holds no interactions of `{name}`", path.display());
        };
        Ok(InteractionsContents {
            interactions: self.interactions,
            users: self.users.len(),
            items: self.items.len(),
            categories: self.categories.names(),
            times: Span::new(first, last),
            out_of_order: self.out_of_order,
            items_with_several_categories: self.items.values().filter(|item| item.categories.len() > 1).count(),
            short_users: self.users.values().filter(|user| user.interactions < 3).count(),
            skipped_lines,
            skipped,
            events: self.events.are_told(),
            interactions_per_user: lengths,
            top_items: frequency::most(self.items.iter().map(|(name, item)| (name.as_str(), item.interactions)), rows),
            top_categories: self.categories.most(rows),
            sample: self.sample.into_rows(),
            history: History::expand(&name, user.interactions, &self.earliest),
        })
    }
}
