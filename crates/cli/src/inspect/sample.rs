//! Sample rows of a stream: rows enter one by one, a few of them leave, every row with the same chance.

use slirec_train::random::mix;

/// Keeps `rows` of the rows that it is offered (Vitter 1985, algorithm R). The numbers that it draws depend on the
/// position alone: the same file has the same sample.
#[derive(Debug)]
pub(crate) struct Sample<T> {
    rows: usize,
    offered: u64,
    kept: Vec<(u64, T)>,
}

impl<T> Default for Sample<T> {
    /// Keeps nothing.
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T> Sample<T> {
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, offered: 0, kept: Vec::new() }
    }

    /// Offers a row; `make` is only called when it is kept.
    pub(crate) fn offer(&mut self, make: impl FnOnce() -> T) {
        self.offered += 1;
        if self.kept.len() < self.rows {
            self.kept.push((self.offered, make()));
            return;
        }
        // Below the number of rows so far, and only used when it is below `rows`.
        let place = mix(self.offered) % self.offered;
        if let Some(slot) = usize::try_from(place).ok().and_then(|place| self.kept.get_mut(place)) {
            *slot = (self.offered, make());
        }
    }

    /// The rows in the order they came.
    pub(crate) fn into_rows(mut self) -> Vec<T> {
        self.kept.sort_by_key(|(position, _)| *position);
        self.kept.into_iter().map(|(_, row)| row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rows: usize, offered: u64) -> Vec<u64> {
        let mut sample = Sample::new(rows);
        (0..offered).for_each(|row| sample.offer(|| row));
        sample.into_rows()
    }

    #[test]
    fn a_sample_spreads_over_the_whole_stream_in_its_order() {
        let rows = sample(100, 100_000);
        assert!(rows.is_sorted() && rows.len() == 100);
        for quarter in 0..4 {
            let within = rows.iter().filter(|row| **row / 25_000 == quarter).count();
            assert!((10..40).contains(&within), "{rows:?}");
        }
        assert_eq!(rows, sample(100, 100_000));
    }

    #[test]
    fn few_rows_are_all_kept_and_none_may_be_asked_for() {
        assert_eq!(sample(10, 3), [0, 1, 2]);
        assert!(sample(0, 3).is_empty());
    }
}
