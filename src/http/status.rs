//! `GET /v1/status`: the state of the service at a glance. The model in service and the counters enter; JSON without
//! secrets, users or paths leaves. Counters only grow: two requests give rates.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use slirec_core::vocabulary::KnownUsers;
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::json_response;
use crate::metrics::Traffic;
use crate::registry::Registered;
use crate::serving::Served;
use crate::state::AppState;
use crate::user_attributes::UserAttribute;

/// How the service is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status<'a> {
    /// Version of the service.
    #[schema(example = "0.1.0")]
    service: &'a str,
    /// Unix seconds of the service's clock.
    now: f64,
    model: ModelStatus<'a>,
    traffic: Traffic,
}

/// The model in service.
#[derive(Serialize, ToSchema)]
struct ModelStatus<'a> {
    name: &'a str,
    version: &'a str,
    /// What it is called in the registry, if it came from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    registry: Option<&'a Registered>,
    /// SHA-256 of the bundle's manifest.
    sha256: &'a str,
    /// When the bundle was made, RFC 3339.
    created: &'a str,
    /// Unix seconds since when it is in service.
    since: f64,
    /// What it runs on.
    #[schema(example = "cpu")]
    execution_provider: &'a str,
    /// The card that it runs on, if it is one and its driver says what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "NVIDIA H200")]
    device: Option<&'a str>,
    /// All memory of the card.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    device_memory_bytes: Option<u64>,
    /// What computes the scores there.
    #[schema(example = "fused")]
    kernels: &'a str,
    /// Products of the catalogue.
    products: usize,
    /// Products that may be recommended.
    available: usize,
    /// Share of those that were recommended since the model is in service.
    coverage: f64,
    /// Interactions that it was trained on.
    interactions: u64,
    /// Passes over them.
    epochs: usize,
    /// The pass whose weights it has.
    best_epoch: usize,
    seed: u64,
    /// SHA-256 of the data that it was trained on.
    data_sha256: &'a str,
    /// Baselines that rank the test rows at least as well.
    loses_to: &'a [String],
    /// What it may be told of a shopper; missing where it reads nothing of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(nullable = false)]
    user_attributes: Vec<UserAttribute<'a>>,
    /// Users of whom it knows something by their `user_id` alone; missing where it has no table of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    known_users: Option<usize>,
    /// What was measured when the bundle was made.
    metrics: Vec<MetricSet<'a>>,
}

/// What was measured on a set of rows.
#[derive(Serialize, ToSchema)]
struct MetricSet<'a> {
    /// The rows, and what ranked them unless it was the model.
    #[schema(example = "test co-occurrence")]
    set: &'a str,
    values: Vec<MetricValue<'a>>,
}

/// One metric.
#[derive(Serialize, ToSchema)]
struct MetricValue<'a> {
    #[schema(example = "ndcg@10")]
    name: &'a str,
    value: f64,
}

impl<'a> ModelStatus<'a> {
    fn new(served: &'a Served) -> Self {
        let engine = &served.engine;
        let products = engine.catalog().products();
        let model = engine.model();
        let metrics = model.metrics.iter().map(|(set, values)| {
            let values = values.iter().map(|(name, value)| MetricValue { name, value: *value });
            MetricSet { set, values: values.collect() }
        });
        Self {
            name: &model.name,
            version: &model.version,
            registry: served.registered.as_ref(),
            sha256: engine.sha256(),
            created: &model.created,
            since: seconds(served.since),
            execution_provider: engine.execution_provider().name(),
            device: engine.device().map(|device| device.name.as_str()),
            device_memory_bytes: engine.device().map(|device| device.memory_bytes),
            kernels: engine.kernels().name(),
            products: products.len(),
            available: products.iter().filter(|product| product.available).count(),
            coverage: served.coverage.share(),
            interactions: model.training.interactions,
            epochs: model.training.epochs,
            best_epoch: model.training.best_epoch,
            seed: model.training.seed,
            data_sha256: &model.training.source_sha256,
            loses_to: &model.loses_to,
            user_attributes: UserAttribute::all(engine.users()).collect(),
            known_users: engine.users().known().map(KnownUsers::len),
            metrics: metrics.collect(),
        }
    }
}

/// The model in service and what the service has done since its start.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "status", tag = "operation",
    responses(
        (status = 200, description = "How the service is", body = Status),
        (status = 401, description = "A known API key is needed", body = ErrorBody),
    ),
)]
pub(super) async fn status(State(state): State<AppState>) -> Response {
    let served = state.served();
    let traffic = state.metrics.traffic(served.engine.queued(), state.in_flight());
    let status = Status {
        service: env!("CARGO_PKG_VERSION"),
        now: seconds(SystemTime::now()),
        model: ModelStatus::new(&served),
        traffic,
    };
    json_response(StatusCode::OK, &status)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}
