//! What a file is, by its first bytes: what can be read, and what is named because it cannot.

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Zip,
    Parquet,
    /// Something else, and what it is.
    Foreign(&'static str),
}

/// First bytes of what is not read.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (xls): save it as CSV"),
    (b"SQLite format 3\0", "a SQLite database: export a table as CSV"),
    (b"Obj\x01", "an Avro file: convert it to Parquet or JSON lines"),
    (b"ORC", "an ORC file: convert it to Parquet"),
    (b"ARROW1\0\0", "an Arrow (Feather) file: convert it to Parquet"),
    (b"FEA1", "a Feather file: convert it to Parquet"),
    (b"PARE", "an encrypted Parquet file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: convert it to Parquet"),
    (b"\x93NUMPY", "a NumPy array: convert it to CSV or Parquet"),
    (b"\x80\x02", "a pickle: write it as CSV, JSON lines or Parquet"),
    (b"\x80\x03", "a pickle: write it as CSV, JSON lines or Parquet"),
    (b"\x80\x04\x95", "a pickle: write it as CSV, JSON lines or Parquet"),
    (b"\x80\x05\x95", "a pickle: write it as CSV, JSON lines or Parquet"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it"),
    (b"\x04\x22\x4d\x18", "an LZ4 file: unpack it"),
    (b"\xff\x06\0\0sNaPpY", "a Snappy file: unpack it"),
    (b"LZIP", "an lzip file: unpack it"),
    (b"\x1f\x9d", "a file of compress (.Z): unpack it"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\x7fELF", "a program"),
    (b"RDX", "an R data file: write it as CSV"),
];

/// What a document of markup begins with, whatever its case.
const MARKUP: [(&str, &str); 3] =
    [("<!doctype html", "a web page (HTML)"), ("<html", "a web page (HTML)"), ("<?xml", "an XML document")];

/// Recognises the kind by the first bytes.
pub(super) fn kind(start: &[u8]) -> Kind {
    let begins = |bytes: &[u8]| start.starts_with(bytes);
    if begins(b"\x1f\x8b") {
        return Kind::Gzip;
    }
    if begins(b"BZh") && start.get(4..10).is_some_and(|magic| magic == b"1AY&SY" || magic == b"\x17rE8P\x90") {
        return Kind::Bzip2;
    }
    if begins(b"\xfd7zXZ\0") {
        return Kind::Xz;
    }
    if begins(b"\x28\xb5\x2f\xfd") {
        return Kind::Zstd;
    }
    if begins(b"PK\x03\x04") {
        return Kind::Zip;
    }
    if begins(b"PAR1") {
        return Kind::Parquet;
    }
    if start.get(257..262) == Some(b"ustar") {
        return Kind::Foreign("a tar archive: unpack it");
    }
    if start.get(8..12) == Some(b"DUCK") {
        return Kind::Foreign("a DuckDB database: export a table as Parquet");
    }
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| begins(magic)) {
        return Kind::Foreign(name);
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let is = |tag: &str| text.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag.as_bytes()));
    MARKUP.iter().find(|(tag, _)| is(tag)).map_or(Kind::Text, |(_, name)| Kind::Foreign(name))
}

/// What a zip archive is that holds these names, if it is a document.
pub(super) fn document<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let (mut content_types, mut folder, mut open) = (false, "", false);
    for name in names {
        content_types |= name == "[Content_Types].xml";
        open |= name == "mimetype" || name == "META-INF/manifest.xml";
        if name.starts_with("xl/") {
            folder = "xl";
        }
    }
    match (content_types, open) {
        (true, _) if folder == "xl" => Some("an Excel workbook (xlsx): save the sheet as CSV"),
        (true, _) => Some("an Office document (xlsx, docx): save it as CSV"),
        (_, true) => Some("an OpenDocument file (ods): save the sheet as CSV"),
        _ => None,
    }
}
