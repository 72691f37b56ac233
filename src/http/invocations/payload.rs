//! The body of an invocation: bytes enter, one session for each row leaves, or why the request is refused.
//!
//! A first look finds the form and its payload without building anything, so that members may stand in any order; the
//! payload is then read row by row.

use serde_json::value::RawValue;
use slirec_engine::ViewHistory;

use super::refusal::Refusal;
use super::table::Rules;
use super::{python_numbers, rows, split};
use crate::http::raw_json::{Kind, kind, members};
use crate::http::well_formed::well_formed;
use crate::memory::Held;

pub(crate) const FORMS: [&str; 4] = ["inputs", "instances", "dataframe_split", "dataframe_records"];

/// Members that make MLflow take the whole request as the row, and answer without `predictions` around it.
pub(crate) const WHOLE_REQUEST: [&str; 3] = ["messages", "prompt", "input"];

/// What an invocation asks.
#[derive(Debug, PartialEq)]
pub(crate) struct Invocation {
    /// What each row's user viewed, in order.
    pub(crate) sessions: Vec<ViewHistory>,
    /// Whether the answer stands under `predictions`.
    pub(crate) wrapped: bool,
}

impl Held for Invocation {
    fn held_bytes(&self) -> usize {
        self.sessions.held_bytes()
    }
}

/// Reads a JSON body.
pub(crate) fn parse(body: &[u8], rules: Rules) -> Result<Invocation, Refusal> {
    let body = python_numbers::without_them(well_formed(body));
    let text = std::str::from_utf8(&body)
        .map_err(|error| Refusal::request(format!("body: is not UTF-8 from byte {} on", error.valid_up_to())))?;
    let request: &RawValue = serde_json::from_str(text)?;
    if kind(request) != Kind::Object {
        let found = kind(request);
        return Err(Refusal::request(format!("body: found {found}: expected an object with one of {FORMS:?}")));
    }
    let mut payloads = [None; FORMS.len()];
    let mut whole = false;
    members(request, |name, value| {
        whole |= WHOLE_REQUEST.contains(&&*name);
        if let Some(payload) = FORMS.iter().position(|form| *form == name).and_then(|form| payloads.get_mut(form)) {
            *payload = Some(value);
        }
        Ok::<(), Refusal>(())
    })?;
    if whole {
        return Ok(Invocation { sessions: rows::from_request(request, rules)?, wrapped: false });
    }
    let sessions = match payloads {
        [Some(payload), None, None, None] => rows::from_inputs(payload, rules),
        [None, Some(payload), None, None] => rows::from_instances(payload, rules),
        [None, None, Some(payload), None] => split::from_split(payload, rules),
        [None, None, None, Some(payload)] => rows::from_records(payload, rules),
        _ => {
            let found = FORMS.iter().zip(payloads).filter(|(_, payload)| payload.is_some());
            let found: Vec<&str> = found.map(|(form, _)| *form).collect();
            let found = if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") };
            Err(Refusal::request(format!("body: found {found}: expected an object with exactly one of {FORMS:?}")))
        }
    }?;
    Ok(Invocation { sessions, wrapped: true })
}

#[cfg(test)]
mod tests;
