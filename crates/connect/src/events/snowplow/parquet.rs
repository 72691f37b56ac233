//! Lake Loader Parquet: typed columns, entities as lists of structs. Of Delta tables, `event_name` may stand in the path.

use std::borrow::Cow;

use super::Snowplow;
use super::atomic::{Atomic, Time};
use crate::events::problem::Problem;
use crate::events::sink::Sink;
use crate::parquet::{Batch, ColumnValues};

const PRODUCTS: &str = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1";
const ROBOTS: &str = "contexts_com_iab_snowplow_spiders_and_robots_1";
const ACTION: &str = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1";
const LEGACY: [&str; 2] = [
    "unstruct_event_com_snowplowanalytics_snowplow_add_to_cart_1",
    "unstruct_event_com_snowplowanalytics_snowplow_remove_from_cart_1",
];
const TEXTS: [&str; 12] = [
    "app_id",
    "event",
    "event_name",
    "event_id",
    "event_fingerprint",
    "user_id",
    "domain_userid",
    "network_userid",
    "page_urlhost",
    "page_urlpath",
    "page_url",
    "ti_sku",
];
const TIMES: [&str; 3] = ["derived_tstamp", "true_tstamp", "collector_tstamp"];

/// Whether a column is needed.
pub(in crate::events) fn wanted(name: &str) -> bool {
    let name = &*name.to_ascii_lowercase();
    let nested = [PRODUCTS, ROBOTS, ACTION].iter().chain(&LEGACY).any(|prefix| name.starts_with(prefix));
    nested || TEXTS.contains(&name) || TIMES.contains(&name)
}

/// The columns of one batch.
pub(in crate::events) struct Rows {
    texts: [ColumnValues; 12],
    times: [ColumnValues; 3],
    products: ColumnValues,
    robots: ColumnValues,
    action: ColumnValues,
    legacy: [ColumnValues; 2],
}

impl Rows {
    /// Finds the columns, or says that the file holds other things.
    pub(in crate::events) fn new(batch: &Batch) -> Result<Self, String> {
        let times = TIMES.map(|name| batch.column(name));
        if times.iter().all(ColumnValues::is_missing) {
            return Err(
                "has none of derived_tstamp, true_tstamp, collector_tstamp: expected Snowplow events".to_owned()
            );
        }
        Ok(Self {
            texts: TEXTS.map(|name| batch.column(name)),
            times,
            products: batch.column_starting(PRODUCTS),
            robots: batch.column_starting(ROBOTS),
            action: batch.column_starting(ACTION),
            legacy: LEGACY.map(|name| batch.column_starting(name)),
        })
    }

    /// Reads one row.
    pub(in crate::events) fn row(&self, options: &Snowplow, row: usize, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let [
            app_id,
            event,
            event_name,
            event_id,
            event_fingerprint,
            user_id,
            domain_userid,
            network_userid,
            page_urlhost,
            page_urlpath,
            page_url,
            ti_sku,
        ] = self.texts.each_ref().map(|column| column.text(row));
        let time = |index: usize| -> Option<Time<'_>> {
            let column = self.times.get(index)?;
            match column.seconds(row) {
                Ok(seconds) => seconds.map(Time::Seconds),
                // What is wrong with it is reported if no other time counts.
                Err(_) => column.text(row).map(Time::Text),
            }
        };
        let robots = ["spider_or_robot", "spiderOrRobot"];
        let robots = robots.iter().flat_map(|field| fields_in_list(&self.robots, row, field));
        let [added, removed] = self.legacy.each_ref().map(|column| field(column, row, "sku"));
        let event_name = if removed.is_some() { Some(Cow::Borrowed("remove_from_cart")) } else { event_name };
        let atomic = Atomic {
            app_id,
            event,
            event_name,
            event_id,
            event_fingerprint,
            user_id,
            domain_userid,
            network_userid,
            derived_tstamp: time(0),
            true_tstamp: time(1),
            collector_tstamp: time(2),
            page_urlhost,
            page_urlpath,
            page_url,
            ti_sku,
            action: field(&self.action, row, "type").map(Cow::Owned),
            legacy_sku: added.or(removed).map(Cow::Owned),
            products: fields_in_list(&self.products, row, "id").into_iter().map(Cow::Owned).collect(),
            robot: robots.into_iter().any(|value| value == "true"),
        };
        options.interpret(&atomic, sink)
    }
}

/// A field of a struct, or of text that holds an object, as warehouses unload them.
fn field(column: &ColumnValues, row: usize, name: &str) -> Option<String> {
    if let Some(text) = column.text(row) {
        let object: serde_json::Value = serde_json::from_str(&text).ok()?;
        return object.get(name).and_then(text_of);
    }
    column.field(name).text(row).map(Cow::into_owned)
}

/// A field of every struct of a list, or of text that holds a list of objects.
fn fields_in_list(column: &ColumnValues, row: usize, name: &str) -> Vec<String> {
    if let Some(text) = column.text(row) {
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
        return list.iter().filter_map(|object| object.get(name).and_then(text_of)).collect();
    }
    column.texts_in_list(row, name)
}

fn text_of(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
