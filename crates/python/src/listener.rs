//! Python beside work without its lock: events enter, calls of a function of Python leave, and on the way whether a person
//! wants the work to end.

use std::io;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use slirec_core::interactions::{Interaction, InteractionSource, ReadError};
use slirec_train::trainer::TrainEvent;

use crate::errors::failure;

/// Time between two calls for steps, as each waits for the lock.
const CALLED_EVERY: Duration = Duration::from_millis(100);

/// Rows that are read between two calls.
const ROWS_EVERY: u64 = 50_000;

/// Calls a function of Python until it, or a signal, raises something.
pub(crate) struct Listener {
    tell: Py<PyAny>,
    raised: Option<PyErr>,
    called: Instant,
    positives: usize,
}

impl Listener {
    pub(crate) fn new(tell: Py<PyAny>) -> Self {
        Self { tell, raised: None, called: Instant::now(), positives: 0 }
    }

    /// Says what happens and a number; false once something was raised.
    fn say(&mut self, what: &str, number: u64, more: &str) -> bool {
        self.called = Instant::now();
        if self.raised.is_none() {
            let said = Python::attach(|py| {
                py.check_signals()?;
                self.tell.call1(py, (what, number, more)).map(|_| ())
            });
            self.raised = said.err();
        }
        self.raised.is_none()
    }

    /// Shows an event of a training of so many epochs; false when it is to stop.
    pub(crate) fn show(&mut self, event: &TrainEvent<'_>, epochs: usize) -> bool {
        match event {
            TrainEvent::EpochStarts { epoch, rows, done } => {
                self.positives = *done;
                self.say("epoch", *rows as u64, &format!("epoch {epoch} of {epochs}"))
            }
            TrainEvent::Step { loss, positives } => {
                self.positives += positives;
                let due = self.called.elapsed() >= CALLED_EVERY;
                !due || self.say("step", self.positives as u64, &format!("loss {loss:.4}"))
            }
            TrainEvent::Evaluating { rows } => self.say("evaluating", *rows as u64, ""),
            TrainEvent::Evaluated { metrics, .. } => match serde_json::to_string(metrics) {
                Ok(line) => self.say("evaluated", metrics.epoch as u64, &line),
                Err(error) => {
                    self.raised = Some(failure(error));
                    false
                }
            },
        }
    }

    /// What was raised.
    pub(crate) fn outcome(&mut self) -> PyResult<()> {
        self.raised.take().map_or(Ok(()), Err)
    }

    /// As [`Listener::outcome`], but for Ctrl-C, which only ends the training early.
    pub(crate) fn outcome_of_training(&mut self) -> PyResult<()> {
        let raised = self.outcome();
        let is_ctrl_c = |error: &PyErr| Python::attach(|py| error.is_instance_of::<PyKeyboardInterrupt>(py));
        raised.or_else(|error| if is_ctrl_c(&error) { Ok(()) } else { Err(error) })
    }
}

/// Interactions that end when the listener has raised something.
pub(crate) struct Stopping<'a, S> {
    source: S,
    listener: &'a mut Listener,
    rows: u64,
}

impl<'a, S> Stopping<'a, S> {
    pub(crate) fn new(source: S, listener: &'a mut Listener) -> Self {
        Self { source, listener, rows: 0 }
    }
}

impl<S: InteractionSource> InteractionSource for Stopping<'_, S> {
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>> {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_EVERY) && !self.listener.say("reading", self.rows, "") {
            let source = io::Error::from(io::ErrorKind::Interrupted);
            return Some(Err(ReadError::Io { line: self.rows, source }));
        }
        self.source.next_weighted()
    }
}
