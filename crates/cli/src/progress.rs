//! Progress of long steps: a bar on a terminal, a line every few seconds otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

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

/// Counts work without a known end.
pub(crate) struct Counter {
    unit: &'static str,
    bar: ProgressBar,
    lines: Lines,
}

impl Counter {
    pub(crate) fn new(unit: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { unit, bar, lines: Lines::new() }
    }

    pub(crate) fn set(&mut self, step: &str, done: u64) {
        let text = format!("{step}: {done} {}", self.unit);
        self.bar.set_message(text.clone());
        self.bar.tick();
        self.lines.print(|| text);
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
            eprintln!("{}", text());
            self.last = Instant::now();
        }
    }
}
