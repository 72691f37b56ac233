//! A dataset: interactions split for training and evaluation, made once by [`prepare`] and read by everything else.
//!
//! On disk: `manifest.json`, `vocabulary.json`, `interactions.safetensors` (every interaction once, grouped by user),
//! `evaluation.safetensors` (the negatives of the evaluation rows) and `users.txt`, perhaps `user_attributes.safetensors`.
//! Histories are prefixes of a
//! user's interactions: they are formed while reading, never stored.

mod columns;
mod error;
pub mod evaluation;
pub mod findings;
mod item_features;
mod manifest;
mod names;
mod negatives;
pub mod original;
pub mod prepare;
mod sort;
mod split;
mod user_attributes;
pub mod users;

use std::fs;
use std::ops::Range;
use std::path::Path;

use slirec_core::event::Event;
use slirec_core::files::{self, FileError};
use slirec_core::history::{self, EncodedHistory, History, HistoryError};
use slirec_core::vocabulary::Vocabulary;

pub use error::DatasetError;
pub use manifest::{EventCounts, FORMAT, MANIFEST, Manifest, Rows};
pub use split::{Division, Part, Parts, Split};

use columns::Columns;
use evaluation::Candidate;
pub(crate) use manifest::{BY_TIME, IN_FILE_ORDER};

/// Names and ids.
pub const VOCABULARY: &str = "vocabulary.json";
const INTERACTIONS: &str = "interactions.safetensors";
const EVALUATION: &str = "evaluation.safetensors";
/// Column of the interactions that says what happened.
const EVENTS: &str = "events";
/// Names of the users, a line each, in the order of the interactions.
pub const USERS: &str = "users.txt";

/// Names of the users of a dataset directory, in the order of [`Dataset::users`].
///
/// # Errors
/// [`DatasetError`] when the file cannot be read or holds another number of names than `expected`.
pub fn read_users(directory: &Path, expected: u64) -> Result<Vec<String>, DatasetError> {
    let path = directory.join(USERS);
    let text = fs::read_to_string(&path).map_err(FileError::io("read", &path))?;
    let names: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
    if names.len() as u64 != expected {
        let problem = format!("holds {} names: expected {expected}, one for each user", names.len());
        return Err(DatasetError::Invalid { path, problem });
    }
    Ok(names)
}

#[derive(Debug)]
struct Negatives {
    items: Vec<u32>,
    /// Row by row, as many a row as the vocabulary has features.
    feature_ids: Vec<u32>,
    each: usize,
}

/// The size of a dataset, which decides how a network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataShape {
    /// Items of the vocabulary.
    pub items: usize,
    /// Training interactions with a history.
    pub positions: usize,
}

impl Default for DataShape {
    /// A shop of some hundred products with a month of views.
    fn default() -> Self {
        Self { items: 250, positions: 70_000 }
    }
}

/// A dataset in memory: 16 bytes an interaction.
#[derive(Debug)]
pub struct Dataset {
    /// What was prepared.
    pub manifest: Manifest,
    /// SHA-256 of the manifest, which fixes every other file.
    pub sha256: String,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    items: Vec<u32>,
    /// Row by row, as many a row as the vocabulary has features.
    feature_ids: Vec<u32>,
    times: Vec<f64>,
    /// What happened, by number; empty where all are views.
    events: Vec<u8>,
    user_offsets: Vec<u64>,
    /// Of each user, row by row, ids of all attributes that the manifest has.
    attribute_ids: Vec<u32>,
    /// The same of the attributes that the vocabulary has.
    user_ids: Vec<u32>,
    valid_negatives: Negatives,
    test_negatives: Negatives,
}

