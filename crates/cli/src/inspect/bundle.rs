//! A bundle: its directory enters; its manifest, whether every file is what the manifest says, its metrics and how its
//! catalogue and vocabulary meet leave.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;
use slirec_core::activity::Activity;
use slirec_core::bundle::{Bundle, FileRecord, GoldenRequest, Manifest, verify_file};
use slirec_core::vocabulary::DEFAULT_ID;
use slirec_engine::check_graphs;

use super::page::{Page, number};
use super::times::utc;

/// Positions of a golden request's history and of its answer that are shown.
const SHOWN: usize = 8;

/// What a bundle holds.
#[derive(Debug, Serialize)]
pub(crate) struct BundleContents {
    /// SHA-256 of the manifest.
    sha256: String,
    /// Whether every file is what the manifest says.
    verified: bool,
    /// What is wrong, if anything.
    problems: Vec<String>,
    manifest: Manifest,
    /// None when the files are not what the manifest says.
    products: Option<Products>,
}

/// How the catalogue and the vocabulary meet.
#[derive(Debug, Serialize)]
struct Products {
    catalog: usize,
    available: usize,
    /// Available products that training has not seen: they are scored by their category alone.
    unseen: usize,
    /// Items of the training that the catalogue no longer holds.
    discontinued: usize,
    vocabulary: usize,
    /// What is counted of shoppers; none in bundles without counts.
    activity: Option<String>,
    /// Users that requests need only name; none in bundles without a table of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_users: Option<u64>,
}

impl BundleContents {
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let (manifest, sha256) = Manifest::read(directory)?;
        let verify = |name| verify_file(directory, name, &manifest).err().map(|error| error.to_string());
        let mut problems: Vec<String> = manifest.file_names().filter_map(verify).collect();
        let mut products = None;
        if problems.is_empty() {
            match Bundle::read(directory) {
                Ok(bundle) => {
                    problems.extend(check_graphs(&bundle).err().map(|error| error.to_string()));
                    products = Some(Products::of(&bundle));
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        Ok(Self { sha256, verified: problems.is_empty(), problems, manifest, products })
    }

    /// An error for a bundle that must not be served.
    pub(crate) fn verdict(&self, path: &Path) -> Result<()> {
        if self.verified {
            return Ok(());
        }
        bail!("{} is not what its manifest says: {}", path.display(), self.problems.join("; "))
    }

    pub(crate) fn show(&self, page: &mut Page) {
        let manifest = &self.manifest;
        page.field("model", format!("{} {}", manifest.name, manifest.version));
        page.field("created", &manifest.created);
        page.field("SHA-256", &self.sha256);
        page.field(
            "files",
            if self.verified { "verified: sizes and hashes are the manifest's" } else { "NOT VERIFIED" },
        );
        for problem in &self.problems {
            page.field("problem", problem);
        }
        if let Some(products) = &self.products {
            products.show(page);
        }
        let training = &manifest.training;
        page.field(
            "trained",
            format!("{} epochs, best {}, seed {}", training.epochs, training.best_epoch, training.seed),
        );
        page.field("training rows", number(training.interactions));
        page.field("trained on", format!("SHA-256 {}", training.source_sha256));
        page.field("longest history", manifest.model.longest_history);
        for feature in &manifest.model.features {
            page.field("feature", format!("{}, embedding of {}", feature.name, feature.embedding_size));
        }
        for feature in &manifest.model.user_features {
            page.field("user attribute", &feature.name);
        }
        page.heading("Files");
        let cells = |(name, record): (&String, &FileRecord)| {
            vec![name.clone(), number(record.bytes), record.sha256.chars().take(16).chain(['…']).collect()]
        };
        page.table(&["name", "bytes", "SHA-256"], &manifest.files.iter().map(cells).collect::<Vec<_>>());
        self.show_metrics(page);
        if let Some(golden) = manifest.golden_requests.first() {
            show_golden(page, golden, manifest.golden_requests.len());
        }
    }

    fn show_metrics(&self, page: &mut Page) {
        let metrics = &self.manifest.metrics;
        let mut names: Vec<&str> = metrics.values().flat_map(|figures| figures.keys().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return;
        }
        page.heading("Metrics");
        let rows = metrics.iter().map(|(set, figures)| {
            let figure = |name: &&str| figures.get(*name).map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
            std::iter::once(set.clone()).chain(names.iter().map(figure)).collect()
        });
        page.table(&[&["set"], &names[..]].concat(), &rows.collect::<Vec<_>>());
    }
}

impl Products {
    fn of(bundle: &Bundle) -> Self {
        let Bundle { catalog, vocabulary, activity, known_users, .. } = bundle;
        let available = || catalog.products().iter().filter(|product| product.available);
        let gone = |handle: &str| catalog.position(handle).is_none();
        Self {
            catalog: catalog.products().len(),
            available: available().count(),
            unseen: available().filter(|product| vocabulary.item_id(&product.handle) == DEFAULT_ID).count(),
            discontinued: vocabulary.items().iter().filter(|item| gone(&item.handle)).count(),
            vocabulary: vocabulary.items().len(),
            activity: activity.as_ref().map(counted),
            known_users: known_users.as_ref().map(|known| known.len() as u64),
        }
    }

    fn show(&self, page: &mut Page) {
        let Self { catalog, available, unseen, discontinued, vocabulary, activity, known_users } = self;
        page.field("products", format!("{catalog}, {available} available, {unseen} of them not in the training"));
        page.field("trained items", format!("{vocabulary}, {discontinued} of them not in the catalogue"));
        page.field("activity", activity.as_deref().unwrap_or("none: exported without counts of what shoppers did"));
        if let Some(users) = known_users {
            page.field("known users", number(*users));
        }
    }
}

fn counted(activity: &Activity) -> String {
    let Activity { baskets, baskets_of, end, .. } = activity;
    let again = activity.products.iter().filter(|product| product.again.is_some_and(|again| again.repeaters > 0));
    let (baskets, again) = (number(*baskets), again.count());
    format!("{baskets} baskets of {}s until {}, {again} products bought again", baskets_of.name(), utc(*end))
}

fn show_golden(page: &mut Page, golden: &GoldenRequest, count: usize) {
    let length = golden.items.len();
    page.heading(&format!("The first of {count} golden requests: a history of {length}, at {}", utc(golden.now)));
    let from = length.saturating_sub(SHOWN);
    let viewed = golden.items.iter().zip(&golden.timestamps).enumerate().skip(from);
    let viewed = viewed.map(|(position, (item, time))| vec![(position + 1).to_string(), item.clone(), utc(*time)]);
    page.table(&["position", "viewed", "time"], &viewed.collect::<Vec<_>>());
    page.heading("Its answer");
    let answers =
        golden.top.iter().take(SHOWN).map(|answer| vec![answer.handle.clone(), format!("{:.6}", answer.score)]);
    page.table(&["handle", "score"], &answers.collect::<Vec<_>>());
}
