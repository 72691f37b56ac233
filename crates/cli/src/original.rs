//! The original's files as flags name them: paths enter, a vocabulary leaves.

use std::path::Path;

use anyhow::{Result, bail};
use slirec_connect::original::OriginalVocabulary;
use slirec_core::vocabulary::Vocabulary;

/// The original's vocabulary files, which clap made sure to be there together.
pub(crate) fn original_vocabulary(
    items: Option<&Path>,
    categories: Option<&Path>,
    item_categories: Option<&Path>,
) -> Result<Vocabulary> {
    let (Some(items), Some(categories), Some(item_categories)) = (items, categories, item_categories) else {
        bail!("--item-vocabulary, --category-vocabulary and --item-categories are needed together");
    };
    Ok(OriginalVocabulary { items, categories, item_categories }.read(&|_| 0)?)
}
