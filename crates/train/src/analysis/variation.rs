//! Histories that are changed on purpose: a group enters, the same one with a shorter history, or with the order of its
//! views permuted, leaves. What a model loses by that tells what it uses.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use slirec_core::history::{History, HistoryError, encode};

use crate::dataset::evaluation::EvaluationGroup;

const SEED: u64 = 42;

/// The group with only the last `views` of its history.
pub(super) fn shortened(
    group: &EvaluationGroup,
    views: usize,
    longest: usize,
) -> Result<EvaluationGroup, HistoryError> {
    let encoded = &group.history;
    let features = encoded.feature_ids.len() / encoded.len().max(1);
    let start = |length: usize| length.saturating_sub(views);
    let times = group.history_times.get(start(group.history_times.len())..).unwrap_or_default();
    let items = encoded.item_ids.get(start(encoded.len())..).unwrap_or_default();
    let history = History {
        item_ids: items,
        feature_ids: encoded.feature_ids.get(start(encoded.len()) * features..).unwrap_or_default(),
        feature_count: features,
        times,
    };
    Ok(EvaluationGroup {
        history: encode(history, group.now, longest)?.of_user(&encoded.user_ids),
        history_items: group.history_items.get(start(group.history_length())..).unwrap_or_default().to_vec(),
        history_times: times.to_vec(),
        ..group.clone()
    })
}

/// The group with the views that the model reads in another order; their times stay in place.
pub(super) fn shuffled(group: &EvaluationGroup, number: usize) -> EvaluationGroup {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    random.set_stream(number as u64);
    let length = group.history.len();
    let features = group.history.feature_ids.len() / length.max(1);
    let mut order: Vec<usize> = (0..length).collect();
    order.shuffle(&mut random);
    let mut changed = group.clone();
    let before = group.history_length().saturating_sub(length);
    for (place, from) in order.into_iter().enumerate() {
        let item = group.history.item_ids.get(from).copied().unwrap_or_default();
        let places = [changed.history.item_ids.get_mut(place), changed.history_items.get_mut(before + place)];
        places.into_iter().flatten().for_each(|place| *place = item);
        let to = changed.history.feature_ids.get_mut(place * features..(place + 1) * features);
        let of_item = group.history.feature_ids.get(from * features..(from + 1) * features);
        if let Some((to, of_item)) = to.zip(of_item) {
            to.copy_from_slice(of_item);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> EvaluationGroup {
        let (items, times) = ([1, 2, 3, 4, 5, 6, 7, 8], [0.0, 1e5, 2e5, 3e5, 4e5, 5e5, 6e5, 7e5]);
        let features: Vec<u32> = items.iter().map(|item| item + 10).collect();
        let history = History { item_ids: &items, feature_ids: &features, feature_count: 1, times: &times };
        EvaluationGroup {
            history: encode(history, 8e5, 5).unwrap(),
            user: 0,
            now: 8e5,
            history_items: items.to_vec(),
            history_times: times.to_vec(),
            candidates: Vec::new(),
        }
    }

    #[test]
    fn a_shortened_history_is_that_of_a_shopper_who_came_later() {
        let short = shortened(&group(), 3, 5).unwrap();
        let times = [5e5, 6e5, 7e5];
        let history = History { item_ids: &[6, 7, 8], feature_ids: &[16, 17, 18], feature_count: 1, times: &times };
        assert_eq!(short.history, encode(history, 8e5, 5).unwrap());
        assert_eq!((short.history_items, short.history_times), (vec![6, 7, 8], times.to_vec()));
        assert_eq!(shortened(&group(), 9, 5).unwrap().history, group().history);
    }

    #[test]
    fn shuffling_keeps_the_views_and_leaves_the_times() {
        let changed = shuffled(&group(), 1);
        assert_ne!(changed.history.item_ids, group().history.item_ids);
        let mut sorted = changed.history.item_ids.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, group().history.item_ids);
        assert!(
            changed.history.item_ids.iter().zip(&changed.history.feature_ids).all(|(item, value)| item + 10 == *value)
        );
        assert_eq!(changed.history_items[..3], [1, 2, 3]);
        assert_eq!(changed.history_items[3..], changed.history.item_ids);
        assert_eq!(
            (changed.history.time_to_now, changed.history_times),
            (group().history.time_to_now, group().history_times)
        );
    }
}
