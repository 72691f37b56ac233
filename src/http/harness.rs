//! The service in process, for tests: settings as variables of the environment enter, answers of both routers leave.
//! The bundle is `models/demo`; no socket is bound.

#![cfg(test)]

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use serde_json::Value;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

pub(crate) use super::in_process::Answer;
use super::in_process::{self, Address, InProcess};
use crate::state::AppState;

/// A service of its own for a test.
pub(crate) struct Service {
    service: InProcess,
    /// What both addresses share.
    pub(crate) state: AppState,
}

impl Service {
    /// A service with the defaults.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A service with settings such as `("SLIREC__SERVER__METRICS", "true")`.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let state = in_process::state(variables).unwrap();
        Self { service: InProcess::of(&state), state }
    }

    /// Asks the clients' address.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.service.ask(Address::Clients, method, path, headers, body).await.unwrap()
    }

    /// Asks the operators' address.
    pub(crate) async fn operate(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.service.ask(Address::Operators, method, path, headers, body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.ask("POST", path, &[("content-type", "application/json")], body).await
    }

    /// The value of a series, by its name and labels as they stand in `/metrics`; none when it is not there.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.operate("GET", "/metrics", &[], "").await.text();
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }
}

impl Answer {
    /// A header as text; empty when it is not there, joined by commas when it is there several times.
    pub(crate) fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join(",")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// What this thread logs from now on, as JSON lines.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins; ends when the guard is dropped.
    pub(crate) fn record(level: Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level);
        (log, tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish()))
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
