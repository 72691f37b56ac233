//! Why a row did not become events, and which times are plausible.

use std::io;

/// Which times are plausible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Clock {
    /// Unix seconds, from 1995 to this one.
    Until(f64),
    /// Numbers that only give an order.
    Ordinals,
}

impl Clock {
    /// The latest plausible time.
    pub(super) fn latest(self) -> f64 {
        match self {
            Self::Until(latest) => latest,
            Self::Ordinals => f64::INFINITY,
        }
    }
}

/// Why a row did not become events.
#[derive(Debug)]
pub(super) enum Problem {
    /// The row is wrong; the next one may be right.
    Row(String),
    /// Nothing more can be written.
    Io(io::Error),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::Row(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Self::Row(problem.to_owned())
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
