//! What the manifest of a dataset says of its users: attributes with their values, and how many users have them.

use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::UserFeature;

/// Users that share a text, at least.
pub(super) const LEAST_USERS: usize = 2;

/// What a dataset knows of its users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserAttributes {
    /// The attributes with their values.
    pub features: Vec<UserFeature>,
    /// Users of each attribute whose value has an id.
    pub known: Vec<u64>,
    /// Users of the dataset that the table has.
    pub described: u64,
    /// Users of the table that the dataset does not have.
    pub without_interactions: u64,
    /// Rows of the table that say of a user what another row says too: the last one counts.
    pub repeated: u64,
    /// SHA-256 of `user_attributes.safetensors`.
    pub sha256: String,
}

impl UserAttributes {
    /// A sentence for each attribute that says nothing.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let of_all = (self.described == 0)
            .then(|| "the table of users has none of the users that the interactions have".to_owned());
        let silent = self.features.iter().zip(&self.known).filter(|(_, known)| **known == 0 && self.described > 0);
        let silent = silent.map(|(feature, _)| {
            format!("the user attribute `{}` has no value that {LEAST_USERS} users share", feature.attribute())
        });
        of_all.into_iter().chain(silent)
    }
}
