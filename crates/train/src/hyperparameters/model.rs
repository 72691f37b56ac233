//! Sizes and options of the network.

use serde::{Deserialize, Serialize};
use slirec_core::bundle::{FeatureShape, LONGEST_TEXT, MOST_FEATURES, ModelShape, Network as NetworkKind};
use slirec_core::catalog::{CATEGORY, Catalog};
use slirec_core::vocabulary::{ItemFeatureError, MOST_USER_FEATURES, TextFeature, VectorFeature, Vocabulary};

use super::{HyperparameterError, ensure};

/// Which time the mixing gate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateTime {
    /// The time to now of the last of all slots, as the original: 0 unless the history fills them.
    #[default]
    LastSlot,
    /// The time to now of the last view.
    LastView,
}

/// Sizes and options of the network; the defaults are the original's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelHyperparameters {
    /// Which network; the ranking network reads nothing but the sizes of its embeddings and the longest history.
    pub network: NetworkKind,
    /// Size of the item embedding.
    pub item_embedding_size: usize,
    /// Positions of a history that are used.
    pub longest_history: usize,
    /// Hidden layers of the candidate attention and of the mixing gate.
    pub attention_layers: [usize; 2],
    /// Hidden layers of the final network.
    pub score_layers: [usize; 2],
    /// Whether empty slots take part in the long-term attention, as in the original.
    pub long_term_padding: bool,
    /// Which time the mixing gate reads.
    pub gate_time: GateTime,
    /// Size of the factors of the item-to-item transitions, 0 for a model without them.
    pub transition_size: usize,
    /// Last positions of a history that the transitions start from.
    pub transition_positions: usize,
    /// Item features with the sizes of their embeddings, `category` first; the others are attributes of the catalogue.
    pub features: Vec<FeatureShape>,
    /// Texts of the catalogue whose words are item features too; the ranking network's alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<TextFeature>,
    /// Attributes that hold vectors, whose codes are item features too; the ranking network's alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<VectorFeature>,
    /// Attributes of users that the dataset has, with the sizes of their embeddings; the ranking network's alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_features: Vec<FeatureShape>,
}

impl Default for ModelHyperparameters {
    fn default() -> Self {
        Self {
            network: NetworkKind::SliRec,
            item_embedding_size: 32,
            longest_history: 50,
            attention_layers: [80, 40],
            score_layers: [100, 64],
            long_term_padding: true,
            gate_time: GateTime::LastSlot,
            transition_size: 0,
            transition_positions: 3,
            features: vec![FeatureShape { name: CATEGORY.to_owned(), embedding_size: 8 }],
            text: Vec::new(),
            vectors: Vec::new(),
            user_features: Vec::new(),
        }
    }
}

impl ModelHyperparameters {
    /// Size D of a target or history vector; the LSTM's state and the attention have the same size, because the
    /// mixing gate adds their results.
    pub fn target_size(&self) -> usize {
        self.item_embedding_size + self.features.iter().map(|feature| feature.embedding_size).sum::<usize>()
    }

    /// All item features, those of texts and vectors last.
    pub fn all_features(&self) -> Vec<FeatureShape> {
        let of_texts = self.text.iter().flat_map(TextFeature::features);
        let further = of_texts.chain(self.vectors.iter().flat_map(VectorFeature::features));
        let further = further.map(|name| FeatureShape { name, embedding_size: self.item_embedding_size });
        self.features.iter().cloned().chain(further).collect()
    }

    /// Whether the network reads more of an item than its id and its category.
    pub fn has_content(&self) -> bool {
        self.features.len() > 1 || !self.text.is_empty() || !self.vectors.is_empty()
    }

    /// A dataset's vocabulary with the item features that this network reads beyond the category.
    ///
    /// # Errors
    /// [`ItemFeatureError`] for one that the catalogue does not have.
    pub fn vocabulary(&self, vocabulary: &Vocabulary, catalog: &Catalog) -> Result<Vocabulary, ItemFeatureError> {
        let names: Vec<&str> = self.features.iter().map(|feature| feature.name.as_str()).collect();
        vocabulary.with_item_features(catalog, &names, &self.text, &self.vectors)
    }

    /// What a bundle says of the model.
    pub fn shape(&self) -> ModelShape {
        ModelShape {
            network: self.network,
            longest_history: self.longest_history,
            item_embedding_size: self.item_embedding_size,
            features: self.all_features(),
            user_features: self.user_features.clone(),
        }
    }

