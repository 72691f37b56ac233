//! The three graphs of a bundle before ONNX Runtime sees them: whether they are what the exporter writes, fit together and
//! the vocabulary, and stay within bounded memory and work for every history and block of candidates. A bundle enters;
//! nothing leaves, or the reason.

use std::collections::BTreeMap;

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, Network, SCORES_GRAPH};
use slirec_core::history::GAP_BUCKETS;
use slirec_onnx::check::GraphError;
use slirec_onnx::exported::{self, Shape, Size, Sizes};

use crate::EngineError;
use crate::backend::onnxruntime::block_size;
use crate::backend::parity;
use crate::candidates::CANDIDATES_AT_ONCE;

/// Nodes of the history and scores graphs times the lengths of histories that are tried: a second of checking at most.
const MOST_TRIED: usize = 1 << 21;

/// Checks the graphs of a bundle.
///
/// # Errors
/// [`EngineError::Graph`] for the first offence, [`EngineError::Output`] for graphs that do not fit together.
pub fn check(bundle: &Bundle) -> Result<(), EngineError> {
    let of = |graph, bytes: &[u8]| exported::decode(bytes).map_err(in_graph(graph));
    let candidates = of(CANDIDATES_GRAPH, &bundle.candidates_graph)?;
    let history = of(HISTORY_GRAPH, &bundle.history_graph)?;
    let scores = of(SCORES_GRAPH, &bundle.scores_graph)?;
    let graphs = Graphs {
        bundle,
        candidates: Sizes::new(&candidates).map_err(in_graph(CANDIDATES_GRAPH))?,
        history: Sizes::new(&history).map_err(in_graph(HISTORY_GRAPH))?,
        scores: Sizes::new(&scores).map_err(in_graph(SCORES_GRAPH))?,
    };
    graphs.check()
}

/// Ids that are compared as floats are exact below it.
const MOST_COMPARED: usize = 1 << 24;

struct Graphs<'a> {
    bundle: &'a Bundle,
    candidates: Sizes<'a>,
    history: Sizes<'a>,
    scores: Sizes<'a>,
}

