//! Lists of the bodies: elements enter one by one, what is kept of them leaves, and a list beyond the service's limit
//! is refused at its first element too many, before the rest of it takes any memory.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use slirec_engine::Texts;

use crate::config::LimitSettings;
use crate::http::parsing::parse;
use crate::http::values::NameText;

/// Limits of the service that are not part of the protocol: elements of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) history: usize,
    pub(crate) sessions: usize,
    pub(crate) names: usize,
}

impl From<&LimitSettings> for Limits {
    fn from(settings: &LimitSettings) -> Self {
        Self { history: settings.history, sessions: settings.sessions, names: settings.candidates }
    }
}

thread_local! {
    /// The limits of what this thread parses: derived deserialisers take no context along.
    static LIMITS: Cell<Limits> = const { Cell::new(Limits { history: 0, sessions: 0, names: 0 }) };
}

/// Reads a body whose lists have at most so many elements.
///
/// # Errors
/// The path of the field and what is wrong with it.
pub(crate) fn parse_within<T: DeserializeOwned>(limits: Limits, body: &[u8]) -> Result<T, String> {
    LIMITS.set(limits);
    parse(body)
}

/// What the elements of a list become.
pub(super) trait Collect: Default {
    /// Elements at most.
    fn most(limits: Limits) -> usize;

    /// Takes the next element; false when there is none.
    fn take<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error>;
}

/// A list that is bounded while it is read.
#[derive(Debug, Default)]
pub(crate) struct Bounded<C>(pub(super) C);

impl<'de, C: Collect> Deserialize<'de> for Bounded<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor(PhantomData)).map(Self)
    }
}

struct BoundedVisitor<C>(PhantomData<C>);

impl<'de, C: Collect> Visitor<'de> for BoundedVisitor<C> {
    type Value = C;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<C, A::Error> {
        let (mut collected, most) = (C::default(), C::most(LIMITS.get()));
        let mut count = 0;
        while collected.take(&mut elements)? {
            count += 1;
            if count > most {
                return Err(A::Error::custom(format_args!("has more than {most} elements, expected at most {most}")));
            }
        }
        Ok(collected)
    }
}

impl Collect for Texts {
    fn most(limits: Limits) -> usize {
        limits.names
    }

    fn take<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        let taken = elements.next_element_seed(NameText(|name: &str| self.push(name)))?;
        Ok(taken.is_some())
    }
}
