//! How the interactions of a user are divided: their number and times enter, which of them are for training and which
//! one is the validation and the test row leaves. Everything that needs to know asks [`Division::parts`].

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Which rows to evaluate on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The last interaction before what is known ends.
    Valid,
    /// The first one after it.
    Test,
}

impl Split {
    /// The name in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }

    /// A number for its random numbers.
    pub(super) fn stream(self) -> u64 {
        match self {
            Self::Valid => 2,
            Self::Test => 1,
        }
    }
}

/// What an interaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Training sees it.
    Train,
    /// It is the validation or the test row of its user.
    Row(Split),
    /// It comes after the test row: nothing sees it.
    Later,
}

impl Part {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Row(split) => split.name(),
            Self::Later => "later",
        }
    }
}

/// How a dataset is divided.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Division {
    /// The last interaction of every user is the test row, the one before it the validation row.
    #[default]
    Last,
    /// Everything before one moment is known. The first interaction of a user from then on is the test row, the last one
    /// before it the validation row; users have at least two before it.
    Time {
        /// Share of all interactions that lie before the moment.
        share: f64,
        /// The moment, in Unix seconds.
        cut: f64,
    },
}

impl Division {
    /// Share of the interactions before the moment of a division by time.
    pub fn share(self) -> Option<f64> {
        match self {
            Self::Last => None,
            Self::Time { share, .. } => Some(share),
        }
    }

    /// Divides the interactions of a user, which stand in order of time where the division is by time.
    pub fn parts(self, length: usize, time: impl Fn(usize) -> f64) -> Parts {
        let known = match self {
            Self::Last => length.saturating_sub(1),
            Self::Time { cut, .. } => before(length, |position| time(position) < cut),
        };
        Parts { known, length }
    }

    /// Whether a dataset keeps a user that is divided so.
    pub(super) fn keeps(self, parts: Parts) -> bool {
        match self {
            Self::Last => true,
            Self::Time { .. } => parts.known >= 2,
        }
    }
}

/// The interactions of one user, divided; positions count from the user's first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Interactions before the test row.
    known: usize,
    length: usize,
}

impl Parts {
    /// What training may see.
    pub fn train(self) -> Range<usize> {
        0..self.known.saturating_sub(1)
    }

    /// The row of a split; none where it does not exist or has no history before it.
    pub fn row(self, split: Split) -> Option<usize> {
        let row = match split {
            Split::Valid => self.known.checked_sub(1)?,
            Split::Test => self.known,
        };
        (row > 0 && row < self.length).then_some(row)
    }

    /// What the interaction at `position` is for.
    pub fn of(self, position: usize) -> Part {
        if position > self.known {
            Part::Later
        } else if position == self.known {
            Part::Row(Split::Test)
        } else if position + 1 == self.known {
            Part::Row(Split::Valid)
        } else {
            Part::Train
        }
    }
}

/// How many of the positions from 0 on are `early`; after the first one that is not, none is.
fn before(length: usize, early: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        if early(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaving_the_last_one_out_keeps_two_rows_from_training() {
        let parts = |length| Division::Last.parts(length, |_| 0.0);
        let rows =
            |length| (parts(length).train().len(), parts(length).row(Split::Valid), parts(length).row(Split::Test));
        assert_eq!([0, 1, 2].map(rows), [(0, None, None), (0, None, None), (0, None, Some(1))]);
        assert_eq!([3, 5].map(rows), [(1, Some(1), Some(2)), (3, Some(3), Some(4))]);
    }

    #[test]
    fn a_cut_in_time_knows_nothing_from_the_cut_on() {
        let times = [1.0, 2.0, 3.0, 5.0, 5.0, 8.0];
        let parts = |cut| Division::Time { share: 0.5, cut }.parts(times.len(), |position| times[position]);
        let five = parts(5.0);
        assert_eq!((five.train(), five.row(Split::Valid), five.row(Split::Test)), (0..2, Some(2), Some(3)));
        let names: Vec<&str> = (0..times.len()).map(|position| five.of(position).name()).collect();
        assert_eq!(names, ["train", "train", "valid", "test", "later", "later"]);
        assert_eq!(
            (parts(9.0).train(), parts(9.0).row(Split::Valid), parts(9.0).row(Split::Test)),
            (0..5, Some(5), None)
        );
        let division = Division::Time { share: 0.5, cut: 0.0 };
        assert!(!division.keeps(parts(2.0)) && division.keeps(parts(2.5)));
    }

    proptest! {
        #[test]
        fn parts_and_rows_agree(length in 0_usize..9, cut in 0_usize..9, by_time in any::<bool>()) {
            let division = if by_time { Division::Time { share: 0.5, cut: cut as f64 } } else { Division::Last };
            let parts = division.parts(length, |position| position as f64);
            for position in 0..length {
                prop_assert_eq!(parts.train().contains(&position), parts.of(position) == Part::Train);
                for split in [Split::Valid, Split::Test] {
                    let is_row = parts.of(position) == Part::Row(split) && position > 0;
                    prop_assert_eq!(parts.row(split) == Some(position), is_row);
                }
            }
        }
    }
}