impl Dataset {
    /// Reads a dataset directory.
    ///
    /// # Errors
    /// [`DatasetError`] naming the file and what is wrong with it.
    pub fn read(directory: &Path) -> Result<Self, DatasetError> {
        let manifest_path = directory.join(MANIFEST);
        let manifest = Manifest::read(directory)?;
        let interactions_path = directory.join(INTERACTIONS);
        let interactions = Columns::read(&interactions_path, &manifest.interactions_sha256)?;
        let evaluation_path = directory.join(EVALUATION);
        let evaluation = Columns::read(&evaluation_path, &manifest.evaluation_sha256)?;
        let vocabulary_path = directory.join(VOCABULARY);
        check_hash(&vocabulary_path, &files::sha256_of_file(&vocabulary_path)?, &manifest.vocabulary_sha256)?;
        let dataset = Self {
            sha256: files::sha256_of_file(&manifest_path)?,
            vocabulary: Vocabulary::read(&vocabulary_path)?,
            items: interactions.ids("items")?,
            feature_ids: interactions.ids("categories")?,
            times: interactions.floats("times")?,
            events: interactions.bytes_if_any(EVENTS)?.unwrap_or_default(),
            user_offsets: interactions.counts("user_offsets")?,
            attribute_ids: users::read(directory, &manifest)?,
            user_ids: Vec::new(),
            valid_negatives: Negatives {
                items: evaluation.ids("valid_items")?,
                feature_ids: evaluation.ids("valid_categories")?,
                each: manifest.valid_negatives,
            },
            test_negatives: Negatives {
                items: evaluation.ids("test_items")?,
                feature_ids: evaluation.ids("test_categories")?,
                each: manifest.test_negatives,
            },
            manifest,
        };
        dataset.check().map_err(|problem| DatasetError::Invalid { path: interactions_path, problem })?;
        Ok(dataset)
    }

    fn check(&self) -> Result<(), String> {
        let total = self.items.len();
        if self.feature_ids.len() != total || self.times.len() != total {
            return Err("columns have different lengths".into());
        }
        if !self.events.is_empty() && self.events.len() != total {
            return Err(format!("column `{EVENTS}` has another length than the others"));
        }
        if let Some(number) = self.events.iter().find(|number| Event::of_number(**number).is_none()) {
            return Err(format!("column `{EVENTS}` holds {number}: expected 0 to {}", Event::ALL.len() - 1));
        }
        let ends = (self.user_offsets.first().copied(), self.user_offsets.last().copied());
        if ends != (Some(0), Some(total as u64)) || !self.user_offsets.is_sorted() {
            return Err("user_offsets do not divide the interactions".into());
        }
        let rows = self.vocabulary.item_rows();
        let negatives = self.valid_negatives.items.iter().chain(&self.test_negatives.items);
        if let Some(id) = self.items.iter().chain(negatives).find(|id| **id as usize >= rows) {
            return Err(format!("holds item id {id}: the vocabulary has {rows}"));
        }
        let rows = self.vocabulary.feature_rows().first().copied().unwrap_or_default();
        let negatives = self.valid_negatives.feature_ids.iter().chain(&self.test_negatives.feature_ids);
        if let Some(id) = self.feature_ids.iter().chain(negatives).find(|id| **id as usize >= rows) {
            return Err(format!("holds category id {id}: the vocabulary has {rows}"));
        }
        Ok(())
    }

    /// Users, as ranges of interactions.
    pub fn users(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        // The offsets lie within the interactions in memory, so they fit `usize`.
        self.user_offsets.array_windows().map(|[start, end]| *start as usize..*end as usize)
    }

