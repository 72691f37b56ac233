//! A Snowplow event in our terms, filled by the readers of its forms, and what it says about products.

use std::borrow::Cow;

use crate::events::event::{Event, Kind, ProductName};
use crate::events::problem::Problem;
use crate::events::products::handle_of_url;
use crate::events::sink::Sink;
use crate::time::{self, EARLIEST};

/// A time as a form gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Time<'a> {
    /// Text of a date, or a number.
    Text(Cow<'a, str>),
    /// Unix seconds.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only Parquet has typed times"))]
    Seconds(f64),
}

/// What the times of an event say.
struct Happened {
    /// Unix seconds.
    seconds: f64,
    /// The time that counts first cannot be meant: its name.
    instead_of: Option<&'static str>,
}

impl Time<'_> {
    fn seconds(&self) -> Result<f64, String> {
        match self {
            Self::Text(text) => time::parse(text),
            Self::Seconds(seconds) => Ok(*seconds),
        }
    }
}

/// The fields that matter, under the names of the canonical event model.
#[derive(Debug, Default)]
pub(super) struct Atomic<'a> {
    pub(super) app_id: Option<Cow<'a, str>>,
    /// `page_view`, `unstruct`, …; of trackers `pv`, `ue`, ….
    pub(super) event: Option<Cow<'a, str>>,
    pub(super) event_name: Option<Cow<'a, str>>,
    pub(super) event_id: Option<Cow<'a, str>>,
    pub(super) event_fingerprint: Option<Cow<'a, str>>,
    pub(super) user_id: Option<Cow<'a, str>>,
    pub(super) domain_userid: Option<Cow<'a, str>>,
    pub(super) network_userid: Option<Cow<'a, str>>,
    pub(super) derived_tstamp: Option<Time<'a>>,
    pub(super) true_tstamp: Option<Time<'a>>,
    pub(super) collector_tstamp: Option<Time<'a>>,
    pub(super) page_urlhost: Option<Cow<'a, str>>,
    pub(super) page_urlpath: Option<Cow<'a, str>>,
    pub(super) page_url: Option<Cow<'a, str>>,
    pub(super) ti_sku: Option<Cow<'a, str>>,
    /// `type` of the ecommerce action.
    pub(super) action: Option<Cow<'a, str>>,
    /// `sku` of the older add_to_cart and remove_from_cart events.
    pub(super) legacy_sku: Option<Cow<'a, str>>,
    /// Ids of the product entities.
    pub(super) products: Vec<Cow<'a, str>>,
    pub(super) robot: bool,
}

impl Atomic<'_> {
    /// Host of the page.
    pub(super) fn host(&self) -> Option<&str> {
        let of_url = || {
            let rest = self.page_url.as_deref()?.split_once("://")?.1;
            rest.split(['/', '?', '#', ':']).next()
        };
        self.page_urlhost.as_deref().or_else(of_url)
    }

    /// Handle of the page's product.
    fn page_handle(&self) -> Option<Cow<'_, str>> {
        self.page_urlpath.as_deref().or(self.page_url.as_deref()).and_then(handle_of_url)
    }

    /// What was done, or why the event is of no use.
    fn kind(&self) -> Result<Kind, &'static str> {
        if let Some(action) = &self.action {
            return Kind::of_name(action).ok_or("another ecommerce action");
        }
        let event = self.event.as_deref().unwrap_or_default();
        let name = self.event_name.as_deref().unwrap_or_default();
        match (event, name) {
            ("page_view" | "pv", _) | ("", "page_view") => Ok(Kind::View),
            ("page_ping" | "pp", _) | ("", "page_ping") => Err("page_ping"),
            ("transaction_item" | "ti", _) => Ok(Kind::Transaction),
            ("transaction" | "tr", _) => Err("transaction without its items"),
            ("struct" | "se", _) => Err("struct"),
            _ if self.legacy_sku.is_some() => match name {
                "remove_from_cart" => Ok(Kind::RemoveFromCart),
                _ => Ok(Kind::AddToCart),
            },
            ("", "") => Err("no event name"),
            _ => Err("another self-describing event"),
        }
    }

    /// When it happened: by the first time that is one from 1995 on, until `latest`. Clocks of devices stand anywhere,
    /// and what is derived from them too; the collector's does not.
    fn time(&self, latest: f64) -> Result<Happened, String> {
        let times = [
            ("derived_tstamp", &self.derived_tstamp),
            ("true_tstamp", &self.true_tstamp),
            ("collector_tstamp", &self.collector_tstamp),
        ];
        let mut present = times.into_iter().filter_map(|(name, time)| Some((name, time.as_ref()?)));
        let (name, first) =
            present.next().ok_or("no derived_tstamp, true_tstamp or collector_tstamp: expected one of them")?;
        let first = first.seconds().map_err(|problem| format!("{name}: {problem}"));
        let plausible = |seconds: &f64| (EARLIEST..=latest).contains(seconds);
        if let Ok(seconds) = &first
            && plausible(seconds)
        {
            return Ok(Happened { seconds: *seconds, instead_of: None });
        }
        match present.filter_map(|(_, time)| time.seconds().ok()).find(plausible) {
            Some(seconds) => Ok(Happened { seconds, instead_of: Some(name) }),
            None => first.map(|seconds| Happened { seconds, instead_of: None }),
        }
    }

    /// Hands over one event for each product.
    pub(super) fn events(&self, user: &str, known_as: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let kind = match self.kind() {
            Ok(kind) if sink.wants(kind) => kind,
            Ok(_) => return Ok(()),
            Err(reason) => {
                sink.ignore(reason);
                return Ok(());
            }
        };
        let received = self.collector_tstamp.as_ref().and_then(|time| time.seconds().ok());
        let happened = self.time(sink.latest())?;
        if let Some(name) = happened.instead_of {
            sink.other_time(name);
        }
        let event = Event {
            known_as,
            id: self.event_id.as_deref(),
            fingerprint: self.event_fingerprint.as_deref(),
            received,
            ..Event::new(user, ProductName::Handle(""), happened.seconds, kind)
        };
        let page = self.page_handle();
        // A page shows its own product, whatever else stands on it; an action names its products.
        let of_page = kind == Kind::View && self.action.is_none() && page.is_some();
        let named = self.products.iter().chain(&self.legacy_sku).chain(&self.ti_sku);
        let named: Vec<&str> = if of_page { Vec::new() } else { named.map(AsRef::as_ref).collect() };
        match (named.as_slice(), page) {
            ([], Some(handle)) => sink.event(&Event { product: ProductName::Handle(&handle), ..event })?,
            ([], None) => sink.ignore("no product"),
            // The first entity of a viewed product is the product; others stand around it.
            ([id, ..], _) if kind == Kind::View => {
                sink.event(&Event { product: ProductName::Id(id), ..event })?;
            }
            (ids, _) => {
                for id in ids {
                    sink.event(&Event { product: ProductName::Id(id), ..event.clone() })?;
                }
            }
        }
        Ok(())
    }
}
