//! `slirec recommend`: a bundle and sessions enter, recommendations leave: as JSON lines, as the metaobjects of a Shopify
//! shop, or, for sessions as Parquet, as a directory of Parquet.

#[cfg(feature = "parquet")]
mod partitions;
mod sessions;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use slirec_connect::shopify::{UserRecommendations, WriteReport, write_recommendations};
use slirec_core::catalog::Product;
use slirec_core::files::{self, FileError, StagedFile};
use slirec_core::timestamp;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, Selection, Texts};

use crate::shop::{Connection, ShopArguments};
use crate::{output, progress};
use sessions::{Entry, Session, Sessions};

/// Users whose metaobjects are written together.
const WRITTEN_AT_ONCE: usize = 1_000;

/// Most products of an answer.
const LARGEST_LIMIT: u16 = 128;

/// Bad lines that are shown; the others are counted.
const SHOWN_BAD: u64 = 10;

/// Recommend products for many sessions at once
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sessions: JSON lines as the service's /v1/recommendations takes them, each with a user_id, or interactions of
    /// which each user's lines stand together; gzip is recognised, - is standard input. What a session says counts
    /// before the flags; a line that cannot be read is counted and the others are answered. Or Parquet, a file or a
    /// directory, with columns user, item, timestamp, of which each user's rows stand together in one file. A model that
    /// reads attributes of users takes them as user, an object as of the service, and in Parquet as columns user.NAME
    #[arg(value_name = "FILE")]
    sessions: PathBuf,
    /// Bundle of `slirec export`
    #[arg(long, value_name = "DIRECTORY")]
    bundle: PathBuf,
    /// Products of each answer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=i64::from(LARGEST_LIMIT)))]
    limit: u16,
    /// Leave out what the history holds
    #[arg(long)]
    exclude_seen: bool,
    /// Time of the prediction for sessions that have none, Unix seconds; by default now
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Write JSON lines to this file instead of standard output, which - is too; for Parquet the directory of its
    /// recommendations, a file for each file of sessions, which goes on behind those that are there
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    /// Write a metaobject `nu_recommendation` for each user into the shop, for the theme to read
    #[arg(long, conflicts_with = "output")]
    write_metaobjects: bool,
    /// ONNX Runtime's shared library; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    #[command(flatten)]
    shop: ShopArguments,
}

#[derive(Debug, Serialize)]
struct SessionAnswer<'a> {
    user_id: &'a str,
    source: &'static str,
    products: Vec<AnsweredProduct<'a>>,
}

#[derive(Debug, Serialize)]
struct AnsweredProduct<'a> {
    /// From 1.
    rank: usize,
    handle: &'a str,
    gid: &'a str,
    title: &'a str,
    score: f32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let now = match &arguments.now {
        Some(text) => timestamp::from_text(text).context("--now")?,
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64()),
    };
    let options = EngineOptions { onnxruntime: arguments.onnxruntime.clone(), ..EngineOptions::default() };
    #[cfg(feature = "parquet")]
    if partitions::is_parquet(&arguments.sessions) {
        let directory = partitions::directory(arguments)?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let engine = Engine::load(&arguments.bundle, &EngineOptions { workers, ..options })?;
        return partitions::run(arguments, &engine, now, &directory);
    }
    let engine = Engine::load(&arguments.bundle, &options)?;
    let mut sessions = Answered {
        sessions: Sessions::new(files::open_text(&arguments.sessions)?, &arguments.sessions, engine.users())?,
        counter: progress::Counter::new("sessions"),
        answered: 0,
        bad: 0,
        unseen: 0,
    };
    if arguments.write_metaobjects {
        let shop = arguments.shop.connect()?;
        write_to_shop(arguments, &engine, now, &mut sessions, &shop)?;
        return sessions.finish();
    }
    match arguments.output.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let staged = StagedFile::create(path, arguments.force)?;
            let file = File::create(staged.path()).map_err(FileError::io("write", path))?;
            let mut output = BufWriter::new(file);
            write_lines(arguments, &engine, now, &mut sessions, &mut output)?;
            output.flush().map_err(FileError::io("write", path))?;
            if sessions.answered == 0 && sessions.bad > 0 {
                return sessions.finish();
            }
            staged.commit()?;
            output::print(format!("{}: {} sessions", path.display(), sessions.answered))?;
        }
        None => {
            let mut output = BufWriter::new(io::stdout().lock());
            write_lines(arguments, &engine, now, &mut sessions, &mut output)?;
            output.flush()?;
        }
    }
    sessions.finish()
}

/// Sessions that are answered one by one, and what could not be read among them.
struct Answered<'a> {
    sessions: Sessions<'a>,
    counter: progress::Counter,
    answered: u64,
    bad: u64,
    /// Values of users' attributes that training has not seen.
    unseen: usize,
}

