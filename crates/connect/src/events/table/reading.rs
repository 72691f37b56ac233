//! How the rows of a file are read: values of its first rows enter, the decision about its times and ids leaves.

use std::borrow::Cow;

use super::values::{is_fraction, is_number};
use super::{ITEM, TIME, Table, USER};
use crate::time::TimeReader;

/// Rows of a file by which the forms of its times and ids are decided.
const SAMPLED_ROWS: usize = 1000;

/// How the rows of one file are read: decided by a sample of them.
#[derive(Debug, Clone)]
pub(in crate::events) struct Reading {
    pub(super) times: TimeReader,
    /// Whether the sample's times are numbers.
    numbers: bool,
    /// Whether users and items such as `10.0` are `10`: not where the column holds other decimals.
    pub(super) decimals: [bool; 2],
}

impl Reading {
    /// What the numbers of the time column are taken for, if there were any in the sample.
    pub(in crate::events) fn describe(&self) -> Option<String> {
        self.numbers.then(|| self.times.describe())
    }
}

/// Sampled values of the columns whose form is decided by the whole column.
#[derive(Debug, Default)]
pub(super) struct Sample {
    times: Vec<String>,
    /// Whether users and items hold decimals that are no whole numbers.
    fractions: [bool; 2],
    rows: usize,
}

impl Sample {
    pub(super) fn is_full(&self) -> bool {
        self.rows >= SAMPLED_ROWS
    }

    pub(super) fn push<'v>(&mut self, value: &dyn Fn(usize) -> Option<Cow<'v, str>>) {
        self.rows += 1;
        if let Some(time) = value(TIME) {
            self.times.push(time.into_owned());
        }
        for (fraction, index) in self.fractions.iter_mut().zip([USER, ITEM]) {
            *fraction |= value(index).is_some_and(|text| is_fraction(text.trim()));
        }
    }
}

impl Table {
    /// Decides by a sample how a file is read.
    pub(super) fn reading(&self, sample: &Sample, latest: f64, before: Option<&Reading>) -> Reading {
        let times = if self.is_ordinal() {
            TimeReader::ordinals()
        } else {
            let texts = sample.times.iter().map(|text| text.trim()).filter(|text| !self.missing.contains(text));
            TimeReader::decide(&self.times, latest, texts, before.map(|before| &before.times))
        };
        let numbers = !self.is_ordinal() && sample.times.iter().any(|text| is_number(text.trim()));
        Reading { times, numbers, decimals: sample.fractions.map(|fraction| !fraction) }
    }
}
