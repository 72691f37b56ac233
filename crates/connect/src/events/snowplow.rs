//! Snowplow: enriched events as TSV or JSON lines, tracker payloads, and Lake Loader Parquet enter; events leave.
//!
//! Every form is read into one `Atomic`, and one set of rules says what it means. Field names and meanings:
//! docs.snowplow.io, "Canonical event model" and "Snowplow ecommerce".

mod atomic;
mod json;
mod tsv;
mod unload;

pub(super) use unload::is_unload;

#[cfg(feature = "parquet")]
pub(super) mod parquet;

use std::str::FromStr;

use atomic::Atomic;

use super::problem::Problem;
use super::sink::Sink;

/// An identifier of a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identifier {
    /// The first-party cookie: what the storefront sends when it asks for recommendations.
    DomainUserId,
    /// The collector's cookie.
    NetworkUserId,
    /// Who has logged in.
    UserId,
}

impl FromStr for Identifier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "domain_userid" => Self::DomainUserId,
            "network_userid" => Self::NetworkUserId,
            "user_id" => Self::UserId,
            _ => return Err("expected domain_userid, network_userid or user_id".to_owned()),
        })
    }
}

/// How Snowplow events are read.
#[derive(Debug, Clone)]
pub struct Snowplow {
    /// Which identifier is the user: the first that an event has.
    pub user_order: Vec<Identifier>,
    /// Give all events of a `domain_userid` the `user_id` that was last seen with it.
    pub stitch: bool,
    /// Only events of these `app_id`s; all if empty.
    pub app_ids: Vec<String>,
    /// Only events of pages on these hosts; all if empty.
    pub hosts: Vec<String>,
}

impl Default for Snowplow {
    fn default() -> Self {
        Self { user_order: vec![Identifier::DomainUserId], stitch: false, app_ids: Vec::new(), hosts: Vec::new() }
    }
}

impl Snowplow {
    /// Reads a line of any of the textual forms.
    pub(super) fn line(&self, line: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
        match line.trim_ascii_start().first() {
            Some(b'{' | b'[') => json::line(self, line, sink),
            _ => tsv::line(self, line, sink),
        }
    }

    /// What an event means, whatever form it came in.
    fn interpret(&self, atomic: &Atomic<'_>, sink: &mut Sink<'_>) -> Result<(), Problem> {
        if !self.app_ids.is_empty() && !self.app_ids.iter().any(|id| Some(id.as_str()) == atomic.app_id.as_deref()) {
            sink.ignore("another app_id");
            return Ok(());
        }
        if !self.hosts.is_empty() && !self.hosts.iter().any(|host| Some(host.as_str()) == atomic.host()) {
            sink.ignore("another host");
            return Ok(());
        }
        if atomic.robot {
            sink.ignore("robot by its spiders_and_robots context");
            return Ok(());
        }
        let identifier = |identifier: &Identifier| match identifier {
            Identifier::DomainUserId => atomic.domain_userid.as_deref(),
            Identifier::NetworkUserId => atomic.network_userid.as_deref(),
            Identifier::UserId => atomic.user_id.as_deref(),
        };
        let user = self.user_order.iter().find_map(|order| identifier(order).filter(|id| !id.is_empty()));
        // Stitching hangs on the cookie: other users keep their names.
        let known_as = if self.stitch { atomic.user_id.as_deref() } else { None };
        let user = if self.stitch { atomic.domain_userid.as_deref().or(user) } else { user };
        atomic.events(user.unwrap_or_default(), known_as, sink)
    }
}
