//! Signals: a separate thread receives them, so that a service whose other threads are all blocked still ends. The
//! first signal to stop goes to [`super::serve`]; a second one, or one before the service serves, ends the process at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as HeardSignals;
use signal_hook::low_level::exit;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Exit code of a service that did not answer every request.
const CUT_OFF: i32 = 1;

/// A signal that the service handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Stop, after a delay in which load balancers take it out.
    Terminate,
    /// Stop.
    Interrupt,
    /// Reload.
    Hangup,
}

impl Signal {
    fn of(number: i32) -> Self {
        match number {
            SIGHUP => Self::Hangup,
            SIGINT => Self::Interrupt,
            _ => Self::Terminate,
        }
    }

    /// Its name in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Hangup => "SIGHUP",
        }
    }
}

/// The signals of this process.
#[derive(Debug)]
pub(crate) struct Signals {
    heard: UnboundedReceiver<Signal>,
    serving: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to receive them.
    ///
    /// # Errors
    /// When the system gives no handler or no thread.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let mut signals = HeardSignals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot listen for signals")?;
        let (sender, heard) = unbounded_channel();
        let serving = Arc::new(AtomicBool::new(false));
        let is_serving = Arc::clone(&serving);
        let hear = move || {
            let mut stopping = false;
            for signal in signals.forever().map(Signal::of) {
                if signal != Signal::Hangup {
                    if stopping {
                        eprintln!("error: stopped by a second signal, {}", signal.name());
                        exit(CUT_OFF);
                    }
                    if !is_serving.load(Ordering::Acquire) {
                        eprintln!("stopped by {} before the service began", signal.name());
                        exit(0);
                    }
                    stopping = true;
                }
                // When the service has ended there is no receiver.
                let _ = sender.send(signal);
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(hear).context("cannot listen for signals")?;
        Ok(Self { heard, serving })
    }

    /// From now on the first signal to stop does not end the process.
    pub(super) fn begin_to_serve(&self) {
        self.serving.store(true, Ordering::Release);
    }

    /// Waits for a signal.
    pub(super) async fn next(&mut self) -> Signal {
        match self.heard.recv().await {
            Some(signal) => signal,
            // The thread is gone only when the process is.
            None => std::future::pending().await,
        }
    }
}
