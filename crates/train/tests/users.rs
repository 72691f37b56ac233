//! Attributes of users: they reach a dataset, move what a network ranks where histories are short, and cost nothing where
//! they are missing.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write;

use slirec_core::bundle::FeatureShape;
use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::{UserValue, UserValues};
use slirec_train::analysis::vocabulary_candidates;
use slirec_train::dataset::evaluation::EvaluationGroup;
use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::evaluate_ranking;
use slirec_train::hyperparameters::{Hyperparameters, Preset};
use slirec_train::inference::InferenceNetwork;
use slirec_train::ranking::{RankingTraining, with_terms};
use slirec_train::weights::Weights;

const GROUPS: usize = 4;
/// Items that every group views, and items that one group views.
const COMMON: usize = 30;
const OF_GROUP: usize = 15;
const USERS: usize = 500;

/// Numbers below a bound that look random.
fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

/// Shoppers of four age groups: half of what they view is what all do, the other half what their group likes.
fn interactions() -> String {
    let (mut text, mut random) = (String::new(), random(7));
    for user in 0..USERS {
        for view in 0..8 + random(8) {
            // Some items of each kind are more popular than others.
            let (most, rank) = (1 + random(OF_GROUP), random(OF_GROUP));
            let item = match random(2) {
                0 => rank % most * 2,
                _ => COMMON + user % GROUPS * OF_GROUP + rank % most,
            };
            writeln!(text, "1\tuser {user}\titem {item}\t{}\tcategory", 1_790_000_000 + 90 * view).unwrap();
        }
    }
    text
}

fn text(text: impl ToString) -> UserValue {
    UserValue::Text(text.to_string())
}

/// The age group of nine users in ten, and numbers that say nothing.
fn table() -> UserTable {
    let row = |user: usize| {
        vec![(!user.is_multiple_of(10)).then(|| text(user % GROUPS)), Some(UserValue::Number((user % 17) as f64))]
    };
    UserTable {
        attributes: vec!["age_group".to_owned(), "shoe_size".to_owned()],
        users: (0..USERS + 5).map(|user| (format!("user {user}"), row(user))).collect(),
        rows: (USERS + 6) as u64,
    }
}

fn dataset(users: Option<UserTable>) -> Result<Dataset, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("interactions.tsv");
    std::fs::write(&file, interactions()).unwrap();
    let options = PrepareOptions { users, ..PrepareOptions::new(file, folder.path().join("dataset")) };
    prepare(&options, &mut |_, _| {}).map_err(|error| error.to_string())?;
    Dataset::read(&options.output).map_err(|error| error.to_string())
}

fn hyperparameters(dataset: &Dataset, attributes: &[&str]) -> Hyperparameters {
    let mut hyperparameters = Preset::Ranking.hyperparameters(&dataset.shape());
    let shape = |name: &str| FeatureShape { name: name.to_owned(), embedding_size: 16 };
    hyperparameters.model.item_embedding_size = 16;
    hyperparameters.model.features = vec![shape("category")];
    hyperparameters.model.longest_history = 12;
    hyperparameters.model.user_features = attributes.iter().map(|name| shape(name)).collect();
    hyperparameters.training.learning_rate = 0.005;
    hyperparameters.training.epochs = 8;
    hyperparameters
}

fn trained(dataset: &Dataset, hyperparameters: &Hyperparameters) -> Weights {
    let mut training = RankingTraining::new(dataset, hyperparameters, 7);
    for epoch in 1..=hyperparameters.training.epochs as u32 {
        let mut done = 0;
        while training.step_of_epoch(epoch, done).is_some() {
            done += 1;
        }
    }
    with_terms(hyperparameters, dataset, training.measured()).unwrap()
}

/// NDCG@10 of the test rows with their histories cut to the last views.
fn ndcg_10(dataset: &Dataset, of: &(Hyperparameters, Weights), views: usize, told: bool) -> f64 {
    let mut groups: Vec<EvaluationGroup> = dataset.groups(Split::Test, views).unwrap();
    if !told {
        groups.iter_mut().for_each(|group| group.history.user_ids.clear());
    }
    let mut network = InferenceNetwork::new(&of.0.model, &dataset.vocabulary, &of.1).unwrap();
    let candidates = vocabulary_candidates(&dataset.vocabulary);
    evaluate_ranking(&mut network, &groups, &candidates, &mut |_| Ok(())).unwrap().ndcg_10
}

