//! `model.onnx`: a bundle enters, one graph leaves that any runtime serves. It takes handles and times as text and gives
//! GIDs and scores, in standard operators alone.
//!
//! | input | shape | meaning |
//! |---|---|---|
//! | `userId` | string `[1]` | not used; it is part of the original's signature |
//! | `items` | string `[L]` | handles, in order of arrival; L may be 0 |
//! | `timestamps` | string `[L]` | Unix seconds or milliseconds, told apart by size |
//! | `now` | double `[1]`, optional | time of the prediction, likewise; negative, its default: the newest timestamp |
//! | `user.NAME` | string or double `[1]`, optional | an attribute of shoppers that the model reads; empty or NaN: unknown |
//!
//! `itemIds` (string `[k]`) and `preds` (float `[k]`) leave, best first. The bundle's own three graphs do the work: the
//! candidates' depends on constants alone, which runtimes fold when they load the file; the history's runs once per call.
//! Text that is not a number fails in the runtime, times out of range are the caller's to refuse.

mod session;
mod times;
mod users;

use std::collections::{BTreeMap, HashSet};

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, Network, SCORES_GRAPH};
use slirec_core::lookup::ItemLookup;
use slirec_onnx::builder::{Body, Element, Size, encode_standard_model, graph, integer, value};
use slirec_onnx::check::decode_checked;
use slirec_onnx::compose::{Joined, Shared};
use slirec_onnx::proto::{TensorProto, ValueInfoProto};

use crate::model::{available, places_of_handles, popular};
use crate::{EngineError, graphs};

pub use session::{Answer, SelfContainedModel};

/// Name of the graph's file.
pub const SELF_CONTAINED_GRAPH: &str = "model.onnx";

/// Makes the graph; each call answers the best `limit` products, or all if there are fewer.
///
/// # Errors
/// [`EngineError::Graph`] for graphs that must not be trusted, [`EngineError::SelfContained`] when there is nothing to
/// recommend or the graphs do not fit together.
pub fn self_contained(bundle: &Bundle, limit: usize) -> Result<Vec<u8>, EngineError> {
    graphs::check(bundle)?;
    let candidates = candidates_by_handle(bundle);
    if candidates.is_empty() || limit == 0 {
        let problem = format!("{} available products and a limit of {limit}: expected at least 1", candidates.len());
        return Err(EngineError::SelfContained(problem));
    }
    let count = limit.min(candidates.len());
    let mut body = Body::new("");
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
    let mut shared = Shared::default();
    let prepared = prepare(&mut body, &mut shared, bundle, &lookup, &candidates)?;
    let known = encode_handles(&mut body, bundle, &lookup);
    body.strings("gids", candidates.iter().filter_map(|product| gid(bundle, *product)));
    body.doubles("now", &[1], &[-1.0]);
    let of_users = users::inputs(&mut body, bundle.vocabulary.users());

    let (by_model, initializers) = by_model(&mut shared, bundle, &prepared, count)?;
    body.append_initializers(initializers);
    let by_popularity = by_popularity(&mut body, bundle, count);
    let branches = vec![graph("then_branch", by_model), graph("else_branch", by_popularity)];
    body.named("If", &[&known], &["itemIds", "preds"], branches);
    let (one, length) = (Size::Fixed(1), Size::Named("length"));
    let mut inputs = vec![
        value("userId", Element::String, &[one]),
        value("items", Element::String, &[length]),
        value("timestamps", Element::String, &[length]),
        value("now", Element::Double, &[one]),
    ];
    inputs.extend(of_users);
    Ok(encode_standard_model(body.into_graph("slirec", inputs, answer_values("itemIds", "preds", count))))
}

fn answer_values(items: &str, scores: &str, count: usize) -> Vec<ValueInfoProto> {
    vec![value(items, Element::String, &[Size::Fixed(count)]), value(scores, Element::Float, &[Size::Fixed(count)])]
}

/// Indices of the products that may be recommended, in the order of their handles: `TopK` answers equal scores in it.
fn candidates_by_handle(bundle: &Bundle) -> Vec<usize> {
    let places = places_of_handles(&bundle.catalog);
    let mut candidates = available(&bundle.catalog);
    candidates.sort_by_key(|product| places.get(*product).copied());
    candidates
}

fn gid(bundle: &Bundle, product: usize) -> Option<&str> {
    bundle.catalog.products().get(product).map(|product| product.gid.as_str())
}

/// The candidates graph on the catalogue's ids: names of what it prepares.
fn prepare(
    body: &mut Body,
    shared: &mut Shared,
    bundle: &Bundle,
    lookup: &ItemLookup,
    candidates: &[usize],
) -> Result<BTreeMap<String, String>, EngineError> {
    let handles = candidates.iter().filter_map(|product| bundle.catalog.products().get(*product));
    let handles: Vec<&str> = handles.map(|product| product.handle.as_str()).collect();
    let inputs = id_tables(body, "candidates", lookup, &handles, bundle.vocabulary.features().len(), false);
    let joined = join(shared, CANDIDATES_GRAPH, &bundle.candidates_graph, "candidates.", &inputs)?;
    body.append(joined.nodes);
    body.append_initializers(joined.initializers);
    Ok(joined.outputs)
}

