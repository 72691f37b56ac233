//! An analysis as a table for people: it enters, lines of at most 120 columns leave.

use slirec_train::analysis::{Analysis, Difference, Interval, MODEL, Measured, Slice};
use slirec_train::evaluation::Seen;

use crate::output;

/// Letters of the name of a slice that are shown.
const LONGEST: usize = 44;

/// The table.
pub(crate) fn table(analysis: &Analysis) -> String {
    let mut lines = about(analysis);
    lines.push(String::new());
    lines.push(format!(
        "{:<16} {:>7} {:^15} {:>6} {:>8} {:>7} {:>5} {:>7}  {:<26} {:>5}",
        "", "NDCG@10", "95 %", "HR@10", "coverage", "novelty", "Gini", "variety", "model less this, 95 %", "p"
    ));
    lines.extend(analysis.measured.iter().map(row));
    let unbeaten: Vec<&str> = analysis.losing_to().iter().map(|measured| measured.name.as_str()).collect();
    if !unbeaten.is_empty() {
        lines.push(format!("not beaten: {}", unbeaten.join(", ")));
    }
    let best = analysis.best_baseline().map_or("", |measured| measured.name.as_str());
    lines.push(String::new());
    lines.push(format!("{:<30} {:>6} {:>7} {:^15} {:>6}   NDCG@10 of {best}", "", "rows", "NDCG@10", "95 %", "HR@10"));
    lines.extend(analysis.by_kind.iter().map(|slice| slice_row(&slice.name, slice)));
    lines
        .extend(analysis.by_history_length.iter().map(|slice| slice_row(&format!("history of {}", slice.name), slice)));
    lines.extend(analysis.shortened.iter().map(|slice| slice_row(&format!("history {}", slice.name), slice)));
    lines.extend(analysis.by_user.iter().map(|slice| slice_row(&slice.name, slice)));
    if let Some(order) = &analysis.order {
        lines.push(format!(
            "order of the views shuffled: NDCG@10 {:.4} instead of {:.4}, less by {}",
            order.shuffled,
            order.kept,
            difference(&order.difference).trim()
        ));
    }
    if let Some(error) = analysis.calibration_error {
        lines.push(format!("expected calibration error of the scores of all lists of ten: {error:.4}"));
    }
    lines.extend(sampled(analysis));
    lines.join("\n")
}

fn about(analysis: &Analysis) -> Vec<String> {
    let Analysis { set, rows, groups, sample_seed, unseen, candidates, seen, left_out, .. } = analysis;
    let mut lines = vec![format!("{groups} groups of {set}, full ranking over {candidates} candidates")];
    if let Some(seed) = sample_seed {
        lines.push(format!("a sample of {rows} rows, drawn with seed {seed}"));
    }
    if *seen == Seen::Remove {
        lines.push(format!(
            "a history's items are no candidates; {left_out} rows whose item is among them are left out"
        ));
    }
    if *unseen > 0 {
        lines.push(format!("{unseen} of them have an item that was never seen in training and count as not found"));
    }
    lines
}

fn row(measured: &Measured) -> String {
    let Measured { name, ranking, interval, lists, model_less_this, .. } = measured;
    let (less, p) = model_less_this
        .as_ref()
        .map_or_else(|| (String::new(), String::new()), |less| (difference(less), format!("{:.3}", less.p)));
    format!(
        "{name:<16} {:>7.4} {:^15} {:>6.4} {:>8.4} {:>7.2} {:>5.2} {:>7.2}  {less:<26} {p:>5}",
        ranking.ndcg_10,
        format!("{:.4}-{:.4}", interval.low, interval.high),
        ranking.hit_rate_10,
        ranking.coverage_10,
        lists.novelty,
        lists.gini,
        lists.variety,
    )
    .trim_end()
    .to_owned()
}

/// `+0.0123 (-0.0010 to 0.0256)`
fn difference(difference: &Difference) -> String {
    let Difference { mean, interval, .. } = difference;
    format!("{mean:+.4} ({:.4} to {:.4})", interval.low, interval.high)
}

fn slice_row(name: &str, slice: &Slice) -> String {
    let Slice { groups, hit_rate_10, ndcg_10, interval, baseline_ndcg_10, .. } = slice;
    let baseline = baseline_ndcg_10.map_or_else(String::new, |ndcg| format!("{ndcg:.4}"));
    let interval = interval.map_or_else(String::new, |Interval { low, high }| format!("{low:.4}-{high:.4}"));
    let name = name_shown(name);
    format!("{name:<30} {groups:>6} {ndcg_10:>7.4} {interval:^15} {hit_rate_10:>6.4}   {baseline}")
        .trim_end()
        .to_owned()
}

/// The beginning of a long name, such as that of a value that shops gave.
fn name_shown(name: &str) -> String {
    let name = output::printable(name);
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name,
    }
}

/// The metrics over sampled negatives, which say little of ranking.
fn sampled(analysis: &Analysis) -> Option<String> {
    let sampled = analysis.of(MODEL)?.sampled.as_ref()?.by_name();
    let figures = sampled.iter().filter(|(name, _)| !name.starts_with("ndcg"));
    let figures: Vec<String> = figures.map(|(name, value)| format!("{name} {value:.4}")).collect();
    Some(format!("over the positive and its sampled negatives: {}", figures.join(", ")))
}
