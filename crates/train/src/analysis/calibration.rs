//! Calibration: the scores of groups enter, bins of equally many rows leave, with what was promised and what happened.

use serde::{Deserialize, Serialize};

/// Bins, as far as there are rows.
const BINS: usize = 10;

/// Rows with neighbouring scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean score.
    pub score: f64,
    /// Share of positives.
    pub positives: f64,
    /// Rows.
    pub rows: usize,
}

/// Sorts all rows by score and cuts them into bins. The first score of each group is its positive's.
pub(super) fn bins(groups: &[Vec<f32>]) -> Vec<CalibrationBin> {
    let labelled = |scores: &Vec<f32>| -> Vec<(f32, bool)> {
        scores.iter().enumerate().map(|(position, score)| (*score, position == 0)).collect()
    };
    let mut rows: Vec<(f32, bool)> = groups.iter().flat_map(labelled).collect();
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    let bin = |rows: &[(f32, bool)]| {
        let count = rows.len() as f64;
        CalibrationBin {
            score: rows.iter().map(|(score, _)| f64::from(*score)).sum::<f64>() / count,
            positives: rows.iter().filter(|(_, positive)| *positive).count() as f64 / count,
            rows: rows.len(),
        }
    };
    rows.chunks(rows.len().div_ceil(BINS).max(1)).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_binned_by_their_scores() {
        let groups: Vec<Vec<f32>> = (0..10).map(|_| vec![0.9, 0.1]).collect();
        let bins = bins(&groups);
        assert_eq!(bins.len(), 10);
        assert_eq!(bins.iter().map(|bin| bin.rows).sum::<usize>(), 20);
        let (first, last) = (&bins[0], &bins[9]);
        assert_eq!((first.positives, last.positives), (0.0, 1.0));
        assert!((first.score - 0.1).abs() < 1e-6 && (last.score - 0.9).abs() < 1e-6);
    }

    #[test]
    fn no_rows_give_no_bins() {
        assert_eq!(bins(&[]), []);
    }
}
