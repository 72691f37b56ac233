//! A table of users with their attributes, whatever file it stood in.

use std::collections::BTreeMap;

use crate::vocabulary::UserValue;

/// Users with their attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserTable {
    /// Names of the attributes.
    pub attributes: Vec<String>,
    /// Values of each user in the order of the attributes, as many or fewer; none where they are missing.
    pub users: BTreeMap<String, Vec<Option<UserValue>>>,
    /// Rows of the file; of several of one user the last counts.
    pub rows: u64,
}
