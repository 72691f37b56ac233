//! One connection: a stream and its place among the open ones enter, requests go to the router and answers come back,
//! until the client leaves, is too slow, or the connection is ordered to finish.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version, header};
use axum::response::Response;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use super::activity::Phase;
use super::body::{BodyLimits, RequestBody};
use super::open::{Order, Place};
use super::pacing::{Impatience, RefusalPace};
use super::timeouts::{TimedStream, Timeouts, Timer};
use crate::http::{self, Refusal};
use crate::state::AppState;

/// Bytes of a connection that are read at once. A request's line and headers that have reached so many without an end
/// are answered with 431, so no connection holds more than twice as many.
const READ_AT_ONCE: usize = 64 * 1024;
/// How long a new connection has for its first request once the service stops.
pub(super) const FIRST_REQUEST: Duration = Duration::from_secs(3);
/// How long the others have for one more, which may be under way; its answer says that the connection ends.
const ONE_MORE_REQUEST: Duration = Duration::from_millis(250);
/// As many times `server.max_body_bytes` are thrown away of a body that is refused.
const DISCARDED_BODIES: u64 = 4;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// How connections are served.
pub(super) struct Service {
    router: TowerToHyperService<Router>,
    pub(super) timeouts: Timeouts,
    body: BodyLimits,
    /// `Keep-Alive: timeout=…`; none when connections idle for too short to say so.
    keep_alive: Option<HeaderValue>,
    state: AppState,
    pace: Arc<RefusalPace>,
}

impl Service {
    pub(super) fn new(state: &AppState, router: Router) -> Self {
        let settings = &state.settings;
        let server = &settings.server;
        let (stall, total) = (server.read_timeout(), settings.limits.deadline());
        // A length in memory always fits 64 bits.
        let discard = DISCARDED_BODIES.saturating_mul(server.max_body_bytes as u64);
        Self {
            router: TowerToHyperService::new(router),
            timeouts: Timeouts { read: stall, idle: server.idle_timeout() },
            body: BodyLimits { stall, total, discard },
            keep_alive: keep_alive(server.idle_timeout()),
            state: state.clone(),
            pace: Arc::new(RefusalPace::new(Instant::now())),
        }
    }

    /// Serves a connection until it ends.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(super) async fn serve<S>(&self, stream: S, place: &Place) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TimedStream::new(stream, self.timeouts, place.activity().clone());
        let client = Arc::new(Impatience::default());
        let service = service_fn(|request| self.answer(request, place, Arc::clone(&client)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(READ_AT_ONCE)
            // The stream itself has timeouts: hyper's do not distinguish an idle connection from slow headers. Without
            // one of its own, though, hyper asks the stream for nothing between two requests.
            .header_read_timeout(self.timeouts.idle + self.timeouts.read)
            .serve_connection(TokioIo::new(stream), service);
        let (mut connection, mut ordered) = (pin!(connection), pin!(place.ordered()));
        let mut ending = Ending::default();
        poll_fn(|context| {
            loop {
                // First of all what has come is read: a connection with a request is not idle.
                if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                    return Poll::Ready(ended.map_err(|error| chain(&error)));
                }
                if ordered.as_mut().poll(context).is_ready() {
                    ordered.set(place.ordered());
                    continue;
                }
                match ready!(ending.poll(place, context)) {
                    End::Gracefully => connection.as_mut().graceful_shutdown(),
                    End::Now => return Poll::Ready(Err("closed for another connection".to_owned())),
                }
            }
        })
        .await
    }

    /// Has the router answer a request, and says in the answer how long the connection may idle.
    fn answer(
        &self,
        mut request: Request<Incoming>,
        place: &Place,
        client: Arc<Impatience>,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let in_progress = place.activity().request(!request.body().is_end_stream());
        let refusal = if place.only_health { Some(Refusal::OnlyHealth) } else { http::malformed(&request) };
        if let Some(refusal) = refusal {
            request.extensions_mut().insert(refusal);
        }
        let expects = request.headers().contains_key(header::EXPECT);
        let persists = request.version() == Version::HTTP_11 && !asks_to_close(request.headers());
        let keep_alive = self.keep_alive.clone().filter(|_| persists);
        let (limits, body_in_progress) = (self.body, Arc::clone(&in_progress));
        let request = request.map(|body| RequestBody::new(body, body_in_progress, limits, expects));
        let answer = hyper::service::Service::call(&self.router, request);
        let (state, pace) = (self.state.clone(), Arc::clone(&self.pace));
        pace.asked(&client, Instant::now());
        async move {
            let mut answer = answer.await?;
            if is_overload(&answer) {
                let delay = pace.delay(&client, Instant::now(), state.served().engine.capacity());
                if !delay.is_zero() {
                    sleep(delay).await;
                }
            }
            pace.answered(&client, Instant::now());
            let headers = answer.headers_mut();
            if in_progress.was_abandoned() {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if let Some(keep_alive) = keep_alive.filter(|_| !headers.contains_key(header::CONNECTION)) {
                headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
                headers.insert(KEEP_ALIVE, keep_alive);
            }
            drop(in_progress);
            Ok(answer)
        }
    }
}

/// Whether a client is asked to come again in a moment.
fn is_overload(answer: &Response) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.headers().contains_key(header::RETRY_AFTER)
}

/// How a connection ends that was ordered to.
enum End {
    /// After the answer that is due, or at once when none is.
    Gracefully,
    /// In the middle of a request that does not come.
    Now,
}

/// Finds the moment at which a connection can end.
#[derive(Default)]
struct Ending {
    /// The connection has its order to end.
    is_announced: bool,
    waiting: Timer,
}

impl Ending {
    fn poll(&mut self, place: &Place, context: &mut Context<'_>) -> Poll<End> {
        let phase = place.activity().phase();
        match (place.order(), phase) {
            (Order::Serve, _) => return Poll::Pending,
            (Order::Leave, Phase::Headers | Phase::Body) => return Poll::Ready(End::Now),
            _ if self.is_announced => return Poll::Pending,
            // Ended now, hyper would close the connection without an answer.
            (Order::Finish, Phase::Headers) => return Poll::Pending,
            (Order::Finish, Phase::Fresh) => ready!(self.waiting.poll(phase, FIRST_REQUEST, context)),
            (Order::Finish, Phase::Idle) => ready!(self.waiting.poll(phase, ONE_MORE_REQUEST, context)),
            (Order::Finish | Order::Leave, _) => {}
        }
        self.is_announced = true;
        Poll::Ready(End::Gracefully)
    }
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    let closes = |option: &str| option.trim().eq_ignore_ascii_case("close");
    headers.get_all(header::CONNECTION).iter().any(|value| value.to_str().is_ok_and(|text| text.split(',').any(closes)))
}

/// Less than connections may idle for, so that clients close them first: one that sends just when the service closes
/// loses its request.
fn keep_alive(idle: Duration) -> Option<HeaderValue> {
    let seconds = idle.as_secs();
    let announced = seconds.saturating_sub((seconds / 10).clamp(1, 5));
    (announced > 0).then(|| HeaderValue::from_str(&format!("timeout={announced}")).ok()).flatten()
}

fn chain(error: &hyper::Error) -> String {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
