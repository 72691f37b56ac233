//! Candidates once more in numbers of 8 bits, to tell which few of very many can be among the best: rows of floats enter, whole
//! numbers with a factor for each row leave, and how much rounding took from it.
//!
//! A row x is measured in a unit for each column and becomes s · Z, Z being whole numbers of at most 127.

use crate::lanes::Buffer;
use crate::request::BLOCK;

/// Greatest whole number of a candidate.
pub(super) const LARGEST: f64 = 127.0;
/// Candidates that the columns' units are taken of, at most.
const SAMPLED: usize = 1 << 16;
/// Adding and subtracting it rounds to a whole number.
const ROUNDER: f64 = 1.5 * (1_u64 << 52) as f64;

/// Candidates in 8 bits.
#[derive(Debug)]
pub struct RoundedCandidates {
    count: usize,
    /// What a value of each column is measured in.
    pub(super) units: Vec<f64>,
    /// `[blocks, columns / 2, BLOCK, 2]`
    pub(super) values: Buffer<i8>,
    /// What the whole numbers of a candidate are multiplied with; 0 behind the last one.
    pub(super) scales: Buffer,
    /// Lowest behind the last candidate.
    pub(super) bias: Buffer,
    pub(super) lengths: Vec<Lengths>,
    pub(super) largest_bias: f32,
    pub(super) finite: bool,
}

/// The greatest lengths of a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lengths {
    /// Of what rounding took from a row.
    pub(super) error: f32,
    /// Of a rounded row.
    pub(super) rounded: f32,
}

impl RoundedCandidates {
    /// Of so many candidates: `row_of` fills in the row of one, of an even width, and gives its bias; it is asked in rising
    /// order, for some candidates twice.
    ///
    /// # Errors
    /// The first that `row_of` gives.
    ///
    /// # Panics
    /// When the width is odd.
    pub fn new<E>(
        width: usize,
        count: usize,
        mut row_of: impl FnMut(usize, &mut [f32]) -> Result<f32, E>,
    ) -> Result<Self, E> {
        assert!(width.is_multiple_of(2), "a width of {width}: expected an even one");
        let blocks = count.div_ceil(BLOCK);
        let mut candidates = Self {
            count,
            units: units(width, count, &mut row_of)?,
            values: Buffer::zeros(blocks * width * BLOCK),
            scales: Buffer::zeros(blocks * BLOCK),
            bias: Buffer::zeros(blocks * BLOCK),
            lengths: vec![Lengths::default(); blocks],
            largest_bias: 0.0,
            finite: true,
        };
        candidates.bias[count..].fill(f32::MIN);
        let inverses: Vec<f64> = candidates.units.iter().map(|unit| 1.0 / unit).collect();
        let (mut row, mut measured) = (vec![0.0; width], vec![0.0; width]);
        for candidate in 0..count {
            let bias = row_of(candidate, &mut row)?;
            candidates.finite &= bias.is_finite() && row.iter().all(|value| value.is_finite());
            for ((measured, value), inverse) in measured.iter_mut().zip(&row).zip(&inverses) {
                *measured = f64::from(*value) * inverse;
            }
            candidates.set(candidate, &measured, bias);
        }
        Ok(candidates)
    }

    fn set(&mut self, candidate: usize, measured: &[f64], bias: f32) {
        let most = greatest(measured);
        // Of what no float can measure, the error is infinite.
        let scale = Some((most / LARGEST) as f32).filter(|scale| scale.is_finite()).unwrap_or_default();
        let inverse = if scale > 0.0 { 1.0 / f64::from(scale) } else { 0.0 };
        let (mut error, mut rounded) = (0.0, 0.0);
        let first = candidate / BLOCK * measured.len() * BLOCK + 2 * (candidate % BLOCK);
        let places = self.values[first..].chunks_mut(2 * BLOCK);
        for (pair, places) in measured.as_chunks::<2>().0.iter().zip(places) {
            for half in 0..2 {
                let whole = ((pair[half] * inverse + ROUNDER) - ROUNDER).clamp(-LARGEST, LARGEST);
                let value = whole * f64::from(scale);
                error += (pair[half] - value) * (pair[half] - value);
                rounded += value * value;
                places[half] = whole as i8;
            }
        }
        let lengths = &mut self.lengths[candidate / BLOCK];
        lengths.error = lengths.error.max(upwards(error.sqrt()));
        lengths.rounded = lengths.rounded.max(upwards(rounded.sqrt()));
        (self.scales[candidate], self.bias[candidate]) = (scale, bias);
        self.largest_bias = self.largest_bias.max(bias.abs());
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// False when a value was infinite or not a number.
    pub fn is_finite(&self) -> bool {
        self.finite
    }
}

/// The greatest magnitude; of numbers, whatever NaN there is.
pub(super) fn greatest(values: &[f64]) -> f64 {
    let mut most = [0.0_f64; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for values in chunks.iter().map(<[f64; 4]>::as_slice).chain([rest]) {
        for (most, value) in most.iter_mut().zip(values) {
            *most = if value.abs() > *most { value.abs() } else { *most };
        }
    }
    most.into_iter().fold(0.0, f64::max)
}

/// A float that is no less.
pub(super) fn upwards(value: f64) -> f32 {
    (value * 1.000_001) as f32
}

/// The root of the mean square of every column, so that a whole number says as much in one as in another.
fn units<E>(
    width: usize,
    count: usize,
    row_of: &mut impl FnMut(usize, &mut [f32]) -> Result<f32, E>,
) -> Result<Vec<f64>, E> {
    let (mut squares, mut row) = (vec![0.0; width], vec![0.0; width]);
    let sampled = (0..count).step_by(count.div_ceil(SAMPLED).max(1));
    let number = sampled.len().max(1) as f64;
    for candidate in sampled {
        row_of(candidate, &mut row)?;
        squares.iter_mut().zip(&row).for_each(|(sum, value)| *sum += f64::from(*value).powi(2));
    }
    let unit = |square: f64| {
        let unit = (square / number).sqrt();
        // Whatever it is where all values are 0.
        if unit.is_finite() && unit > f64::from(f32::MIN_POSITIVE) { unit } else { 1.0 }
    };
    Ok(squares.into_iter().map(unit).collect())
}
