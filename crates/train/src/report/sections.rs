//! The parts of the page, in the order of a reader's questions: is it any good, how did it learn, against what, for whom,
//! and what exactly was run.

use maud::{Markup, html};

use super::Report;
use super::chart::{Axes, Series, bars, figure, identity, lines};
use crate::analysis::{Analysis, MODEL, Measured, Slice};
use crate::run::{EpochMetrics, RunState};

pub(super) fn summary(report: &Report<'_>) -> Markup {
    let record = report.record;
    let state = match record.state {
        RunState::Finished => "finished",
        RunState::Interrupted => "interrupted",
        RunState::Diverged => "diverged",
        RunState::Running => "still running",
    };
    html! {
        h1 { (report.name) }
        p class="muted" {
            "A run of slirec " (env!("CARGO_PKG_VERSION")) ", " (state) " after " (record.epochs) " epochs. Kept: the weights of epoch "
            (record.best_epoch) ", with a validation group AUC of " (figure(record.best_group_auc)) "."
        }
        @for baseline in report.analysis.lost_to() {
            p class="warning" {
                "The model loses to plain " (baseline.name) ": NDCG@10 over all items is "
                (figure(ndcg(report.analysis))) " for the model and " (figure(baseline.ranking.ndcg_10)) " for the counter. "
                "Do not deploy it; try the improved preset, more epochs or more data."
            }
        }
    }
}

fn ndcg(analysis: &Analysis) -> f64 {
    analysis.of(MODEL).map_or(0.0, |model| model.ranking.ndcg_10)
}

pub(super) fn learning(epochs: &[EpochMetrics], best: usize) -> Markup {
    let series = |name: &str, value: &dyn Fn(&EpochMetrics) -> Option<f64>| Series {
        name: name.to_owned(),
        points: epochs.iter().filter_map(|epoch| Some((epoch.epoch as f64, value(epoch)?))).collect(),
    };
    let loss = [series("training loss", &|epoch| epoch.loss)];
    let logloss = [series("validation log loss", &|epoch| epoch.valid.logloss)];
    let areas =
        [series("group AUC", &|epoch| Some(epoch.valid.group_auc)), series("AUC", &|epoch| Some(epoch.valid.auc))];
    let ranked = [
        series("MRR", &|epoch| Some(epoch.valid.mean_mrr)),
        series("NDCG@2", &|epoch| Some(epoch.valid.ndcg_2)),
        series("NDCG@6", &|epoch| Some(epoch.valid.ndcg_6)),
    ];
    let chart = |caption: &str, series: &[Series], y: &str| {
        html! { figure { figcaption { (caption) } (lines(series, Axes { x: "epoch", y, y_range: None })) } }
    };
    html! {
        h2 { "How it learnt" }
        p class="muted" { "On the validation rows after each epoch; epoch 0 is the untrained network. Kept: epoch " (best) "." }
        div class="columns" {
            (chart("Training loss", &loss, "loss"))
            (chart("Validation: areas under the curve", &areas, "area"))
            (chart("Validation: order of the candidates", &ranked, "metric"))
            (chart("Validation: log loss", &logloss, "log loss"))
        }
    }
}

