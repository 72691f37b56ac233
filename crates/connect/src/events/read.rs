//! Reading all inputs on all cores: files enter, sorted runs and counts leave.
//!
//! One thread reads and divides text into blocks of lines, the others parse them; each has a sink of its own. Formats
//! whose rows depend on each other are parsed where they are read, and so is separated text, which costs less to parse
//! than to hand over.

#[cfg(feature = "parquet")]
mod parquet;
mod parse;

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, available_parallelism};

use crossbeam_channel::Sender;
use slirec_core::files::FileError;

use super::counts::Counts;
use super::input::{self, Block, Blocks, Content, Form, Opener, Text, TextEncoding, Values};
use super::problem::Clock;
use super::shares::is_hopeless;
use super::shopify::order_rows::OrderRows;
use super::shopify::{order_csv, orders};
use super::sink::{Meaning, Sink};
use super::snowplow::is_unload;
use super::table::{Paths, Reading, TextFile};
use super::{ImportError, Progress, Source};
use parse::{Job, Tally, parse};

/// Blocks that wait for each parsing thread.
const WAITING_BLOCKS: usize = 2;

/// A file with its position among the inputs.
type Name = (usize, Arc<str>);

/// What is read, and how.
pub(super) struct Task<'a> {
    pub(super) source: &'a Source,
    pub(super) inputs: &'a [PathBuf],
    pub(super) meaning: &'a Meaning,
    pub(super) clock: Clock,
    pub(super) encoding: Option<TextEncoding>,
    /// Share of bad rows above which reading on is of no use.
    pub(super) max_bad: f64,
    pub(super) directory: &'a Path,
}

/// What reading gives.
#[derive(Default)]
pub(super) struct Runs {
    /// Sorted records.
    pub(super) sorted: Vec<File>,
    /// Sorted records whose day and month are not told apart yet.
    pub(super) pending: Vec<File>,
    pub(super) counts: Counts,
    /// Names of the files.
    pub(super) files: Vec<Arc<str>>,
    /// Reading ended before its end: whatever followed, too many rows were bad.
    pub(super) ended_early: bool,
}

/// Reads everything; the runs are in the task's directory.
pub(super) fn read(task: &Task<'_>, progress: &mut Progress<'_>) -> Result<Runs, ImportError> {
    let paths = input::files(task.inputs)?;
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let (sender, receiver) = crossbeam_channel::bounded::<Job>(threads * WAITING_BLOCKS);
    let sink = || Sink::new(task.meaning, task.clock, task.directory);
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        let parsers: Vec<_> = (0..threads)
            .map(|_| {
                let receiver = receiver.clone();
                let tally = &tally;
                scope.spawn(move || parse(task.source, &receiver, sink(), tally))
            })
            .collect();
        // Parsers that fail hang up; then sending fails and their error is the one to tell.
        drop(receiver);
        let mut reader = Reader {
            task,
            sender,
            sink: sink(),
            orders: OrderRows::new(task.directory),
            progress,
            bytes: 0,
            files: Vec::new(),
            before: None,
            tally: &tally,
            is_only: paths.len() == 1,
            ended_early: false,
        };
        let read = paths.iter().try_for_each(|path| reader.file(path));
        let Reader { mut sink, sender, orders: rows, files, ended_early, .. } = reader;
        drop(sender);
        if read.is_ok() {
            match task.source {
                Source::BulkOrders => orders::join(rows, &mut sink).map_err(ImportError::Temporary)?,
                Source::OrderCsv(times) => {
                    order_csv::join(rows, times, &mut sink).map_err(ImportError::Temporary)?;
                }
                _ => {}
            }
        }
        let mut sinks = vec![sink];
        for parser in parsers {
            let sink = parser.join().map_err(|_| io::Error::other("a parsing thread panicked"));
            sinks.push(sink.and_then(|sink| sink).map_err(ImportError::Temporary)?);
        }
        read?;
        let mut runs = Runs { files, ended_early, ..Runs::default() };
        for sink in sinks {
            runs.counts.add(sink.counts);
            runs.sorted.extend(sink.sorter.finish().map_err(ImportError::Temporary)?);
            runs.pending.extend(sink.pending.finish().map_err(ImportError::Temporary)?);
        }
        Ok(runs)
    })
}

struct Reader<'a, 'p, 's> {
    task: &'a Task<'a>,
    sender: Sender<Job>,
    sink: Sink<'a>,
    orders: OrderRows,
    progress: &'p mut Progress<'s>,
    bytes: u64,
    files: Vec<Arc<str>>,
    /// How the file before was read, for one that tells nothing.
    before: Option<Reading>,
    tally: &'a Mutex<Tally>,
    /// Nothing is read beside this file.
    is_only: bool,
    ended_early: bool,
}

