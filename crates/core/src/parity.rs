//! Whether two implementations of one model agree: histories that both score, how far their scores may differ, and the
//! comparison. Export, every load of an engine and the self-contained graph hold to it.

use thiserror::Error;

use crate::bundle::GoldenScore;
use crate::history::EncodedHistory;
use crate::lookup::ItemLookup;
use crate::vocabulary::Vocabulary;

/// Largest difference of two scores. Implementations add in other orders, nothing else: they differ by less than a tenth of
/// it.
pub const TOLERANCE: f32 = 1e-4;
/// Of a tolerance, what values that are next to nothing may differ by.
const OF_NOTHING: f32 = 1e-3;
/// Of a tolerance, what values may differ by as a share of the greater of them.
const OF_SHARE: f32 = 10.0;

/// How many histories a bundle is compared by when it is exported.
pub const HISTORIES: usize = 32;

/// Longer than any model reads, so that the cut is compared too.
const LONGEST: usize = 120;
/// Time of the first view of a made-up history.
const START: f64 = 1_790_000_000.0;

/// Two implementations disagree.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum Difference {
    /// Lists of other lengths.
    #[error("there are {found} values: expected {expected}")]
    Length {
        /// Of the one that is checked.
        found: usize,
        /// Of the other.
        expected: usize,
    },
    /// Values that lie apart, or are no numbers.
    #[error("values differ by up to {worst}: expected at most {tolerance}")]
    Values {
        /// The greatest difference; NaN where a value is none.
        worst: f32,
        /// What would have been tolerated.
        tolerance: f32,
    },
}

/// Compares two lists; answers their greatest difference. Small values must agree in their first digits too, since a
/// probability of one product in a thousand is below any tolerance for itself:
///
/// ```text
/// |a - b| <= tolerance   and   |a - b| <= 10 · tolerance · max(|a|, |b|) + tolerance / 1000
/// ```
///
/// # Errors
/// [`Difference`] beyond the tolerance. A value that is not a number is a difference.
pub fn compare(found: &[f32], expected: &[f32], tolerance: f32) -> Result<f32, Difference> {
    if found.len() != expected.len() {
        return Err(Difference::Length { found: found.len(), expected: expected.len() });
    }
    let differences = found.iter().zip(expected).map(|(found, expected)| {
        let greater = found.abs().max(expected.abs());
        let tolerated = tolerance.min(tolerance * (OF_SHARE * greater + OF_NOTHING));
        ((found - expected).abs(), tolerated)
    });
    let (mut greatest, mut wrong) = (0.0_f32, None);
    for (difference, tolerated) in differences {
        greatest = greatest.max(difference);
        // NaN is within no tolerance, and comes after every number.
        let beyond = difference.total_cmp(&tolerated).is_gt();
        if beyond && wrong.is_none_or(|(worst, _)| difference.total_cmp(&worst).is_gt()) {
            wrong = Some((difference, tolerated));
        }
    }
    wrong.map_or(Ok(greatest), |(worst, tolerance)| Err(Difference::Values { worst, tolerance }))
}

/// Compares a product's score with the one that training recorded.
///
/// # Errors
/// What was found and what was expected.
pub fn compare_golden(found: f32, expected: &GoldenScore) -> Result<(), String> {
    let GoldenScore { handle, score } = expected;
    let same = compare(&[found], &[*score], TOLERANCE).map(|_| ());
    same.map_err(|_| format!("`{handle}` has score {found}: expected {score}"))
}

/// A history that two implementations score.
#[derive(Debug, Clone)]
pub struct ParityHistory {
    /// Handles, oldest first.
    pub items: Vec<String>,
    /// Unix seconds.
    pub timestamps: Vec<f64>,
    /// Time of the prediction.
    pub now: f64,
    /// The model's view of it.
    pub encoded: EncodedHistory,
}

impl ParityHistory {
    /// None of a history without a known item.
    pub fn new(
        items: Vec<String>,
        timestamps: Vec<f64>,
        now: f64,
        lookup: &ItemLookup,
        longest: usize,
    ) -> Option<Self> {
        let handles = items.iter().map(String::as_str);
        let encoded = lookup.encode(handles, &timestamps, now, longest).ok().flatten()?.encoded;
        Some(Self { items, timestamps, now, encoded })
    }

