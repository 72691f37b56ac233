//! A parsing thread: blocks of lines enter, the records and counts of its sink leave.

use std::io;
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;

use super::Name;
use crate::events::Source;
use crate::events::input::{Block, values_of};
use crate::events::problem::Problem;
use crate::events::shopify::web_pixel;
use crate::events::sink::Sink;
use crate::events::table::{Paths, Reading};

/// Lines of a file.
pub(super) struct Job {
    pub(super) file: Name,
    pub(super) block: Block,
    /// How the file's rows are read, where that is told by a sample of them.
    pub(super) reading: Option<Arc<(Reading, Paths)>>,
}

/// What all parsing threads found so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) bad_rows: u64,
    pub(super) bytes: u64,
}

/// Parses blocks until no more come.
///
/// # Errors
/// When a temporary file cannot be written.
pub(super) fn parse<'a>(
    source: &Source,
    jobs: &Receiver<Job>,
    mut sink: Sink<'a>,
    tally: &Mutex<Tally>,
) -> io::Result<Sink<'a>> {
    for Job { file, block, reading } in jobs {
        let (rows, bad_rows) = (sink.counts.events(), sink.counts.bad_rows);
        if let Some(line) = block.overlong {
            sink.start_row(&file, line);
            sink.finish_row(Err("the line is longer than 16 MiB".into()), b"")?;
        }
        for (number, line) in block.lines() {
            sink.start_row(&file, number);
            let result = match (source, reading.as_deref()) {
                (Source::Table(table), Some((reading, paths))) => table.json_line(reading, paths, line, &mut sink),
                (Source::Snowplow(snowplow), _) => each_value(line, &mut sink, |line, sink| snowplow.line(line, sink)),
                _ => each_value(line, &mut sink, web_pixel::line),
            };
            sink.finish_row(result, line)?;
        }
        let mut tally = tally.lock().map_err(|_| io::Error::other("a parsing thread panicked"))?;
        tally.rows += sink.counts.events() - rows;
        tally.bad_rows += sink.counts.bad_rows - bad_rows;
        // Values that stood in one line have an end each that the file does not hold.
        let ends = memchr::memchr_iter(b'\n', &block.bytes).count();
        tally.bytes += (block.bytes.len() - ends) as u64;
    }
    Ok(sink)
}

/// Reads each value of a line; a bad one among several does not take the others with it.
fn each_value<'s>(
    line: &[u8],
    sink: &mut Sink<'s>,
    read: impl Fn(&[u8], &mut Sink<'s>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Some(values) = values_of(line) else { return read(line, sink) };
    for value in values {
        match read(&value, sink) {
            Err(Problem::Row(problem)) => sink.bad_part(problem, &value),
            result => result?,
        }
    }
    Ok(())
}
