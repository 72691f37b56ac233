//! `slirec-server --probe`: asks the service at the configured address whether it is ready, for health checks of
//! containers that hold no other client.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::config::Settings;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Succeeds when `GET /ready` answers 200.
///
/// # Errors
/// When the service cannot be reached or is not ready.
pub(crate) fn probe(settings: &Settings) -> anyhow::Result<()> {
    let address = address(settings)?;
    let answer = ask(address).with_context(|| format!("no answer from {address}"))?;
    ensure!(
        answer.starts_with("HTTP/1.1 200"),
        "{address} is not ready: {}",
        answer.lines().next().unwrap_or_default()
    );
    Ok(())
}

/// A service that listens on every interface is reached over the loopback; one whose clients must encrypt on its admin
/// address.
fn address(settings: &Settings) -> anyhow::Result<SocketAddr> {
    let (server, admin) = (&settings.server, &settings.admin);
    let (host, port, section) = match settings.tls.is_set() {
        true => (admin.host.as_str(), admin.port(server.port), "admin"),
        false => (server.host.as_str(), server.port, "server"),
    };
    let found = (host, port).to_socket_addrs();
    let mut found = found.with_context(|| format!("the address {host} (key {section}.host)"))?;
    let mut address = found.next().with_context(|| format!("{host} has no address"))?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer)
}
