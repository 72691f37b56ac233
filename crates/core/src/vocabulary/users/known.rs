//! Known users: the table of a bundle that tells, by the name of a user, what is known of them. Names with the ids of their
//! attributes enter; bytes leave, in which a name is found without being there itself.
//!
//! | bytes | what |
//! |---|---|
//! | 15 | `slirec-users/1` and a line end |
//! | 1 | number of attributes |
//! | 8 | number of users, the least significant byte first, as of all numbers here |
//! | 12 a user | the first bytes of SHA-256 of `slirec-user`, a zero byte and the name, rising |
//! | 1, 2 or 4 for each attribute of each user | its id, in as few bytes as the attribute's greatest id takes |
//!
//! Nothing of the bytes is trusted: [`KnownUsers::parse`] leaves a table whose keys rise and whose ids the vocabulary has.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::UserFeature;
use crate::files::{self, FileError};

/// Most users of a table.
pub const MOST_KNOWN_USERS: u64 = 1 << 24;

/// What the file begins with.
const MAGIC: &[u8; 15] = b"slirec-users/1\n";
const HEADER: usize = MAGIC.len() + 1 + size_of::<u64>();
/// What is hashed before a name, so that hashes of names that others keep are not those of the file.
const DOMAIN: &[u8] = b"slirec-user\0";

/// The key of a user: so many bytes that no two of all users that there may be are likely to share them.
type Key = [u8; 12];

/// A table of known users that cannot be used.
#[derive(Debug, Error)]
#[error("{file}: {problem}")]
pub struct KnownUsersError {
    /// Where it was read.
    pub file: String,
    /// What was found and what was expected.
    pub problem: String,
}

/// Users with the ids of their attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUsers {
    /// The whole file.
    bytes: Vec<u8>,
    users: usize,
    /// Bytes of each attribute's id.
    widths: Vec<usize>,
}

impl KnownUsers {
    /// Of users with an id of each attribute.
    ///
    /// # Errors
    /// How many they are, if they are too many.
    pub fn new<'a>(
        features: &[UserFeature],
        users: impl IntoIterator<Item = (&'a str, &'a [u32])>,
    ) -> Result<Self, String> {
        let widths = widths(features);
        let users: BTreeMap<Key, &[u32]> = users.into_iter().map(|(name, ids)| (key(name), ids)).collect();
        check_count(users.len() as u64)?;
        let mut bytes = MAGIC.to_vec();
        // A vocabulary has at most `MOST_USER_FEATURES`.
        bytes.push(widths.len() as u8);
        bytes.extend((users.len() as u64).to_le_bytes());
        users.keys().for_each(|key| bytes.extend(key));
        for ids in users.values() {
            for (place, width) in widths.iter().enumerate() {
                let id = ids.get(place).copied().unwrap_or_default().to_le_bytes();
                bytes.extend(id.iter().take(*width));
            }
        }
        Ok(Self { users: users.len(), bytes, widths })
    }

    /// Checks the content of a table for these attributes; `path` is only named in errors.
    ///
    /// # Errors
    /// [`KnownUsersError`], naming the file and what is wrong in it.
    pub fn parse(bytes: Vec<u8>, features: &[UserFeature], path: &Path) -> Result<Self, KnownUsersError> {
        let invalid = |problem| KnownUsersError { file: path.display().to_string(), problem };
        let table = Self::with_header(bytes, features).map_err(invalid)?;
        table.check(features).map_err(invalid)?;
        Ok(table)
    }

    /// A table with as many bytes as its header says.
    fn with_header(bytes: Vec<u8>, features: &[UserFeature]) -> Result<Self, String> {
        let widths = widths(features);
        let header = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first());
        let header = header.and_then(|(attributes, rest)| Some((*attributes, *rest.first_chunk()?)));
        let (attributes, users) = header.ok_or("does not begin as a table of users, `slirec-users/1`")?;
        if usize::from(attributes) != widths.len() {
            return Err(format!("has {attributes} attributes: expected the vocabulary's {}", widths.len()));
        }
        let users = u64::from_le_bytes(users);
        check_count(users)?;
        let expected = HEADER as u64 + users * (size_of::<Key>() + row(&widths)) as u64;
        if bytes.len() as u64 != expected {
            return Err(format!("has {} bytes: expected {expected} for {users} users", bytes.len()));
        }
        // Their number is bounded.
        Ok(Self { users: users as usize, bytes, widths })
    }

    /// Refuses keys that do not rise and ids that the vocabulary does not have.
    fn check(&self, features: &[UserFeature]) -> Result<(), String> {
        let keys = self.keys();
        if let Some(place) = keys.iter().zip(keys.iter().skip(1)).position(|(key, next)| key >= next) {
            return Err(format!(
                "the key of user {} is not above the one before: expected each once, rising",
                place + 2
            ));
        }
        for user in 0..self.users {
            for ((place, id), feature) in self.row(user).enumerate().zip(features) {
                let rows = feature.rows();
                if id as usize >= rows {
                    let user = user + 1;
                    return Err(format!(
                        "user {user} has id {id} of attribute {}: expected less than {rows}",
                        place + 1
                    ));
                }
            }
        }
        Ok(())
    }

    /// Writes the table.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_aside(path, &self.bytes)
    }

    /// Number of users.
    pub fn len(&self) -> usize {
        self.users
    }

    /// True without a user.
    pub fn is_empty(&self) -> bool {
        self.users == 0
    }

    /// Bytes of the file, which are those that it takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Ids of the attributes of a user, if the table has them.
    pub fn ids(&self, name: &str) -> Option<Vec<u32>> {
        let user = self.keys().binary_search(&key(name)).ok()?;
        Some(self.row(user).collect())
    }

    fn keys(&self) -> &[Key] {
        let behind = self.bytes.get(HEADER..).unwrap_or_default();
        behind.as_chunks().0.get(..self.users).unwrap_or_default()
    }

    /// Ids of a user by their place.
    fn row(&self, user: usize) -> impl Iterator<Item = u32> {
        let from = HEADER + self.users * size_of::<Key>() + user * row(&self.widths);
        let mut rest = self.bytes.get(from..).unwrap_or_default();
        self.widths.iter().map(move |width| {
            let (id, behind) = rest.split_at_checked(*width).unwrap_or_default();
            rest = behind;
            id.iter().rev().fold(0, |id, byte| id << 8 | u32::from(*byte))
        })
    }
}

fn key(name: &str) -> Key {
    let digest = Sha256::new().chain_update(DOMAIN).chain_update(name).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Bytes of each attribute's id.
fn widths(features: &[UserFeature]) -> Vec<usize> {
    let of = |feature: &UserFeature| match feature.rows() {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    features.iter().map(of).collect()
}

/// Bytes of a user's ids.
fn row(widths: &[usize]) -> usize {
    widths.iter().sum()
}

fn check_count(users: u64) -> Result<(), String> {
    match users {
        1..=MOST_KNOWN_USERS => Ok(()),
        _ => Err(format!("has {users} users: expected 1 to {MOST_KNOWN_USERS}")),
    }
}

#[cfg(test)]
mod tests;
