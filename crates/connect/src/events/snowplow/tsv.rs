//! Enriched TSV: 131 columns without a header, empty for null, UTF-8.

use std::borrow::Cow;

use memchr::memmem;

use super::atomic::{Atomic, Time};
use super::{Snowplow, json};
use crate::events::problem::Problem;
use crate::events::sink::Sink;

const COLUMNS: usize = 131;
/// Older pipelines wrote 108 to 130; the columns that we need have never moved.
const FEWEST_COLUMNS: usize = 108;

/// Positions of the columns that matter.
mod column {
    pub(super) const APP_ID: usize = 0;
    pub(super) const COLLECTOR_TSTAMP: usize = 3;
    pub(super) const EVENT: usize = 5;
    pub(super) const EVENT_ID: usize = 6;
    pub(super) const USER_ID: usize = 12;
    pub(super) const DOMAIN_USERID: usize = 15;
    pub(super) const NETWORK_USERID: usize = 17;
    pub(super) const PAGE_URL: usize = 29;
    pub(super) const PAGE_URLHOST: usize = 33;
    pub(super) const PAGE_URLPATH: usize = 35;
    pub(super) const CONTEXTS: usize = 52;
    pub(super) const UNSTRUCT_EVENT: usize = 58;
    pub(super) const TI_SKU: usize = 68;
    pub(super) const DERIVED_CONTEXTS: usize = 122;
    pub(super) const DERIVED_TSTAMP: usize = 124;
    pub(super) const EVENT_NAME: usize = 126;
    pub(super) const EVENT_FINGERPRINT: usize = 129;
    pub(super) const TRUE_TSTAMP: usize = 130;
}

/// Reads one line.
pub(super) fn line(options: &Snowplow, line: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
    // Where each column ends.
    let mut ends = [0_usize; COLUMNS];
    let mut count = 0;
    for (end, slot) in memchr::memchr_iter(b'\t', line).zip(&mut ends) {
        *slot = end;
        count += 1;
    }
    if let Some(slot) = ends.get_mut(count) {
        *slot = line.len();
        count += 1;
    } else {
        // One tab more than there are columns.
        count = memchr::memchr_iter(b'\t', line).count() + 1;
    }
    if !(FEWEST_COLUMNS..=COLUMNS).contains(&count) {
        return Err(format!("found {count} tab-separated columns: expected {COLUMNS}, or JSON").into());
    }
    let raw = |index: usize| {
        let start = index.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| end + 1);
        let end = ends.get(index).copied().filter(|_| index < count)?;
        line.get(start..end).filter(|field| !field.is_empty())
    };
    let text = |index: usize, name: &str| match raw(index).map(std::str::from_utf8) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(Cow::Borrowed(text))),
        Some(Err(_)) => Err(format!("{name}: found bytes that are not UTF-8")),
    };
    let time = |index, name| text(index, name).map(|text| text.map(Time::Text));
    let mut atomic = Atomic {
        app_id: text(column::APP_ID, "app_id")?,
        event: text(column::EVENT, "event")?,
        event_name: text(column::EVENT_NAME, "event_name")?,
        event_id: text(column::EVENT_ID, "event_id")?,
        event_fingerprint: text(column::EVENT_FINGERPRINT, "event_fingerprint")?,
        user_id: text(column::USER_ID, "user_id")?,
        domain_userid: text(column::DOMAIN_USERID, "domain_userid")?,
        network_userid: text(column::NETWORK_USERID, "network_userid")?,
        derived_tstamp: time(column::DERIVED_TSTAMP, "derived_tstamp")?,
        true_tstamp: time(column::TRUE_TSTAMP, "true_tstamp")?,
        collector_tstamp: time(column::COLLECTOR_TSTAMP, "collector_tstamp")?,
        page_urlhost: text(column::PAGE_URLHOST, "page_urlhost")?,
        page_urlpath: text(column::PAGE_URLPATH, "page_urlpath")?,
        page_url: text(column::PAGE_URL, "page_url")?,
        ti_sku: text(column::TI_SKU, "ti_sku")?,
        ..Atomic::default()
    };
    // Most events have contexts that say nothing of products: they are not worth parsing.
    for (index, name) in [(column::CONTEXTS, "contexts"), (column::DERIVED_CONTEXTS, "derived_contexts")] {
        if let Some(field) = raw(index).filter(|field| speaks_of_products(field)) {
            json::contexts(field, &mut atomic).map_err(|problem| format!("{name}: {problem}"))?;
        }
    }
    if let Some(field) = raw(column::UNSTRUCT_EVENT) {
        json::self_describing_event(field, &mut atomic).map_err(|problem| format!("unstruct_event: {problem}"))?;
    }
    options.interpret(&atomic, sink)
}

fn speaks_of_products(field: &[u8]) -> bool {
    memmem::find(field, b"ecommerce").is_some() || memmem::find(field, b"spiders_and_robots").is_some()
}
