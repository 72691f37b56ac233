//! The history encoding: what a shopper viewed, and when, becomes the model's input.
//!
//! Enters: item ids, feature ids and Unix seconds of a whole history, and the time of the prediction.
//! Leaves: the last positions' ids and the two time features. Training, evaluation and serving all call [`encode`],
//! so that they cannot disagree.

use thiserror::Error;

use crate::timestamp::DAY;

/// No time difference counts for less than half a day.
pub const SHORTEST_DAYS: f64 = 0.5;

/// Number of buckets of [`gap_bucket`].
pub const GAP_BUCKETS: usize = 20;

/// The bucket of a time between two moments, in seconds: 0 for none, equal moments and times that run backwards, then
/// three buckets for each factor of 16, the last one for all beyond four years.
///
/// ```text
/// bucket = floor(1 + 3/4 · log2(seconds / 8)), from 0 to 19
/// ```
pub fn gap_bucket(seconds: f64) -> u8 {
    if seconds.is_nan() || seconds <= 0.0 {
        return 0;
    }
    // Between 0 and 19 after it is clamped.
    (1.0 + (seconds.max(1.0) / 8.0).log2() * 0.75).clamp(0.0, 19.0) as u8
}

/// A history that cannot be encoded.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum HistoryError {
    /// The model has no answer without a history; callers fall back to popularity.
    #[error("the history is empty: expected at least one item")]
    Empty,
    /// Items, features and times must belong together.
    #[error("the history has {items} items but {found} {what}: expected {expected}")]
    Lengths {
        /// Number of item ids.
        items: usize,
        /// What did not match.
        what: &'static str,
        /// How many there were.
        found: usize,
        /// How many there should have been.
        expected: usize,
    },
}

/// A whole history, oldest first, as borrowed columns. Ids may be of its last positions alone, as long as all that are
/// used have theirs.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Vocabulary ids of the items, `[m]`; 0 is the default item.
    pub item_ids: &'a [u32],
    /// Vocabulary ids of the items' features, `[m, feature_count]` row by row; 0 is the default value.
    pub feature_ids: &'a [u32],
    /// Number of features of an item.
    pub feature_count: usize,
    /// Unix seconds, `[n]`, as they came: nothing is sorted.
    pub times: &'a [f64],
}

/// The model's view of a history: its last `L` positions, `1 <= L <= longest`.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedHistory {
    /// `[L]`
    pub item_ids: Vec<u32>,
    /// `[L, feature_count]`
    pub feature_ids: Vec<u32>,
    /// ln of the days from the first event of the *whole* history to the next one (`[L]`).
    pub time_from_first: Vec<f32>,
    /// ln of the days from each event to now (`[L]`).
    pub time_to_now: Vec<f32>,
    /// `time_to_now` of the last of `longest` slots: 0 unless the history fills them all. The mixing gate reads it.
    pub last_slot_time_to_now: f32,
    /// [`gap_bucket`] of the time since the position before (`[L]`); 0 for the first, whatever came before it.
    pub gaps: Vec<u8>,
    /// [`gap_bucket`] of the time from the last event to now.
    pub age: u8,
    /// Vocabulary ids of the shopper's attributes; empty where nothing is known of them.
    pub user_ids: Vec<u32>,
}

impl EncodedHistory {
    /// Number of positions that are used.
    pub fn len(&self) -> usize {
        self.item_ids.len()
    }

    /// True for no history; [`encode`] never returns one.
    pub fn is_empty(&self) -> bool {
        self.item_ids.is_empty()
    }

    /// The history of a shopper with these ids of attributes.
    pub fn of_user(self, user_ids: &[u32]) -> Self {
        Self { user_ids: user_ids.to_vec(), ..self }
    }
}

