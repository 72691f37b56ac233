//! `slirec interactions import`: clickstreams and orders of other systems enter, the file of interactions and a summary
//! leave. One source a verb.

mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use slirec_connect::events::event::{KindWeight, Weights};
use slirec_connect::events::products::{IdKind, Products};
use slirec_connect::events::snowplow::{Identifier, Snowplow};
use slirec_connect::events::{Cleaning, Import, Limits, Meaning, Source, Summary, TextEncoding};
use slirec_connect::time::{TimeFormat, TimeRule, TimeUnit};
use slirec_core::catalog::Catalog;
use slirec_core::files::is_standard;
use table::TableArguments;

use crate::{output, progress};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Snowplow events: enriched TSV, JSON of the Analytics SDK, tracker payloads, Lake Loader Parquet
    Snowplow(SnowplowArguments),
    /// Customer events of a Shopify web pixel, as JSON lines
    WebPixel(Common),
    /// Shopify orders as a bulk query writes them, JSON lines
    BulkOrders(Common),
    /// Shopify orders as the admin exports them, CSV
    OrderCsv(OrderCsvArguments),
    /// Any CSV, TSV, JSON or Parquet with a column for user, item and time
    Table(Box<TableArguments>),
}

/// What all sources share.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Files or directories, compressed or not; - is standard input
    #[arg(value_name = "PATH", required = true)]
    inputs: Vec<PathBuf>,
    /// Catalogue: products that it does not hold are left out and listed; without it every name is taken
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Where to write `label user item timestamp category`; compressed if the name ends with .gz, - is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Where a sample of bad rows goes [default: the output's name with .bad-rows.tsv]
    #[arg(long, value_name = "FILE")]
    bad_rows: Option<PathBuf>,
    /// How much a kind of event counts for popularity, such as add_to_cart=3; 0 leaves it out. By default view=1,
    /// list_click=1, add_to_cart=3, transaction=5, all others 0
    #[arg(long, value_name = "KIND=WEIGHT", value_delimiter = ',')]
    weights: Vec<KindWeight>,
    /// What the source sends as a product's id: auto, handle, product-id, gid or sku
    #[arg(long, value_name = "KIND", default_value = "auto")]
    product_id_kind: IdKind,
    /// Page views of one product by one user within so many seconds are one view, reported twice; 0 takes every view.
    /// Without the option 10, and nothing of tables without kinds. Orders, dates and ordinals are never collapsed
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    collapse_seconds: Option<f64>,
    /// A user with more events on one day is a robot; 0 for no limit
    #[arg(long, value_name = "NUMBER", default_value_t = 2000)]
    most_daily_events: usize,
    /// Encoding of text, such as latin1, windows-1250 or utf-16le [default: by its byte order mark, else UTF-8]
    #[arg(long, value_name = "NAME")]
    encoding: Option<TextEncoding>,
    /// Share of bad rows, from 0 to 1, above which the import ends; one or two never end it
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    max_bad: f64,
    /// Share of times before 1995 or after tomorrow, from 0 to 1, above which the import ends
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    max_odd_times: f64,
    /// The day by which times are told and checked, such as 2026-11-02, or Unix seconds [default: today]
    #[arg(long, value_name = "TIME", value_parser = slirec_connect::time::parse)]
    now: Option<f64>,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

/// How times are written.
#[derive(Debug, clap::Args)]
struct Times {
    /// What the numbers of the time column count: s, ms, us, ns, or excel for days of a spreadsheet [default: told by
    /// the whole column]
    #[arg(long, value_name = "UNIT")]
    time_unit: Option<TimeUnit>,
    /// How times are written: day-first or month-first (11/02/2026), or a format of strptime such as '%d.%m.%Y %H:%M';
    /// may be repeated
    #[arg(long, value_name = "FORMAT")]
    time_format: Vec<TimeFormat>,
}

impl Times {
    fn rule(self) -> TimeRule {
        TimeRule { unit: self.time_unit, formats: self.time_format }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct OrderCsvArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    times: Times,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SnowplowArguments {
    #[command(flatten)]
    common: Common,
    /// Which identifier is the user, the first that an event has: domain_userid, network_userid, user_id
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "domain_userid")]
    user_order: Vec<Identifier>,
    /// Name shoppers by the user_id that was last seen with their domain_userid
    #[arg(long)]
    stitch: bool,
    /// Only events of this app_id; may be repeated
    #[arg(long, value_name = "NAME")]
    app_id: Vec<String>,
    /// Only events of pages on this host; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    number.ok_or_else(|| "expected a share from 0 to 1, such as 0.05".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
    number.ok_or_else(|| "expected a number of seconds from 0 on".to_owned())
}

/// Shells pass `\t` as two characters.
pub(crate) fn separator(text: &str) -> Result<String, String> {
    match text {
        "" => Err("expected at least one character".to_owned()),
        "\\t" | "tab" => Ok("\t".to_owned()),
        text => Ok(text.to_owned()),
    }
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Snowplow(arguments) => {
            let snowplow = Snowplow {
                user_order: arguments.user_order,
                stitch: arguments.stitch,
                app_ids: arguments.app_id,
                hosts: arguments.host,
            };
            import(arguments.common, Source::Snowplow(snowplow))
        }
        Verb::WebPixel(common) => import(common, Source::WebPixel),
        Verb::BulkOrders(common) => import(common, Source::BulkOrders),
        Verb::OrderCsv(arguments) => import(arguments.common, Source::OrderCsv(arguments.times.rule())),
        Verb::Table(arguments) => {
            let (common, table) = arguments.table();
            import(common, Source::Table(table))
        }
    }
}

