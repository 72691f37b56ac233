//! Counts that agree with each other, and those that are refused.

use proptest::prelude::*;

use super::*;

fn counts() -> Activity {
    let product = |id, baskets, together: &[(u32, u32)]| ProductActivity {
        id,
        baskets,
        together: together.to_vec(),
        demand: [0.0, 0.5, 1.0, 7.0],
        again: Some(Repeats { buyers: 5, repeaters: 2, interval: Some(86_400.0) }),
    };
    Activity::new(1e9, Event::Purchase, 1_800.0, 9, vec![product(1, 5, &[(3, 2)]), product(3, 4, &[(1, 2)])])
}

fn parse(text: &str) -> Result<Activity, String> {
    Activity::parse(text.as_bytes(), 3, Path::new("activity.json")).map_err(|error| error.to_string())
}

#[test]
fn counts_read_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activity.json");
    counts().write(&path).unwrap();
    assert_eq!(parse(&std::fs::read_to_string(path).unwrap()).unwrap(), counts());
}

#[test]
fn counts_that_contradict_themselves_are_refused_with_the_reason() {
    let text = serde_json::to_string(&counts()).unwrap();
    for (from, to, reason) in [
        ("slirec-activity/1", "slirec-activity/9", "format is `slirec-activity/9`"),
        ("\"end\":1000000000.0", "\"end\":-1", "end is -1: expected"),
        ("\"end\":1000000000.0", "\"end\":1e300", "end is 1000"),
        ("\"baskets_of\":\"purchase\"", "\"baskets_of\":\"cart\"", "baskets_of is `cart`"),
        ("\"baskets_of\":\"purchase\"", "\"baskets_of\":\"theft\"", "unknown variant `theft`"),
        ("\"id\":3", "\"id\":1", "a product has id 1: expected rising ids"),
        ("\"id\":3", "\"id\":4", "a product has id 4: expected rising ids from 1 to 3"),
        ("\"id\":1", "\"id\":0", "a product has id 0"),
        ("\"baskets\":5", "\"baskets\":10", "product 1: stands in 10 baskets of 9"),
        ("[[3,2]]", "[[1,2]]", "product 1: stands together with 1: expected others"),
        ("[[3,2]]", "[[3,2],[3,2]]", "product 1: stands together with 3: expected others, each once"),
        ("[[3,2]]", "[[2,2]]", "product 1: stands together with 2 in 2 baskets: expected 1 to 0"),
        ("[[3,2]]", "[[3,5]]", "product 1: stands together with 3 in 5 baskets: expected 1 to 4"),
        ("[[3,2]]", "[[3,0]]", "expected 1 to 4"),
        ("[[3,2]]", "[[3,-2]]", "invalid value"),
        ("[0.0,0.5,1.0,7.0]", "[0.0,0.5,1.0,-7.0]", "product 1: demand is -7"),
        ("[0.0,0.5,1.0,7.0]", "[0.0,0.5,1.0]", "invalid length 3"),
        ("\"buyers\":5", "\"buyers\":1", "product 1: 2 of 1 buyers bought again"),
        ("\"repeaters\":2", "\"repeaters\":0", "interval is Some(86400.0) with 0 repeaters"),
        ("\"basket_gap\"", "\"basket\"", "unknown field `basket`"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let error = parse(&text.replacen(from, to, 1)).expect_err(to);
        assert!(error.starts_with("activity.json: ") && error.contains(reason), "{to}: {error}");
    }
    let many: Vec<String> = (1..=21).map(|id| format!("[{id},1]")).collect();
    let error = parse(&text.replacen("[[3,2]]", &format!("[{}]", many.join(",")), 1)).unwrap_err();
    assert!(error.contains("stands together with 21: expected at most 20"), "{error}");
}

#[test]
fn an_event_counts_half_as_much_half_a_window_later_and_nothing_before_it() {
    let week = |days: f64| Window::Week.share(days * DAY);
    assert_eq!([week(0.0), week(3.5), week(7.0), week(-1.0)], [1.0, 0.5, 0.0, 0.0]);
    assert_eq!(Window::All.share(1e9), 1.0);
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in r#"[\[\]{}":,0-9a-z. -]{0,200}"#) {
        let _ = parse(&text);
    }
}
