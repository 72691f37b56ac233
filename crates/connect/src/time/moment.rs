//! A moment, as a column of times names it.

/// A moment that a column names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Unix seconds.
    pub(crate) seconds: f64,
    /// Unix seconds if the month stands before the day, where the text says both.
    pub(crate) month_first: Option<f64>,
    /// Whether the text tells that the day, or the month, stands first.
    pub(crate) day_first: Option<bool>,
    /// Whether there is no time of day.
    pub(crate) whole_day: bool,
}

impl Moment {
    pub(super) fn at(seconds: f64) -> Self {
        Self { seconds, month_first: None, day_first: None, whole_day: false }
    }

    /// A time that is typed as such in its file.
    #[cfg(feature = "parquet")]
    pub(crate) fn typed(seconds: f64, whole_day: bool) -> Self {
        Self { whole_day, ..Self::at(seconds) }
    }
}
