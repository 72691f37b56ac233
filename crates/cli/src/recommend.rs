//! `slirec recommend`: a bundle and a file of sessions enter, recommendations leave, as JSON lines or as the metaobjects
//! of a Shopify shop.

mod sessions;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use slirec_connect::shopify::{UserRecommendations, WriteReport, write_recommendations};
use slirec_core::files::{self, FileError, StagedFile};
use slirec_core::timestamp;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, Source};

use crate::progress;
use crate::shop::{Connection, ShopArguments};
use sessions::{Session, Sessions};

/// Users whose metaobjects are written together.
const WRITTEN_AT_ONCE: usize = 1_000;

/// Recommend products for many sessions at once
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sessions: JSON lines as the service's /v1/recommendations takes them, each with a user_id, or interactions of
    /// which each user's lines stand together; gzip is recognised, - is standard input
    #[arg(value_name = "FILE")]
    sessions: PathBuf,
    /// Bundle of `slirec export`
    #[arg(long, value_name = "DIRECTORY")]
    bundle: PathBuf,
    /// Products of each answer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=128))]
    limit: u16,
    /// Time of the prediction for sessions that have none, Unix seconds; by default now
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Write JSON lines to this file instead of standard output
    #[arg(long, value_name = "FILE")]
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
struct Answer<'a> {
    user_id: &'a str,
    source: &'static str,
    products: Vec<AnsweredProduct<'a>>,
}

#[derive(Debug, Serialize)]
struct AnsweredProduct<'a> {
    handle: &'a str,
    gid: &'a str,
    score: f32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let now = match &arguments.now {
        Some(text) => timestamp::from_text(text).context("--now")?,
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64()),
    };
    let options = EngineOptions { onnxruntime: arguments.onnxruntime.clone(), ..EngineOptions::default() };
    let engine = Engine::load(&arguments.bundle, &options)?;
    let sessions = Sessions::new(files::open_text(&arguments.sessions)?, &arguments.sessions);
    if arguments.write_metaobjects {
        let shop = arguments.shop.connect()?;
        return write_to_shop(arguments, &engine, now, sessions, &shop);
    }
    match &arguments.output {
        Some(path) => {
            let staged = StagedFile::create(path, arguments.force)?;
            let written = (|| -> Result<u64> {
                let file = File::create(staged.path()).map_err(FileError::io("write", path))?;
                let mut output = BufWriter::new(file);
                let count = write_lines(arguments, &engine, now, sessions, &mut output)?;
                output.flush().map_err(FileError::io("write", path))?;
                Ok(count)
            })()?;
            staged.commit()?;
            println!("{}: {written} sessions", path.display());
        }
        None => {
            write_lines(arguments, &engine, now, sessions, &mut io::stdout().lock())?;
        }
    }
    Ok(())
}

fn write_lines(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    sessions: Sessions,
    output: &mut dyn Write,
) -> Result<u64> {
    let mut counter = progress::Counter::new("sessions");
    let mut count = 0;
    for session in sessions {
        let session = session?;
        serde_json::to_writer(&mut *output, &answer(arguments, engine, now, &session)?)?;
        writeln!(output)?;
        count += 1;
        counter.set("recommending", count);
    }
    counter.finish();
    Ok(count)
}

fn write_to_shop(
    arguments: &Arguments,
    engine: &Engine,
    now: f64,
    sessions: Sessions,
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
    for session in sessions {
        let session = session?;
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
        println!("the definition of nu_recommendation was made");
    }
    println!("wrote the recommendations of {} users with {} requests", total.written, shop.client().requests());
    for failure in &total.failures {
        eprintln!("failed: {failure}");
    }
    if !total.failures.is_empty() {
        bail!("the recommendations of {} users were not written", total.failures.len());
    }
    Ok(())
}

fn answer<'a>(arguments: &Arguments, engine: &'a Engine, now: f64, session: &'a Session) -> Result<Answer<'a>> {
    let now = session.now.unwrap_or(now);
    let request = RecommendationRequest::new(session.history.clone(), now, usize::from(arguments.limit));
    let answered = engine.recommend(request)?;
    let products = engine.catalog().products();
    let scored = answered.products.iter().filter_map(|scored| {
        let product = products.get(scored.product)?;
        Some(AnsweredProduct { handle: &product.handle, gid: &product.gid, score: scored.score })
    });
    let source = match answered.source {
        Source::Model => "model",
        Source::Popular => "popular",
    };
    Ok(Answer { user_id: &session.user, source, products: scored.collect() })
}

/// Where a line stands, for errors.
fn place(path: &Path, line: u64) -> String {
    format!("{}:{line}", path.display())
}
