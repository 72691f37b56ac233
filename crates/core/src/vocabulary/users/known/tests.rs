//! Tables of known users: found by their names, and refused where a byte is wrong.

use proptest::prelude::*;

use super::*;
use crate::vocabulary::UserValues;

/// Two texts, three buckets, and so many texts that their ids take two bytes.
fn features() -> Vec<UserFeature> {
    let many: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let feature = |name: &str, values| UserFeature::new(name, values);
    vec![
        feature("country", UserValues::Texts(vec!["DE".into(), "FR".into()])),
        feature("age", UserValues::Bounds(vec![20.0, 30.0])),
        feature("town", UserValues::Texts(many)),
    ]
}

fn table() -> KnownUsers {
    let users: [(&str, &[u32]); 3] = [("ada", &[1, 3, 300]), ("bob", &[0, 1, 0]), ("7", &[2, 0, 256])];
    KnownUsers::new(&features(), users).unwrap()
}

/// What a file with these bytes is refused for.
fn refused(bytes: Vec<u8>) -> String {
    KnownUsers::parse(bytes, &features(), Path::new("users.bin")).unwrap_err().to_string()
}

#[test]
fn users_are_found_by_their_names_after_the_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.bin");
    table().write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let read = KnownUsers::parse(bytes.clone(), &features(), &path).unwrap();
    assert_eq!((read.len(), read.bytes()), (3, 24 + 3 * (12 + 1 + 1 + 2)));
    assert_eq!(read.ids("ada"), Some(vec![1, 3, 300]));
    assert_eq!(read.ids("7"), Some(vec![2, 0, 256]));
    assert_eq!((read.ids("eve"), read.ids("")), (None, None));
    assert!(!bytes.windows(3).any(|window| window == b"ada"), "the name stands in the file");
}

#[test]
fn the_order_of_the_users_does_not_change_a_byte() {
    let users: [(&str, &[u32]); 3] = [("7", &[2, 0, 256]), ("ada", &[1, 3, 300]), ("bob", &[0, 1, 0])];
    assert_eq!(KnownUsers::new(&features(), users).unwrap(), table());
}

#[test]
fn a_file_that_is_no_table_of_these_attributes_is_refused() {
    let bytes = table().bytes;
    let changed = |place: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        bytes
    };
    assert_eq!(refused(b"users".to_vec()), "users.bin: does not begin as a table of users, `slirec-users/1`");
    assert!(refused(bytes[..20].to_vec()).contains("does not begin as a table"));
    assert_eq!(refused(changed(15, 2)), "users.bin: has 2 attributes: expected the vocabulary's 3");
    assert_eq!(refused(changed(16, 4)), "users.bin: has 72 bytes: expected 88 for 4 users");
    assert!(refused(changed(23, 255)).contains("users: expected 1 to 16777216"));
    assert!(refused(bytes[..71].to_vec()).contains("has 71 bytes: expected 72 for 3 users"));
    // The ids of the first user begin behind three keys.
    assert!(refused(changed(24 + 36, 3)).contains("user 1 has id 3 of attribute 1: expected less than 3"));
}

#[test]
fn users_that_stand_twice_or_out_of_order_are_refused() {
    let mut twice = table().bytes;
    twice.copy_within(24..36, 36);
    assert!(refused(twice).contains("the key of user 2 is not above the one before: expected each once, rising"));
    let mut turned = table().bytes;
    turned[24..60].rotate_left(12);
    assert!(refused(turned).contains("the key of user 3 is not above"));
}

#[test]
fn a_table_has_a_user_at_least() {
    assert_eq!(KnownUsers::new(&features(), []).unwrap_err(), "has 0 users: expected 1 to 16777216");
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_refused_or_read(changes in proptest::collection::vec((0_usize..72, any::<u8>()), 0..4), length in 0_usize..73) {
        let mut bytes = table().bytes;
        changes.iter().for_each(|(place, byte)| bytes[*place] = *byte);
        bytes.truncate(length);
        if let Ok(read) = KnownUsers::parse(bytes.clone(), &features(), Path::new("users.bin")) {
            prop_assert_eq!(read.len(), 3);
            prop_assert_eq!(read.bytes, bytes);
        }
    }
}