#[test]
fn an_attribute_that_tastes_depend_on_helps_short_histories_and_costs_nothing_where_it_is_missing() {
    let plain = dataset(None).unwrap();
    let without = hyperparameters(&plain, &[]);
    let without = (without.clone(), trained(&plain, &without));
    let with = hyperparameters(&plain, &["age_group"]);
    let described = dataset(Some(table())).unwrap().with_user_features(&with.model.user_features).unwrap();
    let with = (with.clone(), trained(&described, &with));
    // Three views mostly show a taste by themselves.
    for (views, at_least) in [(1, 1.1), (3, 1.0)] {
        let [before, told, untold] = [
            ndcg_10(&plain, &without, views, true),
            ndcg_10(&described, &with, views, true),
            ndcg_10(&described, &with, views, false),
        ];
        assert!(told > at_least * before, "{views} views: {told} with the attribute, {before} without");
        assert!(untold > 0.97 * before, "{views} views: {untold} without being told, {before} of the model without");
    }
}

#[test]
fn a_dataset_knows_the_attributes_of_its_users_and_a_model_reads_those_that_it_names() {
    let dataset = dataset(Some(table())).unwrap();
    let found = dataset.manifest.user_attributes.clone().unwrap();
    assert_eq!((found.described, found.without_interactions, found.repeated), (500, 5, 1));
    assert_eq!(found.known, [450, 500]);
    let UserValues::Bounds(bounds) = &found.features[1].values else { panic!("numbers: {found:?}") };
    assert_eq!(bounds.len(), 9);
    let [both, one, none] =
        [&["shoe_size", "age_group"][..], &["age_group"], &[]].map(|names| hyperparameters(&dataset, names));
    assert!(dataset.user_ids(3).is_empty());
    let dataset = dataset.with_user_features(&both.model.user_features).unwrap();
    let ids = dataset.user_ids(3).to_vec();
    assert_eq!((ids.len(), dataset.user_ids(10)[1]), (2, 0));
    let first = dataset.users().nth(3).unwrap().start;
    assert_eq!((dataset.user_ids_of_row(first), dataset.user_ids_of_row(first + 4)), (&ids[..], &ids[..]));
    assert_eq!(dataset.history_before(first + 4, 12).unwrap().user_ids, ids);
    let dataset = dataset.with_user_features(&one.model.user_features).unwrap();
    assert_eq!(dataset.user_ids(3), &ids[1..]);
    let dataset = dataset.with_user_features(&none.model.user_features).unwrap();
    assert!(dataset.history_before(first + 4, 12).unwrap().user_ids.is_empty());
    let unknown = dataset
        .with_user_features(&hyperparameters(&described(), &["age"]).model.user_features)
        .unwrap_err()
        .to_string();
    assert!(unknown.ends_with("has no user attribute `age`: expected `age_group`, `shoe_size`"), "{unknown}");
}

fn described() -> Dataset {
    dataset(Some(table())).unwrap()
}

#[test]
fn attributes_without_a_table_or_of_two_kinds_are_refused() {
    let plain = dataset(None).unwrap();
    let model = hyperparameters(&plain, &["age_group"]).model;
    let refused = plain.with_user_features(&model.user_features).unwrap_err().to_string();
    assert!(refused.ends_with("expected none at all; `slirec prepare --users` reads a table of users"), "{refused}");
    let mut mixed = table();
    mixed.users.insert("user 3".to_owned(), vec![Some(UserValue::Number(3.0))]);
    let refused = dataset(Some(mixed)).map(|_| ()).unwrap_err();
    assert!(refused.contains("`age_group` is a text such as `0` and a number such as 3"), "{refused}");
    let strangers = UserTable { users: BTreeMap::from([("nobody".to_owned(), vec![Some(text("a"))])]), ..table() };
    let warnings = dataset(Some(strangers)).unwrap().manifest.warnings();
    assert!(
        warnings.iter().any(|warning| warning.contains("has none of the users that the interactions have")),
        "{warnings:?}"
    );
}

#[test]
fn a_table_of_users_that_no_model_reads_changes_no_weight() {
    let (plain, described) = (dataset(None).unwrap(), described());
    let small = Hyperparameters {
        training: slirec_train::hyperparameters::TrainingHyperparameters {
            epochs: 1,
            ..hyperparameters(&plain, &[]).training
        },
        ..hyperparameters(&plain, &[])
    };
    let [one, other] = [&plain, &described].map(|dataset| trained(dataset, &small));
    assert!(one.iter().eq(other.iter()));
}
