//! Sessions of many users: JSON lines, or interactions of which each user's lines stand together. A line that cannot be
//! read leaves as what is wrong with it; reading goes on behind it.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use slirec_core::event::Event;
use slirec_core::interactions::{InteractionReader, InteractionSource, ReadError};
use slirec_core::text::shortened;
use slirec_core::timestamp;
use slirec_core::vocabulary::{KnownUser, UserLookup, UserValue};
use slirec_engine::{Selection, Texts, ViewHistory};

use super::{LARGEST_LIMIT, place};

/// Items of a history that are kept at least: the model looks at the last ones, and at the first one's time.
const KEPT_ITEMS: usize = 10_000;

/// What one user viewed, and what is asked for.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    /// What is known of the user.
    pub(super) known: KnownUser,
    pub(super) history: ViewHistory,
    pub(super) now: Option<f64>,
    pub(super) limit: Option<u16>,
    /// None where the session does not say it.
    pub(super) exclude_seen: Option<bool>,
    pub(super) selection: Selection,
}

/// What a line, or the lines of a user, gave.
#[derive(Debug)]
pub(super) enum Entry {
    Session(Box<Session>),
    /// Where the line stands and what is wrong with it.
    Bad(anyhow::Error),
}

/// The body of the service's /v1/recommendations; a key that is not known is an error, `null` says nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    user_id: String,
    user: Option<BTreeMap<String, Option<UserValue>>>,
    history: Vec<Viewed>,
    now: Option<Value>,
    limit: Option<u16>,
    offset: Option<usize>,
    min_score: Option<f32>,
    exclude_seen: Option<bool>,
    exclude_purchased: Option<bool>,
    exclude: Option<Vec<String>>,
    include_only: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    exclude_categories: Option<Vec<String>>,
    per_category: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewed {
    item: String,
    time: Value,
    event: Option<Event>,
}

/// Reads session by session.
pub(super) struct Sessions<'a> {
    path: PathBuf,
    /// What the model reads of users.
    users: &'a UserLookup,
    form: Form,
}

enum Form {
    Json { input: Box<dyn BufRead + Send>, line: u64 },
    Interactions { reader: InteractionReader<Box<dyn BufRead + Send>>, next: Option<Begun> },
    Done,
}

impl<'a> Sessions<'a> {
    /// Recognises the form by the first byte.
    pub(super) fn new(mut input: Box<dyn BufRead + Send>, path: &Path, users: &'a UserLookup) -> Result<Self> {
        let start = input.fill_buf().with_context(|| path.display().to_string())?;
        if start.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        let form = match input.fill_buf().with_context(|| path.display().to_string())?.trim_ascii_start().first() {
            Some(b'{') => Form::Json { input, line: 0 },
            Some(b'[') => bail!("{}: is a JSON list: expected JSON lines, an object each", path.display()),
            _ => Form::Interactions { reader: InteractionReader::new(input), next: None },
        };
        Ok(Self { path: path.to_owned(), users, form })
    }
}

impl Iterator for Sessions<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let next = match &mut self.form {
            Form::Done => None,
            Form::Json { input, line } => next_line(input, line, (&self.path, self.users)).transpose(),
            Form::Interactions { reader, next } => next_user(reader, next, (&self.path, self.users)).transpose(),
        };
        if matches!(next, None | Some(Err(_))) {
            self.form = Form::Done;
        }
        next
    }
}

fn next_line(input: &mut dyn BufRead, line: &mut u64, (path, users): (&Path, &UserLookup)) -> Result<Option<Entry>> {
    let mut text = Vec::new();
    loop {
        *line += 1;
        text.clear();
        if input.read_until(b'\n', &mut text).with_context(|| place(path, *line))? == 0 {
            return Ok(None);
        }
        if !text.trim_ascii().is_empty() {
            break;
        }
    }
    let session = session(&text, users).with_context(|| place(path, *line));
    Ok(Some(session.map_or_else(Entry::Bad, |session| Entry::Session(Box::new(session)))))
}

