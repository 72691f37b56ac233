//! Sockets: binds, accepts, and stops so that no request is lost.

use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ServerSettings;
use crate::state::AppState;

/// Pause after an accept that failed, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until SIGTERM or SIGINT, then finishes what is in flight.
///
/// # Errors
/// When the address cannot be bound, or when the service stopped before every request was answered.
pub(crate) async fn serve(router: Router, state: &AppState) -> anyhow::Result<()> {
    let settings = &state.settings.server;
    let mut signals = Signals::new()?;
    let listener = bind(settings).await?;
    let mut connections = http1::Builder::new();
    connections.timer(TokioTimer::new()).header_read_timeout(settings.read_timeout());
    let open = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => spawn(&connections, &open, stream, router.clone()),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            signal = signals.next() => {
                tracing::info!(signal, in_flight = open.count(), "stopping");
                break;
            }
        }
    }
    state.readiness.stop();
    drop(listener);
    drain(open, settings, &mut signals).await
}

async fn bind(settings: &ServerSettings) -> anyhow::Result<TcpListener> {
    let (host, port) = (settings.host.as_str(), settings.port);
    let listener = TcpListener::bind((host, port))
        .await
        .with_context(|| format!("cannot listen on {host}:{port} (keys server.host, server.port)"))?;
    let address = listener.local_addr().context("the address of the listener")?;
    tracing::info!(%address, "listening");
    Ok(listener)
}

fn spawn(connections: &http1::Builder, open: &GracefulShutdown, stream: TcpStream, router: Router) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection is already gone");
    }
    let connection = connections.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = open.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Clients that leave or say nothing are their own affair.
            tracing::debug!(%error, "a connection broke off");
        }
    });
}

async fn drain(open: GracefulShutdown, settings: &ServerSettings, signals: &mut Signals) -> anyhow::Result<()> {
    let left = open.count();
    tokio::select! {
        () = open.shutdown() => {
            tracing::info!("stopped");
            Ok(())
        }
        () = tokio::time::sleep(settings.drain()) => {
            bail!("requests were still in flight after server.drain_seconds; {left} connections were open at the start")
        }
        signal = signals.next() => bail!("stopped by a second signal, {signal}"),
    }
}

/// The signals that ask the service to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
