//! What a directory of recommendations was begun with: the settings of a run and the files of sessions enter, a plan in
//! the directory leaves, by which an ended run goes on or is refused.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use slirec_connect::partitions::data_files;
use slirec_core::files::{self, FileError, StagedFile};

use super::lock::Lock;

/// The plan's file; the underscore hides it from readers of Parquet.
const PLAN: &str = "_recommendations.json";

/// How the names of the plan begin, of the lock, and of what a run leaves that is killed before it has a plan.
const OURS: &str = "_recommendations.";

/// What all files of a directory have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) format: String,
    pub(super) bundle_sha256: String,
    pub(super) limit: u16,
    pub(super) exclude_seen: bool,
    /// Time of the predictions, Unix seconds.
    pub(super) now: f64,
}

/// A file of sessions; its answers have the same name in the directory of recommendations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionFile {
    /// Below the directory of the sessions.
    pub(super) name: PathBuf,
    bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    modified: u64,
    /// Rows that could not be read; they are known before the file of answers appears.
    pub(super) bad_rows: u64,
}

/// What a directory of recommendations was begun with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    #[serde(flatten)]
    pub(super) settings: Settings,
    pub(super) files: Vec<SessionFile>,
}

impl Plan {
    /// The plan of a directory: a new one, or that with which it was begun, whose time counts unless another is asked
    /// for. With `replace` what an earlier plan has written is removed. No other run has the directory until the lock
    /// is dropped.
    pub(super) fn begin(
        directory: &Path,
        sessions: &Path,
        asked: Settings,
        asks_time: bool,
        replace: bool,
    ) -> Result<(Self, Lock)> {
        ensure_apart(sessions, directory)?;
        let new = Self { settings: asked, files: session_files(sessions)? };
        ensure!(!new.files.is_empty(), "{}: holds no files", sessions.display());
        // Before anything is written there, not even a lock.
        Self::read(directory, replace)?;
        fs::create_dir_all(directory).map_err(FileError::io("write", directory))?;
        let lock = Lock::of(directory)?;
        match Self::read(directory, replace)? {
            Some(begun) if !replace => {
                begun.ensure_same(directory, &new, asks_time)?;
                return Ok((begun, lock));
            }
            Some(begun) => new.replace(&begun, directory)?,
            None => {}
        }
        new.write(directory)?;
        Ok((new, lock))
    }

    /// The plan with which a directory was begun; none where nothing was.
    fn read(directory: &Path, replace: bool) -> Result<Option<Self>> {
        if directory.join(PLAN).is_file() {
            return Ok(Some(files::read_json(&directory.join(PLAN))?));
        }
        let is_foreign = |entry: io::Result<DirEntry>| {
            entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with(OURS))
        };
        let is_taken = match fs::read_dir(directory) {
            Ok(mut entries) => entries.any(is_foreign),
            Err(_) => directory.exists(),
        };
        if is_taken {
            return Err(if replace { FileError::NotOurs } else { FileError::Exists }(directory.to_owned()).into());
        }
        Ok(None)
    }

    /// Keeps the plan, as often as it changes.
    pub(super) fn write(&self, directory: &Path) -> Result<(), FileError> {
        files::write_json(&directory.join(PLAN), self)
    }

    /// Keeps how many rows of a file could not be read.
    pub(super) fn note_bad(&mut self, directory: &Path, number: usize, bad_rows: u64) -> Result<(), FileError> {
        match self.files.get_mut(number) {
            Some(file) if file.bad_rows != bad_rows => file.bad_rows = bad_rows,
            _ => return Ok(()),
        }
        self.write(directory)
    }

    fn ensure_same(&self, directory: &Path, new: &Self, asks_time: bool) -> Result<()> {
        let remedy = "choose another output, or replace it with --force";
        let place = directory.display();
        let now = if asks_time { new.settings.now } else { self.settings.now };
        ensure!(
            self.settings == Settings { now, ..new.settings.clone() },
            "{place}: was begun with another bundle, --limit, --exclude-seen or --now: {remedy}"
        );
        let known = |files: &[SessionFile], file: &SessionFile| files.iter().any(|other| other.is(file));
        let differing = |files: &[SessionFile], others: &[SessionFile]| {
            files.iter().find(|file| !known(others, file)).map(|file| file.name.clone())
        };
        if let Some(name) = differing(&new.files, &self.files).or_else(|| differing(&self.files, &new.files)) {
            bail!("{place}: was begun with other sessions, {} among them: {remedy}", name.display());
        }
        Ok(())
    }

    /// Removes what an earlier plan has written, and nothing else: not even what is in the way of this one.
    fn replace(&self, begun: &Self, directory: &Path) -> Result<()> {
        for file in &begun.files {
            let inside = file.name.components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside, "{}: names {}", directory.join(PLAN).display(), file.name.display());
        }
        let is_begun = |file: &SessionFile| begun.files.iter().any(|other| other.name == file.name);
        let foreign = self.files.iter().filter(|file| !is_begun(file)).map(|file| directory.join(&file.name));
        if let Some(foreign) = foreign.into_iter().find(|target| target.exists()) {
            return Err(FileError::NotOurs(foreign).into());
        }
        for target in begun.files.iter().map(|file| directory.join(&file.name)) {
            // Clears away what a killed run was writing.
            drop(StagedFile::create(&target, true)?);
            if target.exists() {
                fs::remove_file(&target).map_err(FileError::io("replace", &target))?;
            }
        }
        Ok(())
    }
}

impl SessionFile {
    /// Whether this is the same file with the same content, as far as size and time tell.
    fn is(&self, other: &Self) -> bool {
        (&self.name, self.bytes, self.modified) == (&other.name, other.bytes, other.modified)
    }
}

/// The folder below which the files of sessions are named.
pub(super) fn base(sessions: &Path) -> &Path {
    if sessions.is_dir() { sessions } else { parent(sessions) }
}

/// The folder that a file lies in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn session_files(sessions: &Path) -> Result<Vec<SessionFile>> {
    let base = base(sessions);
    let described = data_files(sessions)?.into_iter().map(|path| {
        let metadata = fs::metadata(&path).map_err(FileError::io("read", &path))?;
        let modified = metadata.modified().map_err(FileError::io("read", &path))?;
        let since = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        // A file that is named without a folder has none to take off.
        let name = path.strip_prefix(base).unwrap_or(&path).to_owned();
        let modified = u64::try_from(since).unwrap_or(u64::MAX);
        Ok(SessionFile { name, bytes: metadata.len(), modified, bad_rows: 0 })
    });
    described.collect()
}

/// Refuses a directory in which answers would replace sessions, or be taken for some.
fn ensure_apart(sessions: &Path, directory: &Path) -> Result<()> {
    let (from, to) = (whole(sessions)?, whole(directory)?);
    ensure!(
        !from.starts_with(&to) && !to.starts_with(&from),
        "{}: holds the sessions or lies among them: choose an output beside them",
        directory.display()
    );
    Ok(())
}

/// The path without links, also of what is not there yet.
fn whole(path: &Path) -> Result<PathBuf, FileError> {
    match (path.canonicalize(), path.file_name()) {
        (Err(_), Some(name)) => Ok(whole(parent(path))?.join(name)),
        (found, _) => found.map_err(FileError::io("read", path)),
    }
}
