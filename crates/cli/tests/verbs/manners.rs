//! The manners of a command-line tool: standard input and output, pipes, readers that leave, what is never replaced,
//! completions and manual pages, sessions of which one cannot be read.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::companion::{Folder, ROAD, verb_arguments};

/// Runs with something on standard input.
fn fed(folder: &Folder, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = folder.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that ends early reads no further.
    let _ = feeder.join().unwrap();
    output
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs a line of a shell that has pipes and process substitution.
fn shell(folder: &Folder, line: &str) -> Output {
    let line = line.replace("slirec ", &format!("{} ", env!("CARGO_BIN_EXE_slirec")));
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &line]).current_dir(folder.path("")).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn a_dash_is_standard_input_and_output_and_the_summary_goes_aside() {
    let folder = Folder::after(&["generate"]);
    let catalog = folder.read("catalog.json");
    let generate = |catalog: &'static str, output: &'static str| {
        let mut arguments = verb_arguments("generate").to_vec();
        arguments[3] = catalog;
        *arguments.last_mut().unwrap() = output;
        arguments
    };
    let output = fed(&folder, &generate("-", "-"), catalog.as_bytes());
    assert_eq!(stdout(&output), folder.read("interactions.tsv"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("users         12"));
    let imported = fed(&folder, &["catalog", "import", "-", "--output", "-"], catalog.as_bytes());
    let products = |text: &str| {
        let mut products = serde_json::from_str::<Value>(text).unwrap()["products"].clone();
        // What the catalogue leaves out is said.
        products.as_array_mut().unwrap().iter_mut().for_each(|product| product["available"] = true.into());
        products
    };
    assert_eq!(products(&stdout(&imported)), products(&catalog));
    let prepare = ["prepare", "--interactions", "-", "--output", "dataset"];
    assert!(stdout(&fed(&folder, &prepare, output.stdout.as_slice())).contains("12 users"));
    let inspected = fed(&folder, &["inspect", "-", "--json"], output.stdout.as_slice());
    assert_eq!(serde_json::from_str::<Value>(&stdout(&inspected)).unwrap()["kind"], "interactions");
}

#[test]
fn the_summary_of_an_import_is_one_json_object_whose_counts_add_up() {
    let folder = Folder::new();
    let rows: String =
        (0..60).map(|n| format!("u{},i{},{},view\n", n % 7, n % 11, 1_700_000_000 + n * 3_600)).collect();
    folder.write(
        "rows.csv",
        format!("user,item,time,kind\n{rows}u1,i1,soon,view\nu1,i1,1700000000,dance\n,i1,1700000000,view\n"),
    );
    let import = [
        "interactions",
        "import",
        "table",
        "rows.csv",
        "--user",
        "user",
        "--item",
        "item",
        "--time",
        "time",
        "--kind",
        "kind",
    ];
    let summary = folder.json(&[&import[..], &["--output", "out.tsv"]].concat());
    let left_out: u64 = summary["left_out"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let number = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(number("rows") + number("further_events"), number("interactions") + left_out, "{summary}");
    assert_eq!((number("rows"), number("interactions")), (63, 60));
    assert_eq!(summary["left_out"]["bad row"], 1);
    assert_eq!(summary["bad_rows_file"], "out.tsv.bad-rows.tsv");
    let output = folder.run(&[&import[..], &["--output", "-"]].concat());
    assert_eq!(stdout(&output), folder.read("out.tsv"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interactions      60"));
}

#[test]
fn pipes_and_process_substitution_lose_nothing() {
    let folder = Folder::after(&["generate", "prepare"]);
    let whole = folder.read("dataset/manifest.json");
    for (line, dataset) in [
        ("slirec prepare --interactions <(cat interactions.tsv) --output a", "a"),
        ("slirec prepare --interactions <(gzip -c interactions.tsv) --output b", "b"),
    ] {
        stdout(&shell(&folder, line));
        assert_eq!(folder.read(&format!("{dataset}/manifest.json")), whole, "{line}");
    }
    let line = "slirec inspect <(cat interactions.tsv) | grep users";
    assert!(stdout(&shell(&folder, line)).contains("12"));
    let line = "slirec catalog import <(cat catalog.json) --output >(cat > copied.json); sleep 1";
    assert!(shell(&folder, line).status.success());
    assert!(folder.read("copied.json").contains("slirec-catalog/1"));
}

#[test]
fn a_reader_that_leaves_ends_nothing_with_an_error() {
    let folder = Folder::after(&["generate"]);
    for arguments in [&["inspect", "interactions.tsv"][..], &["man", "manual"], &["completions", "bash"]] {
        let mut child = folder.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "slirec {}: {said}", arguments.join(" "));
        assert!(!said.contains("panicked") && !said.contains("error"), "{said}");
    }
    let mut child = folder.command(verb_arguments("prepare")).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    assert!(folder.path("dataset/manifest.json").exists(), "the work is done all the same");
}

#[test]
fn links_devices_and_pipes_are_never_replaced_by_force() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = Folder::after(&["generate", "prepare"]);
    folder.write("precious.json", "mine");
    symlink(folder.path("precious.json"), folder.path("link.json")).unwrap();
    symlink(folder.path("dataset"), folder.path("latest")).unwrap();
    let import = |output: &'static str| ["catalog", "import", "catalog.json", "--output", output, "--force"];
    assert!(folder.fail(&import("link.json")).contains("link.json is a symbolic link to "));
    assert_eq!(folder.read("precious.json"), "mine");
    let prepare = ["prepare", "--interactions", "interactions.tsv", "--output", "latest", "--force"];
    assert!(folder.fail(&prepare).contains("latest is a symbolic link to "));
    assert!(folder.path("dataset/manifest.json").exists());
    folder.succeed(&import("/dev/null"));
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert!(folder.fail(&import("dataset")).contains("dataset is a directory"));
    assert!(folder.path("dataset/manifest.json").exists());
}

#[test]
fn completions_and_manual_pages_know_every_verb() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = folder.succeed(&["completions", shell]);
        for word in ["prepare", "min-interactions", "order-csv", "exclude-seen"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let service = folder.succeed(&["completions", "bash", "--program", "slirec-server"]);
    assert!(service.contains("slirec-server") && service.contains("--admin-port"), "{service}");
    folder.succeed(&["man", "manual"]);
    let pages = folder.names("manual");
    for page in [
        "slirec.1",
        "slirec-prepare.1",
        "slirec-interactions-import-table.1",
        "slirec-catalog-import.1",
        "slirec-server.1",
    ] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
    assert!(folder.read("manual/slirec-prepare.1").contains("min\\-interactions"));
}

#[test]
fn a_bad_session_is_counted_and_the_others_are_answered() {
    let folder = Folder::after(&ROAD);
    let good = r#"{"user_id": "a", "history": [{"item": "easel", "time": 1790900000}, {"item": "canvas", "time": 1790900060}]"#;
    let sessions = [
        format!(r#"{good}, "limit": 3, "exclude_seen": true, "now": null}}"#),
        format!(r#"{good}, "limits": 3}}"#),
        "nonsense".to_owned(),
        format!(r#"{good}, "limit": 0}}"#),
        format!(r#"{good}, "offset": 2}}"#),
    ];
    folder.write("sessions.jsonl", format!("\u{feff}{}\n", sessions.join("\n")));
    let recommend = ["recommend", "sessions.jsonl", "--bundle", "bundle", "--limit", "4", "--now", "1790900300"];
    let output = folder.run(&recommend);
    let (told, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}");
    for problem in [
        "bad session: sessions.jsonl:2: unknown field `limits`, expected one of `user_id`",
        "bad session: sessions.jsonl:3: expected ",
        "bad session: sessions.jsonl:4: limit is 0: expected 1 to 128",
        "error: 3 of 5 sessions could not be read; the others were answered",
    ] {
        assert!(said.contains(problem), "{said}");
    }
    let answers: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let column = |answer: &Value, key: &str| -> Vec<Value> {
        answer["products"].as_array().unwrap().iter().map(|product| product[key].clone()).collect()
    };
    assert_eq!(column(&answers[0], "rank"), [1, 2, 3].map(Value::from));
    assert!(column(&answers[0], "handle").iter().all(|handle| handle != "easel" && handle != "canvas"));
    assert!(column(&answers[0], "title").iter().all(Value::is_string));
    assert_eq!(column(&answers[1], "rank"), [3, 4, 5, 6].map(Value::from));
    // The flag is for the sessions that do not say it.
    folder.write("sessions.jsonl", format!("{good}}}\n"));
    let unseen: Value = serde_json::from_str(&folder.succeed(&[&recommend[..], &["--exclude-seen"]].concat())).unwrap();
    assert!(column(&unseen, "handle").iter().all(|handle| handle != "easel" && handle != "canvas"));
    // Times give the order, as in the service, not places.
    let turned = r#"{"user_id": "a", "history": [{"item": "canvas", "time": 1790900060}, {"item": "easel", "time": 1790900000}]}"#;
    folder.write("sessions.jsonl", format!("{good}}}\n{turned}\n"));
    let both = folder.succeed(&recommend);
    let answers: Vec<&str> = both.lines().collect();
    assert_eq!(answers[0], answers[1]);
    // A product may be called by its GID.
    let catalog: Value = serde_json::from_str(&folder.read("catalog.json")).unwrap();
    let mut products = catalog["products"].as_array().unwrap().iter();
    let gid = products.find(|product| product["handle"] == "canvas").unwrap()["gid"].as_str().unwrap();
    let named = |name: &str| format!("{}, \"exclude\": [\"{name}\"]}}", good.replace("canvas", name));
    folder.write("sessions.jsonl", format!("{}\n{}\n", named("canvas"), named(gid)));
    let both = folder.succeed(&recommend);
    let answers: Vec<&str> = both.lines().collect();
    assert_eq!(answers[0], answers[1]);
    assert!(!answers[1].contains("\"canvas\""), "{}", answers[1]);
    // A bad line of interactions does not take the user's other lines with it.
    folder.write("few.tsv", "1\ta\teasel\t1790900000\tArt\nnonsense\n1\ta\tcanvas\t1790900060\tArt\n");
    let output = folder.run(&["recommend", "few.tsv", "--bundle", "bundle", "--output", "out.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(BufReader::new(fs::File::open(folder.path("out.jsonl")).unwrap()).lines().count(), 1);
}

#[test]
fn a_bundle_without_a_catalogue_serves_the_items_of_the_training_data() {
    let folder = Folder::after(&ROAD[..3]);
    let output = folder.run(&["export", "--run", "run", "--dataset", "dataset", "--output", "bundle"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("warning: no catalogue was given: the ")
            && said.contains("items of the training data are served"),
        "{said}"
    );
    let vocabulary: Value = serde_json::from_str(&folder.read("bundle/vocabulary.json")).unwrap();
    let catalog: Value = serde_json::from_str(&folder.read("bundle/catalog.json")).unwrap();
    let handles =
        |list: &Value| -> Vec<Value> { list.as_array().unwrap().iter().map(|entry| entry["handle"].clone()).collect() };
    assert_eq!(handles(&catalog["products"]), handles(&vocabulary["items"]));
    assert!(catalog["products"][0]["category"].as_str().unwrap().len() > 1);
}
