//! Sessions of many shoppers: rows of views enter, a row each and in any order; the histories of the shoppers leave, and
//! what is known of them, in the order in which they first appear.

use std::collections::{BTreeMap, HashMap};

use arrow_array::RecordBatchReader;
use arrow_schema::DataType;
use pyo3::{PyResult, Python};
use slirec_connect::frames::{FrameInteractions, InteractionColumns, PLACE};
use slirec_core::interactions::{InteractionSource, LineError, ReadError};
use slirec_core::vocabulary::{KnownUser, UserLookup, UserValue};
use slirec_engine::ViewHistory;

use crate::errors::{SlirecError, failure};
use crate::frame::Reader;

/// Rows between two looks at the signals of the process.
const ROWS_EVERY: u64 = 100_000;

/// What was done with an item, where that is asked for: view, cart or purchase.
const EVENT: &str = "event";

/// Names of the columns of views: user, item and timestamp, and what a table of known users calls the user, if that is
/// another.
pub(crate) type Names = (String, String, String, Option<String>);

/// Who viewed what.
pub(crate) struct Sessions {
    pub(crate) users: Vec<String>,
    /// One of each user, in order of the times.
    pub(crate) histories: Vec<ViewHistory>,
    /// What is known of each of them.
    pub(crate) known: Vec<KnownUser>,
    /// Whether the users are whole numbers: they leave as they came.
    pub(crate) numbered: bool,
}

impl Sessions {
    /// Reads all rows of a frame, with the column [`EVENT`] if it is asked for. Of what rows say of a shopper the last that
    /// says it counts.
    pub(crate) fn read(
        reader: Reader,
        (user, item, timestamp, known_as): &Names,
        reads_events: bool,
        attributes: &UserLookup,
    ) -> PyResult<Self> {
        let kind = reader.schema().field_with_name(user).ok().map(|field| field.data_type().clone());
        let numbered =
            kind.is_some_and(|kind| kind.is_signed_integer() || (kind.is_integer() && kind != DataType::UInt64));
        if reads_events && reader.schema().field_with_name(EVENT).is_err() {
            return Err(SlirecError::new_err(format!(
                "{PLACE}: has no column `{EVENT}`: exclude_purchased needs to know what was bought"
            )));
        }
        let columns = InteractionColumns {
            user: user.clone(),
            item: item.clone(),
            timestamp: timestamp.clone(),
            category: None,
            weight: None,
            event: reads_events.then(|| EVENT.to_owned()),
            known_as: known_as.clone(),
            attributes: attributes.attributes().map(|(name, _)| name.to_owned()).collect(),
        };
        let mut views = FrameInteractions::new(reader, columns);
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let (mut users, mut histories): (Vec<String>, Vec<ViewHistory>) = (Vec::new(), Vec::new());
        let mut told: Vec<(Option<String>, BTreeMap<String, UserValue>)> = Vec::new();
        let mut rows = 0_u64;
        while let Some(view) = views.next_weighted() {
            rows += 1;
            if rows.is_multiple_of(ROWS_EVERY) {
                Python::attach(|py| py.check_signals())?;
            }
            let (view, _) = view.map_err(unreadable)?;
            let number = numbers.get(view.user).copied().unwrap_or_else(|| {
                numbers.insert(view.user.to_owned(), users.len());
                users.push(view.user.to_owned());
                histories.push(ViewHistory::new());
                told.push((None, BTreeMap::new()));
                histories.len() - 1
            });
            if let Some(history) = histories.get_mut(number) {
                history.push_event(view.item, view.timestamp, view.event.unwrap_or_default());
            }
            if let Some((name, told)) = told.get_mut(number) {
                let said = views.told();
                *name = said.name.or(name.take());
                told.extend(said.attributes);
            }
        }
        histories.iter_mut().for_each(ViewHistory::sort_by_time);
        let known = users.iter().zip(told).map(|(user, (name, told))| {
            let name = if known_as.is_some() { name.as_deref() } else { Some(user.as_str()) };
            let known = attributes.find(name, told.iter().map(|(name, value)| (name.as_str(), value)));
            known.map_err(|error| SlirecError::new_err(format!("{PLACE}: the views of `{user}`: {error}")))
        });
        Ok(Self { known: known.collect::<PyResult<_>>()?, users, histories, numbered })
    }
}

/// What is wrong with a row or with the frame.
fn unreadable(error: ReadError) -> pyo3::PyErr {
    match error {
        ReadError::Line(LineError { problem, content, .. }) => SlirecError::new_err(format!("{content}: {problem}")),
        ReadError::Io { source, .. } => failure(source),
    }
}
