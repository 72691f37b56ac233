//! The values that hold where a rules file says nothing: those of `data/demo/rules.toml`, where each is explained.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::{Days, Hours, Interval, Population, Probability, Rules, Sessions, Skew, Start, Tastes, Walks};

/// 2026-10-01T00:00:00Z.
const START: u64 = 1_790_812_800;

const USERS: NonZeroU32 = NonZeroU32::MIN.saturating_add(148);

const LONGEST_WALK: NonZeroU32 = NonZeroU32::MIN.saturating_add(24);

const HOURS: [u32; 24] = [2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 10, 11, 13, 15, 18, 20, 17, 11, 5];

impl Default for Rules {
    fn default() -> Self {
        Self {
            population: Population::default(),
            walks: Walks::default(),
            sessions: Sessions::default(),
            tastes: Tastes::default(),
            groups: Vec::new(),
            follow_ups: Vec::new(),
            source: PathBuf::new(),
        }
    }
}

impl Default for Population {
    fn default() -> Self {
        Self { users: USERS, days: Days::known(30), start: Start::known(START) }
    }
}

impl Default for Walks {
    fn default() -> Self {
        Self {
            per_user: Interval::known(50, 100),
            go_on: Probability::known(0.85),
            longest: LONGEST_WALK,
            browse: Probability::known(0.10),
            revisit: Probability::known(0.08),
            switch: Probability::known(0.10),
            popularity: Skew::known(0.7),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            walks: Interval::known(1, 4),
            seconds_between_views: Interval::known(4, 240),
            seconds_between_walks: Interval::known(30, 1800),
            hours: Hours::known(HOURS),
        }
    }
}

impl Default for Tastes {
    fn default() -> Self {
        Self { favourites: Interval::known(3, 6), strength: Probability::known(0.75), drift: Probability::known(0.08) }
    }
}
