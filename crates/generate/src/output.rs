//! The interaction file: a generator enters, the original's TSV and a summary leave, shopper by shopper.
//!
//! The file is written beside its target under a temporary name and renamed, so that no reader sees half of it.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use flate2::{Compression, GzBuilder};
use slirec_core::files::{FileError, StagedFile};

use crate::generator::Generator;

const BUFFER: usize = 1 << 18;

/// What a file of interactions holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Shoppers.
    pub users: u64,
    /// Lines.
    pub interactions: u64,
    /// Different products.
    pub items: usize,
    /// Products of the catalogue.
    pub catalog_items: usize,
    /// Unix time of the first interaction.
    pub first: f64,
    /// Unix time of the last interaction.
    pub last: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |seconds: f64| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds as u64));
        writeln!(formatter, "users         {}", self.users)?;
        writeln!(formatter, "interactions  {}", self.interactions)?;
        writeln!(formatter, "items         {} of {} in the catalogue", self.items, self.catalog_items)?;
        write!(formatter, "times         {} to {}", time(self.first), time(self.last))
    }
}

/// Writes all interactions to `path`, compressed if its name ends with `.gz`. `progress` receives after every shopper
/// how many are written.
///
/// # Errors
/// [`FileError::Exists`] without `replace`, and whatever the operating system refuses; then no file is left behind.
pub fn write(
    generator: &Generator<'_>,
    path: &Path,
    replace: bool,
    progress: impl FnMut(u64),
) -> Result<Summary, FileError> {
    let staged = StagedFile::create(path, replace)?;
    let compressed = path.extension().is_some_and(|extension| extension == "gz");
    let summary = write_whole(generator, staged.path(), compressed, progress).map_err(FileError::io("write", path))?;
    staged.commit()?;
    Ok(summary)
}

fn write_whole(
    generator: &Generator<'_>,
    path: &Path,
    compressed: bool,
    progress: impl FnMut(u64),
) -> io::Result<Summary> {
    let mut output = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let summary = if compressed {
        // No time and no name in the header: the same interactions give the same bytes.
        let mut encoder = GzBuilder::new().mtime(0).write(output, Compression::default());
        let summary = write_lines(generator, &mut encoder, progress)?;
        output = encoder.finish()?;
        summary
    } else {
        write_lines(generator, &mut output, progress)?
    };
    output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(summary)
}

/// Writes all interactions as lines.
fn write_lines(
    generator: &Generator<'_>,
    output: &mut impl Write,
    mut progress: impl FnMut(u64),
) -> io::Result<Summary> {
    let mut items: HashSet<&str> = HashSet::new();
    let (mut users, mut interactions) = (0, 0);
    let (mut first, mut last) = (f64::INFINITY, 0.0_f64);
    for shopper in generator.shoppers() {
        for interaction in shopper.interactions() {
            interaction.write(output)?;
            interactions += 1;
            first = first.min(interaction.timestamp);
            last = last.max(interaction.timestamp);
            if !items.contains(interaction.item)
                && let Some(product) = generator.catalog().product(interaction.item)
            {
                items.insert(&product.handle);
            }
        }
        users += 1;
        progress(users);
    }
    let catalog_items = generator.catalog().products().len();
    Ok(Summary { users, interactions, items: items.len(), catalog_items, first, last })
}
