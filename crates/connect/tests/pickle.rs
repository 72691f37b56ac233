//! Pickles as users and attackers bring them: real files enter whole, cut off and changed; values or a named refusal
//! leave, never a crash and never more memory than the file accounts for.

#![cfg(test)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slirec_connect::pickle::{self, Value};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden/pickles").join(name)
}

const FIXTURES: [&str; 5] =
    ["cate_vocab.pkl", "inventory.pkl", "item_cat_dict.pkl", "item_vocab.pkl", "user_vocab.pkl"];

#[test]
fn the_original_s_files_hold_what_their_json_holds() {
    for (pickled, json) in [("item_vocab.pkl", "item_vocab.json"), ("cate_vocab.pkl", "cate_vocab.json")] {
        let value = pickle::read_file(&fixture(pickled)).unwrap();
        let expected: std::collections::BTreeMap<String, i64> =
            serde_json::from_slice(&std::fs::read(fixture("..").join(json)).unwrap()).unwrap();
        assert_eq!(value.as_dict().unwrap().len(), expected.len());
        for (name, id) in expected {
            assert_eq!(value.get(&name).and_then(Value::as_int), Some(id), "{name}");
        }
    }
}

#[test]
fn every_protocol_of_python_gives_the_same_values() {
    // pickle.dumps({"a": [1, -2, 300, 70000, 2**40, -2**40], "é": (True, None, 2.5)}, protocol) of Python 3.11
    let protocols: [&[u8]; 6] = [
        b"(dp0\nVa\np1\n(lp2\nI1\naI-2\naI300\naI70000\naL1099511627776L\naL-1099511627776L\nasV\xe9\np3\n(I01\nNF2.5\ntp4\ns.",
        b"}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00L1099511627776L\nL-1099511627776L\neX\x02\x00\x00\x00\xc3\xa9q\x03(I01\nNG@\x04\x00\x00\x00\x00\x00\x00tq\x04u.",
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xffeX\x02\x00\x00\x00\xc3\xa9q\x03\x88NG@\x04\x00\x00\x00\x00\x00\x00\x87q\x04u.",
        b"\x80\x03}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xffeX\x02\x00\x00\x00\xc3\xa9q\x03\x88NG@\x04\x00\x00\x00\x00\x00\x00\x87q\x04u.",
        b"\x80\x04\x95>\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xffe\x8c\x02\xc3\xa9\x94\x88NG@\x04\x00\x00\x00\x00\x00\x00\x87\x94u.",
        b"\x80\x05\x95>\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x06\x00\x00\x00\x00\x00\xffe\x8c\x02\xc3\xa9\x94\x88NG@\x04\x00\x00\x00\x00\x00\x00\x87\x94u.",
    ];
    let numbers = [1, -2, 300, 70_000, 1 << 40, -(1 << 40)].map(Value::Int).to_vec();
    let tuple = Value::Tuple(vec![Value::Bool(true), Value::None, Value::Float(2.5)]);
    for (protocol, bytes) in protocols.iter().enumerate() {
        let value = pickle::read(bytes).unwrap_or_else(|error| panic!("protocol {protocol}: {error}"));
        assert_eq!(value.get("a"), Some(&Value::List(numbers.clone())), "protocol {protocol}");
        assert_eq!(value.get("é"), Some(&tuple), "protocol {protocol}");
    }
}

/// `count` times the same bytes between a start and an end.
fn repeated(start: &[u8], middle: &[u8], count: usize, end: &[u8]) -> Vec<u8> {
    [start, &middle.repeat(count), end].concat()
}

/// Ten lists, each holding the one before ten times: ten thousand million elements once unfolded.
fn memo_bomb() -> Vec<u8> {
    let mut bytes = b"\x80\x02]q\x00".to_vec();
    for level in 1..=10_u8 {
        bytes.extend(b"](");
        (0..10).for_each(|_| bytes.extend([b'h', level - 1]));
        bytes.extend([b'e', b'q', level]);
    }
    bytes.push(b'.');
    bytes
}

fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let case = |name: &'static str, bytes: &[u8], expected: &'static str| (name, bytes.to_vec(), expected);
    vec![
        case("os.system, protocol 0", b"cposix\nsystem\n(S'touch /tmp/pwned'\ntR.", "opcode GLOBAL imports"),
        case("os.system, protocol 2", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "opcode GLOBAL imports"),
        case(
            "os.system, protocol 4",
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
            "opcode STACK_GLOBAL",
        ),
        case("a call without a function", b"\x80\x04\x8c\x01a)R.", "opcode REDUCE calls a function"),
        case("a class by its name", b"(S'x'\nios\nsystem\n.", "opcode STRING"),
        case("a class by INST", b"(ios\nsystem\n.", "opcode INST calls a class"),
        case("a class by OBJ", b"(\x8c\x01ao.", "opcode OBJ calls a class"),
        case("an object by NEWOBJ", b"\x80\x02\x8c\x01a)\x81.", "opcode NEWOBJ makes an object"),
        case("an object by NEWOBJ_EX", b"\x80\x04\x8c\x01a)}\x92.", "opcode NEWOBJ_EX makes an object"),
        case("a changed object", b"\x80\x02}}b.", "opcode BUILD calls __setstate__"),
        case("a persistent id", b"Pmalicious\n.", "opcode PERSID asks"),
        case("a binary persistent id", b"\x8c\x01aQ.", "opcode BINPERSID asks"),
        case("a registered object", b"\x80\x02\x82\x01.", "opcode EXT1"),
        case("a registered object, 2 bytes", b"\x80\x02\x83\x01\x00.", "opcode EXT2"),
        case("a registered object, 4 bytes", b"\x80\x02\x84\x01\x00\x00\x00.", "opcode EXT4"),
        case("a buffer from elsewhere", b"\x80\x05\x97.", "opcode NEXT_BUFFER"),
        case("a read-only buffer", b"\x80\x05\x98.", "opcode READONLY_BUFFER"),
        case("a byte array of 2^62 bytes", b"\x80\x05\x96\x00\x00\x00\x00\x00\x00\x00\x40", "opcode BYTEARRAY8"),
        case("raw bytes", b"\x80\x03C\x01a.", "opcode SHORT_BINBYTES"),
        case("a set", b"\x80\x04\x8f(K\x01\x90.", "opcode EMPTY_SET"),
        case("a frozen set", b"\x80\x04(K\x01\x91.", "opcode FROZENSET"),
        case("a doubled value", b"\x80\x02]22222.", "opcode DUP doubles"),
        case("a thrown away value", b"\x80\x02]0.", "opcode POP throws"),
        case("a number of 2^31 bytes", b"\x80\x02\x8b\xff\xff\xff\x7f", "opcode LONG4"),
        case(
            "text of 2^63 bytes",
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fab.",
            "needs 9223372036854775807 more bytes and 3 are left",
        ),
        case("text of 4 GiB", b"\x80\x02X\xff\xff\xff\xffab.", "opcode BINUNICODE needs 4294967295 more bytes"),
        case("a frame of 2^62 bytes", b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x40}.", "opcode FRAME needs"),
        case(
            "a number of 255 bytes",
            &repeated(b"\x80\x02\x8a\xff", b"\x01", 255, b"."),
            "holds a number of 255 bytes",
        ),
        case("a decimal of 10,000 digits", &repeated(b"I", b"9", 10_000, b"\n."), "found no line end"),
        case("a decimal beyond 64 bits", b"I99999999999999999999\n.", "expected a number of at most 64 bits"),
        case("a list that holds itself", b"\x80\x02]q\x00h\x00a.", "opcode BINGET uses a list for the second time"),
        case("a dict in two places", b"\x80\x02]q\x00(}q\x01h\x01e.", "uses a dict for the second time"),
        case("a tuple in two places", b"\x80\x02]q\x00()q\x01h\x01e.", "uses a tuple for the second time"),
        case("a memo bomb", &memo_bomb(), "uses a list for the second time"),
        case(
            "10,000 lists in each other",
            &repeated(b"\x80\x02", b"]", 10_000, &repeated(b"", b"a", 9_999, b".")),
            "nested more than 32 deep",
        ),
        case(
            "a million tuples in each other",
            &repeated(b"\x80\x02N", b"\x85", 1_000_000, b"."),
            "nested more than 32 deep",
        ),
        case(
            "a million dicts in each other",
            &repeated(b"\x80\x02", b"}K\x01", 100_000, &repeated(b"N", b"s", 100_000, b".")),
            "nested more than 32 deep",
        ),
        case("nine million values", &repeated(b"\x80\x02(", b"N", 9_000_000, b"l."), "holds more than 8000000 values"),
        case("nine million marks", &repeated(b"\x80\x02", b"(", 9_000_000, b"."), "holds more than 8000000 values"),
        case("nothing remembered", b"\x80\x02h\x07.", "nothing was remembered as 7"),
        case("nothing to remember", b"\x80\x04\x94.", "no value is on the stack"),
        case("an empty stack", b"\x80\x02.", "the stack is empty"),
        case("a mark for a value", b"\x80\x02(.", "a mark is on the stack"),
        case("values without a mark", b"\x80\x02]K\x01e.", "no mark is on the stack"),
        case("values below the result", b"\x80\x02K\x01K\x02.", "more than one value is on the stack"),
        case("a key without a value", b"\x80\x02}(K\x01u.", "a key has no value"),
        case("a key that is a list", b"\x80\x02}]K\x01s.", "a key is a container"),
        case("an entry of a list", b"\x80\x02]K\x01K\x01s.", "no dict is below the values"),
        case("an element of a dict", b"\x80\x02}K\x01a.", "no list is below the values"),
        case("text that is not UTF-8", b"\x80\x04\x8c\x02\xff\xfe.", "not UTF-8"),
        case("a wrong escape", b"V\\u12\n.", "expected \\uXXXX"),
        case("an unknown opcode", b"\x80\x04\xff.", "found 0xff: expected a pickle opcode"),
        case("an unknown protocol", b"\x80\x63}.", "protocol is 99"),
        case("a second pickle behind the first", b"\x80\x02}.cposix\nsystem\n.", "followed by 15 more bytes"),
        case("nothing", b"", "ends without STOP"),
        case("JSON", b"{\"a\": 1}", "found 0x7b: expected a pickle opcode"),
        case("a zip file, as PyTorch writes them", b"PK\x03\x04", "opcode PERSID asks"),
    ]
}

