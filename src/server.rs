//! Sockets: binds, accepts, and stops so that no request is lost.

mod listener;
mod patience;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::time::Duration;

use anyhow::{Context, bail};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::AdminSettings;
use crate::http;
use crate::reload;
use crate::state::AppState;
use listener::Connections;

/// Serves until SIGTERM or SIGINT, then finishes what is in flight. SIGHUP reloads.
///
/// # Errors
/// When an address cannot be bound, or when the service stopped before every request was answered.
pub(crate) async fn serve(state: AppState) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let (server, admin) = (&state.settings.server, &state.settings.admin);
    let clients = Connections::for_clients(&state, http::router(state.clone()));
    let operators = Connections::for_operators(&state, http::admin_router(state.clone()));
    let listener = bind(&server.host, server.port, "server").await?;
    let admin_listener = bind_admin(admin, server.port).await?;
    tracing::info!(address = %admin_listener.local_addr().context("the admin address")?, "admin listening");
    tracing::info!(address = %listener.local_addr().context("the address")?, "listening");
    let (stop, stopped) = watch::channel(false);
    let clients = tokio::spawn(clients.accept(listener, stopped.clone()));
    // Operators may watch until the process ends.
    tokio::spawn(operators.accept(admin_listener, stopped));
    if state.settings.model.pointer().is_some() {
        tokio::spawn(reload::follow_pointer(state.clone()));
    }
    if state.registry.is_some() {
        tokio::spawn(reload::follow_registry(state.clone()));
    }
    if state.webhooks.is_some() {
        tokio::spawn(reload::follow_changes(state.clone()));
    }
    let signal = signals.stop(&state).await;
    state.readiness.stop();
    tracing::info!(signal = signal.name(), "stopping");
    if signal == Stop::Terminate {
        signals.pause(server.drain_delay()).await?;
    }
    // Nobody listens any more if accepting broke off, which `drain` reports.
    let _ = stop.send(true);
    drain(clients, server.drain(), &mut signals).await
}

async fn bind(host: &str, port: u16, section: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port))
        .await
        .with_context(|| format!("cannot listen on {host}:{port} (keys {section}.host, {section}.port)"))
}

/// The operators' address; on any free port when the one that nobody asked for is taken.
async fn bind_admin(settings: &AdminSettings, server_port: u16) -> anyhow::Result<TcpListener> {
    let bound = bind(&settings.host, settings.port(server_port), "admin").await;
    match bound {
        Err(error) if settings.port_may_change() => {
            tracing::warn!(error = format!("{error:#}"), "the admin address takes another port");
            bind(&settings.host, 0, "admin").await
        }
        bound => bound,
    }
}

async fn drain(
    accepting: JoinHandle<GracefulShutdown>,
    patience: Duration,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let open = accepting.await.context("accepting connections broke off")?;
    let left = open.count();
    tokio::select! {
        () = open.shutdown() => {
            tracing::info!("stopped");
            Ok(())
        }
        () = tokio::time::sleep(patience) => {
            bail!("requests were still in flight after server.drain_seconds; {left} connections were open at the start")
        }
        signal = signals.next() => bail!("stopped by a second signal, {}", signal.name()),
    }
}

/// A signal that ends the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Terminate,
    Interrupt,
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

/// The signals that the service listens for.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the signal to stop, and reloads for those that ask for it meanwhile.
    async fn stop(&mut self, state: &AppState) -> Stop {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Stop::Terminate,
                _ = self.interrupt.recv() => return Stop::Interrupt,
                _ = self.hangup.recv() => {
                    let state = state.clone();
                    // The outcome is in the log; a signal to stop must not wait for it.
                    tokio::spawn(async move { reload::reload(&state, "SIGHUP").await });
                }
            }
        }
    }

    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
        }
    }

    /// Serves on for a while, unless a second signal says to end now.
    async fn pause(&mut self, delay: Duration) -> anyhow::Result<()> {
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            signal = self.next() => bail!("stopped by a second signal, {}", signal.name()),
        }
    }
}
