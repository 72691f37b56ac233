//! Sessions as Parquet: a file, or a directory of files, with a row for each view enters; a directory with a file of
//! recommendations for each leaves. A run that was ended goes on behind the files that are complete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use slirec_connect::frames::{AnswerColumns, AnswerRow, InteractionColumns};
use slirec_connect::partitions::{AnswerWriter, ParquetInteractions, data_files};
use slirec_core::files::{self, FileError};
use slirec_engine::Engine;

use super::sessions::{Entry, Session, next_user};
use super::{Arguments, request};
use crate::{output, progress};

/// What a directory of recommendations was begun with; the underscore hides it from readers of Parquet.
const PLAN: &str = "_recommendations.json";

/// Sessions that are answered together, by all cores.
const AT_ONCE: usize = 4_096;

/// What all files of a directory have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    format: String,
    bundle_sha256: String,
    limit: u16,
    exclude_seen: bool,
    /// Time of the predictions, Unix seconds.
    now: f64,
}

/// Sessions that were answered, and rows that could not be read.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    answered: u64,
    bad: u64,
}

/// Recommends for all files; `now` counts unless the directory was begun with another time.
pub(super) fn run(arguments: &Arguments, engine: &Engine, now: f64, directory: &Path) -> Result<()> {
    let inputs = data_files(&arguments.sessions)?;
    ensure!(!inputs.is_empty(), "{}: holds no files", arguments.sessions.display());
    let base = if arguments.sessions.is_dir() { arguments.sessions.as_path() } else { parent(&arguments.sessions) };
    let plan = begin(arguments, engine, now, directory)?;
    let mut counter = progress::Counter::new("sessions");
    let (mut counted, mut kept) = (Counted::default(), 0);
    for (number, input) in (1..).zip(&inputs) {
        let target = directory.join(input.strip_prefix(base).unwrap_or(input));
        if target.exists() && !arguments.force {
            kept += 1;
            continue;
        }
        fs::create_dir_all(parent(&target)).map_err(FileError::io("write", parent(&target)))?;
        let step = format!("file {number} of {}", inputs.len());
        one_file(
            arguments,
            engine,
            plan.now,
            (input, &target),
            &mut |counted: Counted| counter.set(&step, counted.answered),
            &mut counted,
        )?;
    }
    counter.finish();
    let Counted { answered, bad } = counted;
    let there = if kept > 0 { format!(", {kept} were there already") } else { String::new() };
    output::print(format!("{}: {answered} sessions of {} files{there}", directory.display(), inputs.len()))?;
    ensure!(bad == 0, "{bad} rows could not be read; the others were answered");
    Ok(())
}

/// The plan of the directory: a new one, or that with which it was begun.
fn begin(arguments: &Arguments, engine: &Engine, now: f64, directory: &Path) -> Result<Plan> {
    let path = directory.join(PLAN);
    let new = Plan {
        format: "slirec-recommendations/1".to_owned(),
        bundle_sha256: engine.sha256().to_owned(),
        limit: arguments.limit,
        exclude_seen: arguments.exclude_seen,
        now,
    };
    if path.exists() && !arguments.force {
        let begun: Plan = files::read_json(&path)?;
        let now = if arguments.now.is_some() { now } else { begun.now };
        let same = Plan { now, ..new };
        ensure!(
            begun == same,
            "{}: was begun with another bundle, --limit, --exclude-seen or --now: choose another output, or replace it with \
             --force",
            directory.display()
        );
        return Ok(begun);
    }
    let is_empty = !directory.exists() || fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(
        is_empty || arguments.force,
        "{} exists already, without {PLAN}: choose another output, or write into it with --force",
        directory.display()
    );
    fs::create_dir_all(directory).map_err(FileError::io("write", directory))?;
    files::write_json(&path, &new)?;
    Ok(new)
}

fn one_file(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    (input, target): (&Path, &Path),
    progress: &mut dyn FnMut(Counted),
    counted: &mut Counted,
) -> Result<()> {
    let columns = InteractionColumns { category: None, ..InteractionColumns::default() };
    let mut views = ParquetInteractions::of_files(vec![input.to_owned()], columns);
    let mut answers = AnswerColumns::new(false, "user", "item");
    let mut writer = AnswerWriter::create(target, answers.schema(), arguments.force)?;
    let (mut next, mut sessions) = (None, Vec::with_capacity(AT_ONCE));
    loop {
        let entry = next_user(&mut views, &mut next, input)?;
        let ended = entry.is_none();
        match entry {
            Some(Entry::Session(session)) => sessions.push(*session),
            Some(Entry::Bad(problem)) => {
                counted.bad += 1;
                if counted.bad <= super::SHOWN_BAD {
                    note!("bad row: {}", output::message(&problem));
                }
            }
            None => {}
        }
        if sessions.len() >= AT_ONCE || ended {
            answer(arguments, engine, now, &sessions, &mut answers)?;
            writer.write(&answers.take().with_context(|| target.display().to_string())?)?;
            counted.answered += sessions.len() as u64;
            progress(*counted);
            sessions.clear();
        }
        if ended {
            return Ok(writer.finish()?);
        }
    }
}

fn answer(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    sessions: &[Session],
    answers: &mut AnswerColumns,
) -> Result<()> {
    let found = engine.recommend_all(sessions.iter().map(|session| request(arguments, now, session)))?;
    let products = engine.catalog().products();
    for (session, found) in sessions.iter().zip(&found) {
        for (rank, scored) in (1..).zip(&found.products) {
            let Some(product) = products.get(scored.product) else { continue };
            let (user, item) = (session.user.as_str(), product.handle.as_str());
            answers.push(AnswerRow { user, source: found.source.name(), rank, item, score: Some(scored.score) });
        }
    }
    Ok(())
}

/// The folder that a file lies in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether sessions are read so.
pub(super) fn is_parquet(path: &Path) -> bool {
    slirec_connect::partitions::is_parquet(path)
}

/// Where the recommendations of Parquet go.
pub(super) fn directory(arguments: &Arguments) -> Result<PathBuf> {
    let output = arguments.output.clone().context("--output is missing: sessions as Parquet become a directory")?;
    ensure!(!files::is_standard(&output), "--output is -: sessions as Parquet become a directory");
    Ok(output)
}
