//! A stream that does not wait forever for its client: a connection without a request may idle for a while, headers must
//! come in time, and answers must be read in time. (Between two pieces of a body a layer of the router watches.)

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// While it sends the headers of a request, or reads an answer.
    pub(super) read: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
}

/// Nothing of the next request is there yet.
const IDLE: u8 = 0;
/// A request's headers are on their way.
const HEADERS: u8 = 1;
/// A request is being answered.
const BUSY: u8 = 2;

/// What a connection is doing; shared by its stream and its service.
#[derive(Debug, Clone)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A request begins; its answer is there when the returned value is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.set(BUSY);
        Busy(self.clone())
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(IDLE);
    }
}

/// A stream with timeouts.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    timeouts: Timeouts,
    phase: Phase,
    reading: Timer,
    writing: Timer,
}

impl<S> Patient<S> {
    /// A new connection's first headers must come as fast as others.
    pub(super) fn new(stream: S, timeouts: Timeouts) -> (Self, Phase) {
        let phase = Phase(Arc::new(AtomicU8::new(HEADERS)));
        let patient =
            Self { stream, timeouts, phase: phase.clone(), reading: Timer::default(), writing: Timer::default() };
        (patient, phase)
    }
}

/// Runs from the first poll of a phase on.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    phase: Option<u8>,
}

impl Timer {
    fn stop(&mut self) {
        self.phase = None;
    }

    /// Ready when `patience` has passed since the first poll in this phase.
    fn poll(&mut self, phase: u8, patience: Duration, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(patience)));
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            sleep.as_mut().reset(Instant::now() + patience);
        }
        sleep.as_mut().poll(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before && this.phase.get() == IDLE {
                this.phase.set(HEADERS);
                // A connection that is used begins to idle anew.
                this.reading.stop();
            }
            return Poll::Ready(result);
        }
        let phase = this.phase.get();
        let patience = match phase {
            BUSY => {
                this.reading.stop();
                return Poll::Pending;
            }
            HEADERS => this.timeouts.read,
            _ => this.timeouts.idle,
        };
        ready!(this.reading.poll(phase, patience, context));
        let silence = if phase == HEADERS { "no whole headers in time" } else { "no request in time" };
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, silence)))
    }
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    /// Lets a write wait, but not forever.
    fn patiently<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.stop();
            return written;
        }
        ready!(self.writing.poll(BUSY, self.timeouts.read, context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not read in time")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.patiently(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.patiently(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.patiently(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
