//! The five forms of Snowplow events.

use std::fs::{self, File};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use slirec_connect::events::Source;
use slirec_connect::events::snowplow::Snowplow;

use crate::{Case, fixture};

const ENRICHED: [&str; 3] = ["enriched.tsv", "enriched.analytics-sdk.jsonl", "enriched.lossless.jsonl"];
const PAYLOADS: [&str; 2] = ["payload_data.jsonl", "payload_data.nussknacker.jsonl"];

pub(super) fn source() -> Source {
    Source::Snowplow(Snowplow::default())
}

/// The three events of the fixtures: by path, by path with locale and collection, by product entity.
fn expected() -> Vec<String> {
    [
        "1\t6ed0a441-82fc-4fc1-8c05-612f57a42543\tyoga-mat\t1793610941.333\tSports",
        "1\tac9ed523-1e6e-40e3-97d2-17aad20318d5\trunning-shoes\t1793610900.133\tSports",
        "1\tac9ed523-1e6e-40e3-97d2-17aad20318d5\twater-bottle-1\t1793610963.883\tFood",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) fn enriched() -> Vec<String> {
    fs::read_to_string(fixture("snowplow/enriched.tsv")).unwrap().lines().map(str::to_owned).collect()
}

/// A line of enriched TSV with some columns replaced.
pub(super) fn changed(line: &str, columns: &[(usize, &str)]) -> String {
    let mut fields: Vec<&str> = line.split('\t').collect();
    columns.iter().for_each(|(index, value)| fields[*index] = value);
    fields.join("\t")
}

#[test]
fn every_enriched_form_gives_the_same_interactions() {
    for name in ENRICHED {
        let (lines, summary) = Case::new(source(), &[fixture("snowplow").join(name)]).run();
        assert_eq!(lines, expected(), "{name}");
        assert_eq!((summary.counts.rows, summary.counts.bad_rows), (3, 0), "{name}");
        assert_eq!(summary.counts.taken["view"], 3, "{name}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn lake_loader_parquet_gives_the_same_interactions() {
    let (lines, summary) = Case::new(source(), &[fixture("snowplow/lake.parquet")]).run();
    assert_eq!(lines, expected());
    assert_eq!(summary.counts.rows, 3);
}

#[test]
fn tracker_payloads_give_all_their_events_by_the_clock_of_the_device() {
    for name in PAYLOADS {
        let (lines, summary) = Case::new(source(), &[fixture("snowplow").join(name)]).run();
        // Nobody corrected the clock of the second shopper, which is 95 seconds fast.
        let expected = [
            "1\t6ed0a441-82fc-4fc1-8c05-612f57a42543\tyoga-mat\t1793611036.2\tSports",
            "1\tac9ed523-1e6e-40e3-97d2-17aad20318d5\trunning-shoes\t1793610900\tSports",
            "1\tac9ed523-1e6e-40e3-97d2-17aad20318d5\twater-bottle-1\t1793610963.75\tFood",
        ];
        assert_eq!(lines, expected, "{name}");
        assert_eq!(summary.counts.ignored["page_ping"], 1, "{name}");
    }
}

#[test]
fn every_event_of_a_payload_is_taken_and_its_contexts_may_be_plain_or_base64() {
    let event = |id: u32, handle: &str, more: &str| {
        format!(
            r#"{{"e":"pv","eid":"{id}","duid":"u","dtm":"17936109{id}000","url":"https://x/products/{handle}"{more}}}"#
        )
    };
    let product = r#"{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1\",\"data\":[{\"schema\":\"iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0\",\"data\":{\"id\":\"yoga-mat\"}}]}"#;
    let action = r#"{\"schema\":\"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0\",\"data\":{\"schema\":\"iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-1\",\"data\":{\"type\":\"add_to_cart\"}}}"#;
    let cart = format!(
        r#"{{"e":"ue","eid":"13","duid":"u","dtm":"1793610913000","url":"https://x/cart","co":"{product}","ue_pr":"{action}"}}"#
    );
    let events = [
        event(10, "running-shoes", ""),
        event(11, "water-bottle-1?variant=5#top", ""),
        event(12, "yoga-mat", r#","ttm":"1793610912500""#),
        cart,
    ];
    let body = format!(
        r#"{{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-0","data":[{}]}}"#,
        events.join(",")
    );
    let (lines, _) = Case::of_text(source(), body).run();
    let items: Vec<&str> = lines.iter().map(|line| line.splitn(3, '\t').nth(2).unwrap()).collect();
    assert_eq!(
        items,
        [
            "running-shoes\t1793610910\tSports",
            "water-bottle-1\t1793610911\tFood",
            "yoga-mat\t1793610912.5\tSports",
            "yoga-mat\t1793610913\tSports\t3\tcart",
        ]
    );
}

#[test]
fn compressed_files_directories_and_repeated_inputs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().join("2026/11/02");
    fs::create_dir_all(&day).unwrap();
    let mut encoder = GzEncoder::new(File::create(day.join("part-0")).unwrap(), Compression::fast());
    encoder.write_all(&fs::read(fixture("snowplow/enriched.tsv")).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::write(day.join("_SUCCESS"), "").unwrap();
    fs::copy(fixture("snowplow/enriched.lossless.jsonl"), day.join("part-1")).unwrap();
    let (lines, summary) = Case::new(source(), &[folder.path().to_owned()]).run();
    assert_eq!(lines, expected());
    assert_eq!((summary.counts.rows, summary.totals.repeated), (6, 3));
}

#[test]
fn bad_rows_are_counted_and_sampled_and_the_others_still_count() {
    let good = fs::read_to_string(fixture("snowplow/enriched.tsv")).unwrap();
    let lines = enriched();
    let bad = [
        "only\tthree\tcolumns".to_owned(),
        format!("{}\tone more", lines[0]),
        changed(&lines[0], &[(124, "yesterday"), (3, "the day before"), (130, "")]),
        changed(&lines[0], &[(124, ""), (3, ""), (130, "")]),
        changed(&lines[2], &[(58, "{\"schema\": 7")]),
        "{\"event_id\": \"x\", \"collector_tstamp\"".to_owned(),
        "{\"schema\": \"iglu:com.example/other/jsonschema/1-0-0\", \"data\": []}".to_owned(),
        "{}".to_owned(),
        "[1, 2]".to_owned(),
    ];
    let case = Case::of_text(source(), format!("{}\n\n{good}", bad.join("\n")));
    let case = case.lenient();
    let (found, summary) = case.run();
    assert_eq!(found, expected());
    assert_eq!(summary.counts.bad_rows, bad.len() as u64);
    let sample = fs::read_to_string(&case.import.bad_rows).unwrap();
    for part in [
        "\t1\tfound 3 tab-separated columns: expected 131, or JSON\tonly\tthree\tcolumns",
        "\t2\tfound 132 tab-separated columns",
        "\t3\tderived_tstamp: `yesterday` is no time: expected a Unix time or ISO 8601",
        "\t4\tno derived_tstamp, true_tstamp or collector_tstamp",
        "\t5\tunstruct_event: ",
        "\t6\t",
        "\t7\tschema is `iglu:com.example/other/jsonschema/1-0-0`: expected iglu:com.snowplowanalytics",
        "\t8\tfound neither event_id and collector_tstamp nor schema and data",
        "\t9\tinvalid type: sequence, expected an object",
    ] {
        assert!(sample.contains(part), "{part} in {sample}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_changed_byte_of_any_form_stops_an_import(
        form in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let name = [&ENRICHED[..], &PAYLOADS[..]].concat()[form];
        let mut bytes = fs::read(fixture("snowplow").join(name)).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // Whatever became bad, a good line behind it is read.
        bytes.extend(b"\n");
        bytes.extend(fs::read(fixture("snowplow/enriched.tsv")).unwrap());
        let (lines, _) = Case::of_text(source(), bytes).lenient().run();
        for line in expected() {
            prop_assert!(lines.contains(&line) || lines.len() >= 2, "{lines:?}");
        }
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn no_changed_byte_of_parquet_crashes_an_import(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fs::read(fixture("snowplow/lake.parquet")).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len() - 4) + 4;
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()) + 4);
        }
        let case = Case::of_text(source(), bytes);
        let _ = case.import.run(&mut |_| {});
    }
}

#[test]
fn json_without_line_ends_is_read() {
    let lossless = fs::read_to_string(fixture("snowplow/enriched.lossless.jsonl")).unwrap();
    let joined: String = lossless.lines().collect();
    assert_eq!(Case::of_text(source(), &joined).run().0, expected());
    let array = format!("[{}]", lossless.lines().collect::<Vec<_>>().join(",\n"));
    assert_eq!(Case::of_text(source(), array).run().0, expected());
    // Two in one line, one in the next, as loaders write that end their batches alone.
    let lines: Vec<&str> = lossless.lines().collect();
    let batches = format!("{}\n{}{}\n", lines[0], lines[1], lines[2]);
    let (found, summary) = Case::of_text(source(), batches).run();
    assert_eq!(found, expected());
    assert_eq!((summary.counts.rows, summary.counts.further), (2, 1));
}

#[test]
fn unloads_of_warehouses_have_upper_case_names_and_json_as_text() {
    let text = fs::read_to_string(fixture("snowplow/enriched.analytics-sdk.jsonl")).unwrap();
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let unloaded = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let names: std::collections::BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(names.iter().map(|name| name.to_uppercase())).unwrap();
    let mut json = String::new();
    for row in &rows {
        let values: Vec<String> = names.iter().map(|name| row.get(*name).map(unloaded).unwrap_or_default()).collect();
        csv.write_record(&values).unwrap();
        let texts = row.iter().map(|(name, value)| (name.to_uppercase(), unloaded(value).into()));
        json.push_str(&serde_json::Value::Object(texts.collect()).to_string());
        json.push('\n');
    }
    assert_eq!(Case::of_text(source(), csv.into_inner().unwrap()).run().0, expected());
    assert_eq!(Case::of_text(source(), json).run().0, expected());
}

#[test]
fn of_two_times_the_first_that_is_one_counts() {
    let line = &enriched()[0];
    let at = |derived: &str, collector: &str| {
        let text = changed(line, &[(124, derived), (3, collector), (130, "")]);
        let (lines, summary) = Case::of_text(source(), text).lenient().run();
        (lines[0].split('\t').nth(3).unwrap().to_owned(), summary.counts.other_times.count)
    };
    assert_eq!(at("1980-01-01 00:00:00", "2026-11-02 09:15:00"), ("1793610900".to_owned(), 1));
    assert_eq!(at("2031-01-01 00:00:00", "2026-11-02 09:15:00"), ("1793610900".to_owned(), 1));
    assert_eq!(at("2026-11-02 09:15:01", "soon"), ("1793610901".to_owned(), 0));
    assert_eq!(at("2031-01-01 00:00:00", ""), ("1924992000".to_owned(), 0), "with no other, it is counted as late");
}
