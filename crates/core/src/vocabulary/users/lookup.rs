//! Ids of what is said of a shopper: attributes with their values enter, ids in the order of the model's attributes leave.

use std::collections::{BTreeSet, HashMap};

use super::super::{DEFAULT_ID, index};
use super::{KnownUser, MOST_USER_FEATURES, UserAttributeError, UserFeature, UserValue, UserValues, known};
use crate::text::shortened;

/// Attributes of shoppers with the ids of their texts.
#[derive(Debug, Clone, Default)]
pub struct UserLookup {
    features: Vec<UserFeature>,
    texts: Vec<HashMap<String, u32>>,
}

impl UserLookup {
    /// Of these attributes.
    ///
    /// # Errors
    /// A message naming the first attribute or value that stands twice or cannot be one.
    pub fn new(features: Vec<UserFeature>) -> Result<Self, String> {
        let count = features.len();
        if count > MOST_USER_FEATURES {
            return Err(format!("user_features has {count} features: expected at most {MOST_USER_FEATURES}"));
        }
        let mut names = BTreeSet::new();
        let mut texts = Vec::with_capacity(count);
        for feature in &features {
            feature.check()?;
            if !names.insert(feature.name.as_str()) {
                return Err(format!("user feature `{}` stands twice", shortened(&feature.name)));
            }
            texts.push(match &feature.values {
                UserValues::Texts(values) => index(&format!("user feature `{}`", feature.name), values.iter())?,
                UserValues::Bounds(_) => HashMap::new(),
            });
        }
        Ok(Self { features, texts })
    }

    /// The attributes, in the order of their ids.
    pub fn features(&self) -> &[UserFeature] {
        &self.features
    }

    /// What the model knows of a shopper with these attributes.
    ///
    /// # Errors
    /// [`UserAttributeError`] for the first attribute that the model does not have, or whose value is of another type.
    pub fn find<'a>(
        &self,
        attributes: impl IntoIterator<Item = (&'a str, &'a UserValue)>,
    ) -> Result<KnownUser, UserAttributeError> {
        let mut user = KnownUser::default();
        for (name, value) in attributes {
            let place = self.features.iter().position(|feature| feature.name == name);
            let unknown = || UserAttributeError::Unknown { name: shortened(name), known: known(&self.features) };
            let place = place.ok_or_else(unknown)?;
            let id = self.id(place, value)?;
            user.unseen += usize::from(id == DEFAULT_ID);
            user.ids.resize(self.features.len(), DEFAULT_ID);
            user.ids.get_mut(place).into_iter().for_each(|known| *known = id);
        }
        Ok(user)
    }

    /// Attributes that have these ids, for those that are known.
    pub fn examples<'a>(&'a self, ids: &'a [u32]) -> impl Iterator<Item = (String, UserValue)> + 'a {
        let features = self.features.iter().zip(ids);
        features.filter_map(|(feature, id)| Some((feature.name.clone(), feature.example(*id)?)))
    }

    fn id(&self, place: usize, value: &UserValue) -> Result<u32, UserAttributeError> {
        let Some((feature, texts)) = self.features.get(place).zip(self.texts.get(place)) else { return Ok(DEFAULT_ID) };
        let wrong = |found, expected| UserAttributeError::Type { name: feature.name.clone(), found, expected };
        match (&feature.values, value) {
            (UserValues::Texts(_), UserValue::Text(text)) => Ok(texts.get(text).copied().unwrap_or(DEFAULT_ID)),
            (UserValues::Texts(_), UserValue::Number(_)) => Err(wrong("a number", "a text")),
            (UserValues::Bounds(_), UserValue::Text(_)) => Err(wrong("a text", "a number")),
            (UserValues::Bounds(_), UserValue::Number(number)) if number.is_nan() => Ok(DEFAULT_ID),
            (UserValues::Bounds(bounds), UserValue::Number(number)) => {
                // Their number is bounded.
                Ok(1 + bounds.partition_point(|bound| bound <= number) as u32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn features() -> Vec<UserFeature> {
        let texts = ["DE", "FR"].map(str::to_owned).to_vec();
        vec![
            UserFeature { name: "country".into(), values: UserValues::Texts(texts) },
            UserFeature { name: "age".into(), values: UserValues::Bounds(vec![20.0, 30.0]) },
        ]
    }

    fn lookup() -> UserLookup {
        UserLookup::new(features()).unwrap()
    }

    fn text(text: &str) -> UserValue {
        UserValue::Text(text.to_owned())
    }

    #[test]
    fn texts_have_ids_numbers_those_of_buckets_and_what_is_unknown_the_default() {
        let lookup = lookup();
        let of = |attributes: &[(&'static str, UserValue)]| {
            lookup.find(attributes.iter().map(|(name, value)| (*name, value)))
        };
        assert_eq!(of(&[]).unwrap(), KnownUser::default());
        let ages = [19.9, 20.0, 29.0, 30.0].map(|age| of(&[("age", UserValue::Number(age))]).unwrap().ids[1]);
        assert_eq!(ages, [1, 2, 2, 3]);
        let both = of(&[("age", UserValue::Number(25.0)), ("country", text("FR"))]).unwrap();
        assert_eq!((both.ids, both.unseen), (vec![2, 2], 0));
        let unseen = of(&[("country", text("ES"))]).unwrap();
        assert_eq!((unseen.ids, unseen.unseen), (vec![0, 0], 1));
        assert_eq!(lookup.features().iter().map(UserFeature::rows).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn an_attribute_that_the_model_does_not_have_and_a_value_of_another_type_are_named() {
        let lookup = lookup();
        let refused = |name, value: UserValue| lookup.find([(name, &value)]).unwrap_err().to_string();
        assert_eq!(
            refused("agee", UserValue::Number(3.0)),
            "the model has no user attribute `agee`: expected `country`, `age`"
        );
        assert_eq!(refused("age", text("old")), "user attribute `age` is a text: expected a number");
        assert_eq!(refused("country", UserValue::Number(3.0)), "user attribute `country` is a number: expected a text");
    }

    #[test]
    fn features_that_stand_twice_and_bounds_that_fall_are_refused() {
        let refused = |features| UserLookup::new(features).unwrap_err();
        assert!(refused([features(), features()].concat()).contains("`country` stands twice"));
        let falling = UserFeature { name: "age".into(), values: UserValues::Bounds(vec![3.0, 2.0]) };
        assert!(refused(vec![falling]).contains("expected finite bounds that rise"));
    }

    proptest! {
        #[test]
        fn an_example_has_the_id_that_it_is_of(id in 0_u32..5, place in 0_usize..2) {
            let lookup = lookup();
            let feature = &lookup.features()[place];
            if let Some(example) = feature.example(id).filter(|_| (id as usize) < feature.rows()) {
                let known = lookup.find([(feature.name.as_str(), &example)]).unwrap();
                prop_assert_eq!(known.ids[place], id);
            }
        }
    }
}