fn session(line: &[u8], users: &UserLookup) -> Result<Session> {
    let line: Line = serde_json::from_slice(line)?;
    let seconds = |value: &Value, field: &str| {
        let parsed = match value {
            Value::String(text) => timestamp::from_text(text),
            other => timestamp::from_text(&other.to_string()),
        };
        parsed.with_context(|| field.to_owned())
    };
    ensure!(!line.user_id.is_empty(), "user_id is empty: expected a name");
    let limit = line.limit;
    ensure!(
        limit.is_none_or(|limit| (1..=LARGEST_LIMIT).contains(&limit)),
        "limit is {}: expected 1 to {LARGEST_LIMIT}",
        limit.unwrap_or_default()
    );
    let mut history = ViewHistory::new();
    for (index, viewed) in line.history.iter().enumerate() {
        let timestamp = seconds(&viewed.time, &format!("history[{index}].time"))?;
        history.push_event(&viewed.item, timestamp, viewed.event.unwrap_or_default());
    }
    let names = |names: Option<Vec<String>>| names.map(Texts::from_iter);
    let told = line.user.unwrap_or_default();
    let told = told.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?)));
    Ok(Session {
        known: users.find(Some(&line.user_id), told)?,
        history,
        now: line.now.as_ref().map(|now| seconds(now, "now")).transpose()?,
        limit,
        exclude_seen: line.exclude_seen,
        selection: Selection {
            offset: line.offset.unwrap_or_default(),
            min_score: line.min_score,
            exclude_seen: false,
            exclude_purchased: line.exclude_purchased.unwrap_or_default(),
            allowed: None,
            exclude: names(line.exclude).unwrap_or_default(),
            include_only: names(line.include_only),
            categories: names(line.categories),
            exclude_categories: names(line.exclude_categories).unwrap_or_default(),
            per_category: line.per_category,
        },
        user: line.user_id,
    })
}

/// The views of a user whose last one may still come, and what is said of them.
pub(super) struct Begun {
    user: String,
    history: ViewHistory,
    told: BTreeMap<String, UserValue>,
}

impl Begun {
    fn add(&mut self, item: &str, timestamp: f64) {
        self.history.push(item, timestamp);
        if self.history.len() > 2 * KEPT_ITEMS {
            let kept = self.history.get(0).into_iter().chain(self.history.last(KEPT_ITEMS));
            self.history = kept.map(|view| (view.handle, view.timestamp)).collect();
        }
    }

    fn end(self, (path, users): (&Path, &UserLookup)) -> Entry {
        let Self { user, history, told } = self;
        match users.find(Some(&user), told.iter().map(|(name, value)| (name.as_str(), value))) {
            Ok(known) => Entry::Session(Box::new(Session {
                user,
                known,
                history,
                now: None,
                limit: None,
                exclude_seen: None,
                selection: Selection::default(),
            })),
            Err(error) => Entry::Bad(anyhow!("{}: the views of `{}`: {error}", path.display(), shortened(&user))),
        }
    }
}

/// The next user's session, of which `next` keeps what is read of the one behind it. Of what rows say of a user the last
/// that says it counts.
pub(super) fn next_user(
    reader: &mut dyn InteractionSource,
    next: &mut Option<Begun>,
    (path, users): (&Path, &UserLookup),
) -> Result<Option<Entry>> {
    while let Some(row) = reader.next_weighted() {
        let in_file = |error: ReadError| anyhow::Error::new(error).context(path.display().to_string());
        let row = match row {
            Ok((row, _)) => row,
            // The session goes on behind it.
            Err(error @ ReadError::Line(_)) => return Ok(Some(Entry::Bad(in_file(error)))),
            Err(error) => return Err(in_file(error)),
        };
        if let Some(session) = next.as_mut().filter(|session| session.user == row.user) {
            session.add(row.item, row.timestamp);
            session.told.extend(reader.told().attributes);
            continue;
        }
        let history = ViewHistory::from_iter([(row.item, row.timestamp)]);
        let begun = Begun { user: row.user.to_owned(), history, told: reader.told().attributes.into_iter().collect() };
        if let Some(whole) = next.replace(begun) {
            return Ok(Some(whole.end((path, users))));
        }
    }
    Ok(next.take().map(|whole| whole.end((path, users))))
}
