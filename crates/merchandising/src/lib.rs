//! What a shop manager asks of recommendations: a catalogue and a file of scenarios enter; which products may be answered,
//! and how they are to be arranged, leaves. Nothing here knows the model or HTTP.
//!
//! [`Columns`] are the catalogue's attributes with types, [`Filter`] is a condition on them, [`ScenarioFile`] holds
//! placements with their rules, and [`Merchandising`] has all of them for one catalogue and answers a [`Wish`].

mod cache;
mod columns;
mod filter;
mod merchandising;
mod scenarios;
mod wish;

pub use columns::Columns;
pub use filter::{DEEPEST_FILTER, Filter, FilterError, LONGEST_FILTER, MOST_CONDITIONS, MOST_SEARCHES};
pub use merchandising::Merchandising;
pub use scenarios::{Applied, Effect, Scenario, ScenarioError, ScenarioFile};
pub use wish::{Arranged, FilterUse, Wish, WishError};
