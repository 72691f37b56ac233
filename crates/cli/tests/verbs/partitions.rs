//! `slirec recommend` over Parquet: a directory of sessions becomes a directory of recommendations, file by file.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::companion::{Folder, ROAD};

const VIEWED: [&[(&str, &str, i64)]; 2] = [
    &[("a", "easel", 1_790_900_000), ("a", "canvas", 1_790_900_060), ("b", "canvas", 1_790_900_000)],
    &[("c", "no-such-product", 1_790_900_000), ("d", "easel", 1_790_900_000)],
];
const FILES: [&str; 2] = ["day=1/part-0.parquet", "day=2/part-0.parquet"];
const RECOMMEND: [&str; 9] =
    ["recommend", "sessions", "--bundle", "bundle", "--limit", "4", "--now", "1790900300", "--output"];

fn write(path: &Path, rows: &[(&str, &str, i64)]) {
    let users: ArrayRef = Arc::new(rows.iter().map(|(user, _, _)| Some(*user)).collect::<StringArray>());
    let items: ArrayRef = Arc::new(rows.iter().map(|(_, item, _)| Some(*item)).collect::<StringArray>());
    let times: ArrayRef = Arc::new(rows.iter().map(|(_, _, time)| Some(*time)).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("user", users), ("item", items), ("timestamp", times)]).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Rows of a file: user, source, rank, item, score.
fn read(path: &Path) -> Vec<(String, String, i64, String, f32)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let text = |column: &str, row: usize| batch[column].as_string::<i32>().value(row).to_owned();
        let (ranks, scores) = (batch["rank"].as_primitive::<Int64Type>(), batch["score"].as_primitive::<Float32Type>());
        rows.extend((0..batch.num_rows()).map(|row| {
            (text("user", row), text("source", row), ranks.value(row), text("item", row), scores.value(row))
        }));
    }
    rows
}

fn folder() -> Folder {
    let folder = Folder::after(&ROAD);
    for (name, rows) in FILES.iter().zip(VIEWED) {
        write(&folder.path("sessions").join(name), rows);
    }
    folder
}

#[test]
fn a_directory_of_sessions_becomes_a_directory_of_the_same_recommendations() {
    let folder = folder();
    let told = folder.succeed(&[&RECOMMEND[..], &["out"]].concat());
    assert_eq!(told, "out: 4 sessions of 2 files\n");
    let lines: Vec<String> =
        VIEWED.concat().iter().map(|(user, item, time)| format!("1\t{user}\t{item}\t{time}\tArt\n")).collect();
    folder.write("sessions.tsv", lines.concat());
    let mut as_lines = RECOMMEND[..8].to_vec();
    as_lines[1] = "sessions.tsv";
    let mut expected = Vec::new();
    for line in folder.succeed(&as_lines).lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        expected.extend(answer["products"].as_array().unwrap().iter().map(|product| {
            let score = product["score"].to_string().parse().unwrap();
            let rank = product["rank"].as_i64().unwrap();
            (text(&answer["user_id"]), text(&answer["source"]), rank, text(&product["handle"]), score)
        }));
    }
    let found: Vec<_> = FILES.iter().flat_map(|name| read(&folder.path("out").join(name))).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_was_ended_goes_on_behind_the_files_that_are_complete() {
    let folder = folder();
    let recommend = [&RECOMMEND[..], &["out"]].concat();
    folder.succeed(&recommend);
    let second = folder.path("out").join(FILES[1]);
    let (whole, first) = (fs::read(&second).unwrap(), fs::metadata(folder.path("out").join(FILES[0])).unwrap());
    // As a killed process leaves it.
    fs::rename(&second, second.with_extension("parquet.partial")).unwrap();
    let told = folder.succeed(&recommend);
    assert_eq!(told, "out: 2 sessions of 2 files, 1 were there already\n");
    assert_eq!(fs::read(&second).unwrap(), whole);
    let kept = fs::metadata(folder.path("out").join(FILES[0])).unwrap();
    assert_eq!(kept.modified().unwrap(), first.modified().unwrap());
    let mut others = recommend.clone();
    others[5] = "5";
    let refused = folder.fail(&others);
    assert!(refused.contains("out: was begun with another bundle, --limit"), "{refused}");
    others.push("--force");
    folder.succeed(&others);
    assert_eq!(read(&second).len(), 10);
}

