//! Catalogues of any size: a bundle and a number of products enter, the same model with as many products leaves, no two of
//! which are alike.
//!
//! Made-up products stand between two of the bundle's own: rows are added to the graphs' embedding tables, each at some
//! share, up to half, of the way from one item's row to another's. Copies of products would have equal scores, and which of
//! them are the best would mean nothing.

use prost::Message;
use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::vocabulary::{Item, Vocabulary};
use slirec_onnx::proto::{ModelProto, TensorProto};

/// Where a made-up item comes from: two ids and the share of the second.
struct Origin {
    from: usize,
    towards: usize,
    share: f32,
}

/// The bundle with as many available products.
pub(crate) fn with_products(bundle: Bundle, count: usize) -> Bundle {
    let own = bundle.catalog.products();
    let available = |product: &Product| Product { available: true, ..product.clone() };
    let mut products: Vec<Product> = own.iter().take(count).map(available).collect();
    let mut items = bundle.vocabulary.items().to_vec();
    let (rows, mut origins) = (items.len() + 1, Vec::new());
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1_u64 << 31) as f32
    };
    for number in own.len()..count {
        let product = &own[number % own.len()];
        let id = bundle.vocabulary.item_id(&product.handle);
        let name = |name: &str| format!("{name}-made-up-{}", number / own.len());
        let features = bundle.vocabulary.item(id).map(|item| item.features.clone());
        let features = features.unwrap_or_else(|| vec![0; bundle.vocabulary.features().len()]);
        items.push(Item { handle: name(&product.handle), interactions: 0, features });
        products.push(Product { handle: name(&product.handle), gid: name(&product.gid), ..available(product) });
        let (towards, share) = ((random() * rows as f32) as usize % rows, 0.5 * random());
        origins.push(Origin { from: id as usize, towards, share });
    }
    let [history_graph, candidates_graph] =
        [&bundle.history_graph, &bundle.candidates_graph].map(|graph| with_rows(graph, rows, &origins));
    let vocabulary = Vocabulary::new(bundle.vocabulary.features().to_vec(), items).expect("a vocabulary");
    let catalog = Catalog::new(products).expect("a catalogue");
    Bundle { catalog, vocabulary, history_graph, candidates_graph, ..bundle }
}

/// A graph whose tables of items have rows for the made-up ones.
fn with_rows(graph: &[u8], rows: usize, origins: &[Origin]) -> Vec<u8> {
    let mut model = ModelProto::decode(graph).expect("a graph");
    let tensors = model.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    for tensor in tensors.filter(|tensor| tensor.dims.first().is_some_and(|dimension| *dimension == rows as i64)) {
        extend(tensor, rows, origins);
    }
    model.encode_to_vec()
}

fn extend(table: &mut TensorProto, rows: usize, origins: &[Origin]) {
    let raw = table.raw_data.as_mut().expect("the exporter writes raw data");
    let values: Vec<f32> = raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let width = values.len() / rows;
    for Origin { from, towards, share } in origins {
        let [from, towards] = [from, towards].map(|row| &values[row * width..][..width]);
        for (from, towards) in from.iter().zip(towards) {
            raw.extend_from_slice(&(from + share * (towards - from)).to_le_bytes());
        }
    }
    table.dims[0] += i64::try_from(origins.len()).expect("a number of products");
}
