//! A ranking network in the engine and as a self-contained graph.

use std::collections::BTreeMap;

use prost::Message;
use slirec_core::bundle::Bundle;
use slirec_core::parity::TOLERANCE;
use slirec_core::vocabulary::UserValue;
use slirec_engine::{
    BundleScorer, Engine, EngineOptions, Kernels, RecommendationRequest, SelfContainedModel, Source, Terms,
    self_contained,
};
use slirec_onnx::proto::ModelProto;

use crate::networks::{self, Sizes};
use crate::{WITH, WITHOUT, bundle};

const START: f64 = 1_790_000_000.0;

/// Views so many seconds apart.
fn request(handles: &[&str], seconds: f64, limit: usize) -> RecommendationRequest {
    let history = handles.iter().zip(0..).map(|(handle, place)| (*handle, START + seconds * f64::from(place)));
    let now = START + seconds * handles.len() as f64;
    RecommendationRequest { explain: true, ..RecommendationRequest::new(history.collect(), now, limit) }
}

#[test]
fn one_worker_and_several_that_share_a_request_give_the_same_explained_answer() {
    let folder = bundle(Sizes { items: 2_000, ..WITH });
    let answers = [(1, usize::MAX), (2, 1)].map(|(workers, spread_from)| {
        let options = EngineOptions { workers, spread_from, ..EngineOptions::default() };
        let engine = Engine::load(folder.path(), &options).unwrap();
        assert_eq!(engine.kernels(), Kernels::Fused);
        let answer =
            engine.recommend(request(&["item-3", "no-such-product", "item-9", "item-3"], 60.0, 3_000)).unwrap();
        assert_eq!((answer.source, answer.unknown_items, answer.spoiled_scores), (Source::Model, 1, 0));
        (answer.products, answer.explanations)
    });
    let (products, explanations) = &answers[0];
    // Every eighth is sold out, three are new.
    assert_eq!((products.len(), explanations.len()), (1_753, 1_753));
    let explained = explanations.get(0).unwrap();
    assert!((explained.attention.iter().sum::<f32>() - 1.0).abs() < 1e-5 && explained.attention.len() == 4);
    assert_eq!(answers[0], answers[1]);
    for (place, product) in products.iter().enumerate() {
        let logit = explanations.get(place).unwrap().logit.unwrap();
        let by_terms = (logit.terms.sum() - logit.normaliser).min(0.0);
        assert!((by_terms - product.score.ln()).abs() <= TOLERANCE, "{by_terms}, expected ln {}", product.score);
        let Terms { long_term, last_view, transitions, repeats, cooccurrence, .. } = logit.terms;
        let of_views = long_term + last_view + transitions + repeats + cooccurrence;
        assert!((logit.views.iter().sum::<f32>() - of_views).abs() <= TOLERANCE, "{:?}", logit.views);
    }
}

#[test]
fn a_history_is_read_without_its_unknown_products() {
    let folder = bundle(WITH);
    for kernels in [Kernels::OnnxRuntime, Kernels::Fused] {
        let engine = Engine::load(folder.path(), &EngineOptions { kernels, ..EngineOptions::default() }).unwrap();
        let views = [("?", 0.0), ("item-3", 60.0), ("?", 70.0), ("item-9", 100.0), ("?", 110.0)];
        let known = views.into_iter().filter(|(handle, _)| *handle != "?");
        let ask = |views: Vec<(&str, f64)>| {
            let views = views.into_iter().map(|(handle, time)| (handle, START + time));
            let request = RecommendationRequest::new(views.collect(), START + 500.0, 100);
            engine.recommend(RecommendationRequest { explain: true, ..request }).unwrap()
        };
        let (with, without) = (ask(views.to_vec()), ask(known.collect()));
        assert_eq!((&with.products, with.unknown_items, without.unknown_items), (&without.products, 3, 0));
        let explained = with.explanations.get(0).unwrap();
        let of_known = without.explanations.get(0).unwrap();
        let [first, second] = [0, 1].map(|place| of_known.attention[place]);
        assert_eq!(explained.attention, [0.0, first, 0.0, second, 0.0]);
        assert_eq!(explained.logit.is_some(), kernels == Kernels::Fused);
        if let Some((explained, of_known)) = explained.logit.zip(of_known.logit) {
            let [first, second] = [0, 1].map(|place| of_known.views[place]);
            assert_eq!((explained.terms, explained.views), (of_known.terms, &[0.0, first, 0.0, second, 0.0][..]));
        }
    }
}

