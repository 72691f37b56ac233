//! A dataset: its directory enters; its manifest, the lengths of its histories, frequencies, a sample with the set of
//! each row, and one history leave. That it reads says that its files are what the manifest says.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slirec_core::vocabulary::DEFAULT_ID;
use slirec_train::dataset::{Dataset, Division, Manifest, read_users};

use super::frequency::{self, Frequency};
use super::history::{self, History, Viewed};
use super::lengths::Lengths;
use super::page::{Page, number, percent};
use super::sample::Sample;
use super::times::{Span, utc};
use super::vocabulary::{UNSEEN, top_categories, top_items, value};

/// What a dataset holds.
#[derive(Debug, Serialize)]
pub(crate) struct DatasetContents {
    /// SHA-256 of the manifest, by which runs know their dataset.
    sha256: String,
    manifest: Manifest,
    times: Span,
    /// Interactions with items that training has not seen.
    unseen_interactions: u64,
    /// None for a dataset without users.
    interactions_per_user: Option<Lengths>,
    top_items: Vec<Frequency>,
    top_categories: Vec<Frequency>,
    sample: Vec<Row>,
    history: Option<History>,
}

#[derive(Debug, Serialize)]
struct Row {
    set: &'static str,
    user: String,
    item: String,
    timestamp: f64,
    utc: String,
    category: String,
}

impl DatasetContents {
    pub(crate) fn read(directory: &Path, rows: usize, user: Option<&str>) -> Result<Self> {
        let dataset = Dataset::read(directory)?;
        let users = read_users(directory, dataset.manifest.users)?;
        let mut sample = Sample::new(rows);
        let mut unseen_interactions = 0;
        for (name, range) in users.iter().zip(dataset.users()) {
            let parts = dataset.parts(&range);
            for row in range.clone() {
                let unseen = dataset.interaction(row).is_some_and(|(item, ..)| item == DEFAULT_ID);
                unseen_interactions += u64::from(unseen);
                sample.offer(|| (name, row, parts.of(row - range.start).name()));
            }
        }
        let sample = sample.into_rows().into_iter();
        Ok(Self {
            sample: sample.filter_map(|(name, row, set)| sample_row(&dataset, name, row, set)).collect(),
            history: history(directory, &dataset, &users, user)?,
            times: Span::new(dataset.manifest.first_time, dataset.manifest.last_time),
            unseen_interactions,
            interactions_per_user: Lengths::of(dataset.users().map(|range| range.len() as u64)),
            top_items: top_items(&dataset.vocabulary, rows),
            top_categories: top_categories(&dataset.vocabulary, rows),
            sha256: dataset.sha256,
            manifest: dataset.manifest,
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        let manifest = &self.manifest;
        page.field("interactions", number(manifest.interactions));
        page.field("users", number(manifest.users));
        page.field("items", number(manifest.items as u64));
        page.field("categories", number(manifest.categories as u64));
        self.times.show(page);
        if let Some(events) = &manifest.events {
            page.field("events", events.to_string());
        }
        let rows = &manifest.rows;
        page.field("training rows", number(rows.train));
        page.field("valid rows", format!("{}, {} negatives each", number(rows.valid), manifest.valid_negatives));
        page.field("test rows", format!("{}, {} negatives each", number(rows.test), manifest.test_negatives));
        let share = self.unseen_interactions as f64 / manifest.interactions.max(1) as f64;
        let unseen = number(self.unseen_interactions);
        page.field("unseen", format!("{unseen} interactions ({}) with items not in training", percent(share)));
        if let Some(found) = &manifest.findings {
            let (users, least) = (number(found.short_users), found.min_interactions);
            page.field("rows read", number(found.rows_read));
            page.field("left out", format!("{users} users with fewer than {least} interactions"));
            for warning in manifest.warnings() {
                page.field("to know", warning);
            }
        }
        page.field("ordered by", &manifest.order);
        let divided = match manifest.split {
            Division::Last => "leaving the last interaction of each user out".to_owned(),
            Division::Time { share, cut } => format!("at {}, {} of the interactions", utc(cut), percent(share)),
        };
        page.field("divided", divided);
        page.field("seed", manifest.seed);
        page.field("skipped lines", number(manifest.skipped_lines));
        page.field("files", "verified: hashes are the manifest's");
        page.field("SHA-256", &self.sha256);
        if let Some(lengths) = &self.interactions_per_user {
            lengths.show(page, "Interactions per user");
        }
        frequency::show(page, "Items by training interactions", &self.top_items);
        frequency::show(page, "Categories by training interactions", &self.top_categories);
        if !self.sample.is_empty() {
            page.heading("Sample");
            let cells = |row: &Row| {
                let Row { set, user, item, timestamp, utc, category } = row;
                let time = timestamp.to_string();
                vec![(*set).to_owned(), user.clone(), item.clone(), time, utc.clone(), category.clone()]
            };
            let rows: Vec<Vec<String>> = self.sample.iter().map(cells).collect();
            page.table(&["set", "user", "item", "timestamp", "utc", "category"], &rows);
        }
        if let Some(history) = &self.history {
            history.show(page);
        }
    }
}

fn sample_row(dataset: &Dataset, user: &str, row: usize, set: &'static str) -> Option<Row> {
    let Viewed { item, category, timestamp } = viewed(dataset, row)?;
    Some(Row { set, user: user.to_owned(), item, timestamp, utc: utc(timestamp), category })
}

fn viewed(dataset: &Dataset, row: usize) -> Option<Viewed> {
    let (item, category, timestamp) = dataset.interaction(row)?;
    let handle = dataset.vocabulary.item(item).map_or_else(|| UNSEEN.to_owned(), |item| item.handle.clone());
    Some(Viewed { item: handle, category: value(&dataset.vocabulary, 0, category), timestamp })
}

/// The history of `user`, or else of the first one with a history.
fn history(directory: &Path, dataset: &Dataset, users: &[String], user: Option<&str>) -> Result<Option<History>> {
    let mut all = users.iter().zip(dataset.users());
    let of_user: Option<(&String, Range<usize>)> = match user {
        Some(user) => {
            let found = all.find(|(name, _)| *name == user);
            Some(found.with_context(|| format!("--user: {} holds no interactions of `{user}`", directory.display()))?)
        }
        None => all.find(|(_, range)| range.len() > 1),
    };
    Ok(of_user.map(|(name, range)| {
        let first: Vec<Viewed> = range.clone().take(history::ROWS + 1).filter_map(|row| viewed(dataset, row)).collect();
        History::expand(name, range.len() as u64, &first)
    }))
}
