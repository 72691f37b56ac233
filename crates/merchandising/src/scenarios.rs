//! Placements of a shop with their rules: a TOML file and the columns of a catalogue enter, scenarios leave that say for a
//! moment and a viewed product what is hidden, what counts more, and what stands where.

mod error;
mod file;
mod plan;
mod read;
mod rule;
mod scenario;

pub use error::ScenarioError;
pub use file::ScenarioFile;
pub use rule::Effect;
pub use scenario::{Applied, Scenario};

pub(crate) use plan::{Plan, PlanKey};
pub(crate) use read::{no_attribute, wrong_type};
