//! The table of known users of a bundle: users with their attributes and the model's vocabulary enter, ids by user leave.

use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::{DEFAULT_ID, KnownUser, KnownUsers, UserValue, Vocabulary};

/// The users of a table of whom the model knows something, of the attributes that it reads.
///
/// # Errors
/// That the model reads no attributes, none that the table has, a value of another type, or no user with a value that the
/// model knows.
pub fn known_users(table: &UserTable, vocabulary: &Vocabulary) -> Result<KnownUsers, String> {
    let features = vocabulary.user_features();
    if features.is_empty() {
        return Err(
            "the model reads no attributes of users: expected a run that was trained with --user-feature".into()
        );
    }
    let is_read = |name: &String| vocabulary.users().attributes().any(|(attribute, _)| attribute == *name);
    if !table.attributes.iter().any(is_read) {
        let names: Vec<String> = vocabulary.users().attributes().map(|(name, _)| format!("`{name}`")).collect();
        return Err(format!("has none of the attributes that the model reads: expected {}", names.join(", ")));
    }
    let mut known = Vec::with_capacity(table.users.len());
    for (name, values) in &table.users {
        let ids = ids(&table.attributes, values, vocabulary).map_err(|problem| format!("user `{name}`: {problem}"))?;
        if ids.iter().any(|id| *id != DEFAULT_ID) {
            known.push((name.as_str(), ids));
        }
    }
    if known.is_empty() {
        return Err("has no user of whom the model knows a value: expected one at least".to_owned());
    }
    KnownUsers::new(features, known.iter().map(|(name, ids)| (*name, ids.as_slice())))
}

/// Ids of the attributes that the model reads.
fn ids(attributes: &[String], values: &[Option<UserValue>], vocabulary: &Vocabulary) -> Result<Vec<u32>, String> {
    let said = attributes.iter().zip(values).filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?)));
    let is_read = |name: &str| vocabulary.users().attributes().any(|(attribute, _)| attribute == name);
    let user = vocabulary.users().find(None, said.filter(|(name, _)| is_read(name)));
    user.map(|KnownUser { ids, .. }| ids).map_err(|error| error.to_string())
}
