//! Clickstreams and orders of other systems become interactions. Files of any size enter, in any number; one file of
//! interactions leaves, ordered by user and time, with a summary of what was left out and why.
//!
//! The road: `input` finds and opens what is to be read, a reader for each source makes [`event::Event`]s of rows,
//! `sink` resolves their products and turns them into records, `sort` brings the records of a user together, in
//! bounded memory, and `collect` leaves out what was reported more than once and what no shopper did.

mod collect;
pub mod event;
pub(crate) mod fields;
pub(crate) mod input;
mod output;
pub mod products;
mod read;
mod record;
mod shopify;
mod sink;
pub mod snowplow;
mod sort;
mod summary;
pub mod table;

use std::io;
use std::path::{Path, PathBuf};

use slirec_core::files::{FileError, StagedFile};
use thiserror::Error;

pub use collect::{Cleaning, Totals};
pub use sink::{BadRow, Counts, Meaning, NO_CATEGORY};
pub use summary::Summary;

use snowplow::Snowplow;
use table::Table;

/// Whose data is read.
#[derive(Debug, Clone)]
pub enum Source {
    /// Snowplow events in any of their forms.
    Snowplow(Snowplow),
    /// Shopify's customer events, as a web pixel passes them on.
    WebPixel,
    /// Shopify's orders, as a bulk query writes them.
    BulkOrders,
    /// Shopify's orders, as the admin exports them.
    OrderCsv,
    /// Any other table.
    Table(Table),
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
    /// The file of interactions; compressed if its name ends with `.gz`.
    pub output: PathBuf,
    /// Where a sample of bad rows goes, if there are any.
    pub bad_rows: PathBuf,
    /// Replace an existing output.
    pub replace: bool,
}

/// Hears how many bytes have been read so far.
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
        let (runs, counts) = read::read(&self.source, &self.inputs, &self.meaning, directory, progress)?;
        let mut sorted = sort::merge(runs, directory)?;
        if matches!(&self.source, Source::Snowplow(snowplow) if snowplow.stitch) {
            let runs = collect::stitch(&mut sorted, directory)?;
            sorted = sort::merge(runs, directory)?;
        }
        let totals = output::write(&mut sorted, &self.cleaning, staged.path())?;
        let summary = Summary { counts, totals };
        if !summary.counts.bad_sample.is_empty() {
            output::write_bad_rows(&summary.counts.bad_sample, &self.bad_rows)?;
        }
        if summary.totals.interactions == 0 {
            return Err(ImportError::Nothing(Box::new(summary)));
        }
        staged.commit()?;
        Ok(summary)
    }
}
