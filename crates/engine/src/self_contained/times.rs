//! What `slirec_core::history::encode` computes of the times, in 64-bit floats until the end: the names of `timestamps` and
//! `now` enter, those of the history graph's inputs leave.

use std::collections::BTreeMap;

use slirec_core::bundle::Network;
use slirec_core::history::{GAP_BUCKETS, SHORTEST_DAYS, gap_bucket};
use slirec_core::timestamp::{DAY, MILLISECONDS_FROM};
use slirec_onnx::builder::{Body, integer};

/// ONNX's numbers of element types, for `Cast`.
const FLOAT: i64 = 1;
pub(super) const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// The inputs of a network's history graph by their names.
pub(super) fn history_inputs(body: &mut Body, network: Network, longest: i64) -> BTreeMap<String, String> {
    let times = body.node_with("Cast", &["timestamps"], vec![integer("to", DOUBLE)]);
    let times = seconds(body, &times);
    let newest = body.node_with("ReduceMax", &[&times], vec![integer("keepdims", 1)]);
    let zero = body.double(0.0);
    let missing = body.node("Less", &["now", &zero]);
    let given = seconds(body, "now");
    let now = body.node("Where", &[&missing, &newest, &given]);
    let named = match network {
        Network::SliRec => features(body, &times, &now, longest).to_vec(),
        Network::Ranking => buckets(body, &times, &now, longest).to_vec(),
    };
    let ids = ["item_ids", "feature_ids"].map(|ids| (ids, ids.to_owned()));
    ids.into_iter().chain(named).map(|(input, name)| (input.to_owned(), name)).collect()
}

/// Positions whose item is known, of the last ones: the ranking network reads no others.
const KNOWN: &str = "known_positions";

/// The numbers of the known ones among items, each of which has one above 0; keeps their positions for the times.
pub(super) fn only_known(body: &mut Body, rows: &str) -> String {
    let positions = body.node("NonZero", &[rows]);
    let flat = body.integers(&[-1]);
    body.named("Reshape", &[&positions, &flat], &[KNOWN], Vec::new());
    body.node("Gather", &[rows, KNOWN])
}

/// Of SLi-Rec: logarithms of days.
fn features(body: &mut Body, times: &str, now: &str, longest: i64) -> [(&'static str, String); 3] {
    let (start, one, end) = (body.integers(&[0]), body.integers(&[1]), body.integers(&[i64::MAX]));
    let first = body.node("Slice", &[times, &start, &one, &start]);
    let used = last_rows(body, times, longest);
    let after = body.node("Slice", &[&used, &one, &end, &start]);
    let following = body.node_with("Concat", &[&after, now], vec![integer("axis", 0)]);
    let since_first = body.node("Sub", &[&following, &first]);
    let until_now = body.node("Sub", &[now, &used]);
    let time_from_first = log_days(body, &since_first);
    let time_to_now = log_days(body, &until_now);
    // The last of all slots is 0.0 unless the history fills them.
    let last = last_rows(body, &time_to_now, 1);
    let length = body.node("Shape", &[&used]);
    let slots = body.integers(&[longest]);
    let full = body.node("Equal", &[&length, &slots]);
    let empty = body.scalar(0.0);
    let last_slot = body.node("Where", &[&full, &last, &empty]);
    [("time_from_first", time_from_first), ("time_to_now", time_to_now), ("last_slot_time_to_now", last_slot)]
}

/// Of the ranking network: buckets of the gaps and of the time since the last view.
fn buckets(body: &mut Body, times: &str, now: &str, longest: i64) -> [(&'static str, String); 2] {
    let (start, one, end) = (body.integers(&[0]), body.integers(&[1]), body.integers(&[i64::MAX]));
    let used = last_rows(body, times, longest);
    let used = body.node("Gather", &[&used, KNOWN]);
    let after = body.node("Slice", &[&used, &one, &end, &start]);
    let but_one = body.integers(&[-1]);
    let before = body.node("Slice", &[&used, &start, &but_one, &start]);
    let between = body.node("Sub", &[&after, &before]);
    let bounds: Vec<f64> = (1..).take(GAP_BUCKETS - 1).map(first_second).collect();
    let bounds = body.doubles("bucket_bounds", &[bounds.len()], &bounds);
    let between = bucket(body, &between, &bounds);
    let gaps = body.node_with("Concat", &[&start, &between], vec![integer("axis", 0)]);
    let last = last_rows(body, &used, 1);
    let since = body.node("Sub", &[now, &last]);
    [("gaps", gaps), ("age", bucket(body, &since, &bounds))]
}

/// How many bounds, at which buckets begin, lie at or below each time or other number: a logarithm of the runtime might round to the other side of a bound.
pub(super) fn bucket(body: &mut Body, seconds: &str, bounds: &str) -> String {
    let axis = body.integers(&[1]);
    let column = body.node("Unsqueeze", &[seconds, &axis]);
    let reached = body.node("GreaterOrEqual", &[&column, bounds]);
    let reached = body.node_with("Cast", &[&reached], vec![integer("to", INT64)]);
    body.node_with("ReduceSum", &[&reached, &axis], vec![integer("keepdims", 0)])
}

/// Where a bucket begins: the smallest float that falls into it.
fn first_second(bucket: u8) -> f64 {
    // Positive floats are ordered as their bits are.
    let (mut below, mut within) = (0, f64::MAX.to_bits());
    while within - below > 1 {
        let middle = below + (within - below) / 2;
        if gap_bucket(f64::from_bits(middle)) >= bucket {
            within = middle;
        } else {
            below = middle;
        }
    }
    f64::from_bits(within)
}

/// The last `count` rows of a tensor, or all if there are fewer.
pub(super) fn last_rows(body: &mut Body, tensor: &str, count: i64) -> String {
    let (start, end, axis) = (body.integers(&[-count]), body.integers(&[i64::MAX]), body.integers(&[0]));
    body.node("Slice", &[tensor, &start, &end, &axis])
}

/// Seconds of seconds or milliseconds, as `slirec_core::timestamp::from_number` tells them apart.
fn seconds(body: &mut Body, times: &str) -> String {
    let bound = body.double(MILLISECONDS_FROM);
    let thousand = body.double(1000.0);
    let milliseconds = body.node("GreaterOrEqual", &[times, &bound]);
    let divided = body.node("Div", &[times, &thousand]);
    body.node("Where", &[&milliseconds, &divided, times])
}

fn log_days(body: &mut Body, seconds: &str) -> String {
    let (day, shortest) = (body.double(DAY), body.double(SHORTEST_DAYS));
    let days = body.node("Div", &[seconds, &day]);
    let days = body.node("Max", &[&days, &shortest]);
    let logarithm = body.node("Log", &[&days]);
    body.node_with("Cast", &[&logarithm], vec![integer("to", FLOAT)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_begins_where_the_encoding_says() {
        for bucket in 1..20 {
            let first = first_second(bucket);
            assert_eq!((gap_bucket(first), gap_bucket(first.next_down())), (bucket, bucket - 1), "{first}");
        }
        // To the rounding of a logarithm.
        for (bucket, bound) in [(1, 8.0), (4, 128.0), (7, 2_048.0)] {
            assert!((first_second(bucket) / bound - 1.0).abs() < 1e-12, "{bucket}: {}", first_second(bucket));
        }
    }
}
