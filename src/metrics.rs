//! What the service counts. Events enter; Prometheus' text format leaves. All labels are from closed sets: routes of the
//! route table, statuses that the service answers, sources of an answer; never users, items or paths of clients.

use axum::http::StatusCode;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use slirec_engine::{Engine, Recommendations, Source};

/// Content type of the text format.
pub(crate) const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Bounds of the latency histogram, seconds.
const LATENCY_BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// Counters of one service, in a registry of their own.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    scored: IntCounter,
    answers: IntCounterVec,
    unknown: IntCounter,
    overloaded: IntCounter,
    queued: IntGauge,
    model: IntGaugeVec,
}

impl Metrics {
    /// Makes the counters, all at zero.
    ///
    /// # Errors
    /// When two of them have one name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let latency = HistogramOpts::new("slirec_request_seconds", "Time from a request's headers to its answer");
        let metrics = Self {
            requests: vector("slirec_requests_total", "Answered requests", &["route", "status"])?,
            seconds: HistogramVec::new(latency.buckets(LATENCY_BOUNDS.to_vec()), &["route"])?,
            scored: IntCounter::new("slirec_scored_items_total", "Candidates that were scored")?,
            answers: vector(
                "slirec_recommendations_total",
                "Recommendations by where the scores come from",
                &["source"],
            )?,
            unknown: IntCounter::new("slirec_unknown_items_total", "Items of histories that the model does not know")?,
            overloaded: IntCounter::new(
                "slirec_overloaded_total",
                "Recommendations refused because the queue was full",
            )?,
            queued: IntGauge::new("slirec_queued_requests", "Recommendations that wait for a worker")?,
            model: IntGaugeVec::new(
                Opts::new("slirec_model_info", "The model that is served"),
                &["name", "version", "sha256", "provider"],
            )?,
            registry,
        };
        metrics.register()?;
        for source in [Source::Model, Source::Popular] {
            metrics.answers.with_label_values(&[source_label(source)]);
        }
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.seconds.clone()))?;
        self.registry.register(Box::new(self.scored.clone()))?;
        self.registry.register(Box::new(self.answers.clone()))?;
        self.registry.register(Box::new(self.unknown.clone()))?;
        self.registry.register(Box::new(self.overloaded.clone()))?;
        self.registry.register(Box::new(self.queued.clone()))?;
        self.registry.register(Box::new(self.model.clone()))
    }

    /// A request was answered; `route` is one of the route table or `unmatched`.
    pub(crate) fn answered(&self, route: &str, status: StatusCode, seconds: f64) {
        self.requests.with_label_values(&[route, status.as_str()]).inc();
        self.seconds.with_label_values(&[route]).observe(seconds);
    }

    /// The engine answered.
    pub(crate) fn recommended(&self, answer: &Recommendations) {
        self.answers.with_label_values(&[source_label(answer.source)]).inc();
        self.scored.inc_by(answer.scored_candidates as u64);
        self.unknown.inc_by(answer.unknown_items as u64);
    }

    /// The engine's queue was full.
    pub(crate) fn overloaded(&self) {
        self.overloaded.inc();
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a counter cannot be written.
    pub(crate) fn render(&self, engine: &Engine) -> prometheus::Result<String> {
        let model = engine.model();
        let provider = engine.execution_provider().name();
        self.model.reset();
        self.model.with_label_values(&[&model.name, &model.version, &model.sha256, provider]).set(1);
        self.queued.set(i64::try_from(engine.queued()).unwrap_or(i64::MAX));
        self.text()
    }

    fn text(&self) -> prometheus::Result<String> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn vector(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn source_label(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Popular => "popular",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_move_their_counters() {
        let metrics = Metrics::new().unwrap();
        metrics.answered("/invocations", StatusCode::OK, 0.004);
        metrics.recommended(&Recommendations {
            source: Source::Popular,
            products: Vec::new(),
            unknown_items: 3,
            scored_candidates: 7,
        });
        metrics.overloaded();
        let text = metrics.text().unwrap();
        for line in [
            r#"slirec_requests_total{route="/invocations",status="200"} 1"#,
            r#"slirec_request_seconds_bucket{route="/invocations",le="0.003"} 0"#,
            r#"slirec_request_seconds_bucket{route="/invocations",le="0.005"} 1"#,
            r#"slirec_recommendations_total{source="popular"} 1"#,
            r#"slirec_recommendations_total{source="model"} 0"#,
            "slirec_unknown_items_total 3",
            "slirec_scored_items_total 7",
            "slirec_overloaded_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
