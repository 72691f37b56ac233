//! Matrices of NumPy: a `.npy` file of 32-bit or 64-bit floats enters, its rows leave.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// How much of a header an error shows.
const SHOWN: usize = 120;

/// A file that is no matrix.
#[derive(Debug, Error)]
pub enum NpyError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

/// Rows of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Numbers of a row.
    pub width: usize,
    /// `[rows, width]`
    pub values: Vec<f32>,
}

impl Matrix {
    /// Reads a file.
    ///
    /// # Errors
    /// [`NpyError`]
    pub fn read(path: &Path) -> Result<Self, NpyError> {
        let bytes = fs::read(path).map_err(|source| NpyError::Io { path: path.to_owned(), source })?;
        Self::parse(&bytes).map_err(|problem| NpyError::Invalid { path: path.to_owned(), problem })
    }

    /// Parses the content of a file.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (header, data) = split(bytes).ok_or("is no .npy file of NumPy")?;
        let shown: String = header.chars().take(SHOWN).collect();
        let field = |name: &str| value_of(header, name).ok_or_else(|| format!("has no {name} in its header `{shown}`"));
        if field("fortran_order")?.starts_with("True") {
            return Err("is stored by columns: expected rows, as numpy.ascontiguousarray makes them".to_owned());
        }
        let size = match field("descr")? {
            kind if kind.starts_with("'<f4'") => 4,
            kind if kind.starts_with("'<f8'") => 8,
            _ => return Err(format!("holds other numbers than float32 or float64: its header is `{shown}`")),
        };
        let shape = field("shape")?.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or_default();
        let sizes: Option<Vec<usize>> =
            shape.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect();
        let Some(&[rows, width]) = sizes.as_deref().and_then(|sizes| <&[usize; 2]>::try_from(sizes).ok()) else {
            return Err(format!("has the shape ({shape}): expected rows and columns"));
        };
        let expected = usize::checked_mul(rows, width).and_then(|numbers| numbers.checked_mul(size));
        if expected != Some(data.len()) || width == 0 {
            return Err(format!("has {} bytes behind its header: expected {rows} rows of {width} numbers", data.len()));
        }
        let values = match size {
            4 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            _ => data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
        };
        Ok(Self { width, values })
    }

    /// All rows, in their order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks(self.width.max(1))
    }
}

/// The header's text, and what stands behind it (NumPy Enhancement Proposal 1; version 3 allows UTF-8).
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (version, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<2>()?;
    let (length, rest) = match version {
        [1, _] => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest))?,
        _ => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest))?,
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What stands behind a key of the header, which is a dictionary as Python writes it.
fn value_of<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = header.split_once(&format!("'{name}':"))?;
    Some(behind.trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file as NumPy writes it.
    fn file(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    #[test]
    fn rows_of_both_widths_of_floats_are_read() {
        let singles: Vec<u8> =
            [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let doubles: Vec<u8> =
            [1.0_f64, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        for (descr, data) in [("<f4", singles), ("<f8", doubles)] {
            let matrix = Matrix::parse(&file(descr, "False", "(2, 3)", &data)).unwrap();
            assert_eq!(matrix.rows().collect::<Vec<_>>(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        }
    }

    #[test]
    fn what_is_no_such_matrix_is_told() {
        for (content, problem) in [
            (b"handle,vector".to_vec(), "is no .npy file"),
            (file("<i8", "False", "(1, 1)", &[0; 8]), "other numbers than float32 or float64"),
            (file("<f4", "True", "(1, 1)", &[0; 4]), "stored by columns"),
            (file("<f4", "False", "(4,)", &[0; 16]), "has the shape (4,)"),
            (file("<f4", "False", "(2, 2)", &[0; 12]), "has 12 bytes behind its header: expected 2 rows of 2"),
            (file("<f4", "False", "(18446744073709551615, 2)", &[]), "expected 18446744073709551615 rows"),
        ] {
            let found = Matrix::parse(&content).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), shape in "[(),0-9 -]{0,12}") {
            let _ = Matrix::parse(&[MAGIC, &bytes].concat());
            let _ = Matrix::parse(&file("<f4", "False", &shape, &bytes));
        }
    }
}