    pub(super) fn check(&self) -> Result<(), HyperparameterError> {
        for (key, value) in [
            ("model.item_embedding_size", self.item_embedding_size),
            ("model.longest_history", self.longest_history),
            ("model.transition_positions", self.transition_positions),
            ("model.attention_layers", self.attention_layers.into_iter().min().unwrap_or_default()),
            ("model.score_layers", self.score_layers.into_iter().min().unwrap_or_default()),
        ] {
            ensure((1..=10_000).contains(&value), key, value, "1 to 10,000")?;
        }
        let size = self.transition_size;
        ensure(size <= 10_000, "model.transition_size", size, "0 to 10,000")?;
        self.check_text()?;
        self.check_vectors()?;
        self.check_user_features()?;
        check_features(&self.all_features())?;
        if self.network == NetworkKind::Ranking { self.check_ranking() } else { Ok(()) }
    }

    fn check_text(&self) -> Result<(), HyperparameterError> {
        for text in &self.text {
            let ranking = self.network == NetworkKind::Ranking;
            ensure(ranking, "model.text", &text.name, "none for the network sli-rec, which adds no embeddings")?;
            let once = self.text.iter().filter(|other| other.name == text.name).count() == 1;
            let usable = once && text.name != CATEGORY;
            ensure(
                usable,
                "model.text, a name,",
                &text.name,
                "every text once, and not the category, a feature already",
            )?;
            ensure((1..=32).contains(&text.parts), "model.text.parts", text.parts, "1 to 32")?;
            ensure((1..=1_000_000).contains(&text.words), "model.text.words", text.words, "1 to 1,000,000")?;
        }
        Ok(())
    }

    fn check_vectors(&self) -> Result<(), HyperparameterError> {
        for vector in &self.vectors {
            let ranking = self.network == NetworkKind::Ranking;
            ensure(ranking, "model.vectors", &vector.name, "none for the network sli-rec, which adds no embeddings")?;
            let once = self.vectors.iter().filter(|other| other.name == vector.name).count() == 1;
            ensure(once, "model.vectors, a name,", &vector.name, "every attribute once")?;
            ensure((1..=16).contains(&vector.levels), "model.vectors.levels", vector.levels, "1 to 16")?;
            ensure(vector.codes <= 1_024, "model.vectors.codes", vector.codes, "0 to 1,024")?;
        }
        Ok(())
    }

    fn check_user_features(&self) -> Result<(), HyperparameterError> {
        let (key, most) = ("model.user_features, their number,", "at most 64");
        ensure(self.user_features.len() <= MOST_USER_FEATURES, key, self.user_features.len(), most)?;
        for feature in &self.user_features {
            let (name, size) = (feature.name.as_str(), feature.embedding_size);
            let ranking = self.network == NetworkKind::Ranking;
            ensure(ranking, "model.user_features", name, "none for the network sli-rec, which knows nothing of users")?;
            let once = self.user_features.iter().filter(|other| other.name == name).count() == 1;
            let usable = once && !name.is_empty() && name.len() <= LONGEST_TEXT && !name.contains(char::is_control);
            let expected = "every attribute once, at most 256 bytes, and no control characters";
            ensure(usable, "model.user_features, a name,", name, expected)?;
            let key = "model.user_features.embedding_size";
            let expected = "model.item_embedding_size, as the ranking network adds embeddings";
            ensure(size == self.item_embedding_size, key, size, expected)?;
        }
        Ok(())
    }

    /// All embeddings of the ranking network are summed, in whole vectors.
    fn check_ranking(&self) -> Result<(), HyperparameterError> {
        let width = self.item_embedding_size;
        ensure(
            width.is_multiple_of(16),
            "model.item_embedding_size",
            width,
            "a multiple of 16 for the ranking network",
        )?;
        for feature in &self.features {
            let size = feature.embedding_size;
            let key = "model.features.embedding_size";
            ensure(
                size == width,
                key,
                size,
                "model.item_embedding_size, as the ranking network adds embeddings (model.network = \"sli-rec\" is the original's)",
            )?;
        }
        Ok(())
    }
}

fn check_features(features: &[FeatureShape]) -> Result<(), HyperparameterError> {
    let names: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
    let first = names.first().copied().unwrap_or("missing");
    ensure(first == CATEGORY, "model.features, the first name,", first, "`category`")?;
    let (key, expected) =
        ("model.features, the parts of model.text and the levels of model.vectors, their number,", "at most 64");
    ensure(names.len() <= MOST_FEATURES, key, names.len(), expected)?;
    for (position, feature) in features.iter().enumerate() {
        let name = feature.name.as_str();
        let new = names.iter().position(|other| *other == name) == Some(position);
        // Embeddings are named after their features, beside that of the item.
        let usable = new && !name.is_empty() && name != "item";
        ensure(usable, "model.features, a name,", name, "every attribute once, and none called `item`")?;
        let short = name.len() <= LONGEST_TEXT && !name.contains(char::is_control);
        ensure(short, "model.features, a name,", name, "at most 256 bytes, and no control characters")?;
        let size = feature.embedding_size;
        ensure((1..=10_000).contains(&size), "model.features.embedding_size", size, "1 to 10,000")?;
    }
    Ok(())
}
