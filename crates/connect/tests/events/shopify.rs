//! Shopify's own records: web pixel, bulk orders, order export.

use slirec_connect::events::Source;
use slirec_connect::time::TimeRule;

use crate::{Case, fixture};

#[test]
fn customer_events_of_a_web_pixel_become_views_carts_and_purchases() {
    let (lines, _) = Case::new(Source::WebPixel, &[fixture("shopify/web_pixel_events.jsonl")]).run();
    let user = "4d7244e2-95fa-4a03-908e-672d44f55191";
    let expected = [
        format!("1\t{user}\trunning-shoes\t1793610900.12\tSports"),
        format!("1\t{user}\trunning-shoes\t1793610944.531\tSports\t3\tcart"),
        format!("1\t{user}\trunning-shoes\t1793611142.004\tSports\t5\tpurchase"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_consent_and_other_pages_leave_out_is_passed_over() {
    let event = |name: &str, data: &str| {
        format!(r#"{{"id":"{name}","name":"{name}","clientId":"c","timestamp":"2026-11-02T09:15:00Z","data":{data}}}"#)
    };
    let view = r#"{"productVariant":{"product":{"id":"gid://shopify/Product/7","title":null,"url":null}}}"#;
    let text = [
        event("product_viewed", view),
        event("product_added_to_cart", r#"{"cartLine":null}"#),
        event("collection_viewed", r#"{"collection":{"id":"1"}}"#),
        event("product_removed_from_cart", "{}"),
        r#"{"name":"product_viewed","clientId":null,"timestamp":"2026-11-02T09:15:00Z","data":{"productVariant":{"product":{"id":"7"}}}}"#.to_owned(),
        event("checkout_completed", "null"),
    ];
    let (lines, summary) = Case::of_text(Source::WebPixel, text.join("\n")).run();
    assert_eq!(lines, ["1\tc\tyoga-mat\t1793610900\tSports"]);
    let ignored = &summary.counts.ignored;
    assert_eq!((ignored["no product"], ignored["no user"]), (2, 1));
    assert_eq!((ignored["another customer event"], ignored["remove_from_cart"]), (1, 1));
}

#[test]
fn orders_of_a_bulk_query_become_purchases_of_their_customers() {
    let (lines, summary) = Case::new(Source::BulkOrders, &[fixture("shopify/bulk_orders.jsonl")]).run();
    assert_eq!(lines, ["1\t7283940561238\trunning-shoes\t1793611140\tSports\t5\tpurchase"]);
    assert_eq!((summary.counts.rows, summary.counts.ignored["deleted product"]), (3, 1));
}

#[test]
fn line_items_find_their_orders_wherever_they_stand() {
    let order = |id: u32, more: &str| {
        format!(
            r#"{{"id":"gid://shopify/Order/{id}","processedAt":"2026-11-02T09:19:0{id}Z","customer":{{"id":"gid://shopify/Customer/{id}"}}{more}}}"#
        )
    };
    let item = |id: u32, order: u32, handle: &str| {
        format!(
            r#"{{"id":"gid://shopify/LineItem/{id}","product":{{"id":"gid://shopify/Product/1","handle":"{handle}"}},"__parentId":"gid://shopify/Order/{order}"}}"#
        )
    };
    let text = [
        item(1, 2, "yoga-mat"),
        order(1, ""),
        item(2, 1, "running-shoes"),
        order(3, r#","cancelledAt":"2026-11-03T00:00:00Z""#),
        item(3, 3, "yoga-mat"),
        order(2, ""),
        item(4, 2, "water-bottle-1"),
        order(4, r#","test":true"#),
        item(5, 4, "yoga-mat"),
        item(6, 9, "yoga-mat"),
    ];
    let (lines, summary) = Case::of_text(Source::BulkOrders, text.join("\n")).run();
    let items: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| line.split('\t'))
        .map(|mut parts| (parts.nth(1).unwrap(), parts.next().unwrap()))
        .collect();
    assert_eq!(items, [("1", "running-shoes"), ("2", "yoga-mat"), ("2", "water-bottle-1")]);
    assert_eq!(summary.counts.ignored["cancelled or test order"], 2);
    assert_eq!(summary.counts.bad_rows, 1);
    assert_eq!(summary.counts.bad_sample[0].row, 10);
    assert!(summary.counts.bad_sample[0].problem.contains("order gid://shopify/Order/9: is not in the file"));
}

#[test]
fn the_order_export_is_matched_by_title_and_hides_the_addresses() {
    let (lines, summary) =
        Case::new(Source::OrderCsv(TimeRule::default()), &[fixture("shopify/orders_export.csv")]).run();
    // The address of the second row stands in the first one of its order; times are those of the payment.
    let items: Vec<&str> = lines.iter().map(|line| line.splitn(3, '\t').nth(2).unwrap()).collect();
    let mut sorted = items.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "running-shoes\t1793611142\tSports\t5\tpurchase",
            "water-bottle-1\t1793611142\tFood\t5\tpurchase",
            "yoga-mat\t1793613760\tSports\t5\tpurchase"
        ]
    );
    assert!(lines.iter().all(|line| line.starts_with("1\temail-") && !line.contains('@')), "{lines:?}");
    assert_eq!(summary.totals.users, 2);
}

#[test]
fn a_file_of_another_kind_is_named() {
    let message = Case::of_text(Source::OrderCsv(TimeRule::default()), "a,b\n1,2\n").failure().to_string();
    assert!(message.contains("has no column `Name`: expected the admin's order export, found a, b"), "{message}");
    let message = Case::of_text(Source::BulkOrders, "a,b\n1,2\n").failure().to_string();
    assert!(message.contains("2 of 2 rows are bad"), "{message}");
}
