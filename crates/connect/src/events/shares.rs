//! Shares of rows that `--max-bad` and `--max-odd-times` allow: counts enter, whether they are too many leaves.

/// Up to so many rows are no share, unless they are all: they are told, and the others are taken.
const FEW: u64 = 2;

/// Whether `count` of `all` is more than a share allows.
pub(super) fn exceeds(count: u64, all: u64, share: f64) -> bool {
    (count > FEW || count == all) && count as f64 > share * all as f64
}

/// Fewest bytes of a row: a character and the line's end.
const LEAST_ROW: u64 = 2;

/// Whether so many of the events are bad that the import ends, whatever the bytes hold that are left.
pub(super) fn is_hopeless(events: u64, bad: u64, bytes_left: u64, max_bad: f64) -> bool {
    exceeds(bad, events.saturating_add(bytes_left / LEAST_ROW), max_bad)
}
