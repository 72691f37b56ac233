//! The rules of a synthetic clickstream. Enters: a TOML file for people to edit, every key optional. Leaves: [`Rules`]
//! in which every value is in its range. Products are still names here: the generator looks them up in a catalogue.

mod defaults;
mod error;
mod period;
mod values;

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use slirec_core::files::FileError;
use slirec_core::places::line_of;
use toml::Spanned;

pub use error::{RulesError, UnknownProduct, UnknownProducts};
pub use period::{Days, Hours, Start};
pub use values::{Interval, Probability, Skew, ValueError, Weight};

use error::{from_toml, invalid};

/// All rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How many shoppers there are, and when.
    pub population: Population,
    /// What a shopper does in one walk.
    pub walks: Walks,
    /// How walks lie in time.
    pub sessions: Sessions,
    /// What makes one shopper different from another.
    pub tastes: Tastes,
    /// Products bought together; none: drawn from the categories of the catalogue.
    pub(crate) groups: Vec<Group>,
    /// What is viewed right after what; without groups and follow-ups both are drawn.
    pub(crate) follow_ups: Vec<FollowUp>,
    /// The file, for messages.
    pub(crate) source: PathBuf,
}

/// How many shoppers there are, and when.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Number of shoppers.
    pub users: NonZeroU32,
    /// Length of the recorded period.
    pub days: Days,
    /// Its start.
    pub start: Start,
}

/// What a shopper does in one walk.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Walks {
    /// Walks of a shopper over the whole period.
    pub per_user: Interval,
    /// A view is followed by another one in the same walk.
    pub go_on: Probability,
    /// Views in a walk, at most.
    pub longest: NonZeroU32,
    /// A view is of any product of the catalogue, by popularity.
    pub browse: Probability,
    /// A view is of one of the shopper's last products again.
    pub revisit: Probability,
    /// The walk goes on in another group that holds the product just viewed.
    pub switch: Probability,
    /// How much more popular some products are than others.
    pub popularity: Skew,
}

/// How walks lie in time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Walks that follow each other within minutes.
    pub walks: Interval,
    /// Gaps within a walk.
    pub seconds_between_views: Interval,
    /// Gaps between the walks of a session.
    pub seconds_between_walks: Interval,
    /// When sessions start.
    pub hours: Hours,
}

/// What makes one shopper different from another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tastes {
    /// Groups that a shopper likes.
    pub favourites: Interval,
    /// A walk starts in one of them.
    pub strength: Probability,
    /// Before a session, one of them is replaced.
    pub drift: Probability,
}

/// Products bought together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) weight: Weight,
    pub(crate) products: Vec<Mention>,
}

/// What is viewed right after a product.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FollowUp {
    pub(crate) after: Mention,
    pub(crate) then: Vec<Mention>,
    pub(crate) probability: Probability,
}

/// A handle and the line that names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mention {
    pub(crate) handle: String,
    pub(crate) line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    #[serde(default)]
    population: Population,
    #[serde(default)]
    walks: Walks,
    #[serde(default)]
    sessions: Sessions,
    #[serde(default)]
    tastes: Tastes,
    #[serde(default)]
    groups: Vec<RawGroup>,
    #[serde(default)]
    follow_ups: Vec<RawFollowUp>,
}

type Names = Spanned<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Spanned<String>,
    #[serde(default)]
    weight: Weight,
    products: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFollowUp {
    after: Spanned<String>,
    then: Names,
    probability: Probability,
}

impl Rules {
    /// Reads a rules file.
    ///
    /// # Errors
    /// [`RulesError`] with file, line, key, what was found and what was expected.
    pub fn read(path: &Path) -> Result<Self, RulesError> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let text = String::from_utf8_lossy(valid);
            invalid(path, &text, text.len(), "found bytes that are not UTF-8: expected UTF-8 text")
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a rules file; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Rules::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, RulesError> {
        let document: RulesFile = toml::from_str(text).map_err(|error| from_toml(path, text, &error))?;
        let RulesFile { population, walks, sessions, tastes, groups, follow_ups } = document;
        let mut names = HashSet::new();
        let groups = groups.into_iter().map(|group| {
            let (name, offset) = (group.name.get_ref().clone(), group.name.span().start);
            if name.trim().is_empty() {
                return Err(invalid(path, text, offset, "found an empty name: expected a name for the group"));
            }
            if !names.insert(name.clone()) {
                return Err(invalid(path, text, offset, format!("found `{name}` again: expected every name once")));
            }
            let products = mentions(path, text, &group.products, 2)?;
            Ok(Group { name, weight: group.weight, products })
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let follow_ups = follow_ups.into_iter().map(|follow_up| {
            let then = mentions(path, text, &follow_up.then, 1)?;
            let after = mention(text, &follow_up.after);
            if let Some(same) = then.iter().position(|mention| mention.handle == after.handle) {
                let offset = follow_up.then.get_ref().get(same).map_or(0, |name| name.span().start);
                let problem = format!("found `{}` after itself: expected other products", after.handle);
                return Err(invalid(path, text, offset, problem));
            }
            Ok(FollowUp { after, then, probability: follow_up.probability })
        });
        let follow_ups = follow_ups.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { population, walks, sessions, tastes, groups, follow_ups, source: path.to_owned() })
    }
}

impl Rules {
    /// Names of the groups with the handles of their products; none when they are to be drawn from a catalogue.
    pub fn groups(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.groups.iter().map(|group| (group.name.as_str(), handles(&group.products)))
    }

    /// Handles with those that are viewed right after them.
    pub fn follow_ups(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.follow_ups.iter().map(|follow_up| (follow_up.after.handle.as_str(), handles(&follow_up.then)))
    }
}

fn handles(mentions: &[Mention]) -> Vec<&str> {
    mentions.iter().map(|mention| mention.handle.as_str()).collect()
}

fn mention(text: &str, name: &Spanned<String>) -> Mention {
    Mention { handle: name.get_ref().clone(), line: line_of(text, name.span().start) }
}

/// Products named in a list: at least `least`, each once.
fn mentions(path: &Path, text: &str, names: &Names, least: usize) -> Result<Vec<Mention>, RulesError> {
    let count = names.get_ref().len();
    if count < least {
        let problem = format!("found {count} products: expected at least {least}");
        return Err(invalid(path, text, names.span().start, problem));
    }
    let mut seen = HashSet::new();
    for name in names.get_ref() {
        if !seen.insert(name.get_ref()) {
            let problem = format!("found `{}` again: expected every product of the list once", name.get_ref());
            return Err(invalid(path, text, name.span().start, problem));
        }
    }
    Ok(names.get_ref().iter().map(|name| mention(text, name)).collect())
}
