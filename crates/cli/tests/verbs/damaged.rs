//! Damaged and mistaken files: each ends with an error that names what is wrong, or is read with a warning that counts.

mod mistakes;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::companion::Folder;

/// What becomes of a file.
enum Outcome {
    /// Exit code 1 and an error with these words.
    Error(&'static str),
    /// Exit code 0 and these words on standard error.
    Warning(&'static str),
}

use Outcome::{Error, Warning};

/// Sound interactions: 30 users with 6 views each of 20 products.
fn sound() -> String {
    let line = |number: usize| {
        let (user, step) = (number / 6, number % 6);
        format!("1\tu{user}\ti{}\t{}\tc\n", (user * 7 + step * step * 3) % 20, 1_700_000_000 + user * 1_000 + step * 60)
    };
    (0..180).map(line).collect()
}

fn with_line(number: usize, line: &str) -> Vec<u8> {
    let text = sound();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(number, line);
    lines.join("\n").into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() * 2 / 3);
    bytes
}

fn utf_16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

const PREPARE: &[&str] = &["prepare", "--interactions", "input", "--output", "output"];
const SKIPPING: &[&str] = &["prepare", "--interactions", "input", "--output", "output", "--skip-bad-lines"];
const CATALOG: &[&str] = &["catalog", "import", "input", "--output", "output"];
const PRODUCTS: &[&str] = &["catalog", "import", "input", "--output", "output", "--handle", "sku", "--title", "name"];
const TABLE: &[&str] = &[
    "interactions",
    "import",
    "table",
    "input",
    "--user",
    "user",
    "--item",
    "item",
    "--time",
    "time",
    "--now",
    "2026-11-29",
    "--output",
    "output",
];

type Case = (&'static str, Vec<u8>, &'static [&'static str], Outcome);

fn interactions() -> Vec<Case> {
    let text = sound();
    let swapped: String = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|c| format!("1\t{}\t{}\t{}\tc\n", c[1], c[3], c[2]))
        .collect();
    let future = text.replace("\t17", "\t77");
    let latin_1: Vec<u8> = text.replace("i7\t", "caf\u{e9}\t").chars().map(|letter| letter as u8).collect();
    vec![
        ("a gzip file that was cut off", cut(gzip(text.as_bytes())), PREPARE, Error("cannot read")),
        (
            "a gzip file that was changed",
            {
                let mut bytes = gzip(text.as_bytes());
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x55;
                bytes
            },
            PREPARE,
            Error("input: line "),
        ),
        ("an empty file", Vec::new(), PREPARE, Error("holds no interactions")),
        ("only line ends", b"\n\r\n\n".to_vec(), PREPARE, Error("holds no interactions")),
        (
            "a header",
            with_line(0, "label\tuser\titem\ttime\tcategory"),
            PREPARE,
            Error("line 1: label is `label`: expected `1`"),
        ),
        (
            "a second header in the middle",
            with_line(90, "label\tuser\titem\ttime\tcategory"),
            PREPARE,
            Error("line 91: label is `label`"),
        ),
        (
            "columns that were swapped",
            swapped.into_bytes(),
            PREPARE,
            Error("line 1: timestamp: `i0` is not a Unix time"),
        ),
        (
            "commas instead of tabs",
            text.replace('\t', ",").into_bytes(),
            PREPARE,
            Error("found 1 tab-separated columns: expected 5"),
        ),
        (
            "spaces instead of tabs",
            text.replace('\t', "    ").into_bytes(),
            PREPARE,
            Error("found 1 tab-separated columns: expected 5"),
        ),
        (
            "a last line that was cut off",
            cut(text.clone().into_bytes()),
            PREPARE,
            Error("tab-separated columns: expected 5"),
        ),
        (
            "a time before 1970",
            with_line(3, "1\tu1\ti1\t-5\tc"),
            PREPARE,
            Error("line 4: timestamp: -5 is not a usable Unix time"),
        ),
        (
            "a time that is no number",
            with_line(3, "1\tu1\ti1\tNaN\tc"),
            PREPARE,
            Error("line 4: timestamp: `NaN` is not a Unix time"),
        ),
        (
            "times in the future",
            future.into_bytes(),
            PREPARE,
            Warning("warning: the last interaction lies in the future"),
        ),
        (
            "negatives among the positives",
            with_line(5, "0\tu1\ti1\t1700000000\tc"),
            PREPARE,
            Error("line 6: label is `0`"),
        ),
        (
            "a weight beyond reason",
            with_line(5, "1\tu1\ti1\t1700000000\tc\t99999"),
            PREPARE,
            Error("line 6: weight is `99999`"),
        ),
        ("Latin-1 among UTF-8", latin_1, PREPARE, Error("found bytes that are not UTF-8")),
        ("UTF-16", utf_16(&text), PREPARE, Error("line 1: ")),
        (
            "JSON lines instead of a table",
            b"{\"user\": \"u\", \"item\": \"i\"}\n".to_vec(),
            PREPARE,
            Error("found 1 tab-separated columns"),
        ),
        (
            "the same file twice over",
            text.repeat(2).into_bytes(),
            PREPARE,
            Warning("warning: 180 of 360 (50.0 %) interactions repeat another one"),
        ),
        (
            "lines that cannot be read, to be left out",
            with_line(9, "nonsense"),
            SKIPPING,
            Warning("warning: 1 lines were left out because they could not be read"),
        ),
        (
            "only lines that cannot be read",
            b"a\nb\n".to_vec(),
            SKIPPING,
            Error("holds no interactions: none of its 2 lines could be read"),
        ),
        ("bytes without meaning", [0xde, 0xad, 0xbe, 0xef].repeat(99), PREPARE, Error("line 1: ")),
    ]
}

fn products() -> Vec<Case> {
    let table = "sku,name\nA,Mug\nB,Cup\n";
    let bulk = "{\"id\": \"gid://shopify/Product/1\", \"handle\": \"a\", \"title\": \"A\"}\n{\"id\": \"gid://sho";
    let orphan = "{\"id\": \"gid://shopify/Product/1\", \"handle\": \"a\", \"title\": \"A\"}\n\
                  {\"id\": \"gid://shopify/ProductVariant/2\", \"sku\": \"X\", \"__parentId\": \"gid://shopify/Product/9\"}\n";
    vec![
        ("a list of products that is empty", Vec::new(), CATALOG, Error("is empty: expected products")),
        ("a list of products with a header only", b"sku,name\n".to_vec(), PRODUCTS, Error("holds no products")),
        (
            "CSV that is called JSON",
            table.into(),
            CATALOG,
            Error("is no product export of a shop and no inventory.pkl"),
        ),
        ("a workbook", b"PK\x03\x04rest".to_vec(), CATALOG, Error("is a zip archive that cannot be read")),
        (
            "a handle for two products",
            format!("{table}A,Jug\n").into_bytes(),
            PRODUCTS,
            Error("input:4: handle `A` is also that of product 1"),
        ),
        (
            "a handle that is missing",
            format!("{table},Jug\n").into_bytes(),
            PRODUCTS,
            Error("input:4: no value in column `sku`"),
        ),
        (
            "a column that is called otherwise",
            table.replace("name", "names").into_bytes(),
            PRODUCTS,
            Error("has no column `name`, did you mean `names`"),
        ),
        (
            "a spreadsheet's numbers",
            table.replace('A', "6.93E+12").into_bytes(),
            PRODUCTS,
            Error("input:2: column `sku` is `6.93E+12`: a spreadsheet has shortened"),
        ),
        ("a bulk result that was cut off", bulk.into(), CATALOG, Error("input:2: EOF while parsing")),
        (
            "variants without their product",
            orphan.into(),
            CATALOG,
            Warning("warning: 1 variants belong to products that are not in the file"),
        ),
        ("Latin-1", b"sku,name\nA,Caf\xe9\n".to_vec(), PRODUCTS, Warning("is not UTF-8, and was read as Latin-1")),
        (
            "a gzip file of products that was cut off",
            cut(gzip(table.repeat(99).as_bytes())),
            PRODUCTS,
            Error("cannot read"),
        ),
    ]
}

fn tables() -> Vec<Case> {
    let table = "user,item,time\nu,A,2026-01-01T00:00:00Z\nu,B,2026-01-02T00:00:00Z\n";
    vec![
        ("a table that is empty", Vec::new(), TABLE, Error("error: ")),
        ("a table with a header only", b"user,item,time\n".to_vec(), TABLE, Error("found no interactions")),
        (
            "a table whose column is called otherwise",
            table.replace("item", "items").into_bytes(),
            TABLE,
            Error("has no column `item`"),
        ),
        ("a table in gzip that was cut off", cut(gzip(table.repeat(99).as_bytes())), TABLE, Error("error: ")),
    ]
}

#[test]
fn no_damaged_or_mistaken_file_is_taken_silently() {
    for (what, bytes, arguments, outcome) in
        interactions().into_iter().chain(products()).chain(tables()).chain(mistakes::mistakes())
    {
        let folder = Folder::new();
        folder.write("input", bytes);
        let output = folder.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (code, words) = match outcome {
            Error(words) => (1, words),
            Warning(words) => (0, words),
        };
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(words), "{what}: expected `{words}`, found {said}");
        assert_eq!(folder.path("output").exists(), code == 0, "{what}: an error leaves no output");
        assert!(!folder.path("output.partial").exists(), "{what}");
    }
}

#[test]
fn a_directory_a_missing_file_and_a_damaged_parquet_file_are_named() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    let prepare = |input: &'static str| ["prepare", "--interactions", input, "--output", "output"];
    let catalog = |input: &'static str| ["catalog", "import", input, "--output", "output"];
    for arguments in [prepare("empty"), prepare("nowhere"), catalog("empty"), catalog("nowhere")] {
        let message = folder.fail(&arguments);
        assert!(message.contains("empty") || message.contains("nowhere"), "{message}");
    }
    folder.write("broken.parquet", b"PAR1 and then nothing of the kind PAR1");
    let message = folder.fail(&prepare("broken.parquet"));
    assert!(message.contains("broken.parquet"), "{message}");
    assert!(!folder.path("output").exists());
}
