//! The metrics by name, with their help and their bounds; `docs/OPERATION.md` says what to do with them.

use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Bounds of latencies, seconds.
const LATENCY_BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
/// Bounds of the parts of a request, seconds.
const STAGE_BOUNDS: [f64; 13] =
    [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.002, 0.003, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0];
/// Bounds of history lengths, views.
const HISTORY_BOUNDS: [f64; 10] = [0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0, 50.0, 200.0];
/// Bounds of scores, probabilities.
const SCORE_BOUNDS: [f64; 11] = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99];

/// Bounds of shares.
const SHARE_BOUNDS: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0];

/// Every metric.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) requests: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) stages: HistogramVec,
    pub(super) queued: IntGauge,
    pub(super) in_flight: IntGauge,
    pub(super) shed: IntCounterVec,
    pub(super) deadline_exceeded: IntCounter,
    pub(super) cancelled: IntCounter,
    pub(super) dropped: IntCounter,
    pub(super) connections: IntGauge,
    pub(super) connections_refused: IntCounter,
    pub(super) connections_dropped: IntCounter,
    pub(super) model: IntGaugeVec,
    pub(super) registry_model: IntGaugeVec,
    pub(super) model_loaded: Gauge,
    pub(super) reloads: IntCounterVec,
    pub(super) last_reload_failed: IntGauge,
    pub(super) registry_checks: IntCounterVec,
    pub(super) registry_confirmed: Gauge,
    pub(super) scored: IntCounter,
    pub(super) scored_exactly: IntCounter,
    pub(super) answers: IntCounterVec,
    pub(super) unknown: IntCounter,
    pub(super) unknown_user_values: IntCounter,
    pub(super) known_users: IntCounter,
    pub(super) history_items: IntCounter,
    pub(super) history: Histogram,
    pub(super) best_scores: Histogram,
    pub(super) spoiled: IntCounter,
    pub(super) coverage: Gauge,
    pub(super) deliveries: IntCounterVec,
    pub(super) changed_products: IntGauge,
    pub(super) placements: IntCounterVec,
    pub(super) rules: IntCounterVec,
    pub(super) filters: IntCounterVec,
    pub(super) filtered: Histogram,
}

impl Families {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let new = Registering(registry);
        Ok(Self {
            requests: new.counters("slirec_requests_total", "Answered requests", &["route", "status"])?,
            seconds: new.histograms(
                "slirec_request_seconds",
                "Time from a request's headers to its answer",
                &LATENCY_BOUNDS,
                "route",
            )?,
            stages: new.histograms("slirec_stage_seconds", "Time of the parts of a request", &STAGE_BOUNDS, "stage")?,
            queued: new.gauge("slirec_queued_requests", "Sessions that wait for a worker")?,
            in_flight: new.gauge("slirec_in_flight_requests", "Requests that are scored and answered")?,
            shed: new.counters(
                "slirec_shed_total",
                "Requests refused, or answered by popularity, for overload",
                &["reason"],
            )?,
            deadline_exceeded: new.counter("slirec_deadline_exceeded_total", "Requests whose deadline passed")?,
            cancelled: new.counter("slirec_cancelled_total", "Requests whose client left before the answer")?,
            dropped: new
                .counter("slirec_dropped_total", "Sessions dropped unscored, as their client had disconnected")?,
            connections: new.gauge("slirec_connections", "Open connections")?,
            connections_refused: new.counter("slirec_connections_refused_total", "Connections beyond the limit")?,
            connections_dropped: new
                .counter("slirec_connections_dropped_total", "Idle or slow connections closed for new ones")?,
            model: new.gauges(
                "slirec_model_info",
                "The model that is served",
                &["name", "version", "sha256", "provider", "device", "device_memory_bytes", "kernels"],
            )?,
            registry_model: new.gauges(
                "slirec_registry_model_info",
                "What the model that is served is called in the registry that it came from",
                &["name", "version", "alias"],
            )?,
            model_loaded: new.float("slirec_model_loaded_timestamp_seconds", "When the model was put into service")?,
            reloads: new.counters(
                "slirec_reloads_total",
                "Attempts to put another bundle into service",
                &["outcome"],
            )?,
            last_reload_failed: new.gauge("slirec_last_reload_failed", "1 when the last reload failed, or else 0")?,
            registry_checks: new.counters(
                "slirec_registry_checks_total",
                "Looks at the model's alias in the registry",
                &["outcome"],
            )?,
            registry_confirmed: new.float(
                "slirec_registry_confirmed_timestamp_seconds",
                "When the registry last confirmed which model to serve; 0 without a registry",
            )?,
            scored: new
                .counter("slirec_scored_items_total", "Candidates that were scored, exactly or within bounds")?,
            scored_exactly: new.counter(
                "slirec_exactly_scored_items_total",
                "Candidates that were scored exactly: all, or those on a shortlist that has all of the best",
            )?,
            answers: new.counters(
                "slirec_recommendations_total",
                "Answered sessions by where the scores come from",
                &["source"],
            )?,
            unknown: new.counter("slirec_unknown_items_total", "Items of histories that the model does not know")?,
            unknown_user_values: new.counter(
                "slirec_unknown_user_values_total",
                "Values of shoppers' attributes that training has not seen",
            )?,
            known_users: new.counter(
                "slirec_known_users_total",
                "Answered sessions whose shopper the model's table of known users has",
            )?,
            history_items: new.counter("slirec_history_items_total", "Items of histories")?,
            history: new.histogram("slirec_history_length", "Views in a history", &HISTORY_BOUNDS)?,
            best_scores: new.histogram("slirec_best_score", "The model's score of the first product", &SCORE_BOUNDS)?,
            spoiled: new.counter("slirec_non_finite_scores_total", "Scores that were not finite and were left out")?,
            coverage: new.float(
                "slirec_catalog_coverage_ratio",
                "Share of the available products that were recommended since the model was put into service",
            )?,
            deliveries: new.counters(
                "slirec_webhook_deliveries_total",
                "Deliveries of a shop by what became of them",
                &["outcome"],
            )?,
            changed_products: new
                .gauge("slirec_changed_products", "Products whose changes lie over the catalogue of the bundle")?,
            placements: new.counters(
                "slirec_scenario_answers_total",
                "Sessions answered in a scenario, by where the scores come from",
                &["scenario", "source"],
            )?,
            rules: new.counters(
                "slirec_rules_applied_total",
                "Answered products that a scenario's rules act on, by what these do",
                &["scenario", "effect"],
            )?,
            filters: new.counters(
                "slirec_filters_total",
                "Filters of requests by whether they had been read before",
                &["cache"],
            )?,
            filtered: new.histogram(
                "slirec_filtered_share",
                "Share of the products that a request's filter leaves out",
                &SHARE_BOUNDS,
            )?,
        })
    }
}

pub(super) struct Registering<'a>(pub(super) &'a Registry);

impl Registering<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> prometheus::Result<C> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::new(name, help)?)
    }

    pub(super) fn seconds(&self, name: &str, help: &str) -> prometheus::Result<Counter> {
        self.add(Counter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn float(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.add(Gauge::new(name, help)?)
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> prometheus::Result<Histogram> {
        self.add(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?)
    }

    fn histograms(&self, name: &str, help: &str, bounds: &[f64], label: &str) -> prometheus::Result<HistogramVec> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), &[label])?)
    }
}
