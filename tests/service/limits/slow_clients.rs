//! Connections that are silent, slow, idle, or bring too much.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::{session, slow_server};
use crate::client::{self, exchange};
use crate::server::{Server, wait_until};

#[test]
fn a_thousand_silent_connections_delay_no_request() {
    let server = Server::start();
    let silent: Vec<_> = (0..1_000)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"POST /v1/recommendations HTTP/1.1\r\nHo").unwrap();
            stream
        })
        .collect();
    wait_until("all are accepted", || (server.metric("slirec_connections") >= 1_000.0).then_some(()));
    for _ in 0..20 {
        assert_eq!(server.recommend(&session()).status, 200);
    }
    drop(silent);
}

/// Asks over a connection that stays open, and reads the whole answer.
fn ask_again(stream: &mut TcpStream) {
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(env!("CARGO_PKG_VERSION").as_bytes()) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection was closed");
        seen.push(byte[0]);
    }
}

/// True when the service closed the connection, rather than the client timing out.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn an_idle_connection_is_closed_later_than_one_with_half_a_request() {
    let server =
        slow_server(&[("SLIREC__SERVER__READ_TIMEOUT_SECONDS", "1"), ("SLIREC__SERVER__IDLE_TIMEOUT_SECONDS", "3")]);
    let mut idle = server.connect();
    ask_again(&mut idle);
    let mut slow = server.connect();
    slow.write_all(b"GET /version HTTP/1.1\r\nHo").unwrap();
    assert!(is_closed(&mut slow));
    // The idle one still has an answer.
    ask_again(&mut idle);
    assert!(is_closed(&mut idle));
}

#[test]
fn a_connection_that_is_used_again_and_again_outlives_the_idle_timeout() {
    let server = slow_server(&[("SLIREC__SERVER__IDLE_TIMEOUT_SECONDS", "2")]);
    let mut stream = server.connect();
    for _ in 0..12 {
        ask_again(&mut stream);
        thread::sleep(Duration::from_millis(300));
    }
    assert!(is_closed(&mut stream));
}

#[test]
fn a_client_that_asks_before_it_sends_too_much_is_told_at_once() {
    let server = Server::start();
    let mut stream = server.connect();
    let head = client::head("POST", "/v1/recommendations", &[("Expect", "100-continue")], 1_000_000_000);
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let response = client::read_response(&mut stream);
    assert_eq!((response.status, response.json()["error_code"].as_str()), (413, Some("PAYLOAD_TOO_LARGE")));
}

#[test]
fn headers_beyond_their_limit_are_refused_without_effect_on_other_clients() {
    let server = Server::start();
    let ask = |length: usize| {
        let value = "x".repeat(length);
        exchange(server.address, "GET", "/ping", &[("X-Long", value.as_str())], b"")
    };
    assert_eq!(ask(48 * 1024).status, 200);
    assert_eq!(ask(200 * 1024).status, 431);
    assert_eq!(server.get("/ping").status, 200);
}
