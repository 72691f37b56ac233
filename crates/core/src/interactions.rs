//! Interactions: who viewed what, when. Enters: the original's TSV, `label user item timestamp category`, a line each,
//! without a header; a sixth column may give a weight, and a seventh what happened. Leaves: [`Interaction`] rows, one at a time, so that a file of
//! any size streams through.

use std::io::{self, BufRead, Write};

use thiserror::Error;

use crate::event::Event;
use crate::timestamp::{self, TimestampError};
use crate::vocabulary::UserValue;

/// Largest weight of an interaction.
pub const MOST_WEIGHT: u16 = 1000;

/// Below it every whole number is exact in an `f64`.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// How much of a bad line an error shows.
const SHOWN: usize = 120;

/// A line that is not an interaction.
#[derive(Debug, Error)]
#[error("line {line}: {problem}, in `{content}`")]
pub struct LineError {
    /// Line number, from 1.
    pub line: u64,
    /// What was found and what was expected.
    pub problem: LineProblem,
    /// The line, cut to a readable length.
    pub content: String,
}

/// What is wrong with a line.
#[derive(Debug, Error)]
pub enum LineProblem {
    /// Too few or too many columns.
    #[error(
        "found {0} tab-separated columns: expected 5 (label, user, item, timestamp, category), or a weight and an event behind them"
    )]
    Columns(usize),
    /// Interactions are positives; negatives belong into evaluation files.
    #[error("label is `{0}`: expected `1`")]
    Label(String),
    /// The sixth column is no weight.
    #[error("weight is `{0}`: expected a whole number from 1 to {MOST_WEIGHT}")]
    Weight(String),
    /// The seventh column is no event.
    #[error("event is `{0}`: expected view, cart or purchase")]
    Event(String),
    /// A name without characters.
    #[error("{0} is empty: expected a name")]
    Empty(&'static str),
    /// A name that the files of interactions could not hold.
    #[error("{0} holds control characters: expected a name without tabs and line ends")]
    Control(&'static str),
    /// The time cannot be read.
    #[error("timestamp: {0}")]
    Timestamp(#[from] TimestampError),
    /// The bytes are not text.
    #[error("found bytes that are not UTF-8: expected UTF-8 text")]
    Encoding,
}

/// Why reading stopped.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The line is wrong; reading may go on with the next one.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The file cannot be read further.
    #[error("line {line}: cannot read: {source}")]
    Io {
        /// Line number, from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

/// One interaction, borrowed from the line it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction<'a> {
    /// The shopper.
    pub user: &'a str,
    /// Handle of the product.
    pub item: &'a str,
    /// Unix seconds.
    pub timestamp: f64,
    /// Name of the item's category.
    pub category: &'a str,
    /// What happened, if the source says so.
    pub event: Option<Event>,
}

impl Interaction<'_> {
    /// Writes the interaction as one line of the TSV.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        self.write_weighted(1, output)
    }

    /// Writes the interaction with a sixth column for its weight, which is left out if it is 1 and the event is not known,
    /// and a seventh for the event, if it is known.
    pub fn write_weighted(&self, weight: u32, output: &mut (impl Write + ?Sized)) -> io::Result<()> {
        for part in ["1\t", self.user, "\t", self.item, "\t"] {
            output.write_all(part.as_bytes())?;
        }
        // Whole seconds, which nearly all are, are the same text as a whole number, and faster to write.
        let whole = self.timestamp as u64;
        if (1.0..WHOLE).contains(&self.timestamp) && whole as f64 == self.timestamp {
            output.write_all(itoa::Buffer::new().format(whole).as_bytes())?;
        } else {
            write!(output, "{}", self.timestamp)?;
        }
        output.write_all(b"\t")?;
        output.write_all(self.category.as_bytes())?;
        match self.event {
            None if weight == 1 => output.write_all(b"\n"),
            None => writeln!(output, "\t{weight}"),
            Some(event) => writeln!(output, "\t{weight}\t{}", event.name()),
        }
    }
}

/// What a row says of its user beside the interaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// What a table of known users calls them, where that is not what the interactions call them.
    pub name: Option<String>,
    /// Values of attributes; none of them missing.
    pub attributes: Vec<(String, UserValue)>,
}

