//! The handshake of TLS: a connection as it was accepted enters, an encrypted one leaves, unless it has to end before.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::FIRST_REQUEST;
use super::open::{Order, Place};

/// Begins to encrypt a connection, unless it has to end before.
///
/// # Errors
/// What went wrong, for the log.
pub(super) async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    limit: Duration,
    place: &Place,
) -> Result<TlsStream<TcpStream>, String> {
    tokio::select! {
        shaken = timeout(limit, acceptor.accept(stream)) => {
            shaken.map_err(|_| "no handshake in time".to_owned())?.map_err(|error| error.to_string())
        }
        () = end_before_the_first_request(place) => Err("no handshake before the end".to_owned()),
    }
}

/// Waits for the moment at which a connection that cannot have a request yet must end.
async fn end_before_the_first_request(place: &Place) {
    loop {
        match place.order() {
            Order::Serve => place.ordered().await,
            Order::Finish => return sleep(FIRST_REQUEST).await,
            Order::Leave => return,
        }
    }
}