/// Ids of handles as two tables; `unknown` puts a row of zeros before them.
fn id_tables(
    body: &mut Body,
    name: &str,
    lookup: &ItemLookup,
    handles: &[&str],
    feature_count: usize,
    unknown: bool,
) -> BTreeMap<String, String> {
    let rows = handles.len() + usize::from(unknown);
    let mut items = vec![0; usize::from(unknown)];
    let mut features = vec![0; items.len() * feature_count];
    for ids in handles.iter().filter_map(|handle| lookup.ids(handle)) {
        items.push(i64::from(ids.item));
        features.extend(ids.features.iter().copied().map(i64::from));
    }
    let items = body.integer_table(&format!("{name}.items"), &[rows], &items);
    let features = body.integer_table(&format!("{name}.features"), &[rows, feature_count], &features);
    BTreeMap::from([("item_ids".to_owned(), items), ("feature_ids".to_owned(), features)])
}

/// Ids of the last positions, `item_ids` and `feature_ids`. Answers the name of whether any of them is known.
fn encode_handles(body: &mut Body, bundle: &Bundle, lookup: &ItemLookup) -> String {
    let mut named = HashSet::new();
    let trained = bundle.vocabulary.items().iter().map(|item| item.handle.as_str());
    let sold = bundle.catalog.products().iter().map(|product| product.handle.as_str());
    let handles: Vec<&str> = trained.chain(sold).filter(|handle| named.insert(*handle)).collect();
    let tables = id_tables(body, "known", lookup, &handles, bundle.vocabulary.features().len(), true);
    let items = times::last_rows(body, "items", longest(bundle));
    let rows = body.numbers_of_texts(&items, handles);
    let rows = match bundle.manifest.model.network {
        Network::SliRec => rows,
        Network::Ranking => times::only_known(body, &rows),
    };
    for (output, table) in &tables {
        body.named("Gather", &[table, &rows], &[output], Vec::new());
    }
    // The sum of no rows is 0: an empty history is answered like an unknown one.
    let sum = body.node_with("ReduceSum", &[&rows], vec![integer("keepdims", 0)]);
    let zero = body.integer_table("zero", &[], &[0]);
    body.node("Greater", &[&sum, &zero])
}

fn longest(bundle: &Bundle) -> i64 {
    i64::try_from(bundle.manifest.model.longest_history).unwrap_or(i64::MAX)
}

/// The branch that scores all candidates for the history, with the initializers of its graphs.
fn by_model(
    shared: &mut Shared,
    bundle: &Bundle,
    prepared: &BTreeMap<String, String>,
    count: usize,
) -> Result<(slirec_onnx::proto::GraphProto, Vec<TensorProto>), EngineError> {
    let mut body = Body::new("by_model_");
    let mut inputs = times::history_inputs(&mut body, bundle.manifest.model.network, longest(bundle));
    let user_ids = users::ids(&mut body, bundle.vocabulary.user_features());
    inputs.extend(user_ids.map(|ids| ("user_ids".to_owned(), ids)));
    let history = join(shared, HISTORY_GRAPH, &bundle.history_graph, "history.", &inputs)?;
    body.append(history.nodes);
    let mut inputs = prepared.clone();
    inputs.extend(history.outputs);
    let scores = join(shared, SCORES_GRAPH, &bundle.scores_graph, "scores.", &inputs)?;
    body.append(scores.nodes);
    let all = scores.outputs.get("scores").map_or("", String::as_str);
    let best = body.integers(&[i64::try_from(count).unwrap_or(i64::MAX)]);
    body.named("TopK", &[all, &best], &["best_scores", "best_rows"], Vec::new());
    body.named("Gather", &["gids", "best_rows"], &["best_items"], Vec::new());
    let mut initializers = history.initializers;
    initializers.extend(scores.initializers);
    Ok((body.into_graph("by_model", Vec::new(), answer_values("best_items", "best_scores", count)), initializers))
}

/// The branch that knows the answer beforehand.
fn by_popularity(body: &mut Body, bundle: &Bundle, count: usize) -> slirec_onnx::proto::GraphProto {
    let best = popular(&bundle.catalog, &bundle.vocabulary, &available(&bundle.catalog));
    let best = best.get(..count).unwrap_or(&best);
    let scores: Vec<f32> = best.iter().map(|scored| scored.score).collect();
    body.floats("popular.scores", &[scores.len()], &scores);
    body.strings("popular.gids", best.iter().filter_map(|scored| gid(bundle, scored.product)));
    let mut branch = Body::new("by_popularity_");
    branch.named("Identity", &["popular.gids"], &["popular_items"], Vec::new());
    branch.named("Identity", &["popular.scores"], &["popular_scores"], Vec::new());
    branch.into_graph("by_popularity", Vec::new(), answer_values("popular_items", "popular_scores", count))
}

fn join(
    shared: &mut Shared,
    name: &'static str,
    bytes: &[u8],
    prefix: &str,
    inputs: &BTreeMap<String, String>,
) -> Result<Joined, EngineError> {
    let model = decode_checked(bytes).map_err(|reason| EngineError::Graph { graph: name, reason })?;
    shared.join(model, prefix, inputs).map_err(|error| EngineError::SelfContained(format!("{name}: {error}")))
}
