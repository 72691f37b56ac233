//! Sparse matrices by rows: rows enter one by one, dense sums of them leave.

use rayon::prelude::*;

/// Rows of columns with values.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    /// Sum of each row.
    sums: Vec<f64>,
}

/// A row while it is summed up: dense, and the columns that were touched in their order.
pub(super) struct RowSums {
    values: Vec<f64>,
    touched: Vec<u32>,
}

impl RowSums {
    pub(super) fn new(columns: usize) -> Self {
        Self { values: vec![0.0; columns], touched: Vec::new() }
    }

    /// Adds to a column; values are above 0.
    pub(super) fn add(&mut self, column: u32, value: f64) {
        if let Some(sum) = self.values.get_mut(column as usize) {
            if *sum == 0.0 {
                self.touched.push(column);
            }
            *sum += value;
        }
    }

    /// The sums by column; nothing is left behind.
    pub(super) fn take(&mut self) -> Vec<(u32, f64)> {
        let Self { values, touched } = self;
        let taken =
            touched.drain(..).map(|column| (column, values.get_mut(column as usize).map_or(0.0, std::mem::take)));
        taken.collect()
    }
}

/// Rows that a thread makes at once.
const ROWS_AT_ONCE: usize = 256;

impl Sparse {
    /// A matrix whose row number `row` is what `fill` adds up.
    pub(super) fn square(rows: usize, fill: impl Fn(usize, &mut RowSums) + Sync) -> Self {
        let blocks: Vec<usize> = (0..rows).step_by(ROWS_AT_ONCE).collect();
        let part = |sums: &mut RowSums, start: usize| {
            let mut part = Self::default();
            for row in start..(start + ROWS_AT_ONCE).min(rows) {
                fill(row, sums);
                part.push(sums.take().into_iter());
            }
            part
        };
        let parts: Vec<Self> =
            blocks.into_par_iter().map_init(|| RowSums::new(rows), |sums, start| part(sums, start)).collect();
        let mut whole = Self { starts: vec![0], ..Self::default() };
        for part in parts {
            let before = whole.columns.len();
            whole.starts.extend(part.starts.iter().map(|end| before + end));
            whole.columns.extend(part.columns);
            whole.values.extend(part.values);
            whole.sums.extend(part.sums);
        }
        whole
    }

    /// Ends of rows stand in `starts`; the first 0 is put before them at the end.
    fn push(&mut self, row: impl Iterator<Item = (u32, f64)>) {
        let mut sum = 0.0;
        for (column, value) in row {
            self.columns.push(column);
            // Counts with decays: far within the range of f32.
            self.values.push(value as f32);
            sum += value;
        }
        self.starts.push(self.columns.len());
        self.sums.push(sum);
    }

    /// Sum of a row.
    pub(super) fn sum(&self, row: usize) -> f64 {
        self.sums.get(row).copied().unwrap_or_default()
    }

    /// Columns and values of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts.get(row).zip(self.starts.get(row + 1)).map_or(0..0, |(start, end)| *start..*end);
        let columns = self.columns.get(range.clone()).unwrap_or_default();
        columns.iter().copied().zip(self.values.get(range).unwrap_or_default().iter().copied())
    }

    /// Adds `weight` times a row to `out`.
    pub(super) fn add_row(&self, row: usize, weight: f64, out: &mut [f64]) {
        let Some((start, end)) = self.starts.get(row).zip(self.starts.get(row + 1)) else { return };
        let columns = self.columns.get(*start..*end).unwrap_or_default();
        let values = self.values.get(*start..*end).unwrap_or_default();
        for (column, value) in columns.iter().zip(values) {
            if let Some(out) = out.get_mut(*column as usize) {
                *out += weight * f64::from(*value);
            }
        }
    }
}