#[test]
fn every_hostile_pickle_is_refused_by_the_name_of_what_is_wrong() {
    let cases = hostile();
    for (name, bytes, expected) in &cases {
        let message = pickle::read(bytes).expect_err(name).to_string();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(message.starts_with("byte "), "{name}: {message}");
        assert!(message.len() < 300, "{name}: an error of {} bytes", message.len());
    }
    assert!(!Path::new("/tmp/pwned").exists());
    println!("{} hostile pickles, all refused", cases.len());
}

#[test]
fn shared_text_is_stored_once_however_often_it_is_used() {
    // A text of one million bytes, used two million times: two terabytes if every use were a copy.
    let text = vec![b'a'; 1_000_000];
    let mut bytes = [b"\x80\x02(X" as &[u8], &1_000_000_u32.to_le_bytes(), &text, b"q\x00"].concat();
    bytes.extend(b"h\x00".repeat(2_000_000));
    bytes.extend(b"l.");
    let value = pickle::read(&bytes).unwrap();
    assert_eq!(value.as_list().unwrap().len(), 2_000_001);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let mut cases = 0;
    for name in FIXTURES {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in 0..bytes.len() {
            assert!(pickle::read(&bytes[..length]).is_err(), "{name} cut off at {length}");
            cases += 1;
        }
    }
    println!("{cases} truncations, all refused");
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vast.pkl");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let message = pickle::read_file(&path).unwrap_err().to_string();
    assert!(message.contains("vast.pkl: is larger than 67108864 bytes"), "{message}");
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e300..1e300).prop_map(Value::Float),
        ".{0,20}".prop_map(|text| Value::Text(text.into())),
    ];
    scalar.clone().prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec((scalar.clone(), inner), 0..6).prop_map(Value::Dict),
        ]
    })
}

/// The same value as Python's protocol 4 writes it, without memo.
fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::None => bytes.push(b'N'),
        Value::Bool(value) => bytes.push(if *value { 0x88 } else { 0x89 }),
        Value::Int(value) => bytes.extend([&[0x8a, 8], &value.to_le_bytes()[..]].concat()),
        Value::Float(value) => bytes.extend([&b"G"[..], &value.to_be_bytes()[..]].concat()),
        Value::Text(text) => {
            bytes.extend([&b"X"[..], &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat());
        }
        Value::List(values) => {
            bytes.extend(b"](");
            values.iter().for_each(|value| write(value, bytes));
            bytes.push(b'e');
        }
        Value::Tuple(values) => {
            bytes.push(b'(');
            values.iter().for_each(|value| write(value, bytes));
            bytes.push(b't');
        }
        Value::Dict(pairs) => {
            bytes.extend(b"}(");
            pairs.iter().for_each(|(key, value)| {
                write(key, bytes);
                write(value, bytes);
            });
            bytes.push(b'u');
        }
    }
}

proptest! {
    #[test]
    fn what_python_would_write_reads_back_the_same(value in values()) {
        let mut bytes = vec![0x80, 4];
        write(&value, &mut bytes);
        bytes.push(b'.');
        prop_assert_eq!(pickle::read(&bytes).unwrap(), value);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = pickle::read(&bytes);
    }

    #[test]
    fn no_changed_file_makes_the_reader_panic(
        file in 0..FIXTURES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = std::fs::read(fixture(FIXTURES[file])).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = pickle::read(&bytes);
    }
}