impl Reader<'_, '_, '_> {
    fn file(&mut self, path: &Path) -> Result<(), ImportError> {
        let opener = Opener { directory: self.task.directory, encoding: self.task.encoding };
        opener.open(path, &mut |name, content| self.content(path, name, content))
    }

    fn content(&mut self, path: &Path, name: &Path, content: Content<'_>) -> Result<(), ImportError> {
        let shown: Arc<str> = Arc::from(name.display().to_string());
        let file: Name = (self.files.len(), Arc::clone(&shown));
        self.files.push(shown);
        let text = match content {
            Content::Parquet(parquet) => return self.parquet(parquet, path, &file),
            Content::Text(text) => text,
        };
        let read = self.text(text, &file, path);
        read.map_err(|error| match error.kind() {
            // What is wrong with the content is told without the words of the operating system.
            io::ErrorKind::InvalidData => ImportError::Invalid { path: name.to_owned(), problem: error.to_string() },
            _ => ImportError::File(FileError::io("read", name)(error)),
        })
    }

    fn text(&mut self, text: Text<'_>, file: &Name, path: &Path) -> io::Result<()> {
        let is_json = matches!(text.start.trim_ascii_start().first(), Some(b'{' | b'['));
        let size = text.size.filter(|_| self.is_only);
        let (bytes, progress) = (&mut self.bytes, &mut *self.progress);
        let mut count = |read: u64| {
            *bytes += read;
            progress(*bytes);
        };
        match self.task.source {
            Source::BulkOrders => {
                orders::read(&mut { text.reader }, file, &mut self.orders, &mut self.sink, &mut count)
            }
            Source::OrderCsv(_) => {
                order_csv::read(&mut { text.reader }, file, &mut self.orders, &mut self.sink, &mut count)
            }
            Source::Table(table) if !is_json => {
                let (latest, before) = (self.task.clock.latest(), self.before.as_ref());
                let partitions = &input::partition_values(path);
                let (ended_early, max_bad) = (&mut self.ended_early, self.task.max_bad);
                let mut position = 0;
                let mut go_on = |read: u64, counts: &Counts| {
                    count(read);
                    position += read;
                    let left = size.map(|size| size.saturating_sub(position)).filter(|left| *left > 0);
                    *ended_early =
                        left.is_some_and(|left| is_hopeless(counts.events(), counts.bad_rows, left, max_bad));
                    !*ended_early
                };
                let file = TextFile { text, name: file, partitions, latest, before };
                let reading = table.read_text(file, &mut self.sink, &mut go_on)?;
                self.told(reading);
                Ok(())
            }
            Source::Table(table) => {
                let form = Form::of(&text.start, &|key| table.asks_for(key));
                let paths = table.paths_of_file(input::partition_values(path));
                let paths = paths.map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
                self.json(text.reader, form, file, size, Some(paths))
            }
            Source::Snowplow(snowplow) if is_unload(&text.start) => {
                snowplow.read_unload(text, file, &mut self.sink, &mut count)
            }
            _ => {
                let form = if is_json { Form::of(&text.start, &|_| true) } else { Form::Lines };
                self.json(text.reader, form, file, size, None)
            }
        }
    }

    /// Hands the values of a file to the parsing threads; `paths` are those of a table's columns.
    fn json(
        &mut self,
        reader: Box<dyn Read + '_>,
        form: Form,
        file: &Name,
        size: Option<u64>,
        mut paths: Option<Paths>,
    ) -> io::Result<()> {
        let mut blocks: Box<dyn FnMut() -> io::Result<Option<Block>> + '_> = match form {
            Form::Lines => {
                let mut blocks = Blocks::new(reader);
                Box::new(move || blocks.next())
            }
            form => {
                let mut values = Values::new(reader, form == Form::Wrapped);
                Box::new(move || values.next())
            }
        };
        let (mut reading, mut sent) = (None, 0);
        while let Some(block) = blocks()? {
            sent += block.bytes.len() as u64;
            self.bytes += block.bytes.len() as u64;
            (self.progress)(self.bytes);
            if let (Source::Table(table), Some(paths)) = (self.task.source, paths.take()) {
                let told = table.json_reading(&paths, &block, self.task.clock.latest(), self.before.as_ref());
                self.told(Some(told.clone()));
                reading = Some(Arc::new((told, paths)));
            }
            if self.sender.send(Job { file: file.clone(), block, reading: reading.clone() }).is_err() {
                // All parsing threads have ended: their errors are reported when they are joined.
                return Ok(());
            }
            if size.is_some_and(|size| sent < size && self.is_hopeless(size)) {
                self.ended_early = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the parsing threads have found too many bad rows already, whatever the rest of a file of `size` bytes holds.
    fn is_hopeless(&self, size: u64) -> bool {
        let Ok(tally) = self.tally.lock() else { return false };
        is_hopeless(tally.rows, tally.bad_rows, size.saturating_sub(tally.bytes), self.task.max_bad)
    }

    /// Keeps how a file was read.
    fn told(&mut self, reading: Option<Reading>) {
        if let Some(reading) = reading {
            self.sink.counts.readings.extend(reading.describe());
            self.before = Some(reading);
        }
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(&mut self, _: File, path: &Path, _: &Name) -> Result<(), ImportError> {
        let problem = "is a Parquet file: this program was built without the feature `parquet`".to_owned();
        Err(ImportError::Invalid { path: path.to_owned(), problem })
    }
}
