//! How the service stops: whatever was accepted, or waits to be, is answered.
//!
//! `make test-stops REPEAT=50` repeats the stop under load; without it there are a few.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::client;
use crate::server::{Server, wait_until};

/// Stops under load, unless `REPEAT` says how many.
const STOPS: usize = 3;
/// New connections a second.
const CONNECTIONS_A_SECOND: u64 = 200;
/// Threads that open them.
const CLIENTS: u64 = 8;

/// What came of the connections of a load.
#[derive(Debug, Default)]
struct Outcome {
    answered: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
}

/// Connects, asks for recommendations, reads the answer.
fn ask_once(address: SocketAddr, pause: Duration, outcome: &Outcome) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        outcome.refused.fetch_add(1, Ordering::Relaxed);
        return;
    };
    // Some clients do not send at once.
    thread::sleep(pause);
    let body = r#"{"history": [{"item": "novel", "time": 1730807061}]}"#;
    let head = client::head("POST", "/v1/recommendations", &[("Content-Type", "application/json")], body.len());
    let mut answer = Vec::new();
    let sent = stream.write_all((head + body).as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    let answered = sent.is_ok() && (answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 503"));
    let count = if answered { &outcome.answered } else { &outcome.unanswered };
    count.fetch_add(1, Ordering::Relaxed);
}

/// Stops a service under 200 new connections a second: those that were answered, refused, and lost.
fn stop_under_load(signal: &str) -> (usize, usize, usize) {
    let server = Server::start();
    let (address, outcome, over) = (server.address, Outcome::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (outcome, over) = (&outcome, &over);
            scope.spawn(move || {
                let every = Duration::from_micros(1_000_000 * CLIENTS / CONNECTIONS_A_SECOND);
                while !over.load(Ordering::Relaxed) && outcome.refused.load(Ordering::Relaxed) == 0 {
                    thread::sleep(every);
                    ask_once(address, Duration::from_millis(client % 4), outcome);
                }
            });
        }
        wait_until("the load runs", || (outcome.answered.load(Ordering::Relaxed) >= 40).then_some(()));
        server.signal(signal);
        let (status, log) = server.wait();
        over.store(true, Ordering::Relaxed);
        assert_eq!(status.code(), Some(0), "{log}");
    });
    let Outcome { answered, refused, unanswered } = outcome;
    (answered.into_inner(), refused.into_inner(), unanswered.into_inner())
}

#[test]
fn every_accepted_connection_is_answered_when_the_service_stops_under_load() {
    let stops = std::env::var("REPEAT").map_or(STOPS, |stops| stops.parse().unwrap());
    let mut answered = 0;
    for number in 1..=stops {
        let (of_this, refused, unanswered) = stop_under_load(if number % 2 == 0 { "INT" } else { "TERM" });
        assert_eq!(unanswered, 0, "stop {number} of {stops}: {of_this} answered, {refused} refused");
        answered += of_this;
    }
    println!("{stops} stops: {answered} connections answered, none lost");
}

#[test]
fn a_connection_that_has_sent_nothing_yet_is_answered_after_the_stop() {
    let server = Server::start();
    let mut fresh = server.connect();
    assert_eq!(server.get("/ping").status, 200);
    server.signal("INT");
    wait_until("the service stops", || (server.operate("GET", "/ready", "").status == 503).then_some(()));
    fresh.write_all(b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let answer = client::read_response(&mut fresh);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_request_whose_headers_are_on_their_way_is_answered_after_the_stop() {
    let server = Server::start();
    let mut stream = server.connect();
    // The second request of its connection: the first one was answered.
    let request = b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut first = Vec::new();
    while !first.ends_with(env!("CARGO_PKG_VERSION").as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        first.push(byte[0]);
    }
    stream.write_all(&request[..20]).unwrap();
    assert_eq!(server.get("/ping").status, 200);
    server.signal("INT");
    wait_until("the service stops", || (server.operate("GET", "/ready", "").status == 503).then_some(()));
    thread::sleep(Duration::from_millis(500));
    stream.write_all(&request[20..]).unwrap();
    let answer = client::read_response(&mut stream);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn connections_that_never_send_do_not_keep_the_service() {
    let server = Server::start();
    let mut silent = server.connect();
    assert_eq!(server.get("/ping").status, 200);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
    let mut rest = Vec::new();
    let ended = silent.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(0) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
}