/// A metric by its name; none where a scorer does not have it.
type Column = (&'static str, fn(&Measured) -> Option<f64>);

pub(super) fn comparison(analysis: &Analysis) -> Markup {
    let sampled: [Column; 4] = [
        ("group AUC", |measured| Some(measured.sampled.group_auc)),
        ("AUC", |measured| Some(measured.sampled.auc)),
        ("MRR", |measured| Some(measured.sampled.mean_mrr)),
        ("log loss", |measured| measured.sampled.logloss),
    ];
    let ranking: [Column; 4] = [
        ("HR@10", |measured| Some(measured.ranking.hit_rate_10)),
        ("NDCG@10", |measured| Some(measured.ranking.ndcg_10)),
        ("MRR", |measured| Some(measured.ranking.mrr)),
        ("coverage@10", |measured| Some(measured.ranking.coverage_10)),
    ];
    let table = |columns: &[Column]| {
        html! {
            div class="scroll" {
                table {
                    thead { tr { th { "scorer" } @for (name, _) in columns { th { (name) } } } }
                    tbody {
                        @for measured in &analysis.measured {
                            tr {
                                td { (measured.name) }
                                @for (name, value) in columns { (cell(analysis, measured, name, *value)) }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        h2 { "Against the baselines" }
        p class="muted" {
            (analysis.groups) " of " (analysis.rows) " " (analysis.set) " rows. Popularity counts training views; co-occurrence counts what was viewed "
            "next after the last item. A model is worth deploying if it beats both over all items."
        }
        h3 { "Over all " (analysis.candidates) " items" }
        (table(&ranking))
        h3 { "Over the positive and its sampled negatives" }
        (table(&sampled))
    }
}

/// A figure, marked when no other scorer has a better one.
fn cell(analysis: &Analysis, measured: &Measured, name: &str, value: fn(&Measured) -> Option<f64>) -> Markup {
    let Some(own) = value(measured) else { return html! { td { "–" } } };
    let others = analysis.measured.iter().filter_map(value);
    let best = if name == "log loss" { others.fold(f64::INFINITY, f64::min) } else { others.fold(0.0, f64::max) };
    html! { td class=[(own == best).then_some("best")] { (format!("{own:.4}")) } }
}

pub(super) fn calibration(analysis: &Analysis) -> Markup {
    let points = analysis.calibration.iter().map(|bin| (bin.score, bin.positives)).collect();
    let series = [Series { name: "model".to_owned(), points }, identity()];
    html! {
        h2 { "Calibration" }
        p class="muted" {
            "Mean score against the share of positives, in ten bins of equally many rows. The loss compares candidates with each other, "
            "so scores order well before they are probabilities; the base rate is that of the sampled negatives."
        }
        figure { (lines(&series, Axes { x: "score", y: "share of positives", y_range: Some((0.0, 1.0)) })) }
    }
}

pub(super) fn popularity(analysis: &Analysis) -> Markup {
    let labels: Vec<String> = (1..=analysis.popularity.len()).map(|band| band.to_string()).collect();
    let share = |value: fn(&crate::analysis::PopularityBand) -> f64| analysis.popularity.iter().map(value).collect();
    let shares = [("recommended", share(|band| band.recommended)), ("viewed next", share(|band| band.viewed))];
    let coverage = [("coverage", share(|band| band.coverage))];
    html! {
        h2 { "Popularity bias and coverage" }
        p class="muted" {
            "Items in bands of equally many, 1 being the most viewed in training. A model that recommends the first bands more than they are viewed "
            "next makes the popular more popular; a band without coverage is never recommended."
        }
        div class="columns" {
            figure {
                figcaption { "Share of the recommendations and of what was viewed next" }
                (bars(&labels, &shares, Axes { x: "band of popularity", y: "share", y_range: None }))
            }
            figure {
                figcaption { "Share of the band's items among the first ten of any history" }
                (bars(&labels, &coverage, Axes { x: "band of popularity", y: "coverage", y_range: Some((0.0, 1.0)) }))
            }
        }
    }
}

pub(super) fn breakdowns(analysis: &Analysis) -> Markup {
    html! {
        h2 { "For whom it works" }
        (slices("By length of the history", "views before the prediction", &analysis.by_history_length))
        (slices("By category of what was viewed next", "category", &analysis.by_category))
    }
}

fn slices(title: &str, key: &str, slices: &[Slice]) -> Markup {
    html! {
        h3 { (title) }
        div class="scroll" {
            table {
                thead {
                    tr {
                        th { (key) } th { "rows" } th { "group AUC" } th { "HR@10" } th { "NDCG@10" } th { "NDCG@10 of co-occurrence" }
                    }
                }
                tbody {
                    @for slice in slices {
                        tr {
                            td { (slice.name) } td { (slice.groups) } td { (format!("{:.4}", slice.group_auc)) }
                            td { (format!("{:.4}", slice.hit_rate_10)) } td { (format!("{:.4}", slice.ndcg_10)) }
                            td { (format!("{:.4}", slice.co_occurrence_ndcg_10)) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn attention(analysis: &Analysis) -> Markup {
    let points = analysis.attention.iter().map(|position| (position.from_end as f64, position.weight)).collect();
    let series = [Series { name: "mean weight".to_owned(), points }];
    html! {
        @if !analysis.attention.is_empty() {
            h2 { "Where it looks" }
            p class="muted" {
                "Weight of each position in the short-term attention of the product that was viewed next, averaged over the histories "
                "that have the position; 1 is the last view."
            }
            figure { (lines(&series, Axes { x: "positions from the end", y: "mean weight", y_range: None })) }
        }
    }
}

pub(super) fn settings(report: &Report<'_>) -> Markup {
    let record = report.record;
    let facts = [
        ("dataset (SHA-256 of its manifest)", record.dataset_sha256.clone()),
        ("program (SHA-256)", report.program_sha256.to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("seed", record.seed.to_string()),
        ("interactions", record.interactions.to_string()),
        ("training rows", record.train_rows.to_string()),
    ];
    let text = toml::to_string_pretty(report.hyperparameters).unwrap_or_default();
    html! {
        h2 { "What was run" }
        div class="scroll" {
            table { tbody { @for (name, value) in &facts { tr { td { (name) } td class="text" { code { (value) } } } } } }
        }
        h3 { "Hyperparameters" }
        pre { (text) }
    }
}
