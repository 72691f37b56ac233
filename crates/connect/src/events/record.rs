//! An event as bytes that sort by user and time: what is written into temporary files and read back.
//!
//! Layout: user, 0, time, id, fingerprint, time of receipt, kind, weight, item, 0, category, 0, known as. Numbers are
//! big-endian and never negative, so that comparing bytes compares them; the rest only makes the order complete, so that
//! the same events give the same file, however they were spread over threads.

use super::event::Kind;

/// An event, borrowed from its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) user: &'a str,
    pub(super) time: f64,
    /// Hash of the event's id; 0 for none.
    pub(super) id: u128,
    /// Hash of the fingerprint; 0 for none.
    pub(super) fingerprint: u64,
    pub(super) received: f64,
    pub(super) kind: Kind,
    pub(super) weight: u16,
    pub(super) item: &'a str,
    pub(super) category: &'a str,
    /// Empty for none.
    pub(super) known_as: &'a str,
}

const FIXED: usize = 8 + 16 + 8 + 8 + 1 + 2;

impl<'a> Record<'a> {
    /// Appends the record. The texts hold no 0 byte: whoever makes records checks that.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.user.as_bytes());
        bytes.push(0);
        // The bits of floats that are not negative rise with their values.
        bytes.extend(self.time.to_bits().to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.fingerprint.to_be_bytes());
        bytes.extend(self.received.to_bits().to_be_bytes());
        bytes.push(self.kind as u8);
        bytes.extend(self.weight.to_be_bytes());
        bytes.extend(self.item.as_bytes());
        bytes.push(0);
        bytes.extend(self.category.as_bytes());
        bytes.push(0);
        bytes.extend(self.known_as.as_bytes());
    }

    /// The record of bytes that [`Record::write`] made; none for others.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (user, rest) = split_at_zero(bytes)?;
        let (fixed, rest) = rest.split_at_checked(FIXED)?;
        let (time, fixed) = fixed.split_first_chunk::<8>()?;
        let (id, fixed) = fixed.split_first_chunk::<16>()?;
        let (fingerprint, fixed) = fixed.split_first_chunk::<8>()?;
        let (received, fixed) = fixed.split_first_chunk::<8>()?;
        let &[kind, w0, w1] = fixed else { return None };
        let (item, rest) = split_at_zero(rest)?;
        let (category, known_as) = split_at_zero(rest)?;
        Some(Self {
            user: std::str::from_utf8(user).ok()?,
            time: f64::from_bits(u64::from_be_bytes(*time)),
            id: u128::from_be_bytes(*id),
            fingerprint: u64::from_be_bytes(*fingerprint),
            received: f64::from_bits(u64::from_be_bytes(*received)),
            kind: *Kind::ALL.get(usize::from(kind))?,
            weight: u16::from_be_bytes([w0, w1]),
            item: std::str::from_utf8(item).ok()?,
            category: std::str::from_utf8(category).ok()?,
            known_as: std::str::from_utf8(known_as).ok()?,
        })
    }
}

/// The user of a record's bytes.
pub(super) fn user_of(bytes: &[u8]) -> &[u8] {
    split_at_zero(bytes).map_or(bytes, |(user, _)| user)
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_reads_back_and_sorts_by_user_and_time(
            users in ("[a-c]{1,3}", "[a-c]{1,3}"),
            times in (0.0..1e11_f64, 0.0..1e11_f64),
            id in any::<u128>(),
            item in "[a-zé]{1,8}",
        ) {
            let record = |user, time| Record {
                user, time, id, fingerprint: 7, received: 5.0, kind: Kind::AddToCart, weight: 3, item: &item,
                category: "Books", known_as: "",
            };
            let (left, right) = (record(&users.0, times.0), record(&users.1, times.1));
            let mut bytes = [Vec::new(), Vec::new()];
            left.write(&mut bytes[0]);
            right.write(&mut bytes[1]);
            prop_assert_eq!(Record::read(&bytes[0]), Some(left));
            let expected = (left.user, left.time).partial_cmp(&(right.user, right.time)).unwrap();
            prop_assert_eq!(bytes[0].cmp(&bytes[1]), expected);
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Record::read(&bytes);
        }
    }
}
