//! What a manifest may say: sizes, lengths and counts are bounded before anything is made of them.

use super::{FILES, FORMAT, FeatureShape, GoldenRequest, Manifest, ModelShape, Network, OPTIONAL_FILES};
use crate::text::check_length;
use crate::vocabulary::{MOST_USER_ATTRIBUTES, MOST_USER_FEATURES};

/// Longest name, version or other text, in bytes.
pub const LONGEST_TEXT: usize = 256;
/// As the hyperparameters have it.
const LARGEST_SIZE: usize = 10_000;
/// Most item features, the parts of texts counted.
pub const MOST_FEATURES: usize = 64;
const MOST_METRICS: usize = 256;
/// Golden requests: an export has 4, and every worker answers all of them before it serves.
const MOST_GOLDEN: usize = 64;
/// Views of a golden request, and products of its answer: an export has 120 and 16 at most.
const MOST_VIEWS: usize = 1_000;

/// Refuses a manifest that cannot be right.
///
/// # Errors
/// The first key that is wrong, what was found and what was expected.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    let texts = [
        ("format", &manifest.format),
        ("name", &manifest.name),
        ("version", &manifest.version),
        ("created", &manifest.created),
        ("training.source_sha256", &manifest.training.source_sha256),
    ];
    texts.into_iter().try_for_each(|(key, text)| check_text(key, text))?;
    if manifest.format != FORMAT {
        return Err(format!("format is `{}`: expected `{FORMAT}`", manifest.format));
    }
    check_files(manifest)?;
    check_shape(&manifest.model)?;
    check_metrics(manifest)?;
    let golden = manifest.golden_requests.len();
    if golden == 0 || golden > MOST_GOLDEN {
        return Err(format!("golden_requests has {golden} requests: expected 1 to {MOST_GOLDEN}"));
    }
    (1..).zip(&manifest.golden_requests).try_for_each(|(number, request)| check_golden(number, request))
}

/// Names go into logs and metrics: no control characters.
fn check_text(key: &str, text: &str) -> Result<(), String> {
    check_length(key, text, LONGEST_TEXT)?;
    if text.contains(char::is_control) {
        return Err(format!("{key} is {text:?}: expected no control characters"));
    }
    Ok(())
}

fn check_files(manifest: &Manifest) -> Result<(), String> {
    let listed = manifest.files.keys().map(String::as_str).filter(|name| !OPTIONAL_FILES.contains(name));
    let listed: Vec<&str> = listed.collect();
    if listed != FILES {
        let listed: Vec<String> = listed.into_iter().take(8).map(crate::text::shortened).collect();
        return Err(format!("files are {listed:?}: expected {FILES:?}"));
    }
    for (name, record) in &manifest.files {
        let hash = &record.sha256;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("files.{name}.sha256 is no SHA-256: expected 64 hexadecimal digits"));
        }
    }
    Ok(())
}

fn check_shape(model: &ModelShape) -> Result<(), String> {
    check_size("model.longest_history", model.longest_history)?;
    check_size("model.item_embedding_size", model.item_embedding_size)?;
    if model.network == Network::SliRec && !model.user_features.is_empty() {
        return Err("model.user_features has features: expected none of the network sli-rec".to_owned());
    }
    let of_items = ("model.features", &model.features, MOST_FEATURES);
    let of_users = ("model.user_features", &model.user_features, MOST_USER_FEATURES);
    [of_items, of_users].into_iter().try_for_each(|(key, features, most)| {
        if features.len() > most {
            return Err(format!("{key} has {} features: expected at most {most}", features.len()));
        }
        check_features(model, key, features)
    })
}

fn check_features(model: &ModelShape, key: &str, features: &[FeatureShape]) -> Result<(), String> {
    for (position, feature) in features.iter().enumerate() {
        check_text(&format!("{key}, a name,"), &feature.name)?;
        check_size(&format!("{key}.embedding_size"), feature.embedding_size)?;
        if model.network == Network::Ranking && feature.embedding_size != model.item_embedding_size {
            let (found, expected) = (feature.embedding_size, model.item_embedding_size);
            return Err(format!("{key}.embedding_size is {found}: expected {expected}, as of the items"));
        }
        let twice = features.iter().take(position).any(|other| other.name == feature.name);
        // Embeddings are named after their features, those of item features beside that of the item.
        if twice || feature.name.is_empty() || feature.name == "item" {
            let name = &feature.name;
            return Err(format!("{key}, a name, is `{name}`: expected each once, and none called `item`"));
        }
    }
    Ok(())
}

fn check_size(key: &str, size: usize) -> Result<(), String> {
    match size {
        1..=LARGEST_SIZE => Ok(()),
        _ => Err(format!("{key} is {size}: expected 1 to {LARGEST_SIZE}")),
    }
}

fn check_metrics(manifest: &Manifest) -> Result<(), String> {
    let sets = manifest.metrics.values().map(|metrics| metrics.len()).sum::<usize>() + manifest.metrics.len();
    if sets > MOST_METRICS * 4 || manifest.loses_to.len() > MOST_METRICS {
        return Err(format!("metrics and loses_to have more than {MOST_METRICS} names"));
    }
    let names = manifest.metrics.iter().flat_map(|(set, metrics)| std::iter::once(set).chain(metrics.keys()));
    names.chain(&manifest.loses_to).try_for_each(|name| check_text("metrics or loses_to, a name,", name))
}

fn check_golden(number: usize, request: &GoldenRequest) -> Result<(), String> {
    let GoldenRequest { items, timestamps, top, user, .. } = request;
    if user.len() > MOST_USER_ATTRIBUTES {
        let count = user.len();
        return Err(format!(
            "golden request {number}: user has {count} entries: expected at most {MOST_USER_ATTRIBUTES}"
        ));
    }
    for (what, count) in [("items", items.len()), ("top", top.len())] {
        if count == 0 || count > MOST_VIEWS {
            return Err(format!("golden request {number}: {what} has {count} entries: expected 1 to {MOST_VIEWS}"));
        }
    }
    if timestamps.len() != items.len() {
        let (times, items) = (timestamps.len(), items.len());
        return Err(format!(
            "golden request {number}: has {times} timestamps for {items} items: expected one for each"
        ));
    }
    if let Some(scored) = top.iter().find(|scored| !scored.score.is_finite()) {
        return Err(format!("golden request {number}: a score is {}: expected a finite number", scored.score));
    }
    Ok(())
}
