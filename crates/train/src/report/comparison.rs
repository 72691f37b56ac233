//! The model beside its baselines: an analysis enters; the table, its chart and the baselines' options leave.

use maud::{Markup, html};

use super::chart::{Axes, figure};
use super::scatter::{Point, scatter};
use crate::analysis::{Analysis, Interval, MODEL, Measured};
use crate::evaluation::Seen;

/// A metric by its name, and whether it has a best value, which is the highest.
type Column = (&'static str, bool, fn(&Measured) -> f64);

const COLUMNS: [Column; 7] = [
    ("NDCG@10", true, |measured| measured.ranking.ndcg_10),
    ("HR@10", true, |measured| measured.ranking.hit_rate_10),
    ("MRR", true, |measured| measured.ranking.mrr),
    ("coverage", true, |measured| measured.ranking.coverage_10),
    ("novelty", false, |measured| measured.lists.novelty),
    ("Gini", false, |measured| measured.lists.gini),
    ("variety", false, |measured| measured.lists.variety),
];

pub(super) fn comparison(analysis: &Analysis) -> Markup {
    let seen = match analysis.seen {
        Seen::Keep => "Items of the history are candidates as all others.",
        Seen::Remove => "Items of the history are no candidates.",
    };
    html! {
        h2 { "Against the baselines" }
        p class="muted" {
            (analysis.groups) " of " (analysis.rows) " " (analysis.set) " rows, ranked over all " (analysis.candidates) " items. " (seen)
            " Intervals are of 95 %, by drawing users with replacement; baselines have the options that the validation rows chose. "
            "A model is worth deploying if the interval of its difference to every baseline lies above 0."
        }
        div class="scroll" {
            table {
                thead {
                    tr {
                        th { "scorer" } @for (name, ..) in COLUMNS { th { (name) } } th { "NDCG@10, 95 %" }
                        th { "model less this" } th { "p" }
                    }
                }
                tbody {
                    @for measured in &analysis.measured {
                        tr {
                            td title=(measured.options) { (measured.name) }
                            @for column in COLUMNS { (cell(analysis, measured, column)) }
                            td { (interval(measured.interval)) }
                            @if let Some(difference) = measured.model_less_this {
                                td { (signed(difference.mean)) " (" (interval(difference.interval)) ")" }
                                td { (format!("{:.3}", difference.p)) }
                            } @else { td {} td {} }
                        }
                    }
                }
            }
        }
        @if let Some(sampled) = analysis.of(MODEL).and_then(|model| model.sampled.as_ref()) {
            p class="muted" {
                "Over the positive and its sampled negatives, which says little of ranking: group AUC " (figure(sampled.group_auc))
                ", AUC " (figure(sampled.auc)) ", MRR " (figure(sampled.mean_mrr)) "."
            }
        }
        (accuracy_and_coverage(analysis))
        (options(analysis))
    }
}

fn accuracy_and_coverage(analysis: &Analysis) -> Markup {
    let points: Vec<Point<'_>> = analysis
        .measured
        .iter()
        .map(|measured| Point {
            name: &measured.name,
            place: (measured.ranking.coverage_10, measured.ranking.ndcg_10),
            marked: measured.name == MODEL,
        })
        .collect();
    html! {
        figure {
            figcaption { "Accuracy against coverage: the more to the upper right, the better" }
            (scatter(&points, Axes { x: "coverage", y: "NDCG@10", y_range: None }))
        }
    }
}

fn options(analysis: &Analysis) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr { th { "baseline" } th { "options" } } }
                tbody {
                    @for measured in analysis.measured.iter().filter(|measured| !measured.options.is_empty()) {
                        tr { td { (measured.name) } td class="text" { (measured.options) } }
                    }
                }
            }
        }
    }
}

/// A figure, marked when no other scorer has a better one.
fn cell(analysis: &Analysis, measured: &Measured, (_, has_best, value): Column) -> Markup {
    let own = value(measured);
    let best = has_best && analysis.measured.iter().map(value).all(|other| other <= own);
    html! { td class=[best.then_some("best")] { (format!("{own:.4}")) } }
}

pub(super) fn signed(value: f64) -> String {
    format!("{value:+.4}")
}

pub(super) fn interval(interval: Interval) -> String {
    format!("{:.4} to {:.4}", interval.low, interval.high)
}
