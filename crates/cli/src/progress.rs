//! Progress of long steps: a bar on a terminal, a line every few seconds otherwise.

use std::fs;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use slirec_core::files::{self, FileError};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How often a counter changes on a terminal.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// A bar over `total` steps of work; `unit` names them.
pub(crate) fn bar(total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = format!("{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} ({{per_sec}}, {{eta}} left)");
    // The template is fixed text: if it were wrong, the plain bar would do.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A step of unknown length, shown until the answer is dropped: with the time that it takes on a terminal, else as one
/// line.
pub(crate) fn step(text: String) -> Step {
    if !std::io::stderr().is_terminal() {
        note!("{text}");
    }
    spinner(text)
}

/// As [`step`], but only on a terminal.
pub(crate) fn step_on_terminal(text: String) -> Option<Step> {
    std::io::stderr().is_terminal().then(|| spinner(text))
}

fn spinner(text: String) -> Step {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(text);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    Step(bar)
}

/// A step that goes on until this is dropped.
pub(crate) struct Step(ProgressBar);

impl Drop for Step {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Rows between two looks at the clock.
const CALLS_BETWEEN_UPDATES: u64 = 1 << 14;

/// Counts work without a known end.
pub(crate) struct Counter {
    unit: &'static str,
    bar: ProgressBar,
    lines: Lines,
    shown: Instant,
}

impl Counter {
    pub(crate) fn new(unit: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { unit, bar, lines: Lines::new(), shown: Instant::now() }
    }

    /// Reports how far a step is; may be called for every unit.
    pub(crate) fn set(&mut self, step: &str, done: u64) {
        if self.shown.elapsed() < SHOWN_EVERY {
            return;
        }
        self.shown = Instant::now();
        let text = format!("{step}: {done} {}", self.unit);
        self.bar.set_message(text.clone());
        self.bar.tick();
        self.lines.print(|| text);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A text file that is read whole, with how far it is: by its bytes, which are compressed or not.
pub(crate) struct Reading {
    path: PathBuf,
    text: Option<Box<dyn BufRead + Send>>,
    read: Arc<AtomicU64>,
    bytes: u64,
    bar: ProgressBar,
    lines: Lines,
    calls: u64,
}

impl Reading {
    /// Opens a file; gzip is recognised.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let read = Arc::default();
        let text = files::open_text_counted(path, &read)?;
        let bytes = fs::metadata(path).map_err(FileError::io("read", path))?.len();
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} ({eta} left)") {
            bar.set_style(style);
        }
        Ok(Self { path: path.to_owned(), text: Some(text), read, bytes, bar, lines: Lines::new(), calls: 0 })
    }

    /// The text, once.
    pub(crate) fn text(&mut self) -> Box<dyn BufRead + Send> {
        self.text.take().unwrap_or_else(|| Box::new(std::io::empty()))
    }

    /// Reports how many `what` are done; cheap enough for every one of them.
    pub(crate) fn tell(&mut self, done: u64, what: &str) {
        self.calls += 1;
        if !self.calls.is_multiple_of(CALLS_BETWEEN_UPDATES) {
            return;
        }
        let read = self.read.load(Ordering::Relaxed);
        self.bar.set_message(format!("{done} {what}"));
        self.bar.set_position(read);
        let (path, bytes) = (&self.path, self.bytes);
        let percent = read.saturating_mul(100) / bytes.max(1);
        self.lines.print(|| format!("reading {}: {done} {what}, {percent} % of {bytes} bytes", path.display()));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Lines for logs, where a bar cannot be drawn.
pub(crate) struct Lines {
    terminal: bool,
    last: Instant,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: Instant::now() }
    }

    /// Prints a line if there is no terminal and the last line is long enough ago.
    pub(crate) fn print(&mut self, text: impl FnOnce() -> String) {
        if !self.terminal && self.last.elapsed() >= LINE_EVERY {
            note!("{}", text());
            self.last = Instant::now();
        }
    }
}