/// Where interactions come from, one at a time, with their weights: how often each counts for popularity.
pub trait InteractionSource {
    /// The next interaction, or none at the end. After a [`ReadError::Line`] the next call reads on.
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>>;

    /// What the row that was read last says of its user; nothing where a source says nothing of users.
    fn told(&self) -> Told {
        Told::default()
    }
}

/// An interaction with its place in a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// Line number, from 1.
    pub line: u64,
    /// What happened.
    pub interaction: Interaction<'a>,
    /// How often it counts for popularity.
    pub weight: u16,
}

/// Reads interactions line by line without keeping them.
#[derive(Debug)]
pub struct InteractionReader<R> {
    input: R,
    buffer: Vec<u8>,
    line: u64,
}

impl<R: BufRead> InteractionReader<R> {
    /// Reads from the start of `input`.
    pub fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), line: 0 }
    }

    /// The next interaction, or none at the end. Empty lines are passed over. After a [`ReadError::Line`] the next
    /// call reads the next line.
    #[expect(clippy::should_implement_trait, reason = "a lending iterator: the row borrows the reader's buffer")]
    pub fn next(&mut self) -> Option<Result<Interaction<'_>, ReadError>> {
        Some(self.next_row()?.map(|row| row.interaction))
    }

    /// As [`InteractionReader::next`], with the number of the line and the interaction's weight.
    pub fn next_row(&mut self) -> Option<Result<Row<'_>, ReadError>> {
        loop {
            self.buffer.clear();
            self.line += 1;
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) if self.buffer.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => break,
                Err(source) => return Some(Err(ReadError::Io { line: self.line, source })),
            }
        }
        let line = self.line;
        let row = parse(&self.buffer).map(|(interaction, weight)| Row { line, interaction, weight });
        Some(row.map_err(|problem| {
            let content = String::from_utf8_lossy(&self.buffer);
            let mut shown: String = content.trim_end().chars().take(SHOWN).collect();
            if shown.len() < content.trim_end().len() {
                shown.push('…');
            }
            ReadError::Line(LineError { line, problem, content: shown })
        }))
    }
}

impl<R: BufRead> InteractionSource for InteractionReader<R> {
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>> {
        Some(self.next_row()?.map(|row| (row.interaction, row.weight)))
    }
}

fn parse(line: &[u8]) -> Result<(Interaction<'_>, u16), LineProblem> {
    let text = without_end(std::str::from_utf8(line).map_err(|_| LineProblem::Encoding)?);
    let mut columns = Columns(Some(text));
    let row = [columns.next(), columns.next(), columns.next(), columns.next(), columns.next()];
    let further = [columns.next(), columns.next(), columns.next()];
    let ([Some(label), Some(user), Some(item), Some(time), Some(category)], [weight, event, None]) = (row, further)
    else {
        return Err(LineProblem::Columns(Columns(Some(text)).count()));
    };
    let weight = weight.map_or(Ok(1), |text| {
        let number = text.parse().ok().filter(|weight| (1..=MOST_WEIGHT).contains(weight));
        number.ok_or_else(|| LineProblem::Weight(text.chars().take(SHOWN).collect()))
    })?;
    let event =
        event.map(|text| Event::of_name(text).ok_or_else(|| LineProblem::Event(text.chars().take(SHOWN).collect())));
    let event = event.transpose()?;
    if label != "1" {
        return Err(LineProblem::Label(label.chars().take(SHOWN).collect()));
    }
    for (name, value) in [("user", user), ("item", item), ("category", category)] {
        if value.is_empty() {
            return Err(LineProblem::Empty(name));
        }
    }
    Ok((Interaction { user, item, timestamp: timestamp::from_text(time)?, category, event }, weight))
}

fn without_end(mut text: &str) -> &str {
    while let Some(rest) = text.strip_suffix('\n').or_else(|| text.strip_suffix('\r')) {
        text = rest;
    }
    text
}

/// What stands between tabs: columns are a few letters, so that a look at each of them is the fastest.
struct Columns<'a>(Option<&'a str>);

impl<'a> Iterator for Columns<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let tab = rest.bytes().position(|byte| byte == b'\t');
        let (column, behind) = match tab.and_then(|tab| rest.split_at_checked(tab)) {
            Some((column, behind)) => (column, behind.get(1..)),
            None => (rest, None),
        };
        self.0 = behind;
        Some(column)
    }
}

#[cfg(test)]
mod tests;
