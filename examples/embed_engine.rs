//! Embeds the engine in a program of your own: the directory of a bundle and handles of viewed products enter, the best
//! products leave, without HTTP and without an async runtime.
//!
//! ```text
//! cargo run --package slirec-engine --example embed_engine -- models/demo novel atlas
//! ```
//!
//! ONNX Runtime is found by `ORT_DYLIB_PATH`, which the repository's `.cargo/config.toml` sets for `cargo run`; or set
//! [`EngineOptions::onnxruntime`].

use std::error::Error;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use slirec_engine::{Engine, EngineOptions, RecommendationRequest, ViewHistory};

/// Seconds between two views.
const BETWEEN_VIEWS: f64 = 10.0;
/// Products to recommend.
const LIMIT: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let bundle = arguments.next().ok_or("usage: embed_engine BUNDLE [HANDLE]…")?;
    let viewed: Vec<String> = arguments.collect();
    for (handle, score) in recommend(Path::new(&bundle), &viewed)? {
        println!("{score:.3}  {handle}");
    }
    Ok(())
}

/// Handles and scores of the best products after views that are ten seconds apart, the last one just now; best first.
///
/// # Errors
/// When the bundle or ONNX Runtime cannot be used, with the file and the reason.
fn recommend(bundle: &Path, viewed: &[String]) -> Result<Vec<(String, f32)>, Box<dyn Error>> {
    // Loading reads and checks the whole bundle: a program does it once and keeps the engine, which any number of
    // threads share.
    let engine = Engine::load(bundle, &EngineOptions::default())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let mut history = ViewHistory::new();
    for (age, handle) in viewed.iter().enumerate().map(|(position, handle)| (viewed.len() - 1 - position, handle)) {
        history.push(handle, now - BETWEEN_VIEWS * f64::from(u32::try_from(age)?));
    }
    let mut request = RecommendationRequest::new(history, now, LIMIT);
    request.selection.exclude_seen = true;
    let answer = engine.recommend(request)?;
    let catalog = engine.catalog().products();
    let named = answer.products.iter().filter_map(|best| Some((catalog.get(best.product)?.handle.clone(), best.score)));
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_model_recommends_products_that_were_not_viewed() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
        let viewed = ["novel", "atlas"].map(str::to_owned);
        let best = recommend(&demo, &viewed).unwrap();
        assert_eq!(best.len(), LIMIT);
        assert!(best.is_sorted_by(|left, right| left.1 >= right.1), "{best:?}");
        assert!(best.iter().all(|(handle, _)| !viewed.contains(handle)), "{best:?}");
    }

    #[test]
    fn a_missing_bundle_is_named() {
        let error = recommend(Path::new("no/such/bundle"), &[]).unwrap_err();
        assert!(error.to_string().contains("no/such/bundle"), "{error}");
    }
}
