//! Attributes that hold vectors as item features: vectors of products enter, features whose values are their codes leave.

use serde::{Deserialize, Serialize};

use super::{Centroids, Feature, vectors};

/// An attribute that holds a vector of each product, such as one that a language or picture model made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFeature {
    /// The attribute of the catalogue.
    pub name: String,
    /// Codes of a vector, each of which is a feature.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Values of a code; 0 for about the root of the number of products, at most 256.
    #[serde(default)]
    pub codes: usize,
}

fn levels() -> usize {
    4
}

/// Values of a code where nothing else is said.
const CODES: (usize, usize) = (4, 256);

impl VectorFeature {
    /// Of an attribute, with the usual numbers of codes.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), levels: levels(), codes: 0 }
    }

    /// Names of the features that its codes are.
    pub fn features(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.levels).map(|level| format!("{}.{level}", self.name))
    }

    /// The features of products, of which handles and the texts of their vectors enter.
    ///
    /// # Errors
    /// The first product whose vector cannot be read, or is of another width than the first one.
    pub(super) fn levels_of<'a>(
        &self,
        products: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<Feature>, String> {
        let mut found: Vec<Vec<f32>> = Vec::new();
        for (handle, text) in products {
            let vector = vectors::read(text).ok_or_else(|| {
                let widest = vectors::WIDEST;
                format!("that of `{handle}` is no list of at most {widest} numbers, not all of them 0")
            })?;
            let (width, has) = (found.first().map_or(vector.len(), Vec::len), vector.len());
            if has != width {
                return Err(format!("that of `{handle}` has {has} numbers, expected {width} as those before"));
            }
            found.push(vector);
        }
        let codes = match self.codes {
            0 => found.len().isqrt().next_power_of_two().clamp(CODES.0, CODES.1),
            codes => codes,
        };
        let fitted = vectors::fit(&found, self.levels, codes);
        let level = |(name, centroids): (String, Vec<f32>)| {
            let codes = centroids.len() / found.first().map_or(1, Vec::len);
            let values = (1..=codes).map(|code| code.to_string()).collect();
            let vector = Some(Centroids { attribute: self.name.clone(), values: centroids });
            Feature { name, text: None, vector, values }
        };
        Ok(self.features().zip(fitted).map(level).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{catalog, vocabulary};
    use super::*;
    use crate::catalog::{Catalog, Product};

    #[test]
    fn alike_vectors_share_codes_new_products_have_theirs_and_known_ones_keep_them_without_a_vector() {
        let product = |handle: &str, vector: &str| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            attributes: [("content", vector)].into(),
            ..catalog().products()[0].clone()
        };
        let products = [("novel", "1 0 0"), ("atlas", "0 1 0"), ("diary", "0.99 0.01 0"), ("new", "[0.98, 0.0, 0.02]")];
        let catalog = Catalog::new(products.map(|(handle, vector)| product(handle, vector)).into()).unwrap();
        let content = VectorFeature { codes: 2, levels: 2, ..VectorFeature::new("content") };
        let vocabulary = vocabulary().with_item_features(&catalog, &["category"], &[], &[content]).unwrap();
        let names: Vec<&str> = vocabulary.features().iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["category", "content.1", "content.2"]);
        let first = |handle: &str| vocabulary.features_of(catalog.product(handle).unwrap())[1];
        assert!(first("novel") == first("diary") && first("novel") == first("new") && first("novel") != first("atlas"));
        let known = |vector: &str| vocabulary.features_of(&product("atlas", vector));
        assert_eq!(known(""), vocabulary.item(vocabulary.item_id("atlas")).unwrap().features);
        assert_eq!(known("0 1"), known(""), "of another width");
        assert_eq!(vocabulary.features_of(&product("unheard of", ""))[1..], [0, 0]);
        let error = |vector: &str| {
            let products = vec![product("novel", "1 0 0"), product("atlas", vector)];
            let catalog = Catalog::new(products).unwrap();
            let vectors = [VectorFeature::new("content")];
            self::vocabulary().with_item_features(&catalog, &["category"], &[], &vectors).unwrap_err().to_string()
        };
        assert_eq!(error("1 0"), "vector `content`: that of `atlas` has 2 numbers, expected 3 as those before");
        assert!(error("red").contains("that of `atlas` is no list of at most 4096 numbers"));
    }
}
