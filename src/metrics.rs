//! What the service counts. Events enter; Prometheus' text format leaves. All labels are from closed sets: routes of
//! the route table, statuses that the service answers, stages, reasons; never users, items or paths of clients.

mod families;
mod labels;
#[cfg(target_os = "linux")]
mod process;
pub(crate) mod routes;
mod traffic;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use prometheus::{Encoder, Registry, TextEncoder};
use slirec_core::product_set::ProductSet;
use slirec_core::vocabulary::KnownUser;
use slirec_engine::{Recommendations, Source};
use slirec_merchandising::FilterUse;

use crate::registry::Registered;
use crate::serving::Served;
use families::Families;
use labels::{DELIVERIES, filter_label, model_labels};
pub(crate) use labels::{Shed, Stage};
pub(crate) use traffic::Traffic;

/// Content type of the text format.
pub(crate) const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Products of an answer that rules acted on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Acted {
    pub(crate) boosted: u64,
    pub(crate) buried: u64,
    pub(crate) pinned: u64,
}

/// Counters of one service, in a registry of their own.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    families: Families,
    #[cfg(target_os = "linux")]
    process: process::ProcessFamilies,
}

impl Metrics {
    /// Makes the counters, all at zero.
    ///
    /// # Errors
    /// When two of them have one name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        // Series that exist from the start can be alerted on from the start.
        routes::series().for_each(|labels| drop(families.requests.with_label_values(&<[&str; 2]>::from(labels))));
        routes::SCORING.iter().for_each(|route| drop(families.seconds.with_label_values(&[*route])));
        for source in Source::ALL {
            families.answers.with_label_values(&[source.name()]);
        }
        Shed::ALL.iter().for_each(|reason| drop(families.shed.with_label_values(&[reason.label()])));
        Stage::ALL.iter().for_each(|stage| drop(families.stages.with_label_values(&[stage.label()])));
        for found in [FilterUse::Known, FilterUse::New] {
            families.filters.with_label_values(&[filter_label(found)]);
        }
        DELIVERIES.iter().for_each(|outcome| drop(families.deliveries.with_label_values(&[*outcome])));
        for outcome in ["success", "failure"] {
            families.reloads.with_label_values(&[outcome]);
            families.registry_checks.with_label_values(&[outcome]);
        }
        Ok(Self {
            #[cfg(target_os = "linux")]
            process: process::ProcessFamilies::register(&registry)?,
            registry,
            families,
        })
    }

    /// A request was answered; `route` is a label of [`routes`].
    pub(crate) fn answered(&self, route: &str, status: StatusCode, seconds: f64) {
        self.families.requests.with_label_values(&[route, status.as_str()]).inc();
        self.families.seconds.with_label_values(&[route]).observe(seconds);
    }

    /// A stage took this long.
    pub(crate) fn took(&self, stage: Stage, duration: Duration) {
        self.families.stages.with_label_values(&[stage.label()]).observe(duration.as_secs_f64());
    }

    /// Runs `work` as a stage.
    pub(crate) fn timed<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let started = std::time::Instant::now();
        let result = work();
        self.took(stage, started.elapsed());
        result
    }

    /// What was known of a session's shopper.
    pub(crate) fn shopper(&self, user: &KnownUser) {
        self.families.unknown_user_values.inc_by(user.unseen as u64);
        self.families.known_users.inc_by(u64::from(user.is_known));
    }

    /// A session of `history` views was answered.
    pub(crate) fn recommended(&self, answer: &Recommendations, history: usize) {
        let families = &self.families;
        families.answers.with_label_values(&[answer.source.name()]).inc();
        families.history.observe(history as f64);
        families.history_items.inc_by(history as u64);
        families.unknown.inc_by(answer.unknown_items as u64);
        families.scored.inc_by(answer.scored_candidates as u64);
        families.scored_exactly.inc_by(answer.shortlist.unwrap_or(answer.scored_candidates) as u64);
        families.spoiled.inc_by(answer.spoiled_scores as u64);
        if answer.source == Source::Model {
            self.took(Stage::Queue, answer.timings.queued);
            self.took(Stage::Encode, answer.timings.encode);
            self.took(Stage::Score, answer.timings.score);
            if let Some(best) = answer.products.first() {
                families.best_scores.observe(f64::from(best.score));
            }
        }
    }

    /// A request was shed.
    pub(crate) fn shed(&self, reason: Shed) {
        self.families.shed.with_label_values(&[reason.label()]).inc();
    }

    /// A deadline passed before the answer was there.
    pub(crate) fn deadline_exceeded(&self) {
        self.families.deadline_exceeded.inc();
    }

    /// A client left before it had its answer.
    pub(crate) fn cancelled(&self) {
        self.families.cancelled.inc();
    }

    /// The engine dropped a request unscored, because its client had left or its deadline had passed.
    pub(crate) fn dropped(&self) {
        self.families.dropped.inc();
    }

    /// A connection was opened (+1) or closed (-1).
    pub(crate) fn connections(&self, change: i64) {
        self.families.connections.add(change);
    }

    /// A connection was refused because there were too many.
    pub(crate) fn connection_refused(&self) {
        self.families.connections_refused.inc();
    }

    /// A connection that waited for its client was closed, because there were too many.
    pub(crate) fn connection_dropped(&self) {
        self.families.connections_dropped.inc();
    }

    /// A bundle was put into service, or could not be.
    pub(crate) fn reloaded(&self, success: bool) {
        self.families.reloads.with_label_values(&[if success { "success" } else { "failure" }]).inc();
        self.families.last_reload_failed.set(i64::from(!success));
    }

    /// The registry was asked.
    pub(crate) fn registry_looked(&self, success: bool) {
        self.families.registry_checks.with_label_values(&[if success { "success" } else { "failure" }]).inc();
    }

    /// When the registry last answered.
    pub(crate) fn registry_confirmed(&self, time: SystemTime) {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        self.families.registry_confirmed.set(seconds);
    }

    /// A shop's delivery was taken or refused.
    pub(crate) fn delivered(&self, outcome: &'static str) {
        self.families.deliveries.with_label_values(&[outcome]).inc();
    }

    /// So many products have changes over the bundle's catalogue.
    pub(crate) fn changed_products(&self, count: usize) {
        self.families.changed_products.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A session was answered in a scenario of the file, whose rules acted on its products.
    pub(crate) fn placed(&self, scenario: &str, source: Source, acted: Acted) {
        let families = &self.families;
        families.placements.with_label_values(&[scenario, source.name()]).inc();
        let Acted { boosted, buried, pinned } = acted;
        for (effect, count) in [("boost", boosted), ("bury", buried), ("pin", pinned)] {
            families.rules.with_label_values(&[scenario, effect]).inc_by(count);
        }
    }

    /// A request had a filter, which admits these products.
    pub(crate) fn filtered(&self, found: FilterUse, allowed: Option<&ProductSet>) {
        self.families.filters.with_label_values(&[filter_label(found)]).inc();
        if let Some(allowed) = allowed {
            let share = allowed.len() as f64 / allowed.products().max(1) as f64;
            self.families.filtered.observe(1.0 - share);
        }
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a counter cannot be written.
    pub(crate) fn render(&self, served: &Served, in_flight: usize) -> prometheus::Result<String> {
        let (families, engine) = (&self.families, &served.engine);
        families.model.reset();
        families.model.with_label_values(&model_labels(engine)).set(1);
        families.registry_model.reset();
        if let Some(Registered { name, version, alias }) = &served.registered {
            let alias = alias.as_deref().unwrap_or_default();
            families.registry_model.with_label_values(&[name, version, alias]).set(1);
        }
        families.model_loaded.set(unix_seconds(served.since));
        families.queued.set(i64::try_from(engine.queued()).unwrap_or(i64::MAX));
        families.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
        families.coverage.set(served.coverage.share());
        #[cfg(target_os = "linux")]
        self.process.update();
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&metrics.registry.gather(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn events_move_their_counters() {
        let metrics = Metrics::new().unwrap();
        metrics.answered("/invocations", StatusCode::OK, 0.004);
        metrics.recommended(
            &Recommendations {
                source: Source::Popular,
                rest: Source::Popular,
                products: Vec::new(),
                counted: Vec::new(),
                explanations: slirec_engine::Explanations::default(),
                positions_by_score: Vec::new(),
                unknown_items: 3,
                scored_candidates: 7,
                shortlist: Some(4),
                spoiled_scores: 2,
                timings: slirec_engine::Timings::default(),
            },
            5,
        );
        metrics.shed(Shed::QueueFull);
        metrics.took(Stage::Parse, Duration::from_micros(30));
        metrics.reloaded(false);
        let text = text(&metrics);
        for line in [
            r#"slirec_requests_total{route="/invocations",status="200"} 1"#,
            r#"slirec_request_seconds_bucket{route="/invocations",le="0.003"} 0"#,
            r#"slirec_request_seconds_bucket{route="/invocations",le="0.005"} 1"#,
            r#"slirec_stage_seconds_count{stage="parse"} 1"#,
            r#"slirec_stage_seconds_count{stage="serialise"} 0"#,
            r#"slirec_recommendations_total{source="popular"} 1"#,
            r#"slirec_recommendations_total{source="model"} 0"#,
            "slirec_unknown_items_total 3",
            "slirec_history_items_total 5",
            "slirec_scored_items_total 7",
            "slirec_exactly_scored_items_total 4",
            "slirec_non_finite_scores_total 2",
            r#"slirec_shed_total{reason="queue_full"} 1"#,
            r#"slirec_shed_total{reason="in_flight"} 0"#,
            r#"slirec_reloads_total{outcome="failure"} 1"#,
            "slirec_last_reload_failed 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
