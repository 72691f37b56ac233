//! Attributes of users in a dataset: a table of users enters when it is prepared, ids of their values by user leave.
//!
//! Texts have ids by falling number of users, those of one user alone none: they would tell a single person. Numbers fall
//! into ten buckets of about equally many users, or one for each of up to ten different numbers. On disk a dataset holds all
//! attributes; a model reads those that its hyperparameters name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use slirec_core::bundle::FeatureShape;
use slirec_core::files;
use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::{DEFAULT_ID, UserFeature, UserLookup, UserValue, UserValues};

use super::columns::{self, Column, Columns};
use super::user_attributes::LEAST_USERS;
pub use super::user_attributes::UserAttributes;
use super::{Dataset, DatasetError, MANIFEST, Manifest, read_users};

/// Ids of all attributes, user by user.
pub const USER_ATTRIBUTES: &str = "user_attributes.safetensors";
const IDS: &str = "ids";

/// Most texts of an attribute, those of most users.
const MOST_TEXTS: usize = 1_000;
/// Buckets of numbers.
const BUCKETS: usize = 10;

/// Writes the attributes of a dataset's users, whose names stand in its directory already.
pub(super) fn write(directory: &Path, table: &UserTable, users: u64) -> Result<UserAttributes, DatasetError> {
    let names = read_users(directory, users)?;
    let rows: Vec<Option<&Vec<Option<UserValue>>>> = names.iter().map(|name| table.users.get(name)).collect();
    let mut features = Vec::with_capacity(table.attributes.len());
    for (place, name) in table.attributes.iter().enumerate() {
        let values = rows.iter().filter_map(|row| row.as_ref()?.get(place)?.as_ref());
        features.extend(fit(name, values)?);
    }
    let invalid = |problem| DatasetError::Invalid { path: USER_ATTRIBUTES.into(), problem };
    let lookup = UserLookup::new(features).map_err(invalid)?;
    let features = lookup.features().to_vec();
    let mut column = Column::ids(directory, IDS)?;
    let mut known = vec![0; features.len()];
    for row in &rows {
        let said = table.attributes.iter().zip(row.iter().flat_map(|row| row.iter()));
        let said = said.filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?)));
        let mut user = lookup.find(None, said).map_err(|error| invalid(error.to_string()))?;
        user.ids.resize(features.len(), DEFAULT_ID);
        for (id, known) in user.ids.into_iter().zip(&mut known) {
            *known += u64::from(id != DEFAULT_ID);
            column.push(&id.to_le_bytes())?;
        }
    }
    let path = directory.join(USER_ATTRIBUTES);
    columns::write(&path, vec![column])?;
    // Numbers of users in memory fit 64 bits.
    let (described, in_table) = (rows.iter().flatten().count() as u64, table.users.len() as u64);
    let (without_interactions, repeated) = (in_table - described, table.rows - in_table);
    let sha256 = files::sha256_of_file(&path)?;
    Ok(UserAttributes { features, known, described, without_interactions, repeated, sha256 })
}

