//! Ids of what is said of shoppers: known and unknown values, names, lists, and what is refused.

use proptest::prelude::*;

use super::*;

fn features() -> Vec<UserFeature> {
    let texts = ["DE", "FR"].map(str::to_owned).to_vec();
    vec![
        UserFeature::new("country", UserValues::Texts(texts)),
        UserFeature::new("age", UserValues::Bounds(vec![20.0, 30.0])),
    ]
}

fn lookup() -> UserLookup {
    UserLookup::new(features()).unwrap()
}

fn text(text: &str) -> UserValue {
    UserValue::Text(text.to_owned())
}

#[test]
fn texts_have_ids_numbers_those_of_buckets_and_what_is_unknown_the_default() {
    let lookup = lookup();
    let of = |attributes: &[(&'static str, UserValue)]| {
        lookup.find(None, attributes.iter().map(|(name, value)| (*name, value)))
    };
    assert_eq!(of(&[]).unwrap(), KnownUser::default());
    let ages = [19.9, 20.0, 29.0, 30.0].map(|age| of(&[("age", UserValue::Number(age))]).unwrap().ids[1]);
    assert_eq!(ages, [1, 2, 2, 3]);
    let both = of(&[("age", UserValue::Number(25.0)), ("country", text("FR"))]).unwrap();
    assert_eq!((both.ids, both.unseen), (vec![2, 2], 0));
    let unseen = of(&[("country", text("ES"))]).unwrap();
    assert_eq!((unseen.ids, unseen.unseen), (vec![0, 0], 1));
    assert_eq!(lookup.features().iter().map(UserFeature::rows).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_name_brings_what_the_table_knows_and_what_is_said_goes_before_it() {
    let users: [(&str, &[u32]); 1] = [("ada", &[2, 3])];
    let lookup = lookup().with_known(Some(KnownUsers::new(&features(), users).unwrap()));
    let of = |name, attributes: &[(&'static str, UserValue)]| {
        let user = lookup.find(Some(name), attributes.iter().map(|(name, value)| (*name, value))).unwrap();
        (user.ids, user.unseen, user.is_known)
    };
    assert_eq!(of("ada", &[]), (vec![2, 3], 0, true));
    assert_eq!(of("bob", &[]), (vec![], 0, false));
    assert_eq!(of("ada", &[("country", text("DE"))]), (vec![1, 3], 0, true));
    assert_eq!(of("ada", &[("country", text("ES"))]), (vec![0, 3], 1, true));
    assert_eq!(of("bob", &[("country", text("DE"))]), (vec![1, 0], 0, false));
}

#[test]
fn an_attribute_that_the_model_does_not_have_and_a_value_of_another_type_are_named() {
    let lookup = lookup();
    let refused = |name, value: UserValue| lookup.find(None, [(name, &value)]).unwrap_err().to_string();
    assert_eq!(
        refused("agee", UserValue::Number(3.0)),
        "the model has no user attribute `agee`: expected `country`, `age`"
    );
    assert_eq!(refused("age", text("old")), "user attribute `age` is a text: expected a number");
    assert_eq!(refused("country", UserValue::Number(3.0)), "user attribute `country` is a number: expected a text");
}

#[test]
fn features_that_stand_twice_and_bounds_that_fall_are_refused() {
    let refused = |features| UserLookup::new(features).unwrap_err();
    assert!(refused([features(), features()].concat()).contains("`country` stands twice"));
    let falling = UserFeature::new("age", UserValues::Bounds(vec![3.0, 2.0]));
    assert!(refused(vec![falling]).contains("expected finite bounds that rise"));
}

fn lists() -> UserLookup {
    let of = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect();
    let lists: Vec<BTreeSet<String>> =
        vec![of(&["art", "tea"]), of(&["art", "tea"]), of(&["art", "rare"]), of(&["tea"])];
    UserLookup::new([features(), UserFeature::of_lists("likes", &lists)].concat()).unwrap()
}

#[test]
fn entries_of_a_list_that_users_share_have_ids_in_parts_of_their_own() {
    let lookup = lists();
    let names: Vec<&str> = lookup.features().iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["country", "age", "likes.1", "likes.2"]);
    let attributes: Vec<_> = lookup.attributes().collect();
    assert_eq!(attributes[2], ("likes", UserKind::List));
    let of = |entries: &[&str]| {
        let list = UserValue::List(entries.iter().map(|entry| (*entry).to_owned()).collect());
        let user = lookup.find(None, [("likes", &list)]).unwrap();
        (user.ids, user.unseen)
    };
    assert_eq!(of(&["tea", "art"]), (vec![0, 0, 1, 1], 0));
    assert_eq!(of(&["art"]).0, [0, 0, 1, 0]);
    // One of a single user says nothing.
    assert_eq!(of(&["rare", "never"]), (vec![0, 0, 0, 0], 2));
    assert_eq!(lookup.examples(&[0, 0, 1, 1])["likes"], UserValue::List(vec!["art".into(), "tea".into()]));
    let refused = |name, value: UserValue| lookup.find(None, [(name, &value)]).unwrap_err().to_string();
    assert_eq!(refused("likes", text("tea")), "user attribute `likes` is a text: expected a list of texts");
    assert_eq!(refused("age", UserValue::List(vec![])), "user attribute `age` is a list: expected a number");
    assert_eq!(
        refused("likes.1", text("tea")),
        "the model has no user attribute `likes.1`: expected `country`, `age`, `likes`"
    );
}

#[test]
fn an_entry_in_two_parts_and_parts_that_stand_apart_are_refused() {
    let [first, second]: [UserFeature; 2] = lists().features()[2..].to_vec().try_into().unwrap();
    let again = UserFeature { values: first.values.clone(), ..second.clone() };
    let refused = UserLookup::new(vec![first.clone(), again]).unwrap_err();
    assert_eq!(refused, "`art` stands in two parts of the user attribute `likes`");
    let apart = UserLookup::new(vec![first, features()[0].clone(), second.clone()]).unwrap_err();
    assert_eq!(apart, "user attribute `likes` stands twice");
    let plain = UserFeature::new("likes", UserValues::Texts(Vec::new()));
    assert!(UserLookup::new(vec![plain, second]).unwrap_err().contains("`likes` stands twice"));
}

proptest! {
    #[test]
    fn an_example_has_the_id_that_it_is_of(id in 0_u32..5, place in 0_usize..2) {
        let lookup = lookup();
        let feature = &lookup.features()[place];
        if let Some(example) = feature.example(id).filter(|_| (id as usize) < feature.rows()) {
            let known = lookup.find(None, [(feature.name.as_str(), &example)]).unwrap();
            prop_assert_eq!(known.ids[place], id);
        }
    }
}
