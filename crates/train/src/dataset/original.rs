//! The original's expanded files: a row for every candidate, with the whole history spelled out.
//!
//! `label user item category timestamp history_items history_categories history_timestamps`, tab-separated, the
//! history's parts joined by commas, names with commas escaped. Read row by row, or as evaluation groups; written by `prepare --export-original`.

mod escape;
mod writer;

use std::io::BufRead;
use std::path::Path;

use slirec_core::files::{self, FileError};
use slirec_core::history::{self, History};
use slirec_core::timestamp;
use slirec_core::vocabulary::Vocabulary;

use super::DatasetError;
use super::evaluation::{Candidate, EvaluationGroup};

use escape::unescape;
pub(crate) use writer::{ExpandedHistory, OriginalFiles};

/// Names of the columns.
pub const COLUMNS: [&str; 8] =
    ["label", "user", "item", "category", "timestamp", "history_items", "history_categories", "history_timestamps"];

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
    for_each_row(path, files::open_text(path)?.as_mut(), &mut |row| {
        let item = vocabulary.item_id(&unescape(row.item));
        let category = vocabulary.feature_id(0, &unescape(row.category));
        let candidate = Candidate { item, features: vocabulary.interaction_features(item, category).collect() };
        if row.positive {
            let mut group = row.group(groups.len(), vocabulary, longest_history)?;
            group.candidates.push(candidate);
            groups.push(group);
        } else {
            let group = groups.last_mut().ok_or_else(|| {
                "label is `0` before any positive row: expected each positive before its negatives".to_owned()
            })?;
            group.candidates.push(candidate);
        }
        Ok(())
    })?;
    if groups.is_empty() {
        let problem = "holds no rows: expected positives with their negatives".to_owned();
        return Err(DatasetError::Invalid { path: path.to_owned(), problem });
    }
    Ok(groups)
}