#[test]
fn attributes_of_a_shopper_change_an_answer_and_unknown_values_do_not() {
    let folder = bundle(WITH);
    for kernels in [Kernels::OnnxRuntime, Kernels::Fused] {
        let engine = Engine::load(folder.path(), &EngineOptions { kernels, ..EngineOptions::default() }).unwrap();
        let ask = |country: &str| {
            let country = UserValue::Text(country.to_owned());
            let user = engine.users().find(None, [("country", &country)]).unwrap();
            let asked = request(&["item-3", "item-9"], 60.0, 40);
            let unseen = user.unseen;
            (engine.recommend(RecommendationRequest { user, ..asked }).unwrap().products, unseen)
        };
        let nothing = engine.recommend(request(&["item-3", "item-9"], 60.0, 40)).unwrap().products;
        assert_eq!(ask("nowhere"), (nothing.clone(), 1));
        assert_ne!(ask("FR").0, nothing);
        assert_ne!(ask("FR").0, ask("DE").0);
    }
}

#[test]
fn a_graph_that_computes_something_else_under_the_same_names_is_left_to_onnx_runtime() {
    let mut bundle = Bundle::read(bundle(WITH).path()).unwrap();
    let mut graph = ModelProto::decode(bundle.history_graph.as_slice()).unwrap();
    let tanh = graph.functions[0].node.iter_mut().flat_map(|node| &mut node.attribute);
    let mut bodies = tanh.filter_map(|attribute| attribute.g.as_mut());
    let mut nodes = bodies.next().unwrap().node.iter_mut();
    nodes.find(|node| node.op_type() == "Tanh").unwrap().op_type = Some("Sigmoid".to_owned());
    bundle.history_graph = graph.encode_to_vec();
    let scorer = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
    assert_eq!(scorer.kernels(), Kernels::OnnxRuntime);
}

#[test]
fn tables_that_differ_between_the_graphs_are_left_to_onnx_runtime() {
    let mut bundle = Bundle::read(bundle(WITH).path()).unwrap();
    let mut graph = ModelProto::decode(bundle.candidates_graph.as_slice()).unwrap();
    let tensors = &mut graph.graph.as_mut().unwrap().initializer;
    let table = tensors.iter_mut().find(|tensor| tensor.name() == "embedding.item").unwrap();
    // One value of the last item.
    table.raw_data.as_mut().unwrap().last_mut().map(|byte| *byte ^= 1).unwrap();
    bundle.candidates_graph = graph.encode_to_vec();
    let scorer = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
    assert_eq!(scorer.kernels(), Kernels::OnnxRuntime);
}

#[test]
fn a_width_of_no_whole_lanes_is_left_to_onnx_runtime() {
    let bundle = Bundle::read(bundle(Sizes { width: 12, ..WITH }).path()).unwrap();
    let scorer = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
    assert_eq!(scorer.kernels(), Kernels::OnnxRuntime);
}

#[test]
fn the_self_contained_graph_answers_as_the_engine_does() {
    for sizes in [WITHOUT, WITH] {
        let folder = networks::bundle(sizes);
        let graph = self_contained(&Bundle::read(folder.path()).unwrap(), 100).unwrap();
        let mut model = SelfContainedModel::load(&graph, None).unwrap();
        model.check_golden(&Bundle::read(folder.path()).unwrap()).unwrap();
        let engine = Engine::load(folder.path(), &EngineOptions::default()).unwrap();
        let long: Vec<String> = (0..70).map(|place| format!("item-{}", 1 + place * 7 % 40)).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let histories: [&[&str]; 5] = [
            &["item-7"],
            &["item-3", "item-3", "new-1"],
            &long,
            &["no-such-product", "item-2"],
            &["item-2", "?", "item-9", "?", "?"],
        ];
        let text = |text: &str| UserValue::Text(text.to_owned());
        let users: [&[(&str, UserValue)]; 5] = [
            &[("country", text("IT")), ("age", UserValue::Number(45.5))],
            &[("age", UserValue::Number(19.999))],
            &[("country", text("nowhere"))],
            &[("country", text("DE")), ("age", UserValue::Number(1e9))],
            &[],
        ];
        for (handles, user) in histories.into_iter().zip(users) {
            let user: BTreeMap<String, UserValue> =
                user.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let known = engine.users().find(None, user.iter().map(|(name, value)| (name.as_str(), value))).unwrap();
            // On both sides of where buckets begin, none at all and backwards.
            for seconds in [0.0, -5.0, 7.999_999, 8.0, 128.0, 127.999_999, 20.158_737, 20.158_736, 86_400.0, 3e7] {
                let asked = RecommendationRequest { user: known.clone(), ..request(handles, seconds, 100) };
                let times: Vec<String> = asked.history.timestamps().iter().map(|time| format!("{time:?}")).collect();
                let items: Vec<String> = handles.iter().map(|handle| (*handle).to_owned()).collect();
                let found = model.recommend_to(&user, &items, &times, Some(asked.now)).unwrap();
                let expected = engine.recommend(asked).unwrap();
                assert_eq!((found.scores.len(), expected.source), (expected.products.len(), Source::Model));
                for (score, expected) in found.scores.iter().zip(&expected.products) {
                    let difference = (score - expected.score).abs();
                    assert!(difference <= TOLERANCE.min(1e-3 * score + 1e-7), "{seconds} seconds: {difference}");
                }
            }
        }
    }
}
