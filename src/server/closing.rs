//! How an address is closed: a listener enters; every connection that is open for its client leaves.

use std::io;
use std::net::TcpListener as StdListener;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Longest way of the last message of a handshake.
const HANDSHAKE: Duration = Duration::from_millis(200);
/// Between two looks for such.
const LOOK: Duration = Duration::from_millis(10);

/// Closes an address. Where the system can (Linux), new connections are no longer begun, as if the address were slow;
/// those that are begun are accepted, and only then the address is closed: a connection that came between the last
/// accept and the close would be reset.
///
/// # Errors
/// When connections cannot be accepted.
pub(super) async fn close(listener: TcpListener, mut begin: impl FnMut(TcpStream)) -> io::Result<()> {
    let listener = listener.into_std()?;
    let looks = match begin_no_more(&listener) {
        Ok(()) => HANDSHAKE.as_millis() / LOOK.as_millis(),
        Err(error) => {
            tracing::debug!(%error, "connections may be begun until the address is closed");
            0
        }
    };
    for _ in 0..looks {
        accept_all(&listener, &mut begin)?;
        sleep(LOOK).await;
    }
    accept_all(&listener, &mut begin)
}

fn accept_all(listener: &StdListener, begin: &mut impl FnMut(TcpStream)) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                begin(TcpStream::from_std(stream)?);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // The client has left already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Drops the first message of each handshake (SYN): the client repeats it a second later, and by then finds that
/// nothing listens.
#[cfg(target_os = "linux")]
fn begin_no_more(listener: &StdListener) -> io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // In the classic Berkeley Packet Filter, on the header of TCP: load the byte of flags; without SYN keep all, with
    // it nothing.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    let filter = [
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x45, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&filter)
}

#[cfg(not(target_os = "linux"))]
fn begin_no_more(_: &StdListener) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
