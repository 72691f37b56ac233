//! Where the quoted records of a block end, strictly: bytes enter, the end of the last whole record leaves, or the place
//! of a quote that would take in what follows it.

/// Most lines that a quoted value may span.
const MOST_LINES: usize = 100;
/// Most bytes that a quoted value may span.
const MOST_BYTES: usize = 1 << 20;

/// A quote that opens a value which does not end where values end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::events) struct Unclosed {
    /// Where the quote stands in the block.
    pub(in crate::events) at: usize,
    /// What is wrong with it.
    pub(in crate::events) problem: &'static str,
}

/// The end of the last record that is whole. The bytes begin with a record; `at_end` says that none follow.
///
/// # Errors
/// [`Unclosed`]: a quoted value spans more than a hundred lines or a MiB, does not end, or ends behind its line where no
/// value ends.
pub(in crate::events) fn whole_records(
    bytes: &[u8],
    separator: u8,
    quote: u8,
    at_end: bool,
) -> Result<usize, Unclosed> {
    let (mut position, mut record) = (0, 0);
    while position < bytes.len() {
        if bytes.get(position) == Some(&quote) {
            match quoted(bytes, position, separator, quote)? {
                Some(end) => position = end,
                None if at_end => return Err(Unclosed { at: position, problem: "is not closed before the file ends" }),
                None => return Ok(record),
            }
        }
        let rest = bytes.get(position..).unwrap_or_default();
        match memchr::memchr2(separator, b'\n', rest) {
            Some(length) => {
                position += length + 1;
                if rest.get(length) == Some(&b'\n') {
                    record = position;
                }
            }
            None if at_end => return Ok(bytes.len()),
            None => return Ok(record),
        }
    }
    Ok(if at_end { bytes.len() } else { record })
}

/// The position behind the quoted value that begins at `start`; none if the bytes end before it.
fn quoted(bytes: &[u8], start: usize, separator: u8, quote: u8) -> Result<Option<usize>, Unclosed> {
    let long = "opens a value of more than 100 lines or 1 MiB";
    let lines_until = |end: usize| memchr::memchr_iter(b'\n', bytes.get(start..end).unwrap_or_default()).count();
    let is_long = |end: usize| end - start > MOST_BYTES || lines_until(end) > MOST_LINES;
    let mut position = start + 1;
    loop {
        let Some(length) = memchr::memchr(quote, bytes.get(position..).unwrap_or_default()) else {
            let too_long = is_long(bytes.len());
            return if too_long { Err(Unclosed { at: start, problem: long }) } else { Ok(None) };
        };
        position += length + 1;
        match bytes.get(position) {
            // Twice a quote is one within the value.
            Some(next) if *next == quote => position += 1,
            None | Some(b'\n' | b'\r') => break,
            Some(next) if *next == separator => break,
            // `"Weird Al" Yankovic` stays on its line.
            Some(_) if lines_until(position) == 0 => return Ok(Some(position)),
            Some(_) => {
                return Err(Unclosed { at: start, problem: "is closed on a later line, in the midst of a value" });
            }
        }
    }
    if is_long(position) { Err(Unclosed { at: start, problem: long }) } else { Ok(Some(position)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(text: &str, at_end: bool) -> Result<usize, Unclosed> {
        whole_records(text.as_bytes(), b',', b'"', at_end)
    }

    #[test]
    fn records_end_with_lines_outside_of_quotes() {
        assert_eq!(end("a,b\nc,d\n", false), Ok(8));
        assert_eq!(end("a,\"b\nc\",d\ne,\"f\n", false), Ok(10), "the last record goes on in the next block");
        assert_eq!(end("a,\"b \"\"c\"\" \nd\"\n", false), Ok(15));
        assert_eq!(end("a,5\" disk\nb,c\n", false), Ok(14), "a quote within a value is a character");
        assert_eq!(end("a,\"Weird Al\" Yankovic\n", false), Ok(22));
        assert_eq!(end("a,b\nc,d", true), Ok(7));
    }

    #[test]
    fn a_quote_that_swallows_lines_is_found_where_it_opens() {
        assert_eq!(end("a,\"b\nc,d\n", true).unwrap_err().at, 2);
        assert_eq!(end("a,b\nc,\"d\ne,\"f\ng,h\n", false).unwrap_err().at, 6);
        let long = format!("a,\"b\n{}", "c,d\n".repeat(101));
        assert_eq!(end(&long, false).unwrap_err().problem, "opens a value of more than 100 lines or 1 MiB");
    }

    proptest! {
        #[test]
        fn records_written_by_the_csv_crate_are_whole_wherever_the_block_is_cut(
            rows in prop::collection::vec(prop::collection::vec("[a,\"\n ]{0,6}", 2..4), 1..20), cut in any::<prop::sample::Index>(),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            let mut ends = vec![0];
            for row in &rows {
                writer.write_record(row).unwrap();
                writer.flush().unwrap();
                ends.push(writer.get_ref().len());
            }
            let bytes = writer.into_inner().unwrap();
            let cut = cut.index(bytes.len() + 1);
            let found = whole_records(&bytes[..cut], b',', b'"', false);
            // A cut in the midst of doubled quotes may look like a value that goes on behind its end: that is an error
            // only for blocks, which end with lines.
            if let Ok(found) = found {
                prop_assert!(ends.contains(&found), "{found} of {ends:?}");
            }
            prop_assert_eq!(whole_records(&bytes, b',', b'"', true), Ok(bytes.len()));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), at_end in any::<bool>()) {
            let _ = whole_records(&bytes, b',', b'"', at_end);
        }
    }
}
