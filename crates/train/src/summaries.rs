//! TensorBoard event files: scalars, histograms and hyperparameters of a run enter, `events.out.tfevents.…` leaves.
//!
//! A file is a row of TFRecords (`record`) around protocol buffer messages (`messages`). `tensorboard --logdir` reads a
//! directory of them; a continued run adds a file of its own, whose first record tells TensorBoard from which step on
//! earlier records no longer count.

mod histogram;
mod messages;
mod record;

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use slirec_core::files::FileError;

use messages::{Event, SessionStart, SummaryValue, What};

/// Version that TensorBoard expects in the first record.
const FILE_VERSION: &str = "brain.Event:2";

/// Writes one event file.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    output: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new file in `directory`. `continued_from` is the step that a continued run goes on from.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn create(directory: &Path, continued_from: Option<u64>) -> Result<Self, FileError> {
        std::fs::create_dir_all(directory).map_err(FileError::io("create", directory))?;
        let seconds = now() as u64;
        let (path, file) = (0..)
            .map(|number: u32| directory.join(format!("events.out.tfevents.{seconds}.slirec.{number}")))
            .find_map(|path| match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
                opened => Some(opened.map_err(FileError::io("write", &path)).map(|file| (path, file))),
            })
            .unwrap_or_else(|| Err(FileError::Exists(directory.to_owned())))?;
        let mut writer = Self { path, output: BufWriter::new(file) };
        writer.write(0, What::FileVersion(FILE_VERSION.to_owned()))?;
        if let Some(step) = continued_from {
            writer.write(step, What::session_start())?;
        }
        Ok(writer)
    }

    /// Adds one number to the curve of `tag`.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<(), FileError> {
        self.write(step, What::summary(SummaryValue::scalar(tag, value)))
    }

    /// Adds the distribution of `values`. Values that are not finite are left out: a diverging run is seen in its loss.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn histogram(&mut self, tag: &str, step: u64, values: &[f32]) -> Result<(), FileError> {
        self.write(step, What::summary(SummaryValue::histogram(tag, histogram::of(values))))
    }

    /// Records the settings of the run for TensorBoard's HPARAMS page; numbers, texts and truth values count.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn hyperparameters(&mut self, settings: &[(String, serde_json::Value)]) -> Result<(), FileError> {
        let start = SessionStart::new(settings, now());
        self.write(0, What::summary(SummaryValue::hyperparameters(&start)))
    }

    /// Hands everything to the operating system, so that TensorBoard sees it.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn flush(&mut self) -> Result<(), FileError> {
        self.output.flush().map_err(FileError::io("write", &self.path))
    }

    fn write(&mut self, step: u64, what: What) -> Result<(), FileError> {
        let event = Event { wall_time: now(), step: i64::try_from(step).unwrap_or(i64::MAX), what: Some(what) };
        record::write(&mut self.output, &event.encode_to_vec()).map_err(FileError::io("write", &self.path))
    }
}

/// Unix seconds. Event files are the one output of a run that tells when it ran: TensorBoard plots over that time.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}
