//! The files of a dataset while they are written: values enter one by one, and a `finish` joins the columns of each file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use slirec_core::event::Event;
use slirec_core::files::FileError;

use super::PrepareOptions;
use super::ids::Ids;
use crate::dataset::columns::{self, Column};
use crate::dataset::negatives::NegativeSampler;
use crate::dataset::{DatasetError, EVALUATION, EVENTS, EventCounts, INTERACTIONS, Split, USERS};

/// Every interaction, user by user, and the users' names.
pub(super) struct InteractionColumns {
    items: Column,
    categories: Column,
    times: Column,
    user_offsets: Column,
    /// What happened, as numbers; written only where something else than a view did.
    events: Column,
    counts: EventCounts,
    users: BufWriter<File>,
    written: u64,
}

impl InteractionColumns {
    pub(super) fn create(directory: &Path) -> Result<Self, DatasetError> {
        let path = directory.join(USERS);
        let mut columns = Self {
            items: Column::ids(directory, "items")?,
            categories: Column::ids(directory, "categories")?,
            times: Column::floats(directory, "times")?,
            user_offsets: Column::counts(directory, "user_offsets")?,
            events: Column::bytes(directory, EVENTS)?,
            counts: EventCounts::default(),
            users: BufWriter::new(File::create(&path).map_err(FileError::io("write", &path))?),
            written: 0,
        };
        columns.user_offsets.push(&columns.written.to_le_bytes())?;
        Ok(columns)
    }

    pub(super) fn push(&mut self, item: u32, category: u32, time: f64, event: Event) -> io::Result<()> {
        self.items.push(&item.to_le_bytes())?;
        self.categories.push(&category.to_le_bytes())?;
        self.times.push(&time.to_le_bytes())?;
        self.events.push(&[event.number()])?;
        self.counts.count(event);
        self.written += 1;
        Ok(())
    }

    /// Ends the interactions of a user.
    pub(super) fn end_user(&mut self, name: &str) -> io::Result<()> {
        self.user_offsets.push(&self.written.to_le_bytes())?;
        writeln!(self.users, "{name}")
    }

    /// Interactions so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes the files; counts of events leave where not all of them are views.
    pub(super) fn finish(mut self, directory: &Path) -> Result<Option<EventCounts>, DatasetError> {
        self.users.flush()?;
        let told = self.counts.are_told();
        let mut columns = vec![self.items, self.categories, self.times, self.user_offsets];
        // Last, so that the wider values stay where readers may map them.
        columns.extend(told.is_some().then_some(self.events));
        columns::write(&directory.join(INTERACTIONS), columns)?;
        Ok(told)
    }
}

/// The negatives of both splits.
pub(super) struct Negatives {
    valid: SplitNegatives,
    test: SplitNegatives,
}

struct SplitNegatives {
    sampler: NegativeSampler,
    each: usize,
    items: Column,
    categories: Column,
}

impl Negatives {
    pub(super) fn create(options: &PrepareOptions, directory: &Path, item_rows: &[u64]) -> io::Result<Self> {
        let of = |sampler, each: NonZeroUsize, names: [&'static str; 2]| -> io::Result<SplitNegatives> {
            let [items, categories] = names;
            Ok(SplitNegatives {
                sampler,
                each: each.get(),
                items: Column::ids(directory, items)?,
                categories: Column::ids(directory, categories)?,
            })
        };
        let valid = NegativeSampler::new(item_rows, options.seed, Split::Valid);
        let test = valid.for_split(options.seed, Split::Test);
        Ok(Self {
            valid: of(valid, options.valid_negatives, ["valid_items", "valid_categories"])?,
            test: of(test, options.test_negatives, ["test_items", "test_categories"])?,
        })
    }

    /// Draws and writes the negatives of a row; they leave as indices.
    pub(super) fn draw(&mut self, split: Split, positive: u32, ids: &Ids) -> io::Result<Vec<u32>> {
        let negatives = match split {
            Split::Valid => &mut self.valid,
            Split::Test => &mut self.test,
        };
        let drawn = negatives.sampler.draw(positive, negatives.each);
        for item in &drawn {
            let [id, category] = ids.item_with_category(*item);
            negatives.items.push(&id.to_le_bytes())?;
            negatives.categories.push(&category.to_le_bytes())?;
        }
        Ok(drawn)
    }

    pub(super) fn finish(self, directory: &Path) -> Result<(), DatasetError> {
        let Self { valid, test } = self;
        let columns = vec![valid.items, valid.categories, test.items, test.categories];
        Ok(columns::write(&directory.join(EVALUATION), columns)?)
    }
}