impl Graphs<'_> {
    fn check(&self) -> Result<(), EngineError> {
        self.check_tables(CANDIDATES_GRAPH, &self.candidates)?;
        self.check_tables(HISTORY_GRAPH, &self.history)?;
        let longest = self.bundle.manifest.model.longest_history;
        let tried = longest.saturating_mul(self.history.nodes() + self.scores.nodes());
        if tried > MOST_TRIED {
            let problem =
                format!("has too many nodes for histories of {longest}: expected a shorter model.longest_history");
            return Err(in_graph(HISTORY_GRAPH)(GraphError::NotExported(problem)));
        }
        self.of_candidates(CANDIDATES_AT_ONCE)?;
        // What is too large is so for the longest, mostly.
        for length in (1..=longest).rev() {
            self.check_length(length)?;
        }
        Ok(())
    }

    /// What the candidates graph gives, row by row.
    fn of_candidates(&self, count: usize) -> Result<BTreeMap<&str, Shape>, EngineError> {
        let rows = Size::candidates(count as u64);
        let inputs = BTreeMap::from([("item_ids", vec![rows]), ("feature_ids", vec![rows, self.features()])]);
        let columns = self.candidates.outputs(&inputs).map_err(in_graph(CANDIDATES_GRAPH))?;
        for (name, shape) in &columns {
            if shape.len() != 2 || shape.first() != Some(&rows) {
                return Err(differs(
                    CANDIDATES_GRAPH,
                    name,
                    Some(shape),
                    format!("a row for each of {count} candidates"),
                ));
            }
        }
        Ok(columns)
    }

    /// A history of this length, and a block of candidates as large as any that it is scored against.
    fn check_length(&self, length: usize) -> Result<(), EngineError> {
        let positions = Size::fixed(length as u64);
        let row = || vec![positions];
        let one = vec![Size::fixed(1)];
        let mut inputs = BTreeMap::from([("item_ids", row()), ("feature_ids", vec![positions, self.features()])]);
        match self.network() {
            Network::SliRec => {
                inputs.extend([("time_from_first", row()), ("time_to_now", row()), ("last_slot_time_to_now", one)])
            }
            Network::Ranking => inputs.extend([("gaps", row()), ("age", one)]),
        }
        let of_user = self.bundle.manifest.model.user_features.len() as u64;
        inputs.extend((of_user > 0).then(|| ("user_ids", vec![Size::fixed(of_user)])));
        let mut inputs = self.history.outputs(&inputs).map_err(in_graph(HISTORY_GRAPH))?;
        let block = block_size(usize::MAX, length).max(parity::CANDIDATES);
        // As the engine does: what the candidates graph gives goes before what the history graph gives.
        inputs.extend(self.of_candidates(block)?);
        let rows = Size::candidates(block as u64);
        let outputs = self.scores.outputs(&inputs).map_err(in_graph(SCORES_GRAPH))?;
        for (name, expected) in
            [("scores", &[rows][..]), ("attention", &[rows, positions]), ("long_term_share", &[rows])]
        {
            let found = outputs.get(name);
            if found.map(Vec::as_slice) != Some(expected) {
                return Err(differs(SCORES_GRAPH, name, found, counts(expected)));
            }
        }
        Ok(())
    }

    fn features(&self) -> Size {
        Size::fixed(self.bundle.manifest.model.features.len() as u64)
    }

    fn network(&self) -> Network {
        self.bundle.manifest.model.network
    }

    /// A row for every id of the vocabulary, as wide as the manifest says.
    fn check_tables(&self, graph: &'static str, sizes: &Sizes<'_>) -> Result<(), EngineError> {
        let (shape, vocabulary) = (&self.bundle.manifest.model, &self.bundle.vocabulary);
        let items = vocabulary.item_rows();
        check_constant(graph, sizes, "embedding.item", &[items, shape.item_embedding_size])?;
        for (feature, rows) in shape.features.iter().zip(vocabulary.feature_rows()) {
            check_constant(graph, sizes, &format!("embedding.{}", feature.name), &[rows, feature.embedding_size])?;
        }
        match shape.network {
            Network::SliRec => Ok(()),
            Network::Ranking => self.check_ranking_tables(graph, sizes),
        }
    }

    /// The other tables of a ranking network: a row for every item, bucket of time or position of a history.
    fn check_ranking_tables(&self, graph: &'static str, sizes: &Sizes<'_>) -> Result<(), EngineError> {
        let shape = &self.bundle.manifest.model;
        let (items, width) = (self.bundle.vocabulary.item_rows(), shape.item_embedding_size);
        if items > MOST_COMPARED {
            let problem = format!("compares {items} items by floats: expected at most {MOST_COMPARED}");
            return Err(in_graph(graph)(GraphError::NotExported(problem)));
        }
        let tables: &[(&str, &[usize])] = match graph {
            CANDIDATES_GRAPH => &[("transition.to", &[items, width]), ("item.bias", &[items])],
            _ => &[
                ("transition.from", &[items, width]),
                ("time_lstm.gaps", &[GAP_BUCKETS, 4 * width]),
                ("now", &[GAP_BUCKETS, width]),
                ("repeat.age", &[GAP_BUCKETS]),
                ("repeat.distance", &[shape.longest_history]),
            ],
        };
        tables.iter().try_for_each(|(name, expected)| check_constant(graph, sizes, name, expected))?;
        let users = self.bundle.vocabulary.user_features().iter().filter(|_| graph == HISTORY_GRAPH);
        for feature in users {
            check_constant(graph, sizes, &format!("user.{}", feature.name), &[feature.rows(), width])?;
        }
        let neighbours = sizes.constant("cooccurrence.items").filter(|_| graph == HISTORY_GRAPH);
        let neighbours = neighbours.and_then(|shape| usize::try_from(*shape.get(1)?).ok());
        neighbours.map_or(Ok(()), |count| {
            check_constant(graph, sizes, "cooccurrence.items", &[items, count])?;
            check_constant(graph, sizes, "cooccurrence.weights", &[items, count])
        })
    }
}

/// Whether a constant is there and has these sizes.
fn check_constant(graph: &'static str, sizes: &Sizes<'_>, name: &str, expected: &[usize]) -> Result<(), EngineError> {
    let expected: Shape = expected.iter().map(|size| Size::fixed(*size as u64)).collect();
    let found: Option<Shape> = sizes.constant(name).map(|sizes| sizes.into_iter().map(Size::fixed).collect());
    if found.as_ref() == Some(&expected) {
        return Ok(());
    }
    Err(differs(graph, name, found.as_ref(), counts(&expected)))
}

fn in_graph(graph: &'static str) -> impl Fn(GraphError) -> EngineError {
    move |reason| EngineError::Graph { graph, reason }
}

fn counts(shape: &[Size]) -> String {
    format!("{:?}", shape.iter().map(|size| size.count).collect::<Vec<_>>())
}

fn differs(graph: &'static str, name: &str, found: Option<&Shape>, expected: String) -> EngineError {
    EngineError::Output {
        graph,
        output: name.to_owned(),
        found: found.map_or_else(|| "missing".to_owned(), |shape| format!("of the sizes {}", counts(shape))),
        expected,
    }
}
