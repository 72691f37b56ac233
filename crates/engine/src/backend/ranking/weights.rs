//! The weights of a ranking network, by the names that the exporter gives them in its graphs: a bundle enters, weights for
//! the kernels leave, or what it is that they do not know.

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH};
use slirec_core::history::GAP_BUCKETS;
use slirec_kernels::ranking::RECENT;
use slirec_kernels::request::ranking::{Cooccurrence, RankingWeights, Sample};

use super::super::initializers::{Tensors, Unknown};

/// Lanes of the kernels: a width is a multiple of them.
const LANES: usize = 16;

/// Takes the weights out of a bundle's graphs.
pub(super) fn read(bundle: &Bundle) -> Result<RankingWeights, Unknown> {
    let mut history = Tensors::read(HISTORY_GRAPH, &bundle.history_graph)?;
    let (shape, rows) = (&bundle.manifest.model, bundle.vocabulary.item_rows());
    let width = shape.item_embedding_size;
    if !width.is_multiple_of(LANES) {
        let expected = vec![rows, width.next_multiple_of(LANES)];
        let (tensor, found) = ("embedding.item".to_owned(), vec![rows, width]);
        return Err(Unknown::Shape { graph: HISTORY_GRAPH, tensor, found, expected });
    }
    let mut candidates = Tensors::read(CANDIDATES_GRAPH, &bundle.candidates_graph)?;
    let tables = std::iter::once(("item", rows)).chain({
        let names = shape.features.iter().map(|feature| feature.name.as_str());
        names.zip(bundle.vocabulary.feature_rows())
    });
    let mut embeddings = Vec::new();
    for (name, rows) in tables {
        let (tensor, expected) = (format!("embedding.{name}"), [rows, width]);
        let table = history.take(&tensor, &expected)?;
        if candidates.values(&tensor, &expected)? != table {
            return Err(Unknown::Different(tensor));
        }
        embeddings.push(table);
    }
    let items = embeddings.remove(0);
    let (from, to) =
        (history.take("transition.from", &[rows, width])?, candidates.take("transition.to", &[rows, width])?);
    let bias = candidates.take("item.bias", &[rows])?;
    drop(candidates);
    let users = bundle.vocabulary.user_features().iter().zip(bundle.vocabulary.user_feature_rows());
    let users = users.map(|(feature, rows)| history.take(&format!("user.{}", feature.name), &[rows, width]));
    let users = users.collect::<Result<Vec<_>, _>>()?;
    let values = |tensor: &str, expected: &[usize]| history.values(tensor, expected).map(<[f32]>::to_vec);
    let one = |tensor: &str| Ok(history.values(tensor, &[1])?.first().copied().unwrap_or_default());
    Ok(RankingWeights {
        width,
        items,
        features: embeddings,
        from,
        to,
        bias,
        input: values("time_lstm.input", &[width, 4 * width])?,
        recurrent: values("time_lstm.recurrent", &[width, 4 * width])?,
        gaps: values("time_lstm.gaps", &[GAP_BUCKETS, 4 * width])?,
        gates_bias: values("time_lstm.bias", &[4 * width])?,
        short: values("short_term.weight", &[width, width])?,
        short_bias: values("short_term.bias", &[width])?,
        long_term: values("long_term.query", &[width])?,
        now: values("now", &[GAP_BUCKETS, width])?,
        users,
        gate: values("gate.weight", &[3 * width, width])?,
        gate_bias: values("gate.bias", &[width])?,
        mixing: values("mixing.weight", &[3 * width, width])?,
        mixing_bias: values("mixing.bias", &[width])?,
        last_view: values("last_view.weight", &[width, width])?,
        recent: values("transition.recent", &[RECENT])?,
        distance: values("repeat.distance", &[shape.longest_history])?,
        age: values("repeat.age", &[GAP_BUCKETS])?,
        temperature: one("score.temperature")?,
        cooccurrence: match history.has("cooccurrence.items") {
            true => Some(cooccurrence(&history, rows, one("cooccurrence.scale")?)?),
            false => None,
        },
        sample: sample(&history, rows, width)?,
    })
}

fn cooccurrence(history: &Tensors, rows: usize, scale: f32) -> Result<Cooccurrence, Unknown> {
    let (_, neighbours) = history.wide("cooccurrence.items", rows)?;
    Ok(Cooccurrence {
        neighbours,
        items: history.ids("cooccurrence.items", &[rows, neighbours], rows)?,
        // The logarithm of their sum and 1 is taken.
        weights: history.positive("cooccurrence.weights", &[rows, neighbours])?.to_vec(),
        recent: history.positive("cooccurrence.recent", &[0])?.to_vec(),
        scale,
    })
}

fn sample(history: &Tensors, rows: usize, width: usize) -> Result<Sample, Unknown> {
    let items = history.ids("normaliser.items", &[0], rows)?;
    let count = items.len();
    Ok(Sample {
        rows: history.values("normaliser.rows", &[count, 2 * width])?.to_vec(),
        bias: history.values("normaliser.bias", &[count])?.to_vec(),
        correction: history.values("normaliser.correction", &[count])?.to_vec(),
        items,
    })
}
