//! Item features beyond the category in a dataset: a vocabulary that knows them enters, every interaction and negative has
//! ids for them afterwards. On disk a dataset holds categories only, as they stood in its interactions.

use slirec_core::vocabulary::Vocabulary;

use super::{Dataset, DatasetError, VOCABULARY};

impl Dataset {
    /// Takes over a vocabulary with the same items and categories and further item features and attributes of users, such as
    /// a run's.
    ///
    /// # Errors
    /// [`DatasetError::Invalid`] for a vocabulary of other items or attributes: its ids would mean other ones.
    pub fn with_vocabulary(mut self, vocabulary: &Vocabulary) -> Result<Self, DatasetError> {
        let same_categories = self.vocabulary.features().first() == vocabulary.features().first();
        if !self.vocabulary.same_items(vocabulary) || !same_categories {
            let problem =
                "holds other items or categories than the model's: expected the dataset that the model was trained on";
            return Err(DatasetError::Invalid { path: VOCABULARY.into(), problem: problem.to_owned() });
        }
        let mut items = vocabulary.items().to_vec();
        // The counts stay those of this dataset: an imported vocabulary has none.
        for (item, counted) in items.iter_mut().zip(self.vocabulary.items()) {
            item.interactions = counted.interactions;
        }
        let before = self.feature_count();
        self.user_ids = self.selected_user_ids(vocabulary.user_features())?;
        let vocabulary = Vocabulary::new(vocabulary.features().to_vec(), items)
            .and_then(|items| items.with_user_features(vocabulary.user_features().to_vec()))
            .map_err(|problem| DatasetError::Invalid { path: VOCABULARY.into(), problem })?;
        self.feature_ids = widen(&vocabulary, &self.items, &self.feature_ids, before);
        for negatives in [&mut self.valid_negatives, &mut self.test_negatives] {
            negatives.feature_ids = widen(&vocabulary, &negatives.items, &negatives.feature_ids, before);
        }
        self.vocabulary = vocabulary;
        Ok(self)
    }

    /// Item features that the interactions have ids for.
    pub fn feature_count(&self) -> usize {
        self.vocabulary.features().len()
    }
}

/// Rows of all features: the first is kept from `feature_ids`, whose rows have `before` ids, the others are the item's.
fn widen(vocabulary: &Vocabulary, items: &[u32], feature_ids: &[u32], before: usize) -> Vec<u32> {
    let mut widened = Vec::with_capacity(items.len() * vocabulary.features().len());
    for (item, category) in items.iter().zip(feature_ids.iter().step_by(before.max(1))) {
        widened.extend(vocabulary.interaction_features(*item, *category));
    }
    widened
}
