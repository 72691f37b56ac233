//! Clickstreams and orders of other systems become interactions. Files of any size enter, in any number; one file of
//! interactions leaves, ordered by user and time, with a summary of what was left out and why.
//!
//! The road: `input` finds and opens what is to be read, a reader for each source makes [`event::Event`]s of rows,
//! `sink` resolves their products and turns them into records, `sort` brings the records of a user together, in
//! bounded memory, and `collect` leaves out what was reported more than once and what no shopper did.

mod checks;
mod collect;
mod counts;
pub mod event;
pub(crate) mod fields;
mod identity;
pub(crate) mod input;
pub mod kinds;
mod output;
mod problem;
pub mod products;
mod read;
mod record;
mod shares;
mod shopify;
mod sink;
pub mod snowplow;
mod sort;
mod summary;
pub mod table;

use std::io;
use std::path::{Path, PathBuf};

use slirec_core::files::{FileError, StagedFile};
use slirec_core::timestamp::DAY;
use thiserror::Error;

pub use collect::{Cleaning, Totals};
pub use counts::{BadRow, Counts, Noticed};
pub use input::TextEncoding;
pub use sink::Meaning;
pub use summary::Summary;

use crate::time::TimeRule;
use problem::Clock;
use read::Task;
use snowplow::Snowplow;
use table::Table;

/// Whose data is read.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub enum Source {
    /// Snowplow events in any of their forms.
    Snowplow(Snowplow),
    /// Shopify's customer events, as a web pixel passes them on.
    WebPixel,
    /// Shopify's orders, as a bulk query writes them.
    BulkOrders,
    /// Shopify's orders, as the admin exports them; a spreadsheet may have written their times in another form.
    OrderCsv(TimeRule),
    /// Any other table.
    Table(Table),
}

/// What is more likely a mistake than data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Share of bad rows above which an import ends, from 0 to 1; one or two never end it.
    pub max_bad: f64,
    /// Share of times before 1995 or after tomorrow above which an import ends; one or two never end it.
    pub max_odd_times: f64,
    /// Unix seconds of today: by it times are told and checked.
    pub now: f64,
}

impl Limits {
    /// The usual limits on a day: a twentieth of each.
    pub fn of_day(now: f64) -> Self {
        Self { max_bad: 0.05, max_odd_times: 0.05, now }
    }
}

/// An import.
#[derive(Debug)]
pub struct Import {
    /// Whose data is read.
    pub source: Source,
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Which products and kinds of events count.
    pub meaning: Meaning,
    /// What to leave out.
    pub cleaning: Cleaning,
    /// What to refuse.
    pub limits: Limits,
    /// The encoding of text; none to tell it by its byte order mark, and to take UTF-8 without one.
    pub encoding: Option<TextEncoding>,
    /// The file of interactions; compressed if its name ends with `.gz`.
    pub output: PathBuf,
    /// Where a sample of bad rows goes, if there are any.
    pub bad_rows: PathBuf,
    /// Replace an existing output.
    pub replace: bool,
}

/// Called with the number of bytes that have been read so far.
pub type Progress<'a> = dyn FnMut(u64) + 'a;

/// An import that failed. Bad rows do not fail an import.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is of another kind than expected.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A Parquet file is damaged.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] crate::parquet::ParquetError),
    /// Temporary files cannot be written.
    #[error("cannot write temporary files: {0}")]
    Temporary(#[from] io::Error),
    /// What was read is more likely a mistake than data.
    #[error("{0}")]
    Refused(String),
    /// Nothing was found that could be used.
    #[error("found no interactions: {0}")]
    Nothing(Box<Summary>),
}

impl Import {
    /// Reads everything and writes the interactions.
    ///
    /// # Errors
    /// [`ImportError`]; then no output is written, but the sample of bad rows may be.
    pub fn run(&self, progress: &mut Progress<'_>) -> Result<Summary, ImportError> {
        let staged = StagedFile::create(&self.output, self.replace)?;
        // Beside the output: it has the room that the result needs, which /tmp may not have. The files have no names, so that
        // nothing of them is left, however the program ends.
        let beside = self.output.parent().filter(|folder| !folder.as_os_str().is_empty());
        let directory = beside.unwrap_or(Path::new("."));
        tempfile::tempfile_in(directory).map_err(FileError::io("write beside", &self.output))?;
        let (clock, mut cleaning) = (self.clock(), self.cleaning);
        if let Source::Table(table) = &self.source {
            table.check().map_err(ImportError::Refused)?;
        }
        if clock == Clock::Ordinals {
            // Numbers that only give an order have no days.
            cleaning.most_daily_events = 0;
        }
        let task = Task {
            source: &self.source,
            inputs: &self.inputs,
            meaning: &self.meaning,
            clock,
            encoding: self.encoding,
            max_bad: self.limits.max_bad,
            directory,
        };
        let mut runs = read::read(&task, progress)?;
        if !runs.counts.bad_sample.is_empty() {
            output::write_bad_rows(&runs.counts.bad_sample, &self.bad_rows)?;
        }
        checks::check(&self.source, &runs, &self.limits)?;
        checks::tell_dates(&mut runs, directory)?;
        let mut sorted = sort::merge(runs.sorted, directory)?;
        if matches!(&self.source, Source::Snowplow(snowplow) if snowplow.stitch) {
            let runs = collect::stitch(&mut sorted, directory)?;
            sorted = sort::merge(runs, directory)?;
        }
        let totals = output::write(&mut sorted, &cleaning, staged.path())?;
        let summary = Summary { counts: runs.counts, totals, ordinals: clock == Clock::Ordinals };
        if summary.totals.interactions == 0 {
            return Err(ImportError::Nothing(Box::new(summary)));
        }
        staged.commit()?;
        Ok(summary)
    }

    fn clock(&self) -> Clock {
        match &self.source {
            Source::Table(table) if table.is_ordinal() => Clock::Ordinals,
            _ => Clock::Until(self.limits.now + DAY),
        }
    }
}
