//! What the counters say at a glance: the metrics of all routes that score enter, their sums leave.

use prometheus::core::Collector;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Metrics, Shed, routes};
use slirec_engine::Source;

/// What the service has done since its start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Traffic {
    /// Requests for recommendations that were answered, whatever the status.
    requests: u64,
    /// Those of them that failed through a fault of the service: statuses from 500 on.
    failures: u64,
    /// Requests that were shed for overload.
    shed: u64,
    /// Sessions that the model answered.
    model_answers: u64,
    /// Sessions that popularity answered.
    popular_answers: u64,
    /// Sessions that counts answered: what is bought together, bought again or in demand.
    counted_answers: u64,
    /// Bundles that were put into service.
    reloads: u64,
    /// Bundles that could not be.
    failed_reloads: u64,
    /// Requests that are answered now.
    in_flight: usize,
    /// Sessions that wait for a worker now.
    queued: usize,
    /// Requests by their latency, cumulated; slower ones than the last bound are in `requests` only.
    latency: Vec<LatencyBucket>,
}

/// Requests that were answered within a time.
#[derive(Debug, Serialize, ToSchema)]
struct LatencyBucket {
    /// Seconds.
    within: f64,
    requests: u64,
}

impl Metrics {
    /// Sums of what was counted.
    pub(crate) fn traffic(&self, queued: usize, in_flight: usize) -> Traffic {
        let families = &self.families;
        let scores = |labels: &[prometheus::proto::LabelPair]| {
            let route = labels.iter().find(|label| label.name() == "route");
            route.is_some_and(|route| routes::SCORING.contains(&route.value()))
        };
        let (mut requests, mut failures) = (0, 0);
        for family in families.requests.collect() {
            for metric in family.get_metric().iter().filter(|metric| scores(metric.get_label())) {
                let count = metric.get_counter().get_value() as u64;
                requests += count;
                let status = metric.get_label().iter().find(|label| label.name() == "status");
                failures += if status.is_some_and(|status| status.value().starts_with('5')) { count } else { 0 };
            }
        }
        let mut latency: Vec<LatencyBucket> = Vec::new();
        for family in families.seconds.collect() {
            for metric in family.get_metric().iter().filter(|metric| scores(metric.get_label())) {
                let buckets = metric.get_histogram().get_bucket();
                for bucket in buckets.iter().filter(|bucket| bucket.upper_bound().is_finite()) {
                    match latency.iter_mut().find(|known| known.within == bucket.upper_bound()) {
                        Some(known) => known.requests += bucket.cumulative_count(),
                        None => latency
                            .push(LatencyBucket { within: bucket.upper_bound(), requests: bucket.cumulative_count() }),
                    }
                }
            }
        }
        let answers = |source: Source| families.answers.with_label_values(&[source.name()]).get();
        let reloads = |outcome| families.reloads.with_label_values(&[outcome]).get();
        Traffic {
            requests,
            failures,
            shed: Shed::ALL.iter().map(|reason| families.shed.with_label_values(&[reason.label()]).get()).sum(),
            model_answers: answers(Source::Model),
            popular_answers: answers(Source::Popular),
            counted_answers: Source::ALL
                .iter()
                .filter(|source| source.is_counted())
                .map(|source| answers(*source))
                .sum(),
            reloads: reloads("success"),
            failed_reloads: reloads("failure"),
            in_flight,
            queued,
            latency,
        }
    }
}
