//! The original's expanded files: an evaluation row for every candidate, with the whole history spelled out.
//!
//! `label user item category timestamp history_items history_categories history_timestamps`, tab-separated, the
//! history's parts joined by commas. Read line by line as evaluation groups; written by `prepare --export-original`.

use std::io::{BufRead, Write};
use std::path::Path;

use slirec_core::files::{self, FileError};
use slirec_core::history::{self, History};
use slirec_core::timestamp;
use slirec_core::vocabulary::Vocabulary;

use super::DatasetError;
use super::evaluation::{Candidate, EvaluationGroup};

/// Reads the groups of an expanded file: each positive row with the negative rows behind it.
///
/// # Errors
/// [`DatasetError::Line`] with file, line, what was found and what was expected.
pub fn read_groups(
    path: &Path,
    vocabulary: &Vocabulary,
    longest_history: usize,
) -> Result<Vec<EvaluationGroup>, DatasetError> {
    let mut groups: Vec<EvaluationGroup> = Vec::new();
    for (number, line) in (1..).zip(files::open_text(path)?.lines()) {
        let line = line.map_err(FileError::io("read", path))?;
        if line.is_empty() {
            continue;
        }
        let invalid = |problem: String| DatasetError::Line { path: path.to_owned(), line: number, problem };
        let row = Row::parse(&line).map_err(invalid)?;
        let candidate =
            Candidate { item: vocabulary.item_id(row.item), features: vec![vocabulary.feature_id(0, row.category)] };
        if row.positive {
            let mut group = row.group(vocabulary, longest_history).map_err(invalid)?;
            group.candidates.push(candidate);
            groups.push(group);
        } else {
            let group = groups.last_mut().ok_or_else(|| {
                invalid("label is `0` before any positive row: expected each positive before its negatives".into())
            })?;
            group.candidates.push(candidate);
        }
    }
    Ok(groups)
}

struct Row<'a> {
    positive: bool,
    item: &'a str,
    category: &'a str,
    timestamp: f64,
    history: [&'a str; 3],
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [label, _user, item, category, time, items, categories, times] = columns.as_slice() else {
            return Err(format!("found {} tab-separated columns: expected 8", columns.len()));
        };
        let positive = match *label {
            "1" => true,
            "0" => false,
            other => return Err(format!("label is `{other}`: expected `0` or `1`")),
        };
        let timestamp = timestamp::from_text(time).map_err(|error| format!("timestamp: {error}"))?;
        Ok(Self { positive, item, category, timestamp, history: [items, categories, times] })
    }

    fn group(&self, vocabulary: &Vocabulary, longest_history: usize) -> Result<EvaluationGroup, String> {
        let [items, categories, times] = self.history.map(|part| part.split(','));
        let item_ids: Vec<u32> = items.map(|item| vocabulary.item_id(item)).collect();
        let feature_ids: Vec<u32> = categories.map(|category| vocabulary.feature_id(0, category)).collect();
        let times: Vec<f64> = times
            .map(|time| timestamp::from_text(time).map_err(|error| format!("history timestamps: {error}")))
            .collect::<Result<_, _>>()?;
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: 1, times: &times };
        let encoded = history::encode(whole, self.timestamp, longest_history).map_err(|error| error.to_string())?;
        Ok(EvaluationGroup { history: encoded, history_length: item_ids.len(), candidates: Vec::new() })
    }
}

/// A history as the expanded files spell it; grows with every interaction of a user.
#[derive(Debug, Default)]
pub(crate) struct ExpandedHistory {
    items: String,
    categories: String,
    times: String,
}

impl ExpandedHistory {
    pub(crate) fn push(&mut self, item: &str, category: &str, time: f64) {
        let time = time.to_string();
        for (part, value) in [(&mut self.items, item), (&mut self.categories, category), (&mut self.times, &time)] {
            if !part.is_empty() {
                part.push(',');
            }
            part.push_str(value);
        }
    }

    /// Writes a row with this history before it.
    pub(crate) fn write_row(
        &self,
        output: &mut impl Write,
        label: u8,
        user: &str,
        (item, category): (&str, &str),
        time: f64,
    ) -> std::io::Result<()> {
        let Self { items, categories, times } = self;
        writeln!(output, "{label}\t{user}\t{item}\t{category}\t{time}\t{items}\t{categories}\t{times}")
    }
}
