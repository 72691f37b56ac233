//! Unloads of warehouses as separated text with a header: rows of `atomic.events` enter, in which nested columns are text
//! that holds JSON; events leave.

use std::io;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Snowplow, json};
use crate::events::input::{Blocks, Quotes, Text};
use crate::events::problem::Problem;
use crate::events::sink::Sink;
use crate::events::table::{guess, row_text};

/// What warehouses write for null.
const NULLS: [&str; 3] = ["", "NULL", "\\N"];

/// Whether the text begins with a header that names the columns of `atomic.events`.
pub(in crate::events) fn is_unload(start: &[u8]) -> bool {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = String::from_utf8_lossy(first).to_ascii_lowercase();
    let names = |name: &str| header.split([',', '\t', ';', '|']).any(|column| column.trim().trim_matches('"') == name);
    names("event_id") && names("collector_tstamp")
}

impl Snowplow {
    /// Reads all rows of an unload.
    ///
    /// # Errors
    /// Why reading fails; an unclosed quote.
    pub(in crate::events) fn read_unload(
        &self,
        text: Text<'_>,
        file: &(usize, Arc<str>),
        sink: &mut Sink<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        let first = text.start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let separator = guess(first).bytes().next().unwrap_or(b',');
        let mut blocks = Blocks::of_records(text.reader, Some(Quotes { separator, quote: b'"' }));
        let mut header: Option<csv::StringRecord> = None;
        while let Some(block) = blocks.next()? {
            progress(block.bytes.len() as u64);
            let mut builder = csv::ReaderBuilder::new();
            let mut reader =
                builder.delimiter(separator).flexible(true).has_headers(false).from_reader(block.bytes.as_slice());
            for record in reader.records() {
                let Some(names) = &header else {
                    header = Some(record.map_err(io::Error::other)?);
                    continue;
                };
                let line = |position: Option<&csv::Position>| {
                    block.first_line + position.map_or(1, csv::Position::line).saturating_sub(1)
                };
                match record {
                    Ok(record) => {
                        sink.start_row(file, line(record.position()));
                        let result = self.unloaded_row(names, &record, sink);
                        sink.finish_row(result, row_text(&record).as_bytes())?;
                    }
                    Err(error) => {
                        sink.start_row(file, line(error.position()));
                        sink.finish_row(Err("found bytes that are not UTF-8".into()), b"")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn unloaded_row(
        &self,
        names: &csv::StringRecord,
        record: &csv::StringRecord,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        if names.len() != record.len() {
            return Err(format!("found {} columns: expected {}, as the header has", record.len(), names.len()).into());
        }
        let values = names.iter().zip(record).filter(|(_, value)| !NULLS.contains(value));
        let object: Map<String, Value> =
            values.map(|(name, value)| (name.trim().to_owned(), Value::String(value.to_owned()))).collect();
        json::line(self, Value::Object(object).to_string().as_bytes(), sink)
    }
}
