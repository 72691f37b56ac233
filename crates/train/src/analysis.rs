//! What a person wants to know of a model before it is published: a scorer, its baselines and evaluation rows enter, an
//! [`Analysis`] leaves, which `evaluate` prints, the report draws and `analysis.json` keeps.

mod breakdown;
mod calibration;
mod comparison;
mod figures;
mod lists;
mod popularity;
mod samples;
mod subject;
mod variation;

use slirec_core::vocabulary::Vocabulary;

use crate::baselines::Fitted;
use crate::dataset::evaluation::{Candidate, EvaluationGroup, Sampling, unseen};
use crate::evaluation::{
    RankedGroup, ScoreError, Scorer, Seen, rank_by_baseline, rank_groups, ranking_metrics, sampled_metrics,
    score_groups,
};
use crate::metrics::{SampledMetrics, gain_at_10};

pub use breakdown::Slice;
pub use calibration::CalibrationBin;
pub use comparison::{Difference, Interval};
pub use figures::{ANALYSIS, Analysis, MODEL, Measured, Order, PositionAttention};
pub use lists::Lists;
pub use popularity::PopularityBand;
pub use samples::Sample;
pub use subject::Subject;

pub(crate) use comparison::{Bootstrap, mean};

/// Last views that histories are cut to.
const SHORTENED: [usize; 3] = [1, 3, 10];

/// One scorer's answers to all groups.
struct Scored {
    scores: Vec<Vec<f32>>,
    ranked: Vec<RankedGroup>,
}

/// Hears of each scorer by name how many groups of how many are ranked; an error ends the work.
pub type Progress<'a> = dyn FnMut(&str, usize, usize) -> Result<(), ScoreError> + 'a;

/// Measures a model and its baselines on the rows of a subject.
///
/// # Errors
/// What the model answers when it fails, or the progress.
pub fn analyse(
    model: &mut dyn Scorer,
    subject: &Subject<'_>,
    baselines: &[Fitted],
    progress: &mut Progress<'_>,
) -> Result<Analysis, ScoreError> {
    let Subject { groups, vocabulary, seen, longest_history, .. } = subject;
    let candidates = vocabulary_candidates(vocabulary);
    let bootstrap = Bootstrap::of(groups.iter());
    let ranked = rank_groups(model, groups, &candidates, *seen, &mut |done| progress(MODEL, done, groups.len()))?;
    let of_model = Scored { scores: score_groups(model, groups)?, ranked };
    let gains_of_model = gains(&of_model.ranked);
    let mut measured = vec![Measured {
        sampled: Some(sampled(groups, &of_model, model.gives_probabilities())),
        ..measure((MODEL, ""), &of_model.ranked, vocabulary, &bootstrap)
    }];
    let mut best: Option<(&Fitted, Vec<RankedGroup>)> = None;
    for fitted in baselines {
        let ranked = subject.ranked_by(fitted, &mut |done| progress(&fitted.name, done, groups.len()))?;
        measured.push(Measured {
            model_less_this: Some(bootstrap.difference(&gains_of_model, &gains(&ranked))),
            ..measure((&fitted.name, &fitted.options), &ranked, vocabulary, &bootstrap)
        });
        if best.as_ref().is_none_or(|(_, known)| mean(&gains(&ranked)) > mean(&gains(known))) {
            best = Some((fitted, ranked));
        }
    }
    let of_best = best.as_ref().map(|(_, ranked)| ranked.as_slice());
    let changed =
        changed((model, &gains_of_model), subject, &candidates, best.as_ref().map(|(fitted, _)| *fitted), progress)?;
    let calibrated = model.gives_probabilities() && *seen == Seen::Keep;
    let calibration = if calibrated { calibration::bins(&of_model.ranked, groups) } else { Vec::new() };
    Ok(Analysis {
        set: subject.set.clone(),
        rows: subject.rows,
        groups: groups.len(),
        sample_seed: subject.sample_seed,
        unseen: unseen(groups),
        candidates: candidates.len(),
        seen: *seen,
        left_out: subject.left_out,
        measured,
        by_kind: breakdown::by_kind(groups, &of_model.ranked, of_best),
        by_history_length: breakdown::by_history_length(groups, &of_model.ranked, of_best),
        shortened: changed.0,
        order: changed.1,
        by_category: breakdown::by_category(groups, vocabulary, &of_model.ranked, of_best),
        by_user: breakdown::by_user(groups, vocabulary, &of_model.ranked, of_best),
        calibration_error: calibration::expected_error(&calibration),
        calibration,
        popularity: popularity::bands(&of_model.ranked, groups, &candidates, vocabulary),
        attention: mean_attention(model, groups, *longest_history)?,
        samples: samples::of(subject, &of_model.ranked),
    })
}

