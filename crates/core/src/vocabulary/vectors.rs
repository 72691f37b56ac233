//! Content vectors as item features: vectors of products enter, as their attributes have them; for each a few whole numbers
//! leave, its codes.
//!
//! Models read one value of every feature. A vector is told by residual quantisation: its first code is the number of the
//! nearest of a few centroids, the next one that of what the first centroid leaves of it, and so on. Products that are
//! alike share codes, whose embeddings are learned from all of them, and a new product has its codes from its vector
//! alone. (Rajput et al., *Recommender Systems with Generative Retrieval*, NeurIPS 2023; Singh et al., *Better
//! Generalization with Semantic IDs*, RecSys 2024.)

use serde::{Deserialize, Serialize};

use super::{DEFAULT_ID, Feature};
use crate::catalog::Product;
use crate::text::bounded;

/// Longest vector.
pub(super) const WIDEST: usize = 4_096;
/// Vectors that centroids are fitted to, at most: of more, evenly spread ones.
const FITTED: usize = 16_384;
/// Rounds of assigning vectors to centroids and moving these to their means.
const ROUNDS: usize = 12;
/// Sums side by side, whatever the instruction set.
const LANES: usize = 16;

/// What the values of a feature number: centroids of what the features before it left of a product's vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Centroids {
    /// The attribute that holds the vector.
    pub attribute: String,
    /// `[values, width]`
    #[serde(deserialize_with = "bounded")]
    pub values: Vec<f32>,
}

/// The vector of a text such as `0.12, -0.5` or `[0.12 -0.5]`, of length 1; none for a text that is no such list of at most
/// 4,096 finite numbers, or whose numbers are all 0.
pub(super) fn read(text: &str) -> Option<Vec<f32>> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let numbers = inner.split([',', ' ', '\t']).filter(|part| !part.is_empty()).take(WIDEST + 1);
    let mut vector: Vec<f32> = numbers.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if vector.len() > WIDEST || !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
        return None;
    }
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    Some(vector)
}

/// Centroids `[codes, width]` of each level for vectors of one width; fewer codes where there are fewer vectors. The same
/// vectors give the same bits.
pub(super) fn fit(vectors: &[Vec<f32>], levels: usize, codes: usize) -> Vec<Vec<f32>> {
    let step = vectors.len().div_ceil(FITTED).max(1);
    let mut rest: Vec<Vec<f32>> = vectors.iter().step_by(step).cloned().collect();
    let mut fitted = Vec::with_capacity(levels);
    for _ in 0..levels {
        let centroids = means(&rest, codes.min(rest.len()));
        let halves = halves_of_squares(&centroids, rest.first().map_or(1, Vec::len).max(1));
        for vector in &mut rest {
            take_off(vector, &centroids, &halves);
        }
        fitted.push(centroids);
    }
    fitted
}

/// Vectors to start from: each is drawn by the squares of the distances to those before it (k-means++, Arthur and
/// Vassilvitskii 2007), by the numbers of a sequence that covers 0 to 1 evenly instead of random ones.
fn starts(vectors: &[Vec<f32>], codes: usize) -> Vec<f32> {
    let width = vectors.first().map_or(1, Vec::len).max(1);
    let mut distances = vec![f64::INFINITY; vectors.len()];
    let mut chosen: Vec<f32> = vectors.first().cloned().unwrap_or_default();
    for code in 1..codes {
        let last = chosen.rchunks(width).next().unwrap_or_default();
        for (distance, vector) in distances.iter_mut().zip(vectors) {
            let rest: Vec<f32> = vector.iter().zip(last).map(|(value, other)| value - other).collect();
            *distance = distance.min(f64::from(dot(&rest, &rest)));
        }
        let drawn = (code as f64 * GOLDEN).fract() * distances.iter().sum::<f64>();
        let mut sum = 0.0;
        let place = distances.iter().position(|distance| {
            sum += distance;
            sum > drawn
        });
        // Where nothing is left to tell apart, any vector is as good as another.
        chosen.extend(vectors.get(place.unwrap_or_default()).into_iter().flatten());
    }
    chosen
}

