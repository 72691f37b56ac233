//! What is known of the users of a dataset without some of its products: the whole one enters; a table of them for the rest
//! leaves, and the ids that they have in its vocabulary.

use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::{UserFeature, UserValue, Vocabulary};

use crate::dataset::Dataset;

/// The users of a dataset by their numbers, with a value for each id that they have; none where no attributes are read.
pub(super) fn table(dataset: &Dataset) -> Option<UserTable> {
    let features = dataset.vocabulary.user_features();
    if features.is_empty() {
        return None;
    }
    let row = |number: usize| (number.to_string(), values(features, dataset.user_ids(number)).collect());
    let count = dataset.users().len();
    Some(UserTable {
        attributes: features.iter().map(|feature| feature.name.clone()).collect(),
        users: (0..count).map(row).collect(),
        // Their number fits 64 bits.
        rows: count as u64,
    })
}

/// Ids of what is known of a user in another vocabulary.
pub(super) fn ids(dataset: &Dataset, number: usize, vocabulary: &Vocabulary) -> Vec<u32> {
    let features = dataset.vocabulary.user_features();
    let values: Vec<Option<UserValue>> = values(features, dataset.user_ids(number)).collect();
    let told =
        features.iter().zip(&values).filter_map(|(feature, value)| Some((feature.name.as_str(), value.as_ref()?)));
    // An attribute of which none of the rest has a number takes none either.
    vocabulary.users().find(None, told).map(|known| known.ids).unwrap_or_default()
}

fn values(features: &[UserFeature], ids: &[u32]) -> impl Iterator<Item = Option<UserValue>> {
    features.iter().zip(ids).map(|(feature, id)| feature.example(*id))
}
