//! Sockets: binds, accepts, and stops so that no request is lost.
//!
//! [`listener`] accepts the connections of one address, [`open`] counts them and chooses which is closed for another,
//! [`connection`] serves one of them: [`activity`] is what it is doing, [`timeouts`] how long its client may be silent,
//! [`body`] how requests are read. [`closing`] ends an address, [`signals`] the service.

mod activity;
mod body;
mod closing;
mod connection;
mod descriptors;
mod listener;
mod open;
mod pacing;
mod signals;
mod timeouts;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::AdminSettings;
use crate::http;
use crate::reload;
use crate::state::AppState;
use listener::Connections;
use open::OpenConnections;
use signals::Signal;
pub(crate) use signals::Signals;

/// Connections that may wait to be accepted; the system may allow fewer.
const WAITING: u32 = 4_096;

/// Serves until SIGTERM or SIGINT, then finishes what is in flight. SIGHUP reloads.
///
/// # Errors
/// When an address cannot be bound, or when the service stopped before every request was answered.
pub(crate) async fn serve(state: AppState, mut signals: Signals) -> anyhow::Result<()> {
    let (server, admin) = (&state.settings.server, &state.settings.admin);
    let most = descriptors::connections(server.max_connections);
    let clients = Connections::for_clients(&state, http::router(state.clone()), most);
    let operators = Connections::for_operators(&state, http::admin_router(state.clone()));
    let listener = bind(&server.host, server.port, "server").await?;
    let admin_listener = bind_admin(admin, server.port).await?;
    signals.begin_to_serve();
    tracing::info!(address = %admin_listener.local_addr().context("the admin address")?, "admin listening");
    tracing::info!(address = %listener.local_addr().context("the address")?, "listening");
    let (stop, stopped) = watch::channel(false);
    let open = clients.open();
    let mut accepting = tokio::spawn(clients.accept(listener, stopped));
    // Operators may watch until the process ends.
    let (_never, never_stopped) = watch::channel(false);
    tokio::spawn(operators.accept(admin_listener, never_stopped));
    follow(&state);
    let signal = tokio::select! {
        signal = signals.stop(&state) => signal,
        ended = &mut accepting => bail!("accepting connections broke off: {ended:?}"),
    };
    state.readiness.stop();
    tracing::info!(signal = signal.name(), "stopping");
    if signal == Signal::Terminate {
        sleep(server.drain_delay()).await;
    }
    // There is no receiver when accepting broke off, which `drain` reports.
    let _ = stop.send(true);
    drain(accepting, &open, server.drain()).await
}

/// Begins to look for other models, as far as the settings say so.
fn follow(state: &AppState) {
    if state.settings.model.pointer().is_some() {
        tokio::spawn(reload::follow_pointer(state.clone()));
    }
    if state.registry.is_some() {
        tokio::spawn(reload::follow_registry(state.clone()));
    }
    if state.webhooks.is_some() {
        tokio::spawn(reload::follow_changes(state.clone()));
    }
}

async fn bind(host: &str, port: u16, section: &str) -> anyhow::Result<TcpListener> {
    listen(host, port)
        .await
        .with_context(|| format!("cannot listen on {host}:{port} (keys {section}.host, {section}.port)"))
}

/// Listens on the first address of the host that can be had.
async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of an earlier process may still be ending.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// The operators' address; on any free port when the default one is taken.
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

/// Waits until every connection is answered and closed.
async fn drain(accepting: JoinHandle<()>, open: &OpenConnections, limit: Duration) -> anyhow::Result<()> {
    let drained = timeout(limit, async {
        accepting.await.context("accepting connections broke off")?;
        open.closed().await;
        anyhow::Ok(())
    });
    match drained.await {
        Ok(drained) => {
            drained?;
            tracing::info!("stopped");
            Ok(())
        }
        Err(_) => bail!("{} connections were still open after server.drain_seconds", open.count()),
    }
}

impl Signals {
    /// Waits for the signal to stop, and reloads for those that ask for it meanwhile.
    async fn stop(&mut self, state: &AppState) -> Signal {
        loop {
            match self.next().await {
                Signal::Hangup => {
                    let state = state.clone();
                    // The outcome is in the log; a signal to stop must not wait for it.
                    tokio::spawn(async move { reload::reload(&state, "SIGHUP").await });
                }
                stop => return stop,
            }
        }
    }
}
