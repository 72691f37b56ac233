//! Lines of interactions, read.

use proptest::prelude::*;

use super::*;

fn message(line: &str) -> String {
    let mut reader = InteractionReader::new(line.as_bytes());
    reader.next().expect("a line").expect_err("the line is wrong").to_string()
}

#[test]
fn a_line_becomes_an_interaction_and_a_line_again() {
    let line = "1\tuser_1\tsmartphone\t1794046742\tElectronics\n";
    let mut reader = InteractionReader::new(line.as_bytes());
    let interaction = reader.next().unwrap().unwrap();
    let expected = Interaction {
        user: "user_1",
        item: "smartphone",
        timestamp: 1_794_046_742.0,
        category: "Electronics",
        event: None,
    };
    assert_eq!(interaction, expected);
    let mut written = Vec::new();
    interaction.write(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), line);
}

#[test]
fn wrong_lines_say_what_was_found_and_expected() {
    assert!(message("1\tu\ti\t5").starts_with("line 1: found 4 tab-separated columns: expected 5"));
    assert!(message("1\tu\ti\t5\tc\t2\tcart\tx").starts_with("line 1: found 8 tab-separated columns"));
    assert!(message("1\tu\ti\t5\tc\t2\tbuy").starts_with("line 1: event is `buy`: expected view, cart or purchase"));
    assert!(message("1\tu\ti\t5\tc\tx").starts_with("line 1: weight is `x`: expected a whole number from 1"));
    assert!(message("1\tu\ti\t5\tc\t0").starts_with("line 1: weight is `0`"));
    assert!(message("0\tu\ti\t5\tc").starts_with("line 1: label is `0`: expected `1`, in `0\tu"));
    assert!(message("1\tu\t\t5\tc").contains("item is empty"));
    assert!(message("1\tu\ti\tsoon\tc").contains("timestamp: `soon` is not a Unix time"));
}

#[test]
fn further_columns_are_weight_and_event_and_are_written_only_when_they_say_something() {
    let text = "1\tu\ti\t5\tc\t3\n1\tu\ti\t6\tc\n1\tu\ti\t7\tc\t1\tpurchase\n1\tu\ti\t7\tc\t3\tcart\n";
    let mut reader = InteractionReader::new(text.as_bytes());
    let mut written = Vec::new();
    let mut weights = Vec::new();
    while let Some(row) = reader.next_weighted() {
        let (interaction, weight) = row.unwrap();
        interaction.write_weighted(u32::from(weight), &mut written).unwrap();
        weights.push(weight);
    }
    assert_eq!(weights, [3, 1, 1, 3]);
    assert_eq!(String::from_utf8(written).unwrap(), text);
}

#[test]
fn reading_goes_on_behind_a_bad_line() {
    let text = "1\tu\ti\t5\tc\n\nbad\n1\tu\tj\t6\tc\r\n";
    let mut reader = InteractionReader::new(text.as_bytes());
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("line 3:"), "{error}");
    assert_eq!(reader.next_row().unwrap().map(|row| (row.line, row.interaction.item)).unwrap(), (4, "j"));
    assert!(reader.next().is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_stop_early(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut reader = InteractionReader::new(bytes.as_slice());
        let mut rows = 0;
        while reader.next().is_some() {
            rows += 1;
        }
        prop_assert!(rows <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
    }
}
