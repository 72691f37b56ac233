//! A stream that does not wait forever for its client: a connection without a request may idle for a while, headers
//! must come in time, and answers must be read in time. (Between two pieces of a body [`super::body`] watches.) It also
//! sees how a connection begins and how it ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::{Activity, Phase};

/// How long a client may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// While it sends a request, or reads an answer.
    pub(super) read: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
}

/// Longest time in which a client that was answered early may go on sending: what comes is discarded.
const LINGER: Duration = Duration::from_secs(2);
/// The first bytes of a client that uses HTTP/2 without negotiation.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The answer to it, in frames of HTTP/2 (RFC 9113): SETTINGS, which must be first, and GOAWAY with the error
/// HTTP_1_1_REQUIRED (13) and a text.
const HTTP1_REQUIRED: &[u8] =
    b"\0\0\0\x04\0\0\0\0\0\0\0\x2c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0dthis address speaks HTTP/1.1: use it";

/// A stream with timeouts.
#[derive(Debug)]
pub(super) struct TimedStream<S> {
    stream: S,
    timeouts: Timeouts,
    activity: Activity,
    reading: Timer,
    writing: Timer,
    /// What is still to be written to a client that uses HTTP/2; none when it does not.
    farewell: Option<&'static [u8]>,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedStream<S> {
    /// A new connection's first headers must come as fast as others.
    pub(super) fn new(stream: S, timeouts: Timeouts, activity: Activity) -> Self {
        let (reading, writing) = (Timer::default(), Timer::default());
        Self { stream, timeouts, activity, reading, writing, farewell: None, lingering: None }
    }
}

/// Runs from the first poll of a phase on.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    phase: Option<Phase>,
}

impl Timer {
    fn stop(&mut self) {
        self.phase = None;
    }

    /// Ready when `limit` has passed since the first poll in this phase.
    pub(super) fn poll(&mut self, phase: Phase, limit: Duration, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            sleep.as_mut().reset(Instant::now() + limit);
        }
        sleep.as_mut().poll(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.farewell.is_some() {
            return this.poll_farewell(context);
        }
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            let came = buffer.filled().get(before..).unwrap_or_default();
            if this.activity.phase() == Phase::Fresh && came.starts_with(HTTP2_PREFACE) {
                this.activity.bytes_came();
                buffer.set_filled(before);
                this.farewell = Some(HTTP1_REQUIRED);
                return this.poll_farewell(context);
            }
            if !came.is_empty() && this.activity.bytes_came() {
                // A connection that is used begins to idle anew.
                this.reading.stop();
            }
            return Poll::Ready(result);
        }
        let phase = this.activity.phase();
        let (limit, problem) = match phase {
            Phase::Body | Phase::Busy => {
                this.reading.stop();
                return Poll::Pending;
            }
            Phase::Fresh | Phase::Headers => (this.timeouts.read, "no whole headers in time"),
            Phase::Idle => (this.timeouts.idle, "no request in time"),
        };
        ready!(this.reading.poll(phase, limit, context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, problem)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimedStream<S> {
    /// Writes the answer to a client that uses HTTP/2; for HTTP/1 the stream then ends.
    fn poll_farewell(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.farewell.filter(|rest| !rest.is_empty()) {
            let written = Pin::new(&mut self.stream).poll_write(context, rest);
            let written = ready!(self.written_in_time(written, context))?;
            self.farewell = rest.get(written..);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Reads on and throws away until the client has closed too: closing at once while it sends would reset the
    /// connection, and the client might lose an answer that it has not read yet.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let lingering = self.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if lingering.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut scrap = [0; 16 * 1024];
        // A client that sends faster than this reads must not keep the thread.
        for _ in 0..16 {
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> TimedStream<S> {
    /// Lets a write wait, but not forever.
    fn written_in_time<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.stop();
            return written;
        }
        ready!(self.writing.poll(Phase::Busy, self.timeouts.read, context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not read in time")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // A connection idles from the end of an answer on.
        this.reading.stop();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written_in_time(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.reading.stop();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written_in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.written_in_time(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        // A client that is in the middle of a request may be sending still.
        if matches!(this.activity.phase(), Phase::Headers | Phase::Body) {
            ready!(this.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