/// Calls `visit` with every row of an expanded file, one at a time. What `visit` finds wrong becomes an error with the
/// row's place; `path` is only named in errors.
///
/// # Errors
/// [`DatasetError::Line`] with file, line, what was found and what was expected.
pub fn for_each_row(
    path: &Path,
    input: &mut dyn BufRead,
    visit: &mut dyn FnMut(ExpandedRow<'_>) -> Result<(), String>,
) -> Result<(), DatasetError> {
    let mut buffer = Vec::new();
    for line in 1.. {
        buffer.clear();
        if input.read_until(b'\n', &mut buffer).map_err(FileError::io("read", path))? == 0 {
            break;
        }
        let text =
            std::str::from_utf8(&buffer).map_err(|_| "found bytes that are not UTF-8: expected UTF-8 text".into());
        let text = text.map(|text| text.trim_end_matches(['\n', '\r']));
        if text == Ok("") {
            continue;
        }
        let visited: Result<(), String> = text.and_then(ExpandedRow::parse).and_then(&mut *visit);
        visited.map_err(|problem| DatasetError::Line { path: path.to_owned(), line, problem })?;
    }
    Ok(())
}

/// One row of an expanded file, borrowed from its line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpandedRow<'a> {
    /// Whether the interaction happened; otherwise it is a negative of the positive before it.
    pub positive: bool,
    /// The shopper.
    pub user: &'a str,
    /// Handle of the product, escaped as it stands in the file.
    pub item: &'a str,
    /// Name of its category.
    pub category: &'a str,
    /// Unix seconds.
    pub timestamp: f64,
    /// Items, categories and times of the history, each joined by commas, oldest first.
    pub history: [&'a str; 3],
}

impl<'a> ExpandedRow<'a> {
    /// Parses a line without its end.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [label, user, item, category, time, items, categories, times] = columns.as_slice() else {
            let (found, names) = (columns.len(), COLUMNS.join(", "));
            return Err(format!("found {found} tab-separated columns: expected 8 ({names})"));
        };
        let positive = match *label {
            "1" => true,
            "0" => false,
            other => return Err(format!("label is `{other}`: expected `0` or `1`")),
        };
        let timestamp = timestamp::from_text(time).map_err(|error| format!("timestamp: {error}"))?;
        Ok(Self { positive, user, item, category, timestamp, history: [items, categories, times] })
    }

    /// Number of interactions in the history.
    pub fn history_length(&self) -> usize {
        let [items, ..] = self.history;
        items.split(',').count()
    }

    /// The group of this positive, as that of user number `user`: the original's files have one positive of each.
    fn group(&self, user: usize, vocabulary: &Vocabulary, longest_history: usize) -> Result<EvaluationGroup, String> {
        let [items, categories, times] = self.history.map(|part| part.split(','));
        let item_ids: Vec<u32> = items.map(|item| vocabulary.item_id(&unescape(item))).collect();
        let categories: Vec<u32> = categories.map(|category| vocabulary.feature_id(0, &unescape(category))).collect();
        let feature_count = vocabulary.features().len();
        if categories.len() != item_ids.len() {
            let (items, found) = (item_ids.len(), categories.len());
            return Err(format!("the history has {items} items but {found} categories: expected {items}"));
        }
        let rows = item_ids.iter().zip(&categories);
        let feature_ids: Vec<u32> =
            rows.flat_map(|(item, category)| vocabulary.interaction_features(*item, *category)).collect();
        let times: Vec<f64> = times
            .map(|time| timestamp::from_text(time).map_err(|error| format!("history timestamps: {error}")))
            .collect::<Result<_, _>>()?;
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count, times: &times };
        let encoded = history::encode(whole, self.timestamp, longest_history).map_err(|error| error.to_string())?;
        Ok(EvaluationGroup {
            history: encoded,
            user,
            now: self.timestamp,
            history_items: item_ids,
            history_times: times,
            candidates: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "1\tuser_1\tcharger\tTech\t20\tlaptop,mug\tTech,Kitchen\t5,9";

    fn message(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        std::fs::write(&path, text).unwrap();
        let vocabulary = Vocabulary::new(Vec::new(), Vec::new()).unwrap();
        let error = read_groups(&path, &vocabulary, 50).expect_err("the file is wrong").to_string();
        error.strip_prefix(&path.display().to_string()).expect("the file is named").to_owned()
    }

    #[test]
    fn a_row_holds_its_whole_history() {
        let row = ExpandedRow::parse(ROW).unwrap();
        assert_eq!(
            (row.positive, row.user, row.item, row.category, row.timestamp),
            (true, "user_1", "charger", "Tech", 20.0)
        );
        assert_eq!((row.history, row.history_length()), (["laptop,mug", "Tech,Kitchen", "5,9"], 2));
    }

    #[test]
    fn wrong_rows_are_named_by_file_and_line() {
        assert!(
            message(&format!("{ROW}\n\n1\tu\ti\n")).starts_with(": line 3: found 3 tab-separated columns: expected 8")
        );
        assert!(message(&ROW.replacen('1', "2", 1)).starts_with(": line 1: label is `2`: expected `0` or `1`"));
        assert!(message(&ROW.replacen('1', "0", 1)).contains("before any positive row"));
        assert!(message(&ROW.replace("5,9", "5")).contains("has 2 items but 1 times: expected 2"));
        assert!(message(&ROW.replace("5,9", "5,x")).contains("history timestamps: `x` is not a Unix time"));
        assert_eq!(message(""), ": holds no rows: expected positives with their negatives");
    }

    #[test]
    fn bytes_that_are_not_text_are_named_by_their_line() {
        let bytes = [ROW.as_bytes(), b"\n\xff\n"].concat();
        let mut rows = 0;
        let mut visit = |_: ExpandedRow<'_>| {
            rows += 1;
            Ok(())
        };
        let error = for_each_row(Path::new("rows"), &mut bytes.as_slice(), &mut visit).unwrap_err().to_string();
        assert_eq!(error, "rows: line 2: found bytes that are not UTF-8: expected UTF-8 text");
        assert_eq!(rows, 1);
    }
}
