//! The body of a request as handlers read it: pieces of the connection enter and leave in time, or [`BodyTimeout`]
//! does. What a handler leaves unread, as when it refuses, is read and thrown away within limits: a client that sends
//! all before it reads gets its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use super::activity::RequestInProgress;
use crate::http::BodyTimeout;

/// Longest wait for the next piece of a body that is thrown away.
const DISCARD_STALL: Duration = Duration::from_secs(5);

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Between two pieces.
    pub(super) stall: Duration,
    /// As a whole.
    pub(super) total: Duration,
    /// Bytes that are thrown away.
    pub(super) discard: u64,
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody {
    /// None once it has ended.
    rest: Option<Unread>,
    limits: BodyLimits,
    deadline: Instant,
    /// Runs while a piece is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    /// The client waits for a word before it sends (`Expect: 100-continue`), which the first read says.
    expects: bool,
}

/// What is still to come.
#[derive(Debug)]
struct Unread {
    incoming: Incoming,
    /// Held until the body was read or thrown away.
    request: Arc<RequestInProgress>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, request: Arc<RequestInProgress>, limits: BodyLimits, expects: bool) -> Self {
        let rest = (!incoming.is_end_stream()).then_some(Unread { incoming, request });
        Self { rest, limits, deadline: Instant::now() + limits.total, waiting: None, expects }
    }

    /// Ready when the client is too late with the next piece.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.deadline.min(Instant::now() + self.limits.stall);
        self.waiting.get_or_insert_with(|| Box::pin(sleep_until(limit))).as_mut().poll(context)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        this.expects = false;
        let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(&mut rest.incoming).poll_frame(context) else {
            return this.poll_late(context).map(|()| Some(Err(BodyTimeout.into())));
        };
        this.waiting = None;
        if rest.incoming.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            rest.request.is_read();
            this.rest = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), |rest| rest.incoming.size_hint())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(rest) = self.rest.take() else { return };
        match Handle::try_current() {
            // A client that was not asked to send does not.
            Ok(runtime) if !self.expects => drop(runtime.spawn(discard(rest, self.limits))),
            _ => rest.request.is_abandoned(),
        }
    }
}

/// Reads what is left of a body; gives up on clients that send too much or too slowly, whose connection then ends.
async fn discard(rest: Unread, limits: BodyLimits) {
    let Unread { incoming, request } = rest;
    let mut incoming = pin!(incoming);
    let (deadline, mut discarded) = (Instant::now() + limits.stall, 0);
    loop {
        let next = timeout(DISCARD_STALL, poll_fn(|context| incoming.as_mut().poll_frame(context)));
        match timeout_at(deadline, next).await {
            Ok(Ok(Some(Ok(frame)))) => discarded += frame.data_ref().map_or(0, |data| data.len() as u64),
            Ok(Ok(None)) => return,
            _ => return request.is_abandoned(),
        }
        if discarded > limits.discard {
            return request.is_abandoned();
        }
    }
}