    /// Of a shopper with these ids of attributes.
    pub fn of_user(self, user_ids: &[u32]) -> Self {
        Self { encoded: self.encoded.of_user(user_ids), ..self }
    }
}

/// Histories made up of the vocabulary's items, of all lengths, minutes to weeks apart; some reach beyond the prediction. Of
/// every fourth shopper nothing is known, the others have all values in turn.
pub fn made_up_histories(
    vocabulary: &Vocabulary,
    lookup: &ItemLookup,
    longest: usize,
) -> impl Iterator<Item = ParityHistory> {
    let items = vocabulary.items();
    (0..HISTORIES).filter_map(move |number| {
        let strolled = items.iter().cycle().skip(number).step_by(number + 1).take(length(number));
        let handles: Vec<String> = strolled.map(|item| item.handle.clone()).collect();
        let times = (0..handles.len()).map(|step| START + (step * (number + 1)) as f64 * 3_600.0);
        let rows = vocabulary.user_feature_rows().into_iter().filter(|_| !number.is_multiple_of(4));
        // As many values as 32-bit ids.
        let user_ids: Vec<u32> = rows.enumerate().map(|(place, rows)| ((number + place) % rows) as u32).collect();
        let history = ParityHistory::new(handles, times.collect(), START + 5e6, lookup, longest)?;
        Some(history.of_user(&user_ids))
    })
}

/// 1, 2, 3, 5, 8, … up to the longest, over and over.
pub fn length(number: usize) -> usize {
    let lengths = std::iter::successors(Some((1, 2)), |(length, next)| Some((*next, length + next)));
    let lengths = lengths.map(|(length, _)| length).take_while(|length| *length <= LONGEST);
    lengths.cycle().nth(number).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Network;
    use crate::catalog::Catalog;
    use crate::vocabulary::{Feature, Item};

    #[test]
    fn scores_agree_within_the_tolerance_and_nan_never() {
        let near = f32::from_bits(0.25_f32.to_bits() + 1_000);
        assert_eq!(compare(&[0.5, 0.25], &[0.5, near], TOLERANCE), Ok(near - 0.25));
        assert_eq!(compare(&[0.5], &[0.5, 0.5], TOLERANCE), Err(Difference::Length { found: 1, expected: 2 }));
        let tiny = compare(&[2e-6, 0.5], &[1e-6, 0.5], TOLERANCE).unwrap_err();
        assert!(tiny.to_string().contains("expected at most 0.0000001"), "{tiny}");
        assert!(compare(&[1e-9, 1.001e-3], &[9e-8, 1.0005e-3], TOLERANCE).is_ok());
        let far = compare(&[0.5, 0.25], &[0.5, 0.75], TOLERANCE).unwrap_err();
        assert_eq!(far.to_string(), "values differ by up to 0.5: expected at most 0.0001");
        for (found, expected) in
            [(f32::NAN, 0.5), (0.5, f32::NAN), (f32::NAN, f32::NAN), (f32::INFINITY, f32::INFINITY)]
        {
            assert!(compare(&[found, 0.5], &[expected, 0.5], TOLERANCE).is_err(), "{found} {expected}");
        }
    }

    #[test]
    fn made_up_histories_have_all_lengths_and_only_known_items() {
        let features = vec![Feature::new("category", vec!["Books".into()])];
        let item = |number: usize| Item { handle: format!("item-{number}"), interactions: 1, features: vec![1] };
        let vocabulary = Vocabulary::new(features, (0..7).map(item).collect()).unwrap();
        let lookup = ItemLookup::new(&Catalog::new(Vec::new()).unwrap(), &vocabulary, Network::Ranking);
        let histories: Vec<ParityHistory> = made_up_histories(&vocabulary, &lookup, 50).collect();
        let lengths: Vec<usize> = histories.iter().take(11).map(|history| history.items.len()).collect();
        assert_eq!(lengths, [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 1]);
        assert_eq!((histories.len(), histories[9].encoded.len()), (HISTORIES, 50));
        assert!(histories.iter().all(|history| history.encoded.item_ids.iter().all(|id| *id > 0)));
    }
}
