//! One address: connections enter, each within the limits, and are served by a router.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::patience::{Patient, Timeouts};
use crate::metrics::Metrics;
use crate::state::AppState;

/// Pause after an accept that failed, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections of operators at a time.
const OPERATORS: usize = 64;
/// Bytes of a connection that are read at once. A request's line and headers that have reached so many without an end are
/// answered with 431, so no connection holds more than twice as many.
const READ_AT_ONCE: usize = 64 * 1024;
/// What a connection beyond the limit is told.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How the connections of one address are served.
pub(super) struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    timeouts: Timeouts,
    metrics: Arc<Metrics>,
    #[cfg(feature = "tls")]
    certificate: Option<Arc<super::tls::Certificate>>,
}

impl Connections {
    /// For the address of the clients.
    pub(super) fn for_clients(state: &AppState, router: Router) -> Self {
        let settings = &state.settings.server;
        Self {
            places: Arc::new(Semaphore::new(settings.max_connections)),
            #[cfg(feature = "tls")]
            certificate: state.certificate.clone(),
            ..Self::for_operators(state, router)
        }
    }

    /// For the address of the operators.
    pub(super) fn for_operators(state: &AppState, router: Router) -> Self {
        let settings = &state.settings.server;
        Self {
            router,
            places: Arc::new(Semaphore::new(OPERATORS)),
            timeouts: Timeouts { read: settings.read_timeout(), idle: settings.idle_timeout() },
            metrics: Arc::clone(&state.metrics),
            #[cfg(feature = "tls")]
            certificate: None,
        }
    }

    /// Accepts connections until it is stopped; then what is left of them.
    pub(super) async fn accept(self, listener: TcpListener, mut stop: watch::Receiver<bool>) -> GracefulShutdown {
        let open = GracefulShutdown::new();
        let this = Arc::new(self);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => this.begin(&open, stream),
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                _ = stop.changed() => return open,
            }
        }
    }

    fn begin(self: &Arc<Self>, open: &GracefulShutdown, stream: TcpStream) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.metrics.connection_refused();
            // A new connection's buffer has room for it.
            let _ = stream.try_write(REFUSAL);
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is already gone");
        }
        let (this, watcher) = (Arc::clone(self), open.watcher());
        tokio::spawn(async move {
            this.metrics.connections(1);
            if let Err(error) = this.serve(stream, watcher).await {
                // Clients that leave or say nothing are their own affair.
                tracing::debug!(error, "a connection broke off");
            }
            this.metrics.connections(-1);
            drop::<OwnedSemaphorePermit>(place);
        });
    }

    #[cfg(feature = "tls")]
    async fn serve(&self, stream: TcpStream, watcher: Watcher) -> Result<(), String> {
        let Some(certificate) = &self.certificate else { return self.serve_plain(stream, watcher).await };
        let shaken = tokio::time::timeout(self.timeouts.read, certificate.acceptor().accept(stream)).await;
        let stream = shaken.map_err(|_| "no handshake in time".to_owned())?.map_err(|error| error.to_string())?;
        self.serve_plain(stream, watcher).await
    }

    #[cfg(not(feature = "tls"))]
    async fn serve(&self, stream: TcpStream, watcher: Watcher) -> Result<(), String> {
        self.serve_plain(stream, watcher).await
    }

    async fn serve_plain<S>(&self, stream: S, watcher: Watcher) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, phase) = Patient::new(stream, self.timeouts);
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let busy = phase.busy();
            let answer = hyper::service::Service::call(&router, request);
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(READ_AT_ONCE)
            // The stream itself has patience: hyper's would not tell an idle connection from slow headers. Without one of its
            // own, though, hyper asks the stream for nothing between two requests.
            .header_read_timeout(self.timeouts.idle + self.timeouts.read)
            .serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| chain(&error))
    }
}

fn chain(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
