//! What Snowplow events mean: which user, which kind, which product, and what is left out.

use slirec_connect::events::Source;
use slirec_connect::events::snowplow::{Identifier, Snowplow};

use crate::snowplow::{changed, enriched, source};
use crate::{Case, fixture};

#[test]
fn the_user_is_the_first_identifier_that_an_event_has() {
    let order = |user_order| Source::Snowplow(Snowplow { user_order, ..Snowplow::default() });
    let users = |order| {
        let (lines, _) = Case::new(order, &[fixture("snowplow/enriched.tsv")]).run();
        lines.iter().map(|line| line.split('\t').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let logged_in = users(order(vec![Identifier::UserId, Identifier::NetworkUserId]));
    assert_eq!(logged_in[0], "7283940561238");
    assert_eq!(logged_in[1], "e6950b02-5b4e-4904-ad75-eee6b93308e1");
    assert_eq!(users(order(vec![Identifier::UserId])), ["7283940561238"]);
}

#[test]
fn stitching_gives_earlier_and_later_events_of_a_cookie_the_name_of_the_login() {
    let lines = enriched();
    let at = |line: &str, id: &str, user: &str, second: &str| {
        let time = format!("2026-11-02 09:15:{second}.000");
        changed(line, &[(6, id), (12, user), (15, "cookie"), (124, &time)])
    };
    let other_device = changed(&lines[0], &[(6, "4"), (12, "ann"), (15, "phone"), (124, "2026-11-02 10:00:00")]);
    let text = [
        at(&lines[0], "1", "", "01"),
        at(&lines[1], "2", "guest", "02"),
        at(&lines[1], "3", "ann", "30"),
        at(&lines[0], "5", "", "40"),
        other_device,
    ]
    .join("\n");
    let stitched = Source::Snowplow(Snowplow { stitch: true, ..Snowplow::default() });
    let (lines, summary) = Case::of_text(stitched, text).run();
    assert!(lines.iter().all(|line| line.starts_with("1\tann\t")), "{lines:?}");
    assert_eq!((lines.len(), summary.totals.users), (5, 1));
}

#[test]
fn other_applications_other_hosts_and_robots_are_left_out_and_counted() {
    let lines = enriched();
    let robot = r#"{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1","data":[{"schema":"iglu:com.iab.snowplow/spiders_and_robots/jsonschema/1-0-0","data":{"spiderOrRobot":true}}]}"#;
    let text = [
        lines[0].clone(),
        changed(&lines[0], &[(0, "other"), (6, "2")]),
        changed(&lines[0], &[(33, "blog.example"), (6, "3")]),
        changed(&lines[0], &[(122, robot), (6, "4")]),
    ]
    .join("\n");
    let snowplow = Snowplow {
        app_ids: vec!["shopify-nu-recommendations".into()],
        hosts: vec!["example-shop.myshopify.com".into()],
        ..Snowplow::default()
    };
    let (lines, summary) = Case::of_text(Source::Snowplow(snowplow), text).run();
    assert_eq!(lines.len(), 1);
    let ignored = summary.counts.ignored;
    assert_eq!((ignored["another app_id"], ignored["another host"]), (1, 1));
    assert_eq!(ignored["robot by its spiders_and_robots context"], 1);
}

#[test]
fn ecommerce_actions_have_their_kinds_and_a_purchase_is_one_event_for_each_product() {
    let lines = enriched();
    let action = |kind: &str| {
        format!(
            r#"{{"schema":"iglu:x/unstruct_event/jsonschema/1-0-0","data":{{"schema":"iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-0","data":{{"type":"{kind}"}}}}}}"#
        )
    };
    let products = r#"{"schema":"x","data":[{"schema":"iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0","data":{"id":"yoga-mat"}},{"schema":"iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0","data":{"id":10334952456523}}]}"#;
    let event = |id: &str, kind: &str| changed(&lines[2], &[(6, id), (52, products), (58, &action(kind))]);
    let text = ["transaction", "refund", "list_view", "promo_click", "new_kind"].iter().enumerate();
    let text: Vec<String> = text.map(|(id, kind)| event(&format!("e{id}"), kind)).collect();
    let (lines, summary) = Case::of_text(source(), text.join("\n")).run();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.ends_with("\t5\tpurchase")), "{lines:?}");
    for reason in ["refund", "list_view", "promo_click", "another ecommerce action"] {
        assert_eq!(summary.counts.ignored[reason], 1, "{reason}");
    }
}

#[test]
fn events_of_older_trackers_are_understood() {
    let lines = enriched();
    let cart = r#"{"schema":"x","data":{"schema":"iglu:com.snowplowanalytics.snowplow/add_to_cart/jsonschema/1-0-0","data":{"sku":"yoga-mat","quantity":1}}}"#;
    let text = [
        changed(&lines[2], &[(6, "1"), (52, ""), (58, cart), (126, "add_to_cart")]),
        changed(&lines[0], &[(5, "transaction_item"), (6, "2"), (68, "water-bottle-1"), (126, "transaction_item")]),
        changed(&lines[0], &[(5, "transaction"), (6, "3"), (126, "transaction")]),
    ];
    let (lines, summary) = Case::of_text(source(), text.join("\n")).run();
    assert!(lines[1].ends_with("yoga-mat\t1793610963.883\tSports\t3\tcart"), "{lines:?}");
    assert!(lines[0].ends_with("water-bottle-1\t1793610900.133\tFood\t5\tpurchase"), "{lines:?}");
    assert_eq!(summary.counts.ignored["transaction without its items"], 1);
}

#[test]
fn unknown_products_and_pages_without_one_are_counted_and_listed() {
    let lines = enriched();
    let text = [
        lines[0].clone(),
        changed(&lines[0], &[(6, "1"), (35, "/products/discontinued")]),
        changed(&lines[0], &[(6, "2"), (35, "/products/discontinued")]),
        changed(&lines[0], &[(6, "3"), (35, "/products/gone%20too")]),
        changed(&lines[0], &[(6, "4"), (35, "/pages/about")]),
    ];
    let (lines, summary) = Case::of_text(source(), text.join("\n")).run();
    assert_eq!(lines.len(), 1);
    assert_eq!(summary.counts.unknown_events, 3);
    assert_eq!(summary.unknown_products(), [("discontinued", 2), ("gone too", 1)]);
    assert_eq!(summary.counts.ignored["no product"], 1);
    let text = summary.to_string();
    assert!(text.contains("unknown products  3 events: discontinued 2, gone too 1"), "{text}");
}
