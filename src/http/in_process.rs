//! The service without sockets, for tests and fuzz targets: settings as variables of the environment enter, answers of both
//! addresses leave.

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt;

use super::{admin_router, router};
use crate::config;
use crate::logging::LogLevel;
use crate::metrics::Metrics;
use crate::state::AppState;

/// A service of its own, with everything but its sockets.
#[derive(Debug)]
pub struct InProcess {
    clients: Router,
    operators: Router,
}

/// Which of the two addresses is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Of clients.
    Clients,
    /// Of operators.
    Operators,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it would be sent.
    pub body: Vec<u8>,
}

impl InProcess {
    /// A service with the defaults and settings such as `("SLIREC__SERVER__METRICS", "true")`. Blocks while the model is
    /// loaded.
    ///
    /// # Errors
    /// When a setting or the bundle cannot be used.
    pub fn new(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Ok(Self::of(&state(variables)?))
    }

    /// The routes around a state.
    pub(super) fn of(state: &AppState) -> Self {
        Self { clients: router(state.clone()), operators: admin_router(state.clone()) }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the request has a method, path or header that HTTP does not know, or the answer breaks off.
    pub async fn ask(
        &self,
        address: Address,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> anyhow::Result<Answer> {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
        let router = match address {
            Address::Clients => &self.clients,
            Address::Operators => &self.operators,
        };
        let response = router.clone().oneshot(request.body(body.into())?).await?;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.context("the answer breaks off")?.to_vec();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// The state behind the routes.
pub(super) fn state(variables: &[(&str, &str)]) -> anyhow::Result<AppState> {
    AppState::new(Metrics::new()?, config::from_variables(variables)?, LogLevel::unchanging())
}
