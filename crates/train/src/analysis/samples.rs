//! Some rows to look at: ranked groups enter; what was viewed, what is recommended and what was viewed next leave, by the
//! titles of the products.

use serde::{Deserialize, Serialize};

use super::subject::Subject;
use crate::evaluation::RankedGroup;

/// Rows that are shown.
const ROWS: usize = 8;
/// Last views and first recommendations of each.
const SHOWN: usize = 6;

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The last views, oldest first.
    pub viewed: Vec<String>,
    /// Views of the whole history.
    pub history_length: usize,
    /// What is recommended, best first.
    pub recommended: Vec<String>,
    /// What was viewed next.
    pub next: String,
    /// Its rank; none for an item that training has not seen.
    pub rank: Option<f64>,
}

/// Rows spread over all of them.
pub(super) fn of(subject: &Subject<'_>, ranked: &[RankedGroup]) -> Vec<Sample> {
    let apart = ranked.len().div_ceil(ROWS).max(1);
    let sample = |(group, ranked): (&crate::dataset::evaluation::EvaluationGroup, &RankedGroup)| Sample {
        viewed: {
            let start = group.history_length().saturating_sub(SHOWN);
            group.history_items.iter().skip(start).map(|item| subject.title(*item)).collect()
        },
        history_length: group.history_length(),
        // As many items as 32-bit ids.
        recommended: ranked.recommended.iter().take(SHOWN).map(|index| subject.title(*index as u32 + 1)).collect(),
        next: subject.title(group.target()),
        rank: ranked.rank.is_finite().then_some(ranked.rank),
    };
    subject.groups.iter().zip(ranked).step_by(apart).map(sample).collect()
}
