//! Files of other kinds, sizes and contents than a bundle's.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use crate::cases::{Case, case};

pub(crate) fn files() -> Vec<Case> {
    let mut cases = kinds();
    cases.extend(catalogs());
    cases.extend(vocabularies());
    cases
}

fn kinds() -> Vec<Case> {
    vec![
        case("a file of a terabyte with nothing in it", "expected at most 268435456", |bundle| {
            File::create(bundle.file("scores.onnx")).unwrap().set_len(1 << 40).unwrap();
            bundle.change_manifest(|manifest| manifest["files"]["scores.onnx"]["bytes"] = json!(1_u64 << 40));
        }),
        case(
            "a file of a terabyte that the manifest does not know",
            "has 1099511627776 bytes: the manifest has",
            |bundle| {
                File::create(bundle.file("history.onnx")).unwrap().set_len(1 << 40).unwrap();
            },
        ),
        case("files that are too large together", "bytes by the manifest: expected at most", |bundle| {
            for graph in ["candidates.onnx", "history.onnx"] {
                File::create(bundle.file(graph)).unwrap().set_len(200 << 20).unwrap();
                bundle.change_manifest(|manifest| manifest["files"][graph]["bytes"] = json!(200 << 20));
            }
        }),
        case("a manifest of a terabyte", "manifest.json: has 1099511627776 bytes", |bundle| {
            File::options().write(true).open(bundle.file("manifest.json")).unwrap().set_len(1 << 40).unwrap();
        }),
        case("a pipe", "history.onnx: is a pipe", |bundle| {
            fs::remove_file(bundle.file("history.onnx")).unwrap();
            assert!(Command::new("mkfifo").arg(bundle.file("history.onnx")).status().unwrap().success());
        }),
        case("a pipe for a manifest", "manifest.json: is a pipe", |bundle| {
            fs::remove_file(bundle.file("manifest.json")).unwrap();
            assert!(Command::new("mkfifo").arg(bundle.file("manifest.json")).status().unwrap().success());
        }),
        case("a directory", "catalog.json: is a directory", |bundle| {
            fs::remove_file(bundle.file("catalog.json")).unwrap();
            fs::create_dir(bundle.file("catalog.json")).unwrap();
        }),
        case("a link to itself", "cannot read", |bundle| {
            fs::remove_file(bundle.file("scores.onnx")).unwrap();
            symlink("scores.onnx", bundle.file("scores.onnx")).unwrap();
        }),
        case("a link to a device", "leads out of the bundle", |bundle| {
            fs::remove_file(bundle.file("scores.onnx")).unwrap();
            symlink("/dev/zero", bundle.file("scores.onnx")).unwrap();
        }),
        case("a link to a file outside", "leads out of the bundle", |bundle| {
            fs::remove_file(bundle.file("vocabulary.json")).unwrap();
            symlink("/etc/passwd", bundle.file("vocabulary.json")).unwrap();
        }),
        case("a missing file", "cannot read", |bundle| fs::remove_file(bundle.file("candidates.onnx")).unwrap()),
        case("a changed file", "scores.onnx: has SHA-256", |bundle| {
            let mut bytes = fs::read(bundle.file("scores.onnx")).unwrap();
            bytes[100] ^= 1;
            fs::write(bundle.file("scores.onnx"), bytes).unwrap();
        }),
    ]
}

fn catalogs() -> Vec<Case> {
    let text = |name, expected, make: fn() -> String| {
        case(name, expected, move |bundle| bundle.replace("catalog.json", |_| make().into_bytes()))
    };
    vec![
        text("a catalogue of numbers", "invalid type: integer `0`", || {
            format!("{{\"format\": \"slirec-catalog/1\", \"products\": [{}0]}}", "0,".repeat(20 << 20))
        }),
        text("a catalogue of brackets", "catalog.json:", || "[".repeat(20 << 20)),
        text("a catalogue that is no list", "expected a list of products", || {
            "{\"format\": \"slirec-catalog/1\", \"products\": {}}".to_owned()
        }),
        text("a catalogue beyond its share", "expected at most 67108864", || " ".repeat(65 << 20)),
        case("a handle of a megabyte", "handle has 1000000 bytes: expected at most 1024", |bundle| {
            bundle.replace_json("catalog.json", |catalog| {
                catalog["products"][0]["handle"] = json!("a".repeat(1_000_000))
            });
        }),
        case("an attribute of a megabyte", "attributes, a value, has 1000000 bytes", |bundle| {
            bundle.replace_json("catalog.json", |catalog| {
                catalog["products"][0]["attributes"] = json!({"text": "a".repeat(1_000_000)});
            });
        }),
        case("a key of a megabyte", "unknown field `aaa", |bundle| {
            bundle.replace_json("catalog.json", |catalog| catalog["products"][0]["a".repeat(1_000_000)] = json!(1));
        }),
        case("a product twice", "expected every handle once", |bundle| {
            bundle.replace_json("catalog.json", |catalog| {
                let product = catalog["products"][0].clone();
                catalog["products"].as_array_mut().unwrap().push(product);
            });
        }),
        case("an attribute twice", "`colour` stands twice", |bundle| {
            bundle.replace("catalog.json", |bytes| {
                let twice = "\"attributes\": {\"colour\": \"red\", \"colour\": \"blue\"}, \"handle\": \"first\"";
                let product = format!("{{{twice}, \"gid\": \"first\", \"title\": \"\", \"category\": \"a\"}},");
                let text = String::from_utf8(bytes).unwrap();
                let place =
                    text.find("\"products\"").unwrap() + text[text.find("\"products\"").unwrap()..].find('[').unwrap();
                format!("{}{product}{}", &text[..=place], &text[place + 1..]).into_bytes()
            });
        }),
    ]
}

fn vocabularies() -> Vec<Case> {
    let json = |name, expected, change: fn(&mut serde_json::Value)| {
        case(name, expected, move |bundle| bundle.replace_json("vocabulary.json", change))
    };
    vec![
        json("a vocabulary beyond the embeddings", "`embedding.item` is of the sizes", |vocabulary| {
            let items = vocabulary["items"].as_array_mut().unwrap();
            let mut item = items[0].clone();
            item["handle"] = json!("invented");
            items.push(item);
        }),
        json("values beyond the embeddings", "`embedding.category` is of the sizes", |vocabulary| {
            vocabulary["features"][0]["values"].as_array_mut().unwrap().push(json!("invented"));
        }),
        json("an id without a value", "for feature `category`: expected 0 to", |vocabulary| {
            vocabulary["items"][0]["features"] = json!([4_000_000_000_u32]);
        }),
        json("an item twice", "expected every name once", |vocabulary| {
            let item = vocabulary["items"][0].clone();
            vocabulary["items"].as_array_mut().unwrap().push(item);
        }),
        json("a name of a megabyte", "items: a name has 1000000 bytes", |vocabulary| {
            vocabulary["items"][0]["handle"] = json!("a".repeat(1_000_000));
        }),
        case("millions of empty names", "more than 2097152 entries", |bundle| {
            let names = "\"\",".repeat(10 << 20);
            let feature = format!("{{\"name\": \"category\", \"values\": [{names}\"\"]}}");
            let text = format!("{{\"format\": \"slirec-vocabulary/1\", \"features\": [{feature}], \"items\": []}}");
            bundle.replace("vocabulary.json", |_| text.into_bytes());
        }),
    ]
}