/// What an attribute with these values is.
fn fit<'a>(name: &str, values: impl Iterator<Item = &'a UserValue>) -> Result<Vec<UserFeature>, DatasetError> {
    let (mut texts, mut numbers): (BTreeMap<&str, usize>, Vec<f64>) = (BTreeMap::new(), Vec::new());
    let mut lists: Vec<BTreeSet<String>> = Vec::new();
    for value in values {
        match value {
            UserValue::Text(text) => *texts.entry(text).or_default() += 1,
            UserValue::Number(number) => numbers.push(*number),
            UserValue::List(entries) => lists.push(entries.iter().cloned().collect()),
        }
    }
    let kinds = [
        texts.keys().next().map(|text| format!("a text such as `{text}`")),
        numbers.first().map(|number| format!("a number such as {number}")),
        (!lists.is_empty()).then(|| "a list".to_owned()),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    if kinds.len() > 1 {
        let problem = format!("the user attribute `{name}` is {}: expected one of them", kinds.join(" and "));
        return Err(DatasetError::Invalid { path: USER_ATTRIBUTES.into(), problem });
    }
    if !lists.is_empty() {
        return Ok(UserFeature::of_lists(name, &lists));
    }
    if !numbers.is_empty() {
        return Ok(vec![UserFeature::new(name, UserValues::Bounds(bounds(numbers)))]);
    }
    let mut texts: Vec<(&str, usize)> = texts.into_iter().filter(|(_, users)| *users >= LEAST_USERS).collect();
    texts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    texts.truncate(MOST_TEXTS);
    Ok(vec![UserFeature::new(name, UserValues::Texts(texts.into_iter().map(|(text, _)| text.to_owned()).collect()))])
}

/// Bounds between buckets of about equally many numbers.
fn bounds(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    let mut different = numbers.clone();
    different.dedup();
    // Each of few numbers has a bucket of its own.
    let mut bounds: Vec<f64> = match different.len() <= BUCKETS {
        true => different,
        false => (1..BUCKETS).filter_map(|bucket| numbers.get(bucket * numbers.len() / BUCKETS)).copied().collect(),
    };
    bounds.dedup();
    // Nothing lies below the least number.
    let least = numbers.first().copied();
    bounds.retain(|bound| Some(*bound) != least);
    bounds
}

/// Ids of all attributes of a dataset that is read, user by user.
pub(super) fn read(directory: &Path, manifest: &Manifest) -> Result<Vec<u32>, DatasetError> {
    let Some(attributes) = &manifest.user_attributes else { return Ok(Vec::new()) };
    let path = directory.join(USER_ATTRIBUTES);
    let ids = Columns::read(&path, &attributes.sha256)?.ids(IDS)?;
    let rows: Vec<usize> = attributes.features.iter().map(UserFeature::rows).collect();
    let problem = if ids.len() as u64 != manifest.users * rows.len() as u64 {
        format!("holds {} ids: expected one of each attribute for {} users", ids.len(), manifest.users)
    } else if let Some((id, rows)) = ids.iter().zip(rows.iter().cycle()).find(|(id, rows)| **id as usize >= **rows) {
        format!("holds id {id} of an attribute that has {rows}")
    } else {
        return Ok(ids);
    };
    Err(DatasetError::Invalid { path, problem })
}

impl Dataset {
    /// The shapes of these attributes of users: one for each part of a list, which may be named by its attribute.
    ///
    /// # Errors
    /// [`DatasetError::Invalid`] for an attribute that the dataset does not have.
    pub fn user_shapes(&self, shapes: &[FeatureShape]) -> Result<Vec<FeatureShape>, DatasetError> {
        let mut all = Vec::with_capacity(shapes.len());
        for FeatureShape { name, embedding_size } in shapes {
            let parts = self.selected_users([name.as_str()].into_iter())?;
            all.extend(parts.into_iter().map(|part| FeatureShape { name: part.name, embedding_size: *embedding_size }));
        }
        Ok(all)
    }

    fn selected_users<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<UserFeature>, DatasetError> {
        let all = self.manifest.user_attributes.as_ref().map(|attributes| attributes.features.as_slice());
        UserFeature::select(all.unwrap_or_default(), names).map_err(|error| {
            let hint = if all.is_none() { "; `slirec prepare --users` reads a table of users" } else { "" };
            DatasetError::Invalid { path: MANIFEST.into(), problem: format!("{error}{hint}") }
        })
    }

    /// With the attributes of users that a model reads.
    ///
    /// # Errors
    /// [`DatasetError::Invalid`] for an attribute that the dataset does not have.
    pub fn with_user_features(mut self, features: &[FeatureShape]) -> Result<Self, DatasetError> {
        let features = self.selected_users(features.iter().map(|feature| feature.name.as_str()))?;
        let invalid = |problem| DatasetError::Invalid { path: MANIFEST.into(), problem };
        self.user_ids = self.selected_user_ids(&features)?;
        self.vocabulary = self.vocabulary.with_user_features(features).map_err(invalid)?;
        Ok(self)
    }

    /// Ids of some attributes, user by user.
    pub(super) fn selected_user_ids(&self, features: &[UserFeature]) -> Result<Vec<u32>, DatasetError> {
        let all = self.manifest.user_attributes.as_ref().map(|attributes| attributes.features.as_slice());
        let all = all.unwrap_or_default();
        let mut places = Vec::with_capacity(features.len());
        for feature in features {
            let place = all.iter().position(|known| known == feature);
            places.push(place.ok_or_else(|| {
                let problem = format!("has no user attribute `{}` with the values of the model", feature.name);
                DatasetError::Invalid { path: MANIFEST.into(), problem }
            })?);
        }
        let rows = self.attribute_ids.chunks_exact(all.len().max(1)).filter(|_| !places.is_empty());
        Ok(rows.flat_map(|row| places.iter().filter_map(|place| row.get(*place)).copied()).collect())
    }

    /// Ids of the attributes of user number `user`, as many as the vocabulary has.
    pub fn user_ids(&self, user: usize) -> &[u32] {
        let count = self.vocabulary.user_features().len();
        self.user_ids.get(user * count..(user + 1) * count).unwrap_or_default()
    }

    /// Ids of the attributes of the user whose interaction this is.
    pub fn user_ids_of_row(&self, row: usize) -> &[u32] {
        if self.user_ids.is_empty() {
            return &[];
        }
        let user = self.user_offsets.partition_point(|offset| *offset <= row as u64);
        user.checked_sub(1).map_or(&[], |user| self.user_ids(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_have_buckets_of_their_own_and_many_are_divided_evenly() {
        assert_eq!(bounds(vec![3.0, 1.0, 2.0, 1.0]), [2.0, 3.0]);
        assert!(bounds(vec![5.0; 9]).is_empty());
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(bounds(many), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
        // Half of them are 0.
        let skewed: Vec<f64> = (0..100).map(|number| f64::from((number - 50).max(0))).collect();
        let found = bounds(skewed);
        assert!(found.is_sorted_by(|low, high| low < high) && found[0] > 0.0, "{found:?}");
    }

    #[test]
    fn a_text_of_one_user_is_unknown_and_kinds_are_not_mixed() {
        let text = |text: &str| UserValue::Text(text.to_owned());
        let values = [text("b"), text("a"), text("b"), text("once"), text("a"), text("b")];
        let expected = UserFeature::new("x", UserValues::Texts(vec!["b".into(), "a".into()]));
        assert_eq!(fit("x", values.iter()).unwrap(), [expected]);
        let mixed = [text("b"), UserValue::Number(3.0)];
        let error = fit("age", mixed.iter()).unwrap_err().to_string();
        assert!(error.contains("`age` is a text such as `b` and a number such as 3"), "{error}");
    }
}
