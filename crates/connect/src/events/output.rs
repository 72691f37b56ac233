//! Writing: sorted records become the file of interactions, bad rows a file for people to look into.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use slirec_core::event::Event;
use slirec_core::files::{self, FileError};
use slirec_core::interactions::Interaction;

use super::ImportError;
use super::collect::{Cleaning, Totals, collect};
use super::counts::BadRow;
use super::record::Record;
use super::sort::Merged;

/// Writes interactions, `label user item timestamp category`, the weight where it is not 1, and carts and purchases.
pub(super) fn write(sorted: &mut Merged, cleaning: &Cleaning, path: &Path) -> Result<Totals, ImportError> {
    let file = File::create(path).map_err(FileError::io("write", path))?;
    let mut output = BufWriter::with_capacity(1 << 18, file);
    // The name is that of the target with `.partial` behind it.
    let compressed = path.with_extension("").extension().is_some_and(|extension| extension == "gz");
    let mut text = Vec::new();
    let mut written = || -> io::Result<Totals> {
        if compressed {
            // No time and no name in the header: the same events give the same bytes.
            let mut encoder = GzBuilder::new().mtime(0).write(&mut output, Compression::default());
            let totals = collect(sorted, cleaning, &mut |record| line(record, &mut text, &mut encoder))?;
            encoder.finish()?;
            Ok(totals)
        } else {
            collect(sorted, cleaning, &mut |record| line(record, &mut text, &mut output))
        }
    };
    let totals = written().map_err(FileError::io("write", path))?;
    let file = output.into_inner().map_err(io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).map_err(FileError::io("write", path))?;
    Ok(totals)
}

/// Writes a line; `text` lends its memory.
fn line(record: &Record<'_>, text: &mut Vec<u8>, output: &mut impl Write) -> io::Result<()> {
    let Record { user, item, time, category, weight, kind, .. } = *record;
    text.clear();
    // A view is what an interaction is when nothing is said.
    let event = Some(kind.event()).filter(|event| *event != Event::View);
    Interaction { user, item, timestamp: time, category, event }.write_weighted(u32::from(weight), text)?;
    output.write_all(text)
}

/// Writes the sample: file, row, problem and content, separated by tabs.
pub(super) fn write_bad_rows(sample: &[BadRow], path: &Path) -> Result<(), FileError> {
    let mut text = String::from("file\trow\tproblem\tcontent\n");
    for BadRow { file, row, problem, content, .. } in sample {
        text.push_str(&format!("{file}\t{row}\t{problem}\t{content}\n"));
    }
    files::write_aside(path, text.as_bytes())
}