#[test]
fn two_runs_do_not_write_into_the_same_directory() {
    let folder = folder();
    let users: Vec<String> = (0..20_000).map(|user| format!("user {user}")).collect();
    let rows: Vec<_> = users.iter().map(|user| (user.as_str(), "easel", 1_790_900_000)).collect();
    write(&folder.path("sessions/day=0/part-0.parquet"), &rows);
    let recommend = [&RECOMMEND[..], &["out"]].concat();
    let forced = [&recommend[..], &["--force"]].concat();
    let partial = folder.path("out/day=0/part-0.parquet.partial");

    let mut first = folder.start(&recommend);
    first.wait_until("its first file is begun", || partial.exists());
    first.signal("STOP");
    for second in [&recommend, &forced] {
        let refused = folder.fail(second);
        assert!(refused.contains("out: another run writes recommendations there: wait for its end"), "{refused}");
    }
    assert!(partial.exists(), "the other's file is left alone");
    first.signal("CONT");
    let (code, told, errors) = first.wait();
    assert_eq!((code, told.as_str()), (Some(0), "out: 20004 sessions of 3 files\n"), "{errors}");
    assert_eq!(read(&folder.path("out/day=0/part-0.parquet")).len(), 4 * users.len());

    // A killed run keeps nobody out.
    let mut killed = folder.start(&forced);
    killed.wait_until("its first file is begun", || partial.exists());
    killed.kill();
    assert_eq!(folder.succeed(&recommend), "out: 20004 sessions of 3 files\n");
}

#[test]
fn a_run_that_is_killed_before_it_has_a_plan_can_be_begun_anew() {
    let folder = folder();
    fs::create_dir(folder.path("out")).unwrap();
    folder.write("out/_recommendations.json.partial", "{\"form");
    assert_eq!(folder.succeed(&[&RECOMMEND[..], &["out"]].concat()), "out: 4 sessions of 2 files\n");
    assert!(!folder.path("out/_recommendations.json.partial").exists());
    // A file is no directory of ours.
    folder.write("file", "mine");
    assert!(folder.fail(&[&RECOMMEND[..], &["file"]].concat()).contains("file exists already"));
    assert!(folder.fail(&[&RECOMMEND[..], &["file", "--force"]].concat()).contains("does not look like an earlier"));
    assert_eq!(folder.read("file"), "mine");
}

#[test]
fn what_was_begun_with_other_sessions_does_not_go_on() {
    let folder = folder();
    let recommend = [&RECOMMEND[..], &["out"]].concat();
    let forced = [&recommend[..], &["--force"]].concat();
    folder.succeed(&recommend);
    write(&folder.path("sessions").join(FILES[1]), &[("z", "easel", 1_790_900_000)]);
    let refused = folder.fail(&recommend);
    assert!(refused.contains(&format!("out: was begun with other sessions, {} among them", FILES[1])), "{refused}");
    assert_eq!(folder.succeed(&forced), "out: 3 sessions of 2 files\n");
    assert_eq!(read(&folder.path("out").join(FILES[1]))[0].0, "z");

    fs::remove_file(folder.path("sessions").join(FILES[0])).unwrap();
    folder.write("out/day=1/notes.txt", "mine");
    let refused = folder.fail(&recommend);
    assert!(refused.contains(&format!("out: was begun with other sessions, {} among them", FILES[0])), "{refused}");
    folder.succeed(&forced);
    assert!(!folder.path("out").join(FILES[0]).exists(), "answers to sessions that are gone");
    assert_eq!(folder.read("out/day=1/notes.txt"), "mine");
}

