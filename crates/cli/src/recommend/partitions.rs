//! Sessions as Parquet: a file, or a directory of files, with a row for each view enters; a directory with a file of
//! recommendations for each leaves. A run that was ended goes on behind the files that are complete.

mod lock;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use slirec_connect::frames::{AnswerColumns, InteractionColumns};
use slirec_connect::partitions::{AnswerWriter, ParquetInteractions};
use slirec_core::files::{self, FileError};
use slirec_engine::Engine;

use super::sessions::{Entry, Session, next_user};
use super::{Arguments, request};
use crate::{output, progress};
use plan::{Plan, Settings, parent};

/// Sessions that are answered together, by all cores.
const AT_ONCE: usize = 4_096;

/// Sessions that were answered, and rows that could not be read.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    answered: u64,
    bad: u64,
    /// Values of users' attributes that training has not seen.
    unseen: usize,
}

/// Recommends for all files; `now` counts unless the directory was begun with another time.
pub(super) fn run(arguments: &Arguments, engine: &Engine, now: f64, directory: &Path) -> Result<()> {
    let sessions = &arguments.sessions;
    let asked = Settings {
        format: "slirec-recommendations/1".to_owned(),
        bundle_sha256: engine.sha256().to_owned(),
        limit: arguments.limit,
        exclude_seen: arguments.exclude_seen,
        now,
    };
    let (mut plan, _lock) = Plan::begin(directory, sessions, asked, arguments.now.is_some(), arguments.force)?;
    let mut counter = progress::Counter::new("sessions");
    let (mut counted, mut kept, files) = (Counted::default(), 0, plan.files.clone());
    for (number, file) in files.iter().enumerate() {
        let (input, target) = (plan::base(sessions).join(&file.name), directory.join(&file.name));
        if target.exists() {
            kept += 1;
            counted.bad += file.bad_rows;
            continue;
        }
        fs::create_dir_all(parent(&target)).map_err(FileError::io("write", parent(&target)))?;
        let step = format!("file {} of {}", number + 1, files.len());
        let mut show = |counted: Counted| counter.set(&step, counted.answered);
        let before = counted.bad;
        let written = one_file(arguments, engine, plan.settings.now, (&input, &target), &mut show, &mut counted)?;
        // In this order: a run that is ended between the two answers the file again.
        plan.note_bad(directory, number, counted.bad - before)?;
        written.finish()?;
    }
    counter.finish();
    let Counted { answered, bad, unseen } = counted;
    super::tell_unseen(unseen);
    let there = if kept > 0 { format!(", {kept} were there already") } else { String::new() };
    output::print(format!("{}: {answered} sessions of {} files{there}", directory.display(), files.len()))?;
    ensure!(bad == 0, "{bad} rows could not be read; the others were answered");
    Ok(())
}

/// Answers the sessions of a file; what it gives is still to be finished.
fn one_file(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    (input, target): (&Path, &Path),
    progress: &mut dyn FnMut(Counted),
    counted: &mut Counted,
) -> Result<AnswerWriter> {
    let attributes = engine.users().attributes().map(|(name, _)| name.to_owned()).collect();
    let columns = InteractionColumns { category: None, attributes, ..InteractionColumns::default() };
    let mut views = ParquetInteractions::of_files(vec![input.to_owned()], columns);
    let mut answers = AnswerColumns::new(false, "user", "item");
    let mut writer = AnswerWriter::create(target, answers.schema(), false)?;
    let (mut next, mut sessions) = (None, Vec::with_capacity(AT_ONCE));
    loop {
        let entry = next_user(&mut views, &mut next, (input, engine.users()))?;
        let ended = entry.is_none();
        match entry {
            Some(Entry::Session(session)) => {
                counted.unseen += session.known.unseen;
                sessions.push(*session);
            }
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
            return Ok(writer);
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
    let found = engine.recommend_all(sessions.iter().map(|session| request(arguments, engine, now, session)))?;
    for (session, found) in sessions.iter().zip(&found) {
        let products = found.products.iter().map(|scored| (scored.product, scored.score));
        answers.push_ranked(engine.catalog(), (&session.user, found.source.name()), 1, products);
    }
    Ok(())
}

/// Whether sessions are read so.
pub(super) fn is_parquet(path: &Path) -> bool {
    slirec_connect::partitions::is_parquet(path)
}

/// Where the recommendations of Parquet go.
pub(super) fn directory(arguments: &Arguments) -> Result<PathBuf> {
    ensure!(
        !arguments.write_metaobjects,
        "--write-metaobjects: metaobjects are not written from sessions as Parquet, but from JSON lines or interactions"
    );
    let output = arguments.output.clone().context("--output is missing: sessions as Parquet become a directory")?;
    ensure!(!files::is_standard(&output), "--output is -: sessions as Parquet become a directory");
    Ok(output)
}