/// Its multiples lie evenly between whole numbers.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Lloyd's algorithm. A centroid without vectors becomes the one that is farthest from its own.
fn means(vectors: &[Vec<f32>], codes: usize) -> Vec<f32> {
    let width = vectors.first().map_or(1, Vec::len).max(1);
    let mut centroids = starts(vectors, codes);
    let mut before: Vec<usize> = Vec::new();
    for _ in 0..ROUNDS {
        let halves = halves_of_squares(&centroids, width);
        let nearest: Vec<(usize, f32)> = vectors.iter().map(|vector| nearest(vector, &centroids, &halves)).collect();
        let assigned: Vec<usize> = nearest.iter().map(|(code, _)| *code).collect();
        if assigned == before {
            break;
        }
        let (mut sums, mut counts) = (vec![0.0_f64; centroids.len()], vec![0_u32; codes]);
        for (vector, code) in vectors.iter().zip(&assigned) {
            let sum = sums.get_mut(code * width..(code + 1) * width).unwrap_or_default();
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
            counts.get_mut(*code).into_iter().for_each(|count| *count += 1);
        }
        // A score says how near a centroid is to one vector; vectors are compared by their distances.
        let distance = |place: &usize| {
            let vector = vectors.get(*place).map(Vec::as_slice).unwrap_or_default();
            dot(vector, vector) - 2.0 * nearest.get(*place).map_or(0.0, |(_, score)| *score)
        };
        let mut farthest: Vec<usize> = (0..vectors.len()).collect();
        if counts.contains(&0) {
            farthest.sort_by(|one, other| distance(other).total_cmp(&distance(one)));
        }
        let mut farthest = farthest.into_iter();
        for ((centroid, sum), count) in centroids.chunks_mut(width).zip(sums.chunks(width)).zip(counts) {
            if count > 0 {
                centroid.iter_mut().zip(sum).for_each(|(value, sum)| *value = (sum / f64::from(count)) as f32);
            } else if let Some(vector) = farthest.next().and_then(|place| vectors.get(place)) {
                centroid.copy_from_slice(vector);
            }
        }
        before = assigned;
    }
    centroids
}

fn halves_of_squares(centroids: &[f32], width: usize) -> Vec<f32> {
    centroids.chunks(width).map(|centroid| dot(centroid, centroid) / 2.0).collect()
}

/// The nearest centroid, the first of equal ones, and its score: v · c - c² / 2, which falls with the distance.
fn nearest(vector: &[f32], centroids: &[f32], halves: &[f32]) -> (usize, f32) {
    let scores = centroids.chunks(vector.len().max(1)).zip(halves).map(|(centroid, half)| dot(vector, centroid) - half);
    scores.enumerate().fold((0, f32::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best })
}

/// Takes the nearest centroid off a vector; its number.
fn take_off(vector: &mut [f32], centroids: &[f32], halves: &[f32]) -> usize {
    let (code, _) = nearest(vector, centroids, halves);
    let centroid = centroids.chunks(vector.len().max(1)).nth(code).unwrap_or_default();
    vector.iter_mut().zip(centroid).for_each(|(value, centre)| *value -= centre);
    code
}

/// In sums side by side, so that the same bits come out of any instruction set, and fast.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (ones, one_rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    for (one, other) in ones.iter().zip(others) {
        sums.iter_mut().zip(one).zip(other).for_each(|((sum, one), other)| *sum += one * other);
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

/// Where the codes of vectors stand among the features.
#[derive(Debug, Clone, Default)]
pub(super) struct Vectors(Vec<Coded>);

#[derive(Debug, Clone)]
struct Coded {
    attribute: String,
    width: usize,
    /// Positions of the features of its levels, each with what [`nearest`] needs of its centroids.
    levels: Vec<(usize, Vec<f32>)>,
}

