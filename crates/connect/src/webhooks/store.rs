//! Changes on disk: accepted deliveries enter, in any order and any number of times; the last state of each product is
//! kept, and is there again after a restart.
//!
//! The file is JSON lines, each on the disk before its delivery counts as accepted. When it holds many outdated lines it
//! is written anew.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::payload::Change;
use super::signature::Delivery;
use crate::lines::{LineFile, StoreError};

/// Deliveries that are remembered: Shopify repeats one for four hours.
const REMEMBERED: usize = 20_000;
/// Outdated lines that are borne before the file is written anew.
const OUTDATED: usize = 10_000;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It changed the catalogue: what is served must follow.
    Changed,
    /// It was accepted before.
    Repeated,
    /// A newer state of the product is known.
    Late,
    /// It says nothing of products.
    Unrelated,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    webhook_id: String,
    /// Unix seconds.
    at: f64,
    change: Change,
}

/// All changes since the store was made.
#[derive(Debug)]
pub struct ChangeStore {
    file: LineFile,
    history: History,
}

/// What the lines say.
#[derive(Debug, Default)]
struct History {
    /// The last state of each product, by GID.
    last: HashMap<String, Line>,
    seen: HashSet<String>,
    /// In order of arrival, so that the oldest is forgotten.
    seen_order: VecDeque<String>,
}

impl ChangeStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] naming the file and line.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut history = History::default();
        let file = LineFile::open(path, |line| history.remember(line))?;
        Ok(Self { file, history })
    }

    /// Takes a delivery; when it returns, the change is on the disk and the delivery may be acknowledged.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then it must not be acknowledged, and will come again.
    pub fn accept(&mut self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let Delivery { webhook_id, at, change } = delivery;
        let Some(change) = change else { return Ok(Accepted::Unrelated) };
        if self.history.seen.contains(&webhook_id) {
            return Ok(Accepted::Repeated);
        }
        if self.history.last.get(&change.gid).is_some_and(|known| is_newer(known, at, &change)) {
            return Ok(Accepted::Late);
        }
        let line = Line { webhook_id, at, change };
        self.file.append(&line)?;
        self.history.remember(line);
        if self.file.lines() > self.len() + OUTDATED {
            // The change is on the disk all the same: a file that cannot be written anew only stays longer.
            let _ = self.file.rewrite(self.history.in_order().into_iter());
        }
        Ok(Accepted::Changed)
    }

    /// Products that have changed.
    pub fn len(&self) -> usize {
        self.history.last.len()
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.history.last.is_empty()
    }

    /// When a product changed last, Unix seconds.
    pub fn changed_at(&self, gid: &str) -> Option<f64> {
        self.history.last.get(gid).map(|line| line.at)
    }

    /// The last change of each product, in order of the times.
    pub(super) fn changes(&self) -> Vec<&Change> {
        self.history.in_order().into_iter().map(|line| &line.change).collect()
    }
}

impl History {
    fn in_order(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> = self.last.values().collect();
        lines.sort_by(|left, right| left.at.total_cmp(&right.at).then(left.change.gid.cmp(&right.change.gid)));
        lines
    }

    fn remember(&mut self, line: Line) {
        if self.seen.insert(line.webhook_id.clone()) {
            self.seen_order.push_back(line.webhook_id.clone());
        }
        if self.seen_order.len() > REMEMBERED
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        match self.last.get(&line.change.gid) {
            Some(known) if is_newer(known, line.at, &line.change) => {}
            _ => drop(self.last.insert(line.change.gid.clone(), line)),
        }
    }
}

/// Whether what is known is newer than a change. A product that was deleted stays so at the same moment.
fn is_newer(known: &Line, at: f64, change: &Change) -> bool {
    known.at > at || known.at == at && known.change.product.is_none() && change.product.is_some()
}
