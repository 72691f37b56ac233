//! What the counters say at a glance: the metrics of all routes that score enter, their sums leave.

use std::collections::BTreeMap;

use prometheus::core::Collector;
use prometheus::proto::LabelPair;
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
    /// What was answered in scenarios, by name; those that answered.
    scenarios: Vec<ScenarioTraffic>,
}

/// What a scenario has done.
#[derive(Debug, Serialize, ToSchema)]
struct ScenarioTraffic {
    #[schema(example = "product-page")]
    scenario: String,
    /// Sessions that were answered in it.
    answers: u64,
    /// Answered products that its rules raised.
    boosts: u64,
    /// Answered products that its rules lowered.
    buries: u64,
    /// Answered products that its rules put in their places.
    pins: u64,
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
        let scores = |labels: &[LabelPair]| routes::SCORING.contains(&label(labels, "route"));
        let (mut requests, mut failures) = (0, 0);
        for family in families.requests.collect() {
            for metric in family.get_metric().iter().filter(|metric| scores(metric.get_label())) {
                let count = metric.get_counter().get_value() as u64;
                requests += count;
                failures += if label(metric.get_label(), "status").starts_with('5') { count } else { 0 };
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
            scenarios: self.scenarios(),
        }
    }

    /// What was counted of each scenario.
    fn scenarios(&self) -> Vec<ScenarioTraffic> {
        let mut scenarios: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let counted = [(&self.families.placements, None), (&self.families.rules, Some("effect"))];
        for (family, by) in counted {
            for metric in family.collect().iter().flat_map(|family| family.get_metric()) {
                let name = label(metric.get_label(), "scenario");
                let counts = scenarios.entry(name.to_owned()).or_default();
                let what = by.map_or("answer", |by| label(metric.get_label(), by));
                *counts.entry(what.to_owned()).or_default() += metric.get_counter().get_value() as u64;
            }
        }
        let of = |(scenario, counts): (String, BTreeMap<String, u64>)| {
            let count = |what: &str| counts.get(what).copied().unwrap_or_default();
            let [answers, boosts, buries, pins] = ["answer", "boost", "bury", "pin"].map(count);
            ScenarioTraffic { scenario, answers, boosts, buries, pins }
        };
        scenarios.into_iter().map(of).collect()
    }
}

/// The value of a label; empty without it.
fn label<'a>(labels: &'a [LabelPair], name: &str) -> &'a str {
    labels.iter().find(|label| label.name() == name).map_or("", |label| label.value())
}