impl Vectors {
    /// # Errors
    /// Centroids that are not as many as their feature has values, or of another width than those before.
    pub(super) fn of(features: &[Feature]) -> Result<Self, String> {
        let mut vectors = Self::default();
        for (position, feature) in features.iter().enumerate() {
            let Some(Centroids { attribute, values }) = &feature.vector else { continue };
            let codes = feature.values.len();
            let width = values.len().checked_div(codes).unwrap_or_default();
            if width == 0 || width > WIDEST || width * codes != values.len() {
                let (name, numbers) = (&feature.name, values.len());
                return Err(format!("feature `{name}`: has centroids of {numbers} numbers for {codes} values"));
            }
            if values.iter().any(|value| !value.is_finite()) {
                return Err(format!("feature `{}`: has centroids that are not finite", feature.name));
            }
            let level = (position, halves_of_squares(values, width));
            match vectors.0.iter_mut().find(|coded| coded.attribute == *attribute) {
                Some(coded) if coded.width == width => coded.levels.push(level),
                Some(coded) => {
                    let (name, expected) = (&feature.name, coded.width);
                    return Err(format!("feature `{name}`: has centroids of width {width}, expected {expected}"));
                }
                None => {
                    vectors.0.push(Coded { attribute: attribute.clone(), width, levels: vec![level] });
                }
            }
        }
        Ok(vectors)
    }

    /// The attributes that hold vectors.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|coded| coded.attribute.as_str())
    }

    /// Fills in the codes of a product's vectors; those of training where the product has none, or one of another width.
    pub(super) fn add(&self, features: &[Feature], product: &Product, trained: &[u32], ids: &mut [u32]) {
        for Coded { attribute, width, levels } in &self.0 {
            let mut vector = read(product.feature(attribute)).filter(|vector| vector.len() == *width);
            for (position, halves) in levels {
                let centroids = features.get(*position).and_then(|feature| feature.vector.as_ref());
                let code = match (&mut vector, centroids) {
                    // A value's id is its number from 1.
                    (Some(vector), Some(centroids)) => take_off(vector, &centroids.values, halves) as u32 + 1,
                    _ => trained.get(*position).copied().unwrap_or(DEFAULT_ID),
                };
                ids.get_mut(*position).into_iter().for_each(|id| *id = code);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_as_a_vector_of_length_one_or_not_at_all() {
        assert_eq!(read("[3, 4]"), Some(vec![0.6, 0.8]));
        assert_eq!(read(" 3 4 "), Some(vec![0.6, 0.8]));
        assert_eq!(read("1e-3,0"), Some(vec![1.0, 0.0]));
        for text in ["", "[]", "0, 0", "1, two", "nan, 1", "inf", "1;2", &"1 ".repeat(WIDEST + 1)] {
            assert_eq!(read(text), None, "{text:.20}");
        }
    }

    /// So many groups of vectors that lie close together, in turn.
    fn groups(count: usize) -> Vec<Vec<f32>> {
        let vector = |number: usize| {
            let wobble = (number / count) as f32 * 0.01;
            (0..20).map(|place| if place % count == number % count { 1.0 + wobble } else { wobble }).collect()
        };
        (0..count * 6).map(vector).collect()
    }

    #[test]
    fn vectors_that_are_alike_share_their_first_code_and_others_do_not() {
        let vectors = groups(4);
        let fitted = fit(&vectors, 2, 4);
        let halves = halves_of_squares(&fitted[0], 20);
        let code = |vector: &Vec<f32>| take_off(&mut vector.clone(), &fitted[0], &halves);
        for (place, vector) in vectors.iter().enumerate() {
            assert_eq!(code(vector), code(&vectors[place % 4]));
        }
        let mut codes: Vec<usize> = vectors[..4].iter().map(code).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn every_level_leaves_no_more_of_a_vector_than_the_one_before(
            vectors in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 5), 1..40),
            codes in 1_usize..9,
        ) {
            let fitted = fit(&vectors, 3, codes);
            prop_assert_eq!(&fitted, &fit(&vectors, 3, codes));
            let mut rest = vectors.clone();
            let length = |vectors: &[Vec<f32>]| vectors.iter().map(|vector| dot(vector, vector)).sum::<f32>();
            for centroids in &fitted {
                prop_assert_eq!(centroids.len(), codes.min(vectors.len()) * 5);
                let before = length(&rest);
                let halves = halves_of_squares(centroids, 5);
                rest.iter_mut().for_each(|vector| { take_off(vector, centroids, &halves); });
                prop_assert!(length(&rest) <= before * 1.001 + 1e-5);
            }
        }
    }
}
