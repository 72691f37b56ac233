//! Columns by their names, numbers or paths: what the options say enters, where the values stand leaves.

use std::fmt;
use std::str::FromStr;

/// Names a column: by its header or JSON key, with dots for keys within keys and `[]` for the elements of a list, or by
/// its number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column(String);

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "0" => Err("expected the name of a column, or its number from 1".to_owned()),
            name => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Column {
    /// The column's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The part of the path that is a column of its own: `events` of `events[].aid`.
    pub(crate) fn head(&self) -> &str {
        self.0.split(['.', '[']).next().filter(|head| !head.is_empty()).unwrap_or(&self.0)
    }

    /// Whether it names elements of a list.
    pub(super) fn is_in_list(&self) -> bool {
        self.0.contains("[]")
    }
}

/// Where the value of a column stands within nested data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::events) struct Path {
    /// How many lists are around it.
    pub(super) depth: usize,
    /// Keys from the innermost element down to the value.
    pub(super) keys: Vec<String>,
}

/// The key under which parallel lists are joined: no file holds it.
pub(super) const JOINED: &str = "\u{0}joined";

/// The paths of all columns of a table, and the lists that they go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::events) struct Paths {
    /// Lists whose elements belong together by their positions, such as `items[]` and `times[]`; none where all columns
    /// stand in one list. They are joined under [`JOINED`] to one list of objects, whose keys are their names.
    pub(super) parallel: Vec<Vec<String>>,
    /// Keys from the row, or the element of the list before, down to each list.
    pub(super) lists: Vec<Vec<String>>,
    /// One for each column; none for columns that are not asked for.
    pub(super) columns: Vec<Option<Path>>,
    /// Columns that stand in the file's path, with their value, for objects without the key.
    pub(super) partitions: Vec<(String, String)>,
}

/// The keys up to each list of a name, and those behind the last.
type Divided = (Vec<Vec<String>>, Vec<String>);

impl Paths {
    /// Divides the names at their dots.
    ///
    /// # Errors
    /// When columns stand in different lists that hold lists: their values have no common rows.
    pub(in crate::events) fn of(columns: &[Option<&Column>]) -> Result<Self, String> {
        let divided: Vec<Option<Divided>> =
            columns.iter().map(|column| column.map(|column| divide(column.name()))).collect();
        let chains = divided.iter().flatten().map(|(lists, _)| lists).filter(|lists| !lists.is_empty());
        let longest = chains.clone().max_by_key(|lists| lists.len()).cloned().unwrap_or_default();
        if chains.clone().all(|lists| longest.starts_with(lists)) {
            let path = |(lists, keys): Divided| Path { depth: lists.len(), keys };
            let columns = divided.into_iter().map(|column| column.map(path)).collect();
            return Ok(Self { parallel: Vec::new(), lists: longest, columns, partitions: Vec::new() });
        }
        if let Some(nested) = chains.clone().find(|lists| lists.len() > 1) {
            let list = nested.iter().map(|keys| format!("{}[]", keys.join("."))).collect::<Vec<_>>().join(".");
            return Err(format!("the columns stand in different lists, one of them {list}: expected one list"));
        }
        let mut parallel: Vec<Vec<String>> = Vec::new();
        for list in chains.flatten() {
            if !parallel.contains(list) {
                parallel.push(list.clone());
            }
        }
        let path = |(lists, keys): (Vec<Vec<String>>, Vec<String>)| match lists.into_iter().next() {
            None => Path { depth: 0, keys },
            Some(list) => Path { depth: 1, keys: std::iter::once(list.join(".")).chain(keys).collect() },
        };
        let columns = divided.into_iter().map(|column| column.map(path)).collect();
        Ok(Self { parallel, lists: vec![vec![JOINED.to_owned()]], columns, partitions: Vec::new() })
    }
}

/// The lists that a name goes through, each by its keys from the one before, and the keys behind them.
fn divide(name: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut lists, mut keys): (Vec<Vec<String>>, Vec<String>) = (Vec::new(), Vec::new());
    for part in name.split('.') {
        let (key, each) = part.strip_suffix("[]").map_or((part, false), |key| (key, true));
        if !key.is_empty() {
            keys.push(key.to_owned());
        }
        if each {
            lists.push(std::mem::take(&mut keys));
        }
    }
    (lists, keys)
}

/// The position of a name: as it is written, or else in whatever case, if one alone is so.
///
/// # Errors
/// When several columns have the name.
pub(crate) fn position<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<Option<usize>, String> {
    let mut equal = names.clone().enumerate().filter(|(_, known)| known.trim() == name);
    let mut alike = names.enumerate().filter(|(_, known)| known.trim().eq_ignore_ascii_case(name));
    let found = match (equal.next(), equal.next()) {
        (Some((position, _)), None) => return Ok(Some(position)),
        (Some(_), Some(_)) => None,
        (None, _) => match (alike.next(), alike.next()) {
            (Some((position, _)), None) => return Ok(Some(position)),
            (None, _) => return Ok(None),
            (Some(_), Some(_)) => None,
        },
    };
    match found {
        Some(position) => Ok(Some(position)),
        None => Err(format!("has more than one column `{name}`: expected one of that name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn paths(names: &[&str]) -> Result<Paths, String> {
        let columns = columns(names);
        Paths::of(&columns.iter().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn lists_are_shared_by_the_columns_within_them() {
        let paths = paths(&["session", "events[].aid", "events[].at.ts"]).unwrap();
        assert_eq!(paths.lists, [["events"]]);
        let of = |index: usize| paths.columns[index].clone().unwrap();
        assert_eq!(of(0), Path { depth: 0, keys: vec!["session".to_owned()] });
        assert_eq!(of(2), Path { depth: 1, keys: vec!["at".to_owned(), "ts".to_owned()] });
    }

    #[test]
    fn lists_within_lists_are_one_chain_and_different_lists_are_refused() {
        assert_eq!(paths(&["a[].b[].c", "a[].d"]).unwrap().lists, [["a"], ["b"]]);
        let problem = paths(&["items[].id", "events[].aid[]"]).unwrap_err();
        assert_eq!(problem, "the columns stand in different lists, one of them events[].aid[]: expected one list");
    }

    #[test]
    fn different_lists_are_joined_by_position() {
        let paths = paths(&["user", "items[]", "times[].at"]).unwrap();
        assert_eq!(paths.parallel, [["items"], ["times"]]);
        let keys = |index: usize| paths.columns[index].clone().unwrap().keys;
        assert_eq!((keys(1), keys(2)), (vec!["items".to_owned()], vec!["times".to_owned(), "at".to_owned()]));
    }

    #[test]
    fn a_name_is_found_as_written_or_else_in_whatever_case() {
        let find = |name: &str, names: &[&'static str]| position(name, names.iter().copied());
        assert_eq!(find("item", &["user", "ITEM"]), Ok(Some(1)));
        assert_eq!(find("item", &["ITEM", "item"]), Ok(Some(1)));
        assert_eq!(find("item", &["user"]), Ok(None));
        assert!(find("item", &["item", "item"]).is_err() && find("item", &["ITEM", "Item"]).is_err());
    }
}
