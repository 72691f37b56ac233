//! One address: connections enter, each finds a place among the open ones and is served by a task of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::closing;
use super::connection::Service;
use super::open::{Admission, OpenConnections, Place};
use super::tls::shake_hands;
use crate::certificate::Certificate;
use crate::metrics::Metrics;
use crate::state::AppState;

/// Pause after an accept that failed, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections of operators at a time.
pub(super) const OPERATORS: usize = 64;
/// The answer to a connection beyond the limit.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The connections of one address.
pub(super) struct Connections {
    service: Service,
    open: Arc<OpenConnections>,
    metrics: Arc<Metrics>,
    certificate: Option<Arc<Certificate>>,
}

impl Connections {
    /// For the address of the clients: at most so many at a time.
    pub(super) fn for_clients(state: &AppState, router: Router, most: usize) -> Self {
        Self {
            open: Arc::new(OpenConnections::new(most)),
            certificate: state.certificate.clone(),
            ..Self::for_operators(state, router)
        }
    }

    /// For the address of the operators.
    pub(super) fn for_operators(state: &AppState, router: Router) -> Self {
        Self {
            service: Service::new(state, router),
            open: Arc::new(OpenConnections::new(OPERATORS)),
            metrics: Arc::clone(&state.metrics),
            certificate: None,
        }
    }

    /// The connections that are open.
    pub(super) fn open(&self) -> Arc<OpenConnections> {
        Arc::clone(&self.open)
    }

    /// Accepts connections until it is stopped, and then those that are waiting to be.
    pub(super) async fn accept(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => this.begin(stream),
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        this.make_room();
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                _ = stop.changed() => break,
            }
        }
        this.open.stop();
        if let Err(error) = closing::close(listener, |stream| this.begin(stream)).await {
            tracing::warn!(%error, "connections that wait to be accepted cannot be");
        }
    }

    fn make_room(&self) {
        if self.open.give_away() {
            self.metrics.connection_dropped();
        }
    }

    fn begin(self: &Arc<Self>, stream: TcpStream) {
        let place = match self.open.admit() {
            Admission::Admitted(place) => place,
            Admission::Replaced(place) => {
                self.metrics.connection_dropped();
                place
            }
            Admission::Refused => {
                self.metrics.connection_refused();
                // A new connection's buffer holds it.
                let _ = stream.try_write(REFUSAL);
                return;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is already gone");
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            this.metrics.connections(1);
            if let Err(error) = this.serve(stream, &place).await {
                // Clients may leave or send nothing: that is no error of the service.
                tracing::debug!(error, "a connection broke off");
            }
            this.metrics.connections(-1);
        });
    }

    async fn serve(&self, stream: TcpStream, place: &Place) -> Result<(), String> {
        let Some(certificate) = &self.certificate else { return self.service.serve(stream, place).await };
        let stream = shake_hands(certificate.acceptor(), stream, self.service.timeouts.read, place).await?;
        self.service.serve(stream, place).await
    }
}
