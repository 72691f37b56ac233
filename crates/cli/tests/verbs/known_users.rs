//! A table of known users in a bundle: `export --users` writes it, and who is in it needs only a name from then on; and what
//! sessions of `recommend` say of their users.

use std::fs;

use serde_json::{Value, json};
use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions};

use crate::companion::{Folder, verb_arguments};
use crate::users::{PREPARE, TRAIN, folder};

const KNOWN: [&str; 2] = ["--users", "users.tsv"];
const RECOMMEND: [&str; 8] = ["recommend", "sessions", "--bundle", "bundle", "--limit", "5", "--now", "1790900300"];

/// A folder with a run that reads a country and an age, and a bundle that knows the users of the table but one, of whom the
/// table says nothing that the model reads.
fn exported(further: &[&str]) -> Folder {
    let folder = folder();
    folder.succeed(&[verb_arguments("prepare"), &PREPARE].concat());
    folder.succeed(&[verb_arguments("train"), &TRAIN].concat());
    let told = folder.succeed(&[verb_arguments("export"), further].concat());
    assert_eq!(told.contains("known users: 11 of the 12 in the table, "), !further.is_empty(), "{told}");
    folder
}

/// Answers to sessions that stand in a file of this content.
fn answers(folder: &Folder, sessions: &str) -> Vec<Value> {
    folder.write("sessions", sessions);
    folder.succeed(&RECOMMEND).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn session(user: &str, told: &Value) -> String {
    format!("{}\n", json!({"user_id": user, "history": [{"item": "easel", "time": 1_790_900_000}], "user": told}))
}

/// A user of the table, with what it says of them.
fn described(folder: &Folder) -> (String, Value) {
    let table = folder.read("users.tsv");
    let row: Vec<&str> =
        table.lines().map(|line| line.split('\t').collect()).find(|row: &Vec<_>| row[1] == "FR").unwrap();
    assert!(!row[2].is_empty());
    (row[0].to_owned(), json!({"country": "FR", "age": row[2].parse::<f64>().unwrap()}))
}

#[test]
fn who_is_in_the_table_needs_only_a_name() {
    let folder = exported(&KNOWN);
    let (name, told) = described(&folder);
    let found = answers(
        &folder,
        &[session(&name, &Value::Null), session("nobody", &told), session("nobody", &json!({}))].concat(),
    );
    assert_eq!(found[0]["products"], found[1]["products"]);
    assert_ne!(found[0]["products"], found[2]["products"]);
    // What a session says goes before the table, attribute by attribute.
    let mut german = told.clone();
    german["country"] = json!("DE");
    let sessions = [session(&name, &json!({"country": "DE", "age": null})), session("nobody", &german)].concat();
    let both = answers(&folder, &sessions);
    assert_eq!(both[0]["products"], both[1]["products"]);
    assert_ne!(both[0]["products"], found[0]["products"]);
    let views = answers(&folder, &format!("1\t{name}\teasel\t1790900000\tArt\n"));
    assert_eq!(views[0]["products"], found[0]["products"]);
}

#[test]
fn the_table_has_no_names_in_clear_the_same_bytes_again_and_changes_nothing_else() {
    let folder = exported(&KNOWN);
    let bytes = fs::read(folder.path("bundle/users.bin")).unwrap();
    let names: Vec<String> =
        folder.read("users.tsv").lines().skip(1).map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    for name in &names {
        assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    let bundle = Bundle::read(&folder.path("bundle")).unwrap();
    let known = bundle.known_users.as_ref().unwrap();
    assert_eq!((known.len(), known.bytes()), (11, 24 + 11 * (12 + 2)));
    let export = |output: &str, further: &[&str]| {
        let mut arguments = verb_arguments("export").to_vec();
        *arguments.last_mut().unwrap() = output;
        folder.succeed(&[&arguments[..], further].concat());
        Bundle::read(&folder.path(output)).unwrap()
    };
    assert_eq!(export("again", &KNOWN).sha256, bundle.sha256);
    let plain = export("plain", &[]);
    assert!(plain.known_users.is_none() && !folder.path("plain/users.bin").exists());
    let mut files = bundle.manifest.files.clone();
    files.remove("users.bin").unwrap();
    assert_eq!(files, plain.manifest.files);
    assert!(folder.succeed(&["inspect", "bundle"]).contains("known users"));
    assert_eq!(folder.json(&["inspect", "bundle"])["products"]["known_users"], 11);
    assert_eq!(folder.json(&["inspect", "plain"])["products"].get("known_users"), None);
    let engine = Engine::from_bundle(bundle, &EngineOptions::default()).unwrap();
    assert!(engine.users().named(&names[0]).is_known && !engine.users().named("nobody").is_known);
}

#[test]
fn a_table_of_which_the_model_can_use_nothing_is_refused() {
    let folder = exported(&[]);
    let refused = |table: &str| {
        folder.write("other.tsv", table);
        folder.fail(&[verb_arguments("export"), &["--users", "other.tsv", "--force"]].concat())
    };
    for (table, expected) in [
        (
            "user\ttown\nada\tRome\n",
            "other.tsv: has none of the attributes that the model reads: expected `country`, `age`",
        ),
        ("user\tage\nada\told\n", "other.tsv: user `ada`: user attribute `age` is a text: expected a number"),
        ("user\tcountry\nada\tES\n", "other.tsv: has no user of whom the model knows a value: expected one at least"),
        ("name\tage\nada\t3\n", "other.tsv:1: has no column `user`"),
    ] {
        let message = refused(table);
        assert!(message.contains(expected), "{message}");
    }
    folder.succeed(&["train", "--dataset", "dataset", "--hyperparameters", "small.toml", "--output", "run", "--force"]);
    let message = refused("user\tage\nada\t3\n");
    assert!(
        message.contains("other.tsv: the model reads no attributes of users: expected a run that was trained"),
        "{message}"
    );
}

#[test]
fn what_sessions_say_of_users_and_the_model_cannot_read_is_told_by_line() {
    let folder = exported(&[]);
    let good = json!({"country": "FR"});
    folder.write(
        "sessions",
        [
            session("a", &good),
            session("b", &json!({"city": "Rome"})),
            session("c", &json!({"age": "old"})),
            session("d", &json!({"country": ["FR"]})),
            session("e", &json!({"country": "ES"})),
        ]
        .concat(),
    );
    let output = folder.run(&RECOMMEND);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stdout).unwrap().lines().count()),
        (Some(1), 2),
        "{said}"
    );
    for problem in [
        "bad session: sessions:2: the model has no user attribute `city`: expected `country`, `age`",
        "bad session: sessions:3: user attribute `age` is a text: expected a number",
        "bad session: sessions:4: user attribute `country` is a list: expected a text",
        "1 values of users' attributes count as unknown: training has not seen them",
        "error: 3 of 5 sessions could not be read; the others were answered",
    ] {
        assert!(said.contains(problem), "{said}");
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::fs::File;
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Float32Type;
    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use serde_json::Value;

    use super::{KNOWN, answers, described, exported, session};
    use crate::companion::Folder;

    /// Writes views with columns of what they say of their users.
    fn write(folder: &Folder, users: &[&str], told: Vec<(&str, ArrayRef)>) {
        let rows = users.len();
        let users: ArrayRef = Arc::new(StringArray::from(users.to_vec()));
        let items: ArrayRef = Arc::new(StringArray::from(vec!["easel"; rows]));
        let times: ArrayRef = Arc::new(Int64Array::from(vec![1_790_900_000; rows]));
        let columns = [("user", users), ("item", items), ("timestamp", times)].into_iter().chain(told);
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(folder.path("views.parquet")).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    const RECOMMEND: [&str; 10] =
        ["recommend", "views.parquet", "--bundle", "bundle", "--limit", "5", "--now", "1790900300", "--output", "out"];

    /// Users and scores, best first.
    fn scores(folder: &Folder) -> Vec<(String, f32)> {
        let file = File::open(folder.path("out/views.parquet")).unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let mut rows = Vec::new();
        for batch in batches.map(Result::unwrap) {
            let (users, scores) = (batch["user"].as_string::<i32>(), batch["score"].as_primitive::<Float32Type>());
            rows.extend((0..batch.num_rows()).map(|row| (users.value(row).to_owned(), scores.value(row))));
        }
        rows
    }

    fn of(answer: &Value) -> Vec<f32> {
        let products = answer["products"].as_array().unwrap().iter();
        products.map(|product| product["score"].to_string().parse().unwrap()).collect()
    }

    #[test]
    fn parquet_says_it_in_columns_and_by_the_names_of_users() {
        let folder = exported(&KNOWN);
        let (name, told) = described(&folder);
        let age = told["age"].as_f64();
        let countries: ArrayRef = Arc::new(StringArray::from(vec![None, Some("ES"), Some("FR"), None]));
        let ages: ArrayRef = Arc::new(Float64Array::from(vec![None, age, None, None]));
        write(&folder, &[&name, "told", "told", "nobody"], vec![("user.country", countries), ("user.age", ages)]);
        folder.succeed(&RECOMMEND);
        let found = scores(&folder);
        let of_user =
            |user: &str| -> Vec<f32> { found.iter().filter(|(of, _)| of == user).map(|(_, score)| *score).collect() };
        let expected = answers(&folder, &[session("u", &told), session("u", &Value::Null)].concat());
        assert_eq!(of_user(&name), of(&expected[0]));
        assert_eq!(of_user("nobody"), of(&expected[1]));
        // Two views, of which the last that says it counts.
        assert_eq!(of_user("told").len(), 5);
        assert_ne!(of_user("told"), of(&expected[1]));
    }

    #[test]
    fn columns_that_the_model_does_not_have_and_values_of_another_type_are_refused() {
        let folder = exported(&[]);
        let text = || -> ArrayRef { Arc::new(StringArray::from(vec!["Rome"])) };
        write(&folder, &["u"], vec![("user.city", text())]);
        let refused = folder.fail(&RECOMMEND);
        assert!(refused.contains("views.parquet: column `user.city`: the model has no such attribute: expected `user.country`, `user.age`"), "{refused}");
        write(&folder, &["u"], vec![("user.age", text())]);
        let refused = folder.fail(&[&RECOMMEND[..], &["--force"]].concat());
        assert!(refused.contains("the views of `u`: user attribute `age` is a text: expected a number"), "{refused}");
    }
}
