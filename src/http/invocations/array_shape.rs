//! Nested lists as numpy takes them: values enter, the shape of their array leaves, or why they make none.

use super::json::Json;

/// Numpy's limit.
const MOST_DIMENSIONS: usize = 64;

/// The shape of `numpy.array(values)`; an error is numpy's message.
pub(crate) fn of<'a>(values: impl ExactSizeIterator<Item = &'a Json>) -> Result<Vec<usize>, String> {
    let mut found = Found { shape: Vec::new(), most: usize::MAX, ragged: false, too_deep: false };
    found.list(values, 0);
    let Found { mut shape, most, ragged, too_deep } = found;
    if too_deep {
        return Err(format!(
            "setting an array element with a sequence. The requested array would exceed the maximum number of dimension \
             of {MOST_DIMENSIONS}."
        ));
    }
    if !ragged {
        return Ok(shape);
    }
    shape.truncate(most);
    Err(format!(
        "setting an array element with a sequence. The requested array has an inhomogeneous shape after {} dimensions. \
         The detected shape was {} + inhomogeneous part.",
        shape.len(),
        tuple(&shape)
    ))
}

/// A shape as Python prints it.
pub(crate) fn tuple(shape: &[usize]) -> String {
    match shape {
        [length] => format!("({length},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

struct Found {
    /// Lengths of the lists at each depth, as first met.
    shape: Vec<usize>,
    /// How many dimensions there can be, after the values met so far.
    most: usize,
    ragged: bool,
    too_deep: bool,
}

impl Found {
    fn list<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a Json>, depth: usize) {
        if depth >= MOST_DIMENSIONS {
            self.too_deep = true;
            return;
        }
        match self.shape.get(depth) {
            _ if depth >= self.most => return self.cut(self.most),
            None => self.shape.push(values.len()),
            Some(length) if *length == values.len() => {}
            Some(_) => return self.cut(depth),
        }
        for value in values {
            match value {
                Json::List(inner) => self.list(inner.iter(), depth + 1),
                _ if self.shape.len() > depth + 1 => self.cut(depth + 1),
                _ => self.most = self.most.min(depth + 1),
            }
        }
    }

    fn cut(&mut self, most: usize) {
        self.most = self.most.min(most);
        self.ragged = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Result<Vec<usize>, String> {
        let json: Json = serde_json::from_str(text).unwrap();
        of(json.elements().unwrap().iter())
    }

    #[test]
    fn lists_of_equal_lengths_have_a_shape() {
        for (text, expected) in [
            ("[]", vec![0]),
            ("[1, null, {}]", vec![3]),
            ("[[], []]", vec![2, 0]),
            ("[[1, 2], [3, \"a\"]]", vec![2, 2]),
            ("[[[1]], [[2]]]", vec![2, 1, 1]),
        ] {
            assert_eq!(shape(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_lists_have_what_their_parts_share() {
        for (text, dimensions, expected) in [
            ("[\"a\", [\"b\"]]", 1, "(2,)"),
            ("[[\"a\"], \"b\"]", 1, "(2,)"),
            ("[[1, 2], [3]]", 1, "(2,)"),
            ("[[1, [2]], [[1], [2]]]", 2, "(2, 2)"),
            ("[[[1, 2], [3]], [[1], [2]]]", 2, "(2, 2)"),
            ("[[\"u\", [\"a\"], [1, 2]]]", 2, "(1, 3)"),
        ] {
            let message = shape(text).unwrap_err();
            let expected =
                format!("after {dimensions} dimensions. The detected shape was {expected} + inhomogeneous part.");
            assert!(message.ends_with(&expected), "{text}: {message}");
        }
        assert!(shape(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
        assert!(shape(&format!("{}{}", "[".repeat(65), "]".repeat(65))).unwrap_err().ends_with("dimension of 64."));
    }
}
