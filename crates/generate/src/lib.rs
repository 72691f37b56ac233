//! Synthetic clickstreams: a catalogue, rules and a seed enter, interactions of invented shoppers leave.
//!
//! In the order in which data passes: [`rules`] are read from a file that is edited by hand; `groups` resolves the
//! products that they name, or draws groups from the categories of any catalogue; `walk` lets a shopper look around;
//! `schedule` lays the sessions over the days; [`generator`] puts both together, shopper by shopper; [`output`] writes
//! the file. `closest` finds what a wrong name may have meant, `weighted` draws by weight.

mod closest;
pub mod generator;
mod groups;
pub mod output;
pub mod rules;
mod schedule;
mod walk;
mod weighted;

pub use generator::{Generator, Shopper};
pub use output::{Summary, write};
pub use rules::{Rules, RulesError};