impl Answered<'_> {
    /// The next session; bad ones before it are reported and counted.
    fn next(&mut self) -> Result<Option<Session>> {
        while let Some(entry) = self.sessions.next() {
            match entry? {
                Entry::Session(session) => {
                    self.answered += 1;
                    self.unseen += session.known.unseen;
                    self.counter.set("recommending", self.answered);
                    return Ok(Some(*session));
                }
                Entry::Bad(problem) => self.tell(&problem),
            }
        }
        Ok(None)
    }

    fn tell(&mut self, problem: &anyhow::Error) {
        self.bad += 1;
        if self.bad <= SHOWN_BAD {
            note!("bad session: {}", output::message(problem));
        }
    }

    /// An error if there were bad ones, so that no script takes the answers for all.
    fn finish(self) -> Result<()> {
        self.counter.finish();
        let Self { answered, bad, unseen, .. } = self;
        tell_unseen(unseen);
        ensure!(bad == 0, "{bad} of {} sessions could not be read; the others were answered", answered + bad);
        Ok(())
    }
}

fn write_lines(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    sessions: &mut Answered<'_>,
    output: &mut dyn Write,
) -> Result<()> {
    while let Some(session) = sessions.next()? {
        let line = serde_json::to_string(&answer(arguments, engine, now, &session)?)?;
        writeln!(output, "{line}")?;
    }
    Ok(())
}

fn write_to_shop(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    sessions: &mut Answered<'_>,
    shop: &Connection,
) -> Result<()> {
    let mut total = WriteReport::default();
    let mut users = Vec::with_capacity(WRITTEN_AT_ONCE);
    let mut counter = progress::Counter::new("users");
    let mut flush = |users: &mut Vec<UserRecommendations>| -> Result<()> {
        let before = (total.written + total.failures.len()) as u64;
        let mut progress = |done| counter.set("writing", before + done);
        let report = shop.wait(write_recommendations(shop.client(), users, &mut progress))?;
        total.written += report.written;
        total.defined |= report.defined;
        total.failures.extend(report.failures);
        users.clear();
        Ok(())
    };
    while let Some(session) = sessions.next()? {
        let products = answer(arguments, engine, now, &session)?.products;
        let products = products.iter().map(|product| product.gid.to_owned()).collect();
        users.push(UserRecommendations { user: session.user, products });
        if users.len() >= WRITTEN_AT_ONCE {
            flush(&mut users)?;
        }
    }
    if !users.is_empty() {
        flush(&mut users)?;
    }
    counter.finish();
    if total.defined {
        output::print("the definition of nu_recommendation was made")?;
    }
    let (written, requests) = (total.written, shop.client().requests());
    output::print(format!("wrote the recommendations of {written} users with {requests} requests"))?;
    for failure in &total.failures {
        note!("failed: {failure}");
    }
    if !total.failures.is_empty() {
        bail!("the recommendations of {} users were not written", total.failures.len());
    }
    Ok(())
}

fn answer<'a>(arguments: &Arguments, engine: &'a Engine, now: f64, session: &'a Session) -> Result<SessionAnswer<'a>> {
    let first_rank = session.selection.offset + 1;
    let answered = engine.recommend(request(arguments, engine, now, session))?;
    let products = engine.catalog().products();
    let scored = (first_rank..).zip(&answered.products).filter_map(|(rank, scored)| {
        let Product { handle, gid, title, .. } = products.get(scored.product)?;
        Some(AnsweredProduct { rank, handle, gid, title, score: scored.score })
    });
    Ok(SessionAnswer { user_id: &session.user, source: answered.source.name(), products: scored.collect() })
}

/// What the engine is asked for a session; what it says counts before the flags. Products are called by handle, GID or
/// number, as with the service.
fn request(arguments: &Arguments, engine: &Engine, now: f64, session: &Session) -> RecommendationRequest {
    let now = session.now.unwrap_or(now);
    let limit = usize::from(session.limit.unwrap_or(arguments.limit));
    let exclude_seen = session.exclude_seen.unwrap_or(arguments.exclude_seen);
    let handles =
        |names: &Texts| -> Texts { names.iter().map(|name| engine.handle_of(name).unwrap_or(name)).collect() };
    let selection = Selection {
        exclude_seen,
        exclude: handles(&session.selection.exclude),
        include_only: session.selection.include_only.as_ref().map(handles),
        ..session.selection.clone()
    };
    let mut history = engine.with_handles(session.history.clone());
    history.sort_by_time();
    let user = session.known.clone();
    RecommendationRequest { selection, user, ..RecommendationRequest::new(history, now, limit) }
}

fn tell_unseen(values: usize) {
    if values > 0 {
        note!("{values} values of users' attributes count as unknown: training has not seen them");
    }
}

/// Where a line stands, for errors.
fn place(path: &Path, line: u64) -> String {
    format!("{}:{line}", path.display())
}