fn gains(ranked: &[RankedGroup]) -> Vec<f64> {
    ranked.iter().map(|group| gain_at_10(group.rank)).collect()
}

fn sampled(groups: &[EvaluationGroup], scored: &Scored, probabilities: bool) -> SampledMetrics {
    sampled_metrics(groups.iter().zip(scored.scores.iter().map(Vec::as_slice)), probabilities)
}

/// What is the same for a model and a baseline.
fn measure(
    (name, options): (&str, &str),
    ranked: &[RankedGroup],
    vocabulary: &Vocabulary,
    bootstrap: &Bootstrap,
) -> Measured {
    Measured {
        name: name.to_owned(),
        options: options.to_owned(),
        ranking: ranking_metrics(ranked, vocabulary.items().len()),
        interval: bootstrap.interval(&gains(ranked)),
        lists: Lists::of(ranked, vocabulary),
        model_less_this: None,
        sampled: None,
    }
}

/// Ranks changed histories: cut to their last views, and in another order; `of_model` are the gains of the unchanged ones.
fn changed(
    (model, of_model): (&mut dyn Scorer, &[f64]),
    subject: &Subject<'_>,
    candidates: &[Candidate],
    best: Option<&Fitted>,
    progress: &mut Progress<'_>,
) -> Result<(Vec<Slice>, Option<Order>), ScoreError> {
    let sampling = Sampling::for_items(candidates.len());
    let chosen = Sampling { most: sampling.most / 2, ..sampling }.choose(subject.groups.len());
    let groups: Vec<EvaluationGroup> = chosen.iter().filter_map(|row| subject.groups.get(*row)).cloned().collect();
    let kept: Vec<f64> = chosen.iter().filter_map(|row| of_model.get(*row)).copied().collect();
    let mut rank = |name: &str, groups: &[EvaluationGroup]| {
        rank_groups(model, groups, candidates, subject.seen, &mut |done| progress(name, done, groups.len()))
    };
    let by_best = |groups: &[EvaluationGroup]| {
        let rows = candidates.len() + 1;
        let rank =
            |fitted: &Fitted| rank_by_baseline(fitted.baseline.as_ref(), groups, rows, subject.seen, &mut |_| Ok(()));
        best.map(rank).transpose()
    };
    let mut slices = Vec::new();
    for views in SHORTENED {
        let name = format!("cut to last {views}");
        let short = groups.iter().map(|group| variation::shortened(group, views, subject.longest_history));
        let short = short.collect::<Result<Vec<_>, _>>()?;
        let ranked = rank(&format!("{MODEL}, histories {name}"), &short)?;
        slices.push(breakdown::slice(name, short.iter(), &ranked, by_best(&short)?.as_deref()));
    }
    let shuffled: Vec<EvaluationGroup> =
        groups.iter().enumerate().map(|(number, group)| variation::shuffled(group, number)).collect();
    let other = gains(&rank(&format!("{MODEL}, histories shuffled"), &shuffled)?);
    let difference = Bootstrap::of(groups.iter()).difference(&kept, &other);
    let order = Order { kept: mean(&kept), shuffled: mean(&other), difference };
    Ok((slices, (!groups.is_empty()).then_some(order)))
}

/// All items of a vocabulary as candidates.
pub fn vocabulary_candidates(vocabulary: &Vocabulary) -> Vec<Candidate> {
    let items = (1..).zip(vocabulary.items());
    items.map(|(item, entry)| Candidate { item, features: entry.features.clone() }).collect()
}

fn mean_attention(
    model: &dyn Scorer,
    groups: &[EvaluationGroup],
    longest_history: usize,
) -> Result<Vec<PositionAttention>, ScoreError> {
    let mut sums = vec![(0.0, 0_usize); longest_history];
    for group in groups {
        let Some(positive) = group.candidates.first() else { continue };
        let Some(weights) = model.attention(&group.history, positive)? else { return Ok(Vec::new()) };
        for (weight, (sum, histories)) in weights.iter().rev().zip(&mut sums) {
            *sum += f64::from(*weight);
            *histories += 1;
        }
    }
    let positions = (1..).zip(sums).filter(|(_, (_, histories))| *histories > 0);
    let mean = |(from_end, (sum, histories)): (usize, (f64, usize))| PositionAttention {
        from_end,
        weight: sum / histories as f64,
        histories,
    };
    Ok(positions.map(mean).collect())
}
