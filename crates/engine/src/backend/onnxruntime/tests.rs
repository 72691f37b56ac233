//! Candidates that stay where a card has its memory, here the processor's own: the same scores as from where they lie.

use std::path::Path;

use slirec_core::lookup::ItemLookup;
use slirec_core::parity::{self, TOLERANCE};

use super::*;

const MODELS: [&str; 2] = ["models/demo", "tests/fixtures/bundle_v1"];

#[test]
fn candidates_that_stay_on_a_card_get_the_scores_of_those_that_do_not() {
    for model in MODELS {
        let bundle = Bundle::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(model)).unwrap();
        let maker = SessionMaker::on_processor(None).unwrap();
        let items = bundle.vocabulary.items();
        let features = items.iter().flat_map(|item| item.features.clone()).collect();
        let ids = CandidateIds { items: (1..).take(items.len()).collect(), features };
        // Several blocks, of which the last is not full.
        let block = items.len() / 3 - 1;
        let residence = Residence { device: AllocationDevice::CPU, block };
        let mut graph = CandidateGraph::new(&maker, &bundle).unwrap();
        let mut here = OnnxRuntime::new(&maker, &bundle).unwrap();
        let mut there = OnnxRuntime::with_residence(&maker, &bundle, Some(residence)).unwrap();
        let (lying, staying) = (here.prepare(&mut graph, &ids).unwrap(), there.prepare(&mut graph, &ids).unwrap());
        assert!(staying.is_finite() && staying.len() == lying.len());
        let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
        let longest = bundle.manifest.model.longest_history;
        for history in parity::made_up_histories(&bundle.vocabulary, &lookup, longest).take(10) {
            let (near, far) = (here.encode(&history.encoded).unwrap(), there.encode(&history.encoded).unwrap());
            assert_eq!(OnnxRuntime::block_size(items.len(), &far), block);
            let found = there.scores(&far, &staying).unwrap();
            parity::compare(&found, &here.scores(&near, &lying).unwrap(), TOLERANCE).unwrap();
            // Few candidates, in another order.
            let rows = [7, 3, items.len() - 1];
            let few = there.scores(&far, &staying.select(&rows).unwrap()).unwrap();
            let expected: Vec<f32> = rows.iter().map(|row| found[*row]).collect();
            parity::compare(&few, &expected, TOLERANCE).unwrap();
            let explained = there.explain(&far, &staying.select(&rows).unwrap()).unwrap();
            assert_eq!(explained.long_term_shares().len(), rows.len());
        }
    }
}