/// How many unknown names the summary lists.
const LISTED: usize = 100;

/// Views within so many seconds are one, without the option.
const COLLAPSE_SECONDS: f64 = 10.0;

fn import(common: Common, source: Source) -> Result<()> {
    let catalog = common.catalog.as_deref().map(Catalog::read).transpose().context("the catalogue cannot be used")?;
    let mut weights = Weights::default();
    for KindWeight(kind, weight) in common.weights {
        weights.set(kind, weight);
    }
    let now = match common.now {
        Some(now) => now,
        None => SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_secs_f64(),
    };
    let bad_rows = common.bad_rows.unwrap_or_else(|| beside(&common.output));
    let import = Import {
        source,
        inputs: common.inputs,
        meaning: Meaning { products: Products::new(catalog, common.product_id_kind), weights },
        cleaning: Cleaning {
            collapse_seconds: common.collapse_seconds.unwrap_or(COLLAPSE_SECONDS),
            most_daily_events: common.most_daily_events,
        },
        limits: Limits { max_bad: common.max_bad, max_odd_times: common.max_odd_times, now },
        encoding: common.encoding,
        output: common.output,
        bad_rows,
        replace: common.force,
    };
    let mut counter = progress::Counter::new("MB");
    let summary = import.run(&mut |bytes| counter.set("reading", bytes / 1_000_000));
    counter.finish();
    let summary = summary.context("cannot import interactions")?;
    summary.warnings().iter().for_each(|warning| output::warn(output::printable(warning)));
    if common.json {
        return output::summarise(&import.output, serde_json::to_string_pretty(&document(&summary, &import))?);
    }
    let mut text = format!("{summary}{:<18}{}", "written to", import.output.display());
    if summary.counts.bad_rows > 0 {
        text += &format!("\n{:<18}{}", "bad rows are in", import.bad_rows.display());
    }
    output::summarise(&import.output, text)
}

/// The summary for programs: `rows` and `further_events` are the interactions and everything that was left out, by its
/// reason.
fn document(summary: &Summary, import: &Import) -> Value {
    let Summary { counts, totals, .. } = summary;
    let unknown = |names: Vec<(&str, u64)>| -> Value {
        names.into_iter().take(LISTED).map(|(name, count)| json!({"name": name, "events": count})).collect()
    };
    json!({
        "output": import.output,
        "rows": counts.rows,
        "further_events": counts.further,
        "interactions": totals.interactions,
        "users": totals.users,
        "first_time": totals.times.map(|(first, _)| first),
        "last_time": totals.times.map(|(_, last)| last),
        "taken": counts.taken,
        "left_out": summary.reasons().into_iter().collect::<BTreeMap<String, u64>>(),
        "unknown_products": unknown(summary.unknown_products()),
        "unknown_kinds": unknown(summary.unknown_kinds()),
        "bad_rows_file": (counts.bad_rows > 0).then_some(&import.bad_rows),
        "warnings": summary.warnings(),
    })
}

/// `interactions.tsv.bad-rows.tsv`
fn beside(output: &Path) -> PathBuf {
    let mut name = if is_standard(output) { "interactions".into() } else { output.as_os_str().to_owned() };
    name.push(".bad-rows.tsv");
    name.into()
}
