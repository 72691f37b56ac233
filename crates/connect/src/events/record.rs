//! An event as bytes that sort by user, time and place in the input: what is written into temporary files and read back.
//!
//! Layout: user, 0, time, place, kind, flags, weight, what the flags announce, item, 0, category, 0, known as. Numbers are
//! big-endian and never negative, so that comparing bytes compares them. The place is different for every event: among
//! equal times the order is that of the input, however the events were spread over threads.

use super::event::Kind;

/// Where an event stands in the input: number of the file, number of the row, number within the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    pub(super) file: u32,
    pub(super) row: u64,
    pub(super) part: u32,
}

/// What tells a repeated event from a new one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Identity {
    /// Hash of the event's id, never 0.
    pub(super) id: u128,
    /// Hash of the fingerprint; 0 for none.
    pub(super) fingerprint: u64,
    /// Unix seconds.
    pub(super) received: f64,
}

/// An event, borrowed from its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) user: &'a str,
    pub(super) time: f64,
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) weight: u16,
    /// Whether it may be a page view that was reported twice.
    pub(super) collapsible: bool,
    pub(super) identity: Option<Identity>,
    /// The time if the month stands before the day, where the text says both.
    pub(super) month_first: Option<f64>,
    pub(super) item: &'a str,
    pub(super) category: &'a str,
    /// Empty for none.
    pub(super) known_as: &'a str,
}

const COLLAPSIBLE: u8 = 1;
const IDENTIFIED: u8 = 2;
const TWO_READINGS: u8 = 4;

impl<'a> Record<'a> {
    /// Appends the record. The texts hold no 0 byte: the sink refuses names with control characters.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.user.as_bytes());
        bytes.push(0);
        // The bits of floats that are not negative rise with their values.
        bytes.extend(self.time.to_bits().to_be_bytes());
        bytes.extend(self.place.file.to_be_bytes());
        bytes.extend(self.place.row.to_be_bytes());
        bytes.extend(self.place.part.to_be_bytes());
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.collapsible, COLLAPSIBLE)
            | flag(self.identity.is_some(), IDENTIFIED)
            | flag(self.month_first.is_some(), TWO_READINGS);
        bytes.extend([self.kind as u8, flags]);
        bytes.extend(self.weight.to_be_bytes());
        if let Some(identity) = &self.identity {
            bytes.extend(identity.id.to_be_bytes());
            bytes.extend(identity.fingerprint.to_be_bytes());
            bytes.extend(identity.received.to_bits().to_be_bytes());
        }
        if let Some(time) = self.month_first {
            bytes.extend(time.to_bits().to_be_bytes());
        }
        bytes.extend(self.item.as_bytes());
        bytes.push(0);
        bytes.extend(self.category.as_bytes());
        bytes.push(0);
        bytes.extend(self.known_as.as_bytes());
    }

    /// The record of bytes that [`Record::write`] made; none for others.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (user, rest) = split_at_zero(bytes)?;
        let (time, rest) = float(rest)?;
        let (file, rest) = rest.split_first_chunk::<4>()?;
        let (row, rest) = rest.split_first_chunk::<8>()?;
        let (part, rest) = rest.split_first_chunk::<4>()?;
        let (&[kind, flags, w0, w1], mut rest) = rest.split_first_chunk::<4>()?;
        let identity = if flags & IDENTIFIED == 0 {
            None
        } else {
            let (id, behind) = rest.split_first_chunk::<16>()?;
            let (fingerprint, behind) = behind.split_first_chunk::<8>()?;
            let (received, behind) = float(behind)?;
            rest = behind;
            Some(Identity { id: u128::from_be_bytes(*id), fingerprint: u64::from_be_bytes(*fingerprint), received })
        };
        let month_first = if flags & TWO_READINGS == 0 {
            None
        } else {
            let (time, behind) = float(rest)?;
            rest = behind;
            Some(time)
        };
        let (item, behind) = text_before_zero(std::str::from_utf8(rest).ok()?)?;
        let (category, known_as) = text_before_zero(behind)?;
        Some(Self {
            user: std::str::from_utf8(user).ok()?,
            time,
            place: Place {
                file: u32::from_be_bytes(*file),
                row: u64::from_be_bytes(*row),
                part: u32::from_be_bytes(*part),
            },
            kind: *Kind::ALL.get(usize::from(kind))?,
            weight: u16::from_be_bytes([w0, w1]),
            collapsible: flags & COLLAPSIBLE != 0,
            identity,
            month_first,
            item,
            category,
            known_as,
        })
    }
}

/// Whether the user of a record's bytes is this one.
pub(super) fn is_of(bytes: &[u8], user: &[u8]) -> bool {
    bytes.strip_prefix(user).is_some_and(|rest| rest.first() == Some(&0))
}

/// The user of a record's bytes.
pub(super) fn user_of(bytes: &[u8]) -> &[u8] {
    split_at_zero(bytes).map_or(bytes, |(user, _)| user)
}

/// The time of a record's bytes.
pub(super) fn time_of(bytes: &[u8]) -> f64 {
    split_at_zero(bytes).and_then(|(_, rest)| float(rest)).map_or(0.0, |(time, _)| time)
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn text_before_zero(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr(0, text.as_bytes())?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn float(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (float, rest) = bytes.split_first_chunk::<8>()?;
    Some((f64::from_bits(u64::from_be_bytes(*float)), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_reads_back_and_sorts_by_user_time_and_place(
            users in ("[a-c]{1,3}", "[a-c]{1,3}"),
            times in (0_u32..3, 0_u32..3),
            rows in (any::<u64>(), any::<u64>()),
            identity in prop::option::of(any::<u128>()),
            month_first in prop::option::of(0.0..1e11_f64),
            items in ("[a-zé]{1,8}", "[a-zé]{1,8}"),
        ) {
            let identity = identity.map(|id| Identity { id, fingerprint: 7, received: 5.0 });
            let record = |user, time, row, item| Record {
                user, time: f64::from(time), place: Place { file: 1, row, part: 2 }, kind: Kind::AddToCart, weight: 3,
                collapsible: true, identity, month_first, item, category: "Books", known_as: "",
            };
            let (left, right) =
                (record(&users.0, times.0, rows.0, &items.0), record(&users.1, times.1, rows.1, &items.1));
            let mut bytes = [Vec::new(), Vec::new()];
            left.write(&mut bytes[0]);
            right.write(&mut bytes[1]);
            prop_assert_eq!(Record::read(&bytes[0]), Some(left));
            let key = |record: &Record<'_>| (record.user.to_owned(), record.time as u32, record.place);
            if key(&left) != key(&right) {
                prop_assert_eq!(bytes[0].cmp(&bytes[1]), key(&left).cmp(&key(&right)));
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Record::read(&bytes);
        }
    }
}