/// Encodes the last `longest` positions of `history` as seen at `now` (Unix seconds).
///
/// ```text
/// time_from_first[i] = ln(max((t[i+1] - t[0]) / DAY, 0.5))    the last position uses now instead of t[i+1]
/// time_to_now[i]     = ln(max((now    - t[i]) / DAY, 0.5))
/// gaps[i]            = gap_bucket(t[i] - t[i-1])              the first used position has 0
/// age                = gap_bucket(now - t[last])
/// ```
///
/// # Errors
/// [`HistoryError`] for an empty history or columns of different lengths.
pub fn encode(history: History<'_>, now: f64, longest: usize) -> Result<EncodedHistory, HistoryError> {
    let History { item_ids, feature_ids, feature_count, times } = history;
    check_lengths(&history, longest)?;
    let first_time = *times.first().ok_or(HistoryError::Empty)?;
    let used = times.get(times.len().saturating_sub(longest)..).unwrap_or_default();
    let start = item_ids.len() - used.len();
    let following = used.iter().skip(1).copied().chain(std::iter::once(now));
    let time_to_now: Vec<f32> = used.iter().map(|time| log_days(now - time)).collect();
    let between = used.iter().zip(used.iter().skip(1)).map(|(before, time)| gap_bucket(time - before));
    let gaps = std::iter::once(0).chain(between).take(used.len()).collect();
    let age = gap_bucket(now - used.last().copied().unwrap_or(now));
    let last_slot_time_to_now =
        if used.len() == longest { time_to_now.last().copied().unwrap_or_default() } else { 0.0 };
    Ok(EncodedHistory {
        item_ids: item_ids.get(start..).unwrap_or_default().to_vec(),
        feature_ids: feature_ids.get(start * feature_count..).unwrap_or_default().to_vec(),
        time_from_first: following.map(|time| log_days(time - first_time)).collect(),
        time_to_now,
        last_slot_time_to_now,
        gaps,
        age,
        user_ids: Vec::new(),
    })
}

fn check_lengths(history: &History<'_>, longest: usize) -> Result<(), HistoryError> {
    let (items, times, features) = (history.item_ids.len(), history.times.len(), history.feature_ids.len());
    let wrong = |what, found, expected| Err(HistoryError::Lengths { items, what, found, expected });
    if items > times || items < times.min(longest) {
        return wrong("times", times, items);
    }
    if features != items * history.feature_count {
        return wrong("feature ids", features, items * history.feature_count);
    }
    Ok(())
}