    /// The interactions of user number `user`; none for a user that is not there.
    pub fn user(&self, user: usize) -> Range<usize> {
        match self.user_offsets.get(user..).unwrap_or_default() {
            [start, end, ..] => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// What the interactions of a user are for, who has the range of [`Dataset::users`]; positions count from its start.
    pub fn parts(&self, user: &Range<usize>) -> Parts {
        let times = self.times(user.clone());
        self.manifest.split.parts(user.len(), |position| times.get(position).copied().unwrap_or_default())
    }

    /// The interactions of user number `user` that training may see.
    pub fn train_range(&self, user: usize) -> Range<usize> {
        self.train_part(self.user(user))
    }

    fn train_part(&self, user: Range<usize>) -> Range<usize> {
        let train = self.parts(&user).train();
        user.start + train.start..user.start + train.end
    }

    /// The training rows: indices of the training interactions that have a history.
    pub fn train_rows(&self) -> Vec<u32> {
        let with_history = |user| self.train_part(user).skip(1);
        self.users().flat_map(with_history).filter_map(|row| u32::try_from(row).ok()).collect()
    }

    /// What its size decides about hyperparameters.
    pub fn shape(&self) -> DataShape {
        let of_user = |user| self.train_part(user).len().saturating_sub(1);
        DataShape { items: self.vocabulary.items().len(), positions: self.users().map(of_user).sum() }
    }

    /// Item ids of a range of interactions.
    pub fn items(&self, range: Range<usize>) -> &[u32] {
        self.items.get(range).unwrap_or_default()
    }

    /// Unix seconds of a range of interactions.
    pub fn times(&self, range: Range<usize>) -> &[f64] {
        self.times.get(range).unwrap_or_default()
    }

    /// What happened in an interaction.
    pub fn event(&self, row: usize) -> Event {
        self.events.get(row).and_then(|number| Event::of_number(*number)).unwrap_or_default()
    }

    /// Feature ids of a range of interactions, row by row: as many a row as the vocabulary has features.
    pub fn feature_ids(&self, range: Range<usize>) -> &[u32] {
        let count = self.feature_count();
        self.feature_ids.get(range.start * count..range.end * count).unwrap_or_default()
    }

    /// Item and feature ids of an interaction.
    pub fn candidate(&self, row: usize) -> Option<Candidate> {
        let item = *self.items.get(row)?;
        Some(Candidate { item, features: self.feature_ids(row..row + 1).to_vec() })
    }

    /// The history before interaction `row`, encoded at that interaction's time.
    ///
    /// # Errors
    /// [`HistoryError::Empty`] for the first interaction of a user.
    pub fn history_before(&self, row: usize, longest: usize) -> Result<EncodedHistory, HistoryError> {
        let user = self.user_offsets.partition_point(|offset| *offset <= row as u64);
        let start = user.checked_sub(1).and_then(|user| self.user_offsets.get(user)).copied().unwrap_or_default();
        let encoded = self.encode(start as usize..row, row, longest)?;
        Ok(encoded.of_user(self.user_ids_of_row(row)))
    }

    /// The interactions of a range as a history, encoded at the time of interaction `row`.
    fn encode(&self, range: Range<usize>, row: usize, longest: usize) -> Result<EncodedHistory, HistoryError> {
        let history = History {
            item_ids: self.items(range.clone()),
            feature_ids: self.feature_ids(range.clone()),
            feature_count: self.feature_count(),
            times: self.times(range),
        };
        let now = self.times.get(row).copied().unwrap_or_default();
        history::encode(history, now, longest)
    }

    /// Item ids of the training interactions, user by user: what popularity and co-occurrence are counted from.
    pub fn train_sequences(&self) -> impl ExactSizeIterator<Item = &[u32]> + '_ {
        self.users().map(|user| self.items(self.train_part(user)))
    }

    /// Item id, category id and Unix seconds of an interaction, for people who look into a dataset.
    pub fn interaction(&self, row: usize) -> Option<(u32, u32, f64)> {
        let category = *self.feature_ids.get(row * self.feature_count())?;
        Some((*self.items.get(row)?, category, *self.times.get(row)?))
    }
}

fn check_hash(path: &Path, found: &str, recorded: &str) -> Result<(), DatasetError> {
    if found == recorded {
        return Ok(());
    }
    let problem = format!("has SHA-256 {found}: the manifest has {recorded}");
    Err(DatasetError::Invalid { path: path.to_owned(), problem })
}
