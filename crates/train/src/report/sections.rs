//! The parts of the page, in the order of a reader's questions: is it any good, how did it learn, against what, for whom,
//! and what exactly was run.

use maud::{Markup, html};

use super::Report;
use super::chart::{Axes, Series, bars, figure, identity, lines};
use super::comparison::{interval, signed};
use crate::analysis::{Analysis, Slice};
use crate::run::{EpochMetrics, RunState};

pub(super) fn summary(report: &Report<'_>) -> Markup {
    let record = report.record;
    let state = match record.state {
        RunState::Finished => "finished",
        RunState::Interrupted => "interrupted",
        RunState::Diverged => "diverged",
        RunState::Running => "still running",
    };
    let best = report.epochs.iter().find(|epoch| epoch.epoch == record.best_epoch);
    html! {
        h1 { (report.name) }
        p class="muted" {
            "A run of slirec " (env!("CARGO_PKG_VERSION")) ", " (state) " after " (record.epochs) " epochs. Kept: the weights of epoch "
            (record.best_epoch) ", with "
            @match best.and_then(|best| best.ranking.as_ref()) {
                Some(ranking) => { "NDCG@10 of " (figure(ranking.ndcg_10)) " over all items" }
                None => { "a group AUC of " (figure(record.best_group_auc)) }
            }
            " on the validation rows."
        }
        @for baseline in report.analysis.losing_to() {
            @if let Some(difference) = baseline.model_less_this {
                p class="warning" {
                    "The model does not beat " (baseline.name) ": their NDCG@10 over all items differs by "
                    (signed(difference.mean)) " (95 %: " (interval(difference.interval)) "). "
                    "Do not deploy it; try other settings, more epochs or more data."
                }
            }
        }
    }
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
    let over_all = [series("NDCG@10", &|epoch| Some(epoch.ranking.as_ref()?.ndcg_10))];
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
            @if over_all.iter().any(|series| !series.points.is_empty()) {
                (chart("Validation: NDCG@10 over all items", &over_all, "NDCG@10"))
            }
            (chart("Training loss", &loss, "loss"))
            (chart("Validation: areas under the curve", &areas, "area"))
            (chart("Validation: order of the candidates", &ranked, "metric"))
            (chart("Validation: log loss", &logloss, "log loss"))
        }
    }
}

pub(super) fn calibration(analysis: &Analysis) -> Markup {
    let points: Vec<(f64, f64)> = analysis.calibration.iter().map(|bin| (bin.score, bin.positives)).collect();
    let highest = points.iter().flat_map(|(score, share)| [*score, *share]).fold(0.0, f64::max);
    let series = [Series { name: "model".to_owned(), points }, identity(highest)];
    html! {
        h2 { "Calibration" }
        p {
            "Is a score the probability that the product is viewed next? The products of all lists of ten, in ten bins of "
            "equally many: mean score against the share that was viewed next. "
            @if let Some(error) = analysis.calibration_error {
                "Expected calibration error, the mean distance of the two: " (figure(error)) "."
            }
        }
        figure { (lines(&series, Axes { x: "score", y: "share viewed next", y_range: None })) }
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
    let baseline = analysis.best_baseline().map_or("the best baseline", |measured| measured.name.as_str());
    let slices = |title: &str, key: &str, of: &[Slice]| slices(title, key, baseline, of);
    html! {
        h2 { "For whom it works" }
        (slices("Repeats and explorations", "what was viewed next", &analysis.by_kind))
        (slices("By length of the history", "views before the prediction", &analysis.by_history_length))
        (slices("The same rows, their histories cut short", "history", &analysis.shortened))
        @if let Some(order) = analysis.order {
            p {
                "With the order of the views shuffled NDCG@10 is " (figure(order.shuffled)) " instead of " (figure(order.kept))
                ": the order is worth " (signed(order.difference.mean)) " (" (interval(order.difference.interval)) ")."
            }
        }
        (slices("By category of what was viewed next", "category", &analysis.by_category))
        @if !analysis.by_user.is_empty() {
            (slices("By what is known of the shopper", "attribute", &analysis.by_user))
        }
    }
}

fn slices(title: &str, key: &str, baseline: &str, slices: &[Slice]) -> Markup {
    html! {
        h3 { (title) }
        div class="scroll" {
            table {
                thead { tr { th { (key) } th { "rows" } th { "HR@10" } th { "NDCG@10" } th { "95 %" } th { "NDCG@10 of " (baseline) } } }
                tbody {
                    @for slice in slices {
                        tr {
                            td { (slice.name) } td { (slice.groups) } td { (format!("{:.4}", slice.hit_rate_10)) }
                            td { (format!("{:.4}", slice.ndcg_10)) }
                            td { (slice.interval.map_or("–".to_owned(), interval)) }
                            td { (slice.baseline_ndcg_10.map_or("–".to_owned(), |ndcg| format!("{ndcg:.4}"))) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn samples(analysis: &Analysis) -> Markup {
    html! {
        @if !analysis.samples.is_empty() {
            h2 { "What it recommends" }
            p class="muted" { "Rows spread over all measured ones: the last views, oldest first, and the first recommendations." }
            div class="scroll" {
                table {
                    thead { tr { th { "views" } th { "last viewed" } th { "recommended" } th { "viewed next" } th { "its rank" } } }
                    tbody {
                        @for sample in &analysis.samples {
                            tr {
                                td { (sample.history_length) }
                                td class="text" { (sample.viewed.join(" → ")) }
                                td class="text" { ol { @for title in &sample.recommended { li { (title) } } } }
                                td class="text" { (sample.next) }
                                td { (sample.rank.map_or("–".to_owned(), |rank| rank.to_string())) }
                            }
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