/// ln of a time difference in days, at least half a day; computed in f64, kept as the model's f32.
fn log_days(seconds: f64) -> f32 {
    // The logarithm of a finite f64 lies within ±710: narrowing to f32 rounds, it never overflows.
    (seconds / DAY).max(SHORTEST_DAYS).ln() as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode_times(times: &[f64], now: f64, longest: usize) -> EncodedHistory {
        let ids: Vec<u32> = (1..).take(times.len()).collect();
        let history = History { item_ids: &ids, feature_ids: &ids, feature_count: 1, times };
        encode(history, now, longest).expect("a valid history")
    }

    #[test]
    fn times_follow_the_formula() {
        let encoded = encode_times(&[0.0, DAY, 3.0 * DAY], 10.0 * DAY, 50);
        let expected_from_first = [1.0_f32, 3.0, 10.0].map(f32::ln);
        let expected_to_now = [10.0_f32, 9.0, 7.0].map(f32::ln);
        assert_eq!(encoded.time_from_first, expected_from_first);
        assert_eq!(encoded.time_to_now, expected_to_now);
        assert_eq!(encoded.last_slot_time_to_now, 0.0);
    }

    #[test]
    fn gaps_lie_between_the_used_positions_and_the_age_after_the_last() {
        let times = [0.0, 3.0, 3.0, 11.0, 11.0 + DAY, 5.0];
        let encoded = encode_times(&times, 5.0 + 8.0 * 16.0, 50);
        assert_eq!((encoded.gaps, encoded.age), (vec![0, 0, 0, 1, 11, 0], 4));
        let cut = encode_times(&times, 5.0, 3);
        assert_eq!((cut.gaps, cut.age), (vec![0, 11, 0], 0));
    }

    #[test]
    fn buckets_begin_at_eight_seconds_and_end_at_four_years() {
        let found = [f64::NAN, -1.0, 0.0, 0.5, 7.9, 8.0, 128.0, DAY, 7.0 * DAY, 400.0 * DAY, 1e18].map(gap_bucket);
        assert_eq!(found, [0, 0, 0, 0, 0, 1, 4, 11, 13, 17, 19]);
    }

    #[test]
    fn a_cut_history_still_counts_from_its_very_first_event() {
        let times: Vec<f64> = (0..60).map(|day| f64::from(day) * DAY).collect();
        let encoded = encode_times(&times, 60.0 * DAY, 50);
        assert_eq!(encoded.len(), 50);
        assert_eq!(encoded.item_ids.first(), Some(&11));
        assert_eq!(encoded.time_from_first.first(), Some(&11.0_f32.ln()));
        assert_eq!(encoded.last_slot_time_to_now, 0.0_f32.max(1.0_f32.ln()));
    }

    #[test]
    fn ids_of_the_used_positions_are_enough() {
        let (ids, times) = ([7, 8, 9], [0.0, DAY, 2.0 * DAY]);
        let of_ids = |ids| encode(History { item_ids: ids, feature_ids: ids, feature_count: 1, times: &times }, DAY, 2);
        assert_eq!(of_ids(&ids[1..]), of_ids(&ids));
        let error = of_ids(&ids[2..]).expect_err("an id is missing");
        assert_eq!(error.to_string(), "the history has 1 items but 3 times: expected 1");
    }

    #[test]
    fn a_full_history_fills_the_last_slot() {
        let times = [0.0, DAY, 2.0 * DAY];
        assert_eq!(encode_times(&times, 6.0 * DAY, 3).last_slot_time_to_now, 4.0_f32.ln());
        assert_eq!(encode_times(&times, 6.0 * DAY, 4).last_slot_time_to_now, 0.0);
    }

    #[test]
    fn equal_reversed_and_future_times_count_half_a_day() {
        let half = 0.5_f32.ln();
        assert_eq!(encode_times(&[5.0, 5.0], 5.0, 50).time_to_now, [half, half]);
        assert_eq!(encode_times(&[9.0 * DAY, DAY], 2.0 * DAY, 50).time_from_first, [half, half]);
        assert_eq!(encode_times(&[9.0 * DAY], DAY, 50).time_to_now, [half]);
    }

    #[test]
    fn an_empty_history_and_unequal_columns_are_errors() {
        let empty = History { item_ids: &[], feature_ids: &[], feature_count: 1, times: &[] };
        assert_eq!(encode(empty, 0.0, 50), Err(HistoryError::Empty));
        let unequal = History { item_ids: &[1, 2], feature_ids: &[1, 2], feature_count: 1, times: &[0.0] };
        let error = encode(unequal, 0.0, 50).expect_err("one time is missing");
        assert_eq!(error.to_string(), "the history has 2 items but 1 times: expected 2");
    }

    proptest! {
        #[test]
        fn every_history_gives_finite_features_for_its_last_positions(
            times in prop::collection::vec(-1e12_f64..1e12, 1..120),
            now in -1e12_f64..1e12,
            longest in 1_usize..60,
        ) {
            let encoded = encode_times(&times, now, longest);
            prop_assert_eq!(encoded.len(), times.len().min(longest));
            prop_assert_eq!(encoded.item_ids.last().copied(), u32::try_from(times.len()).ok());
            prop_assert_eq!(encoded.gaps.len(), encoded.len());
            prop_assert!(encoded.gaps.iter().chain([&encoded.age]).all(|gap| usize::from(*gap) < GAP_BUCKETS));
            for value in encoded.time_from_first.iter().chain(&encoded.time_to_now) {
                prop_assert!(value.is_finite() && *value >= 0.5_f32.ln());
            }
        }

        #[test]
        fn an_encoding_depends_on_older_events_only_through_the_first_time(
            times in prop::collection::vec(0.0_f64..1e9, 10..80),
            middle in 0.0_f64..1e9,
        ) {
            let mut changed = times.clone();
            changed[1] = middle;
            prop_assert_eq!(
                encode_times(&times, 1e9, 5).time_from_first,
                encode_times(&changed, 1e9, 5).time_from_first
            );
        }
    }
}
