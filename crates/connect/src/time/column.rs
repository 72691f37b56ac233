//! A column of times: what its numbers mean is decided once, by a sample of the column, its options and the clock; then
//! every value is read by that decision. A value that contradicts it is an error, never a moment of another century.

use std::fmt;

use slirec_core::timestamp::date;

use super::format::by_format;
use super::moment::Moment;
use super::number::{digits, number};
use super::rule::{TimeFormat, TimeRule, TimeUnit};
use super::{no_time, shown};

/// Unix seconds of 1995: what lies before is no time of a shop's web site.
pub(crate) const EARLIEST: f64 = 788_918_400.0;

/// What the numbers of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Unit(TimeUnit),
    /// Dates such as 20261102 or 20261102091500.
    Compact,
}

impl fmt::Display for Numbers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => unit.fmt(formatter),
            Self::Compact => formatter.write_str("dates such as 20261102"),
        }
    }
}

/// Reads the values of a column.
#[derive(Debug, Clone)]
pub(crate) struct TimeReader {
    rule: TimeRule,
    numbers: Numbers,
    latest: f64,
    ordinals: bool,
}

impl TimeReader {
    /// Decides by the options, and where they are silent by a sample of the column; `before` is what was decided of
    /// another file, for one whose sample tells nothing. Plausible are moments from 1995 to `latest`.
    pub(crate) fn decide<'a>(
        rule: &TimeRule,
        latest: f64,
        sample: impl Iterator<Item = &'a str>,
        before: Option<&Self>,
    ) -> Self {
        let mut reader =
            Self { rule: rule.clone(), numbers: Numbers::Unit(TimeUnit::Seconds), latest, ordinals: false };
        if let Some(unit) = rule.unit {
            reader.numbers = Numbers::Unit(unit);
            return reader;
        }
        let mut votes: Vec<(Numbers, usize)> = Vec::new();
        for text in sample {
            let Some(number) = number(text.trim()) else { continue };
            for meaning in reader.plausible_meanings(number, text.trim()) {
                match votes.iter_mut().find(|(known, _)| *known == meaning) {
                    Some((_, count)) => *count += 1,
                    None => votes.push((meaning, 1)),
                }
            }
        }
        // Of equally frequent meanings the first that came counts; they exclude each other until the year 2034.
        let most = votes.iter().map(|(_, count)| *count).max();
        let decided = votes.iter().find(|(_, count)| Some(*count) == most).map(|(meaning, _)| *meaning);
        reader.numbers = decided.or(before.map(|before| before.numbers)).unwrap_or(reader.numbers);
        reader
    }

    /// Reads a column of numbers that only give an order.
    pub(crate) fn ordinals() -> Self {
        Self {
            rule: TimeRule::default(),
            numbers: Numbers::Unit(TimeUnit::Seconds),
            latest: f64::INFINITY,
            ordinals: true,
        }
    }

    /// What the column's numbers are taken for, for people.
    pub(crate) fn describe(&self) -> String {
        let told = if self.rule.unit.is_some() { "as asked" } else { "told by their size" };
        format!("{}, {told}", self.numbers)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(crate) fn read(&self, text: &str) -> Result<Moment, String> {
        let text = text.trim();
        if self.ordinals {
            let number = number(text).filter(|number| number.is_finite() && (0.0..1e11).contains(number));
            return number
                .map(Moment::at)
                .ok_or_else(|| format!("`{}` gives no order: expected a number from 0 to 1e11", shown(text)));
        }
        if let Some(result) = self.formatted(text) {
            return result;
        }
        if let Some(number) = number(text) {
            return self.number(number, text);
        }
        let date = date::parse(text.as_bytes()).ok_or_else(|| no_time(text))?;
        let formats = &self.rule.formats;
        let seconds = match date.month_first {
            Some(month_first) if formats.contains(&TimeFormat::MonthFirst) => month_first,
            Some(month_first) if !formats.contains(&TimeFormat::DayFirst) => {
                return Ok(Moment {
                    seconds: date.seconds,
                    month_first: Some(month_first),
                    day_first: None,
                    whole_day: date.whole_day,
                });
            }
            _ => date.seconds,
        };
        let asked = formats.contains(&TimeFormat::DayFirst) || formats.contains(&TimeFormat::MonthFirst);
        if let Some(found) = date.day_first
            && asked
            && formats.contains(&TimeFormat::DayFirst) != found
        {
            let (first, other) = if found { ("day", "month") } else { ("month", "day") };
            return Err(format!("`{}` has the {first} first: expected the {other} first, as asked", shown(text)));
        }
        Ok(Moment { seconds, month_first: None, day_first: date.day_first, whole_day: date.whole_day })
    }

    fn number(&self, number: f64, text: &str) -> Result<Moment, String> {
        let (seconds, whole_day) = match self.numbers {
            Numbers::Unit(unit) => (unit.seconds(number), false),
            Numbers::Compact => match date::compact(digits(text)) {
                Some(found) => found,
                None => {
                    return Err(format!(
                        "`{}` is no date: the column's other numbers are dates such as 20261102; --time-unit and \
                         --time-format say what they are",
                        shown(text)
                    ));
                }
            },
        };
        let moment = Moment { whole_day, ..Moment::at(seconds) };
        if self.rule.unit.is_some() || self.is_plausible(seconds) {
            return Ok(moment);
        }
        match self.plausible_meanings(number, text).next() {
            Some(other) => Err(format!(
                "`{}` would be a time as {other}, but the column's other numbers are {}: --time-unit says which",
                shown(text),
                self.numbers
            )),
            None => Ok(moment),
        }
    }

    fn is_plausible(&self, seconds: f64) -> bool {
        (EARLIEST..=self.latest).contains(&seconds)
    }

    /// What a number may mean, so that it lies between 1995 and tomorrow.
    fn plausible_meanings<'a>(&'a self, number: f64, text: &'a str) -> impl Iterator<Item = Numbers> + 'a {
        let units = TimeUnit::TOLD_BY_SIZE.into_iter().filter(move |unit| self.is_plausible(unit.seconds(number)));
        let compact = date::compact(digits(text)).filter(|(seconds, _)| self.is_plausible(*seconds));
        units.map(Numbers::Unit).chain(compact.map(|_| Numbers::Compact))
    }

    /// The value by one of the formats; none if no format is given.
    fn formatted(&self, text: &str) -> Option<Result<Moment, String>> {
        let mut formats = self.rule.formats.iter().filter_map(|format| match format {
            TimeFormat::Strptime(format) => Some(format.as_str()),
            _ => None,
        });
        let first = formats.next()?;
        let mut result = by_format(first, text);
        for format in formats {
            result = result.or_else(|_| by_format(format, text));
        }
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-29
    const LATEST: f64 = 1_795_996_800.0;
    const MOMENT: f64 = 1_793_610_900.0;

    fn decided(sample: &[&str]) -> TimeReader {
        TimeReader::decide(&TimeRule::default(), LATEST, sample.iter().copied(), None)
    }

    fn of_rule(unit: Option<TimeUnit>, formats: &[&str]) -> TimeReader {
        let formats = formats.iter().map(|format| format.parse().unwrap()).collect();
        TimeReader::decide(&TimeRule { unit, formats }, LATEST, std::iter::empty(), None)
    }

    #[test]
    fn the_unit_of_a_column_is_told_by_size_and_plausibility() {
        for text in [
            "1793610900",
            "1793610900.0",
            "1.7936109E9",
            "1793610900000",
            "1793610900000000",
            "1793610900000000000",
            "20261102091500",
            "202611020915",
            "20261102091500.0",
        ] {
            assert_eq!(decided(&[text]).read(text).map(|moment| moment.seconds), Ok(MOMENT), "{text}");
        }
        let date = decided(&["20261102"]).read("20261102").unwrap();
        assert_eq!((date.seconds, date.whole_day), (MOMENT - 33_300.0, true));
    }

    #[test]
    fn a_number_that_contradicts_its_column_is_an_error_and_no_other_moment() {
        let seconds = decided(&["1793610900", "1793610901", "20261102"]);
        let problem = seconds.read("1793610900000").unwrap_err();
        assert!(
            problem.contains("as milliseconds since 1970, but the column's other numbers are seconds"),
            "{problem}"
        );
        assert!(seconds.read("20261102").unwrap_err().contains("as dates such as 20261102"));
        let dates = decided(&["20261102", "20261103"]);
        assert!(dates.read("1793610900").unwrap_err().contains("is no date"));
        // What is plausible in no unit stays what it is: it is counted as too early or too late.
        assert_eq!(seconds.read("86400").map(|moment| moment.seconds), Ok(86_400.0));
    }

    #[test]
    fn a_unit_that_is_asked_for_is_taken_as_it_is() {
        assert_eq!(of_rule(Some(TimeUnit::Milliseconds), &[]).read("1793610900").map(|m| m.seconds), Ok(1_793_610.9));
        let excel = of_rule(Some(TimeUnit::Excel), &[]).read("46328.385416666664").unwrap();
        assert!((excel.seconds - MOMENT).abs() < 0.01, "{excel:?}");
    }

    #[test]
    fn formats_are_tried_in_order_and_nothing_else() {
        let two = of_rule(None, &["%d.%m.%Y", "%Y/%m/%d"]);
        assert!(two.read("2026/11/02").is_ok() && two.read("02.11.2026").is_ok());
        let problem = two.read("2026-11-02").unwrap_err();
        assert!(problem.starts_with("`2026-11-02` is not of the form `%Y/%m/%d`"), "{problem}");
        assert!("%d.%m.%!".parse::<TimeFormat>().is_err() && "dd.mm.yyyy".parse::<TimeFormat>().is_err());
    }

    #[test]
    fn day_and_month_follow_the_option_or_stay_open() {
        let open = decided(&[]).read("11/02/2026 21:47").unwrap();
        assert!(open.month_first.is_some());
        let (day_first, month_first) = (of_rule(None, &["day-first"]), of_rule(None, &["month-first"]));
        assert_eq!(day_first.read("11/02/2026").map(|moment| moment.seconds), Ok(1_770_768_000.0));
        assert_eq!(month_first.read("11/02/2026").map(|moment| moment.seconds), Ok(MOMENT - 33_300.0));
        assert!(month_first.read("29/01/2026").unwrap_err().contains("has the day first: expected the month first"));
    }

    #[test]
    fn ordinals_are_numbers_and_nothing_else() {
        let reader = TimeReader::ordinals();
        assert_eq!(reader.read("17").map(|moment| moment.seconds), Ok(17.0));
        assert!(reader.read("-1").is_err() && reader.read("2026-11-02").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}", sample in "[0-9.e]{0,20}") {
            let _ = decided(&[&sample]).read(&text);
            let _ = of_rule(None, &["%d.%m.%Y"]).read(&text);
        }

        #[test]
        fn a_column_of_one_unit_is_read_in_that_unit(
            seconds in prop::collection::vec(788_918_400_u64..1_795_996_800, 1..20), power in 0_u32..4,
        ) {
            let texts: Vec<String> =
                seconds.iter().map(|second| (second * 1000_u64.pow(power)).to_string()).collect();
            let reader = decided(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            for (second, text) in seconds.iter().zip(&texts) {
                prop_assert_eq!(reader.read(text).map(|moment| moment.seconds), Ok(*second as f64));
            }
        }
    }
}
