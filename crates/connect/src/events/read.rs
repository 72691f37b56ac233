//! Reading all inputs on all cores: files enter, sorted runs and counts leave.
//!
//! One thread reads and divides text into blocks of lines, the others parse them; each has a sink of its own. Formats
//! whose rows depend on each other are parsed where they are read, and so is separated text, which costs less to parse
//! than to hand over.

#[cfg(feature = "parquet")]
mod parquet;

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, available_parallelism};

use crossbeam_channel::{Receiver, Sender};
use slirec_core::files::FileError;

use super::counts::Counts;
use super::input::{self, Block, Blocks, Content, Form, Opener, Text, TextEncoding, Values, values_of};
use super::problem::{Clock, Problem};
use super::shopify::order_rows::OrderRows;
use super::shopify::{order_csv, orders, web_pixel};
use super::sink::{Meaning, Sink};
use super::snowplow::is_unload;
use super::table::{Paths, Reading};
use super::{ImportError, Progress, Source};

/// Blocks that wait for each parsing thread.
const WAITING_BLOCKS: usize = 2;

/// A file with its position among the inputs.
type Name = (usize, Arc<str>);

struct Job {
    file: Name,
    block: Block,
    /// How the file's rows are read, where that is told by a sample of them.
    reading: Option<Arc<(Reading, Paths)>>,
}

/// What is read, and how.
pub(super) struct Task<'a> {
    pub(super) source: &'a Source,
    pub(super) inputs: &'a [PathBuf],
    pub(super) meaning: &'a Meaning,
    pub(super) clock: Clock,
    pub(super) encoding: Option<TextEncoding>,
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
}

/// Reads everything; the runs are in the task's directory.
pub(super) fn read(task: &Task<'_>, progress: &mut Progress<'_>) -> Result<Runs, ImportError> {
    let paths = input::files(task.inputs)?;
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let (sender, receiver) = crossbeam_channel::bounded::<Job>(threads * WAITING_BLOCKS);
    let sink = || Sink::new(task.meaning, task.clock, task.directory);
    thread::scope(|scope| {
        let parsers: Vec<_> = (0..threads)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || parse(task.source, &receiver, sink()))
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
        };
        let read = paths.iter().try_for_each(|path| reader.file(path));
        let Reader { mut sink, sender, orders: rows, files, .. } = reader;
        drop(sender);
        if read.is_ok() {
            match task.source {
                Source::BulkOrders => orders::join(rows, &mut sink).map_err(ImportError::Temporary)?,
                Source::OrderCsv => order_csv::join(rows, &mut sink).map_err(ImportError::Temporary)?,
                _ => {}
            }
        }
        let mut sinks = vec![sink];
        for parser in parsers {
            let sink = parser.join().map_err(|_| io::Error::other("a parsing thread panicked"));
            sinks.push(sink.and_then(|sink| sink).map_err(ImportError::Temporary)?);
        }
        read?;
        let mut runs = Runs { files, ..Runs::default() };
        for sink in sinks {
            runs.counts.add(sink.counts);
            runs.sorted.extend(sink.sorter.finish().map_err(ImportError::Temporary)?);
            runs.pending.extend(sink.pending.finish().map_err(ImportError::Temporary)?);
        }
        Ok(runs)
    })
}

fn parse<'a>(source: &Source, jobs: &Receiver<Job>, mut sink: Sink<'a>) -> io::Result<Sink<'a>> {
    for Job { file, block, reading } in jobs {
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
        let read = self.text(text, &file);
        read.map_err(|error| match error.kind() {
            // What is wrong with the content is told without the words of the operating system.
            io::ErrorKind::InvalidData => ImportError::Invalid { path: name.to_owned(), problem: error.to_string() },
            _ => ImportError::File(FileError::io("read", name)(error)),
        })
    }

    fn text(&mut self, text: Text<'_>, file: &Name) -> io::Result<()> {
        let is_json = matches!(text.start.trim_ascii_start().first(), Some(b'{' | b'['));
        let (bytes, progress) = (&mut self.bytes, &mut *self.progress);
        let mut count = |read: u64| {
            *bytes += read;
            progress(*bytes);
        };
        let latest = self.task.clock.latest();
        match self.task.source {
            Source::BulkOrders => {
                orders::read(&mut { text.reader }, file, &mut self.orders, &mut self.sink, &mut count)
            }
            Source::OrderCsv => {
                order_csv::read(&mut { text.reader }, file, &mut self.orders, &mut self.sink, &mut count)
            }
            Source::Table(table) if !is_json => {
                let before = self.before.as_ref();
                let reading = table.read_text(text, file, latest, before, &mut self.sink, &mut count)?;
                self.told(reading);
                Ok(())
            }
            Source::Table(table) => {
                let form = Form::of(&text.start, &|key| table.asks_for(key));
                self.json(text.reader, form, file)
            }
            Source::Snowplow(snowplow) if is_unload(&text.start) => {
                snowplow.read_unload(text, file, &mut self.sink, &mut count)
            }
            _ => {
                let form = if is_json { Form::of(&text.start, &|_| true) } else { Form::Lines };
                self.json(text.reader, form, file)
            }
        }
    }

    /// Hands the values of a file to the parsing threads.
    fn json(&mut self, reader: Box<dyn Read + '_>, form: Form, file: &Name) -> io::Result<()> {
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
        let mut reading = None;
        while let Some(block) = blocks()? {
            self.bytes += block.bytes.len() as u64;
            (self.progress)(self.bytes);
            if let (Source::Table(table), None) = (self.task.source, &reading) {
                let paths = table.paths().map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
                let told = table.json_reading(&paths, &block, self.task.clock.latest(), self.before.as_ref());
                self.told(Some(told.clone()));
                reading = Some(Arc::new((told, paths)));
            }
            if self.sender.send(Job { file: file.clone(), block, reading: reading.clone() }).is_err() {
                // Every parser is gone: what they died of is told when they are joined.
                return Ok(());
            }
        }
        Ok(())
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
