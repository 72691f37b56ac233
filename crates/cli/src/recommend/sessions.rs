//! Sessions of many users: JSON lines, or interactions of which each user's lines stand together.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use slirec_core::interactions::{InteractionReader, ReadError};
use slirec_core::timestamp;
use slirec_engine::ViewHistory;

use super::place;

/// Items of a history that are kept at least: the model looks at the last ones, and at the first one's time.
const KEPT_ITEMS: usize = 10_000;

/// What one user viewed.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) history: ViewHistory,
    pub(super) now: Option<f64>,
}

/// The body of the service's /v1/recommendations, as far as it counts here.
#[derive(Deserialize)]
struct Line {
    user_id: String,
    history: Vec<Viewed>,
    now: Option<Value>,
    #[serde(default)]
    #[expect(dead_code, reason = "the same for all sessions here")]
    limit: Option<Value>,
}

#[derive(Deserialize)]
struct Viewed {
    item: String,
    time: Value,
}

/// Reads session by session.
pub(super) struct Sessions {
    path: PathBuf,
    form: Form,
}

enum Form {
    Json { input: Box<dyn BufRead + Send>, line: u64 },
    Interactions { reader: InteractionReader<Box<dyn BufRead + Send>>, next: Option<Session> },
    Done,
}

impl Sessions {
    /// Tells the form by the first byte.
    pub(super) fn new(mut input: Box<dyn BufRead + Send>, path: &Path) -> Self {
        let json = input.fill_buf().is_ok_and(|start| start.trim_ascii_start().starts_with(b"{"));
        let form = if json {
            Form::Json { input, line: 0 }
        } else {
            Form::Interactions { reader: InteractionReader::new(input), next: None }
        };
        Self { path: path.to_owned(), form }
    }
}

impl Iterator for Sessions {
    type Item = Result<Session>;

    fn next(&mut self) -> Option<Result<Session>> {
        let next = match &mut self.form {
            Form::Done => None,
            Form::Json { input, line } => next_line(input, line, &self.path).transpose(),
            Form::Interactions { reader, next } => next_user(reader, next, &self.path).transpose(),
        };
        if matches!(next, None | Some(Err(_))) {
            self.form = Form::Done;
        }
        next
    }
}

fn next_line(input: &mut dyn BufRead, line: &mut u64, path: &Path) -> Result<Option<Session>> {
    let mut text = String::new();
    loop {
        *line += 1;
        text.clear();
        if input.read_line(&mut text).with_context(|| place(path, *line))? == 0 {
            return Ok(None);
        }
        if !text.trim().is_empty() {
            break;
        }
    }
    let parsed: Line = serde_json::from_str(&text).with_context(|| place(path, *line))?;
    let seconds = |value: &Value, field: &str| {
        let parsed = match value {
            Value::String(text) => timestamp::from_text(text),
            other => timestamp::from_text(&other.to_string()),
        };
        parsed.with_context(|| format!("{}: {field}", place(path, *line)))
    };
    ensure!(!parsed.user_id.is_empty(), "{}: user_id is empty: expected a name", place(path, *line));
    let history = parsed.history.iter().enumerate().map(|(index, viewed)| {
        let timestamp = seconds(&viewed.time, &format!("history[{index}].time"))?;
        Ok((viewed.item.as_str(), timestamp))
    });
    let history = history.collect::<Result<_>>()?;
    let now = parsed.now.as_ref().map(|now| seconds(now, "now")).transpose()?;
    Ok(Some(Session { user: parsed.user_id, history, now }))
}

fn next_user<R: BufRead>(
    reader: &mut InteractionReader<R>,
    next: &mut Option<Session>,
    path: &Path,
) -> Result<Option<Session>> {
    let mut session = next.take();
    while let Some(row) = reader.next() {
        let row = row.map_err(|error: ReadError| anyhow::Error::new(error).context(path.display().to_string()))?;
        let begun = || Session {
            user: row.user.to_owned(),
            history: ViewHistory::from_iter([(row.item, row.timestamp)]),
            now: None,
        };
        match &mut session {
            Some(session) if session.user == row.user => {
                session.history.push(row.item, row.timestamp);
                if session.history.len() > 2 * KEPT_ITEMS {
                    let kept = session.history.get(0).into_iter().chain(session.history.last(KEPT_ITEMS));
                    session.history = kept.map(|view| (view.handle, view.timestamp)).collect();
                }
            }
            Some(_) => {
                *next = Some(begun());
                break;
            }
            None => session = Some(begun()),
        }
    }
    Ok(session)
}