#[test]
fn what_is_replaced_and_ended_on_the_way_keeps_no_answer_of_before() {
    let folder = folder();
    let mut recommend = [&RECOMMEND[..], &["out"]].concat();
    folder.succeed(&recommend);
    let (sessions, second) = (folder.path("sessions").join(FILES[1]), folder.path("out").join(FILES[1]));
    let (whole, written) = (fs::read(&sessions).unwrap(), fs::metadata(&sessions).unwrap().modified().unwrap());
    let keep_time = || File::options().write(true).open(&sessions).unwrap().set_modified(written).unwrap();
    // A file that cannot be read ends the run behind the first one.
    fs::write(&sessions, vec![0; whole.len()]).unwrap();
    keep_time();
    recommend[5] = "5";
    folder.fail(&[&recommend[..], &["--force"]].concat());
    assert!(!second.exists());
    fs::write(&sessions, &whole).unwrap();
    keep_time();
    assert_eq!(folder.succeed(&recommend), "out: 2 sessions of 2 files, 1 were there already\n");
    let lengths = FILES.map(|name| read(&folder.path("out").join(name)).len());
    assert_eq!(lengths, [10, 10]);
}

#[test]
fn the_output_is_neither_among_the_sessions_nor_over_them_nor_anyone_elses() {
    let folder = folder();
    let before = FILES.map(|name| fs::read(folder.path("sessions").join(name)).unwrap());
    for output in ["sessions", "sessions/out", ".", "out/../sessions"] {
        fs::create_dir_all(folder.path("out")).unwrap();
        let refused = folder.fail(&[&RECOMMEND[..], &[output, "--force"]].concat());
        assert!(refused.contains(&format!("{output}: holds the sessions or lies among them")), "{refused}");
    }
    assert_eq!(FILES.map(|name| fs::read(folder.path("sessions").join(name)).unwrap()), before);
    let mut file = RECOMMEND.to_vec();
    file[1] = "sessions/day=1/part-0.parquet";
    folder.fail(&[&file[..], &["sessions/day=1", "--force"]].concat());
    assert_eq!(folder.succeed(&[&file[..], &["out"]].concat()), "out: 2 sessions of 1 files\n");
    folder.fail(&[&RECOMMEND[..], &["dataset", "--force"]].concat());
    folder.write("out/day=1", "mine");
    let refused = folder.fail(&[&RECOMMEND[..], &["out", "--force"]].concat());
    assert!(!refused.is_empty() && folder.read("out/day=1") == "mine", "{refused}");
}

#[test]
fn what_cannot_be_recommended_for_is_told_and_the_others_are_answered() {
    let folder = folder();
    let missing = folder.fail(&RECOMMEND[..8]);
    assert!(missing.contains("--output is missing: sessions as Parquet become a directory"), "{missing}");
    write(&folder.path("sessions/day=1/part-1.parquet"), &[("e", "easel", -5), ("f", "easel", 1_790_900_000)]);
    let told = folder.fail(&[&RECOMMEND[..], &["out"]].concat());
    assert!(told.contains("bad row: sessions/day=1/part-1.parquet: line 1: timestamp: "), "{told}");
    assert!(told.contains("error: 1 rows could not be read; the others were answered"), "{told}");
    assert_eq!(read(&folder.path("out/day=1/part-1.parquet")).len(), 4);
    let again = folder.fail(&[&RECOMMEND[..], &["out"]].concat());
    assert!(again.contains("error: 1 rows could not be read; the others were answered"), "{again}");
    let metaobjects = folder.fail(&[&RECOMMEND[..8], &["--write-metaobjects"]].concat());
    assert!(metaobjects.contains("metaobjects are not written from sessions as Parquet"), "{metaobjects}");
}
