//! Connections as clients keep them: too many, idle, slow, of another protocol, with bodies that are refused.
//!
//! `CONNECTIONS=6000` repeats the crowd at the size of an attack.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{self, Response, exchange, read_response};
use crate::server::{Server, run, wait_until};

/// Connections of a crowd, unless `CONNECTIONS` says how many.
const CROWD: usize = 300;

fn session() -> String {
    json!({"history": [{"item": "novel", "time": 1_730_807_061}]}).to_string()
}

/// Sends bytes, and reads the answer up to the end of the connection.
fn send(address: SocketAddr, bytes: &[u8]) -> Response {
    let mut stream = client::connect(address);
    stream.write_all(bytes).unwrap();
    read_response(&mut stream)
}

/// Asks over a connection that stays open, and reads the whole answer.
fn ask_again(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(env!("CARGO_PKG_VERSION").as_bytes()) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection was closed");
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is as good as an end; only silence is none.
    stream.read_to_end(&mut rest).map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |_| true)
}

#[test]
fn when_all_connections_are_in_use_the_one_that_waited_longest_gives_way() {
    let server = Server::start_with(&[("SLIREC__SERVER__MAX_CONNECTIONS", "2")]);
    let (mut idle, mut used) = (server.connect(), server.connect());
    ask_again(&mut idle);
    thread::sleep(Duration::from_millis(20));
    ask_again(&mut used);
    assert_eq!(server.get("/version").status, 200);
    assert!(is_closed(&mut idle));
    ask_again(&mut used);
    assert_eq!(server.metric("slirec_connections_dropped_total"), 1.0);
    assert_eq!(server.metric("slirec_connections_refused_total"), 0.0);
}

#[test]
fn while_every_connection_is_being_answered_health_is_and_the_rest_is_told_to_wait() {
    let server = Server::start_with(&[("SLIREC__SERVER__MAX_CONNECTIONS", "1"), ("SLIREC__ENGINE__WORKERS", "1")]);
    let row = json!({"userId": "u", "items": vec!["novel"; 50], "timestamps": vec!["1730807061"; 50]});
    let body = json!({"inputs": vec![row; 1_000]}).to_string();
    let mut busy = server.connect();
    let head = client::head("POST", "/invocations", &[("Content-Type", "application/json")], body.len());
    busy.write_all((head + &body).as_bytes()).unwrap();
    wait_until("it is being answered", || (server.metric("slirec_in_flight_requests") == 1.0).then_some(()));
    for path in ["/live", "/ready", "/ping", "/health", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    let refused = server.post("/v1/recommendations", session());
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.message().contains("server.max_connections"), "{}", refused.message());
    drop(busy);
}

/// Connections that idle, that send half of their headers, and that send half of a body.
fn crowd(server: &Server, size: usize) -> Vec<TcpStream> {
    let kind = |number: usize| {
        let mut stream = server.connect();
        let sent = match number % 6 {
            0 => stream.write_all(b"POST /v1/recommendations HTTP/1.1\r\nHo"),
            1 => stream.write_all(client::head("POST", "/v1/recommendations", &[], 50).as_bytes()),
            2 => return stream,
            _ => stream.write_all(b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n"),
        };
        // It may have given way to others already.
        drop(sent);
        stream
    };
    (0..size).map(kind).collect()
}

#[test]
fn health_answers_while_idle_and_slow_connections_fill_both_ports() {
    let size = std::env::var("CONNECTIONS").ok().map(|size| size.parse::<usize>().unwrap());
    let most = size.map_or("100", |_| "4096");
    let server = Server::start_with(&[("SLIREC__SERVER__MAX_CONNECTIONS", most)]);
    let held = crowd(&server, size.unwrap_or(CROWD));
    // Health is not late because of connections; of as many requests at once it may be.
    wait_until("they are let in", || {
        let seen = server.metric("slirec_connections") + server.metric("slirec_connections_dropped_total");
        (seen >= held.len() as f64).then_some(())
    });
    let operators: Vec<_> = (0..100).map(|_| client::connect(server.admin)).collect();
    let (port, mut slowest) = (server.address.port().to_string(), Duration::ZERO);
    for _ in 0..20 {
        for (address, path) in [(server.address, "/live"), (server.address, "/ready"), (server.admin, "/ready")] {
            let started = Instant::now();
            assert_eq!(exchange(address, "GET", path, &[], b"").status, 200, "{path}");
            slowest = slowest.max(started.elapsed());
        }
        // The crowd goes on coming.
        drop(crowd(&server, 20));
    }
    assert_eq!(run(&["--probe", "--port", &port], &[]), (Some(0), String::new()));
    assert_eq!(server.post("/v1/recommendations", session()).status, 200);
    println!("{} connections: health answered within {slowest:?}", held.len());
    assert!(size.is_none() || slowest < Duration::from_secs(1), "{slowest:?}");
    drop(operators);
}

#[test]
fn answers_say_how_long_a_connection_may_idle_unless_it_ends() {
    let server = Server::start_with(&[("SLIREC__SERVER__IDLE_TIMEOUT_SECONDS", "60")]);
    let answer = ask_again(&mut server.connect());
    assert!(answer.contains("connection: keep-alive\r\n") && answer.contains("keep-alive: timeout=55\r\n"), "{answer}");
    let last = server.get("/version");
    assert_eq!((last.header("keep-alive"), last.header("connection")), (None, Some("close")));
}

#[test]
fn a_request_without_a_host_or_with_two_is_told_so() {
    let server = Server::start();
    for (hosts, expected) in [
        ("", "header host: is missing"),
        ("Host: a\r\nHost: a\r\n", "header host: found more than one"),
        ("Host: a, b\r\n", "header host: expected a name or an address"),
    ] {
        let answer = send(server.address, format!("GET /version HTTP/1.1\r\n{hosts}\r\n").as_bytes());
        assert_eq!((answer.status, answer.json()["error_code"].as_str()), (400, Some("BAD_REQUEST")), "{hosts}");
        assert!(answer.message().starts_with(expected), "{}", answer.message());
        assert!(answer.header("x-request-id").is_some());
    }
    assert_eq!(server.metric(r#"slirec_requests_total{route="/version",status="400"}"#), 3.0);
    for request in [
        "GET /version HTTP/1.0\r\n\r\n",
        "GET http://shop.example/version HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(send(server.address, request.as_bytes()).status, 200, "{request}");
    }
    let tunnel = send(server.address, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n");
    assert!(tunnel.status == 404 || tunnel.status == 405, "{}", tunnel.status);
}

#[test]
fn a_client_that_begins_with_http_2_is_told_to_speak_http_1() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // Frames: three bytes of length, kind, flags, four bytes of stream (RFC 9113, section 4.1).
    let (settings, rest) = answer.split_at(9);
    assert_eq!(settings, [0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let (head, payload) = rest.split_at(9);
    assert_eq!((usize::from(head[2]), head[3]), (payload.len(), 7));
    let code = u32::from_be_bytes(payload[4..8].try_into().unwrap());
    assert_eq!((code, &payload[8..]), (13, b"this address speaks HTTP/1.1: use it".as_slice()));
    assert_eq!(server.get("/version").status, 200);
}

/// Sends a whole request before it reads anything of the answer, as many clients do.
fn send_all(server: &Server, path: &str, headers: &[(&str, &str)], length: usize) -> Response {
    let mut stream = server.connect();
    stream.write_all(client::head("POST", path, headers, length).as_bytes()).unwrap();
    stream.write_all(&vec![b' '; length]).unwrap_or_else(|error| panic!("{path}: {error}"));
    read_response(&mut stream)
}

#[test]
fn the_answer_to_a_large_body_that_is_refused_reaches_the_client() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "first-key-aaaaaaaaaaaa")]);
    let key = ("X-Api-Key", "first-key-aaaaaaaaaaaa");
    for (path, headers, megabytes, status) in [
        ("/v1/recommendations", vec![], 8, 401),
        ("/v1/recommend", vec![], 8, 404),
        ("/ready", vec![], 8, 405),
        ("/v1/recommendations", vec![key, ("Content-Encoding", "gzip")], 8, 415),
        ("/v1/recommendations", vec![key], 20, 413),
        ("/v1/recommendations", vec![], 40, 401),
        ("/invocations", vec![key, ("X-Request-Timeout-Ms", "soon")], 8, 400),
    ] {
        for _ in 0..3 {
            let answer = send_all(&server, path, &headers, megabytes * 1_000_000);
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
        }
    }
}

#[test]
fn a_connection_goes_on_after_a_body_that_was_refused() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "first-key-aaaaaaaaaaaa")]);
    let mut stream = server.connect();
    let head = "POST /v1/recommendations HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; 1_000_000]).unwrap();
    let both = ask_again(&mut stream);
    assert!(both.starts_with("HTTP/1.1 401") && both.contains("HTTP/1.1 200"), "{both}");
}

#[test]
fn a_client_that_asks_before_it_sends_is_refused_at_once() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "first-key-aaaaaaaaaaaa")]);
    let key = ("X-Api-Key", "first-key-aaaaaaaaaaaa");
    let expect = ("Expect", "100-continue");
    for (path, headers, status) in [
        ("/v1/recommendations", vec![expect], 401),
        ("/v1/recommend", vec![expect], 404),
        ("/v1/recommendations", vec![expect, key, ("Content-Encoding", "gzip")], 415),
    ] {
        let mut stream = server.connect();
        stream.write_all(client::head("POST", path, &headers, 1_000_000).as_bytes()).unwrap();
        // It would be 100 if the service had asked for the body.
        assert_eq!(read_response(&mut stream).status, status, "{path}");
    }
    let body = session();
    let mut stream = server.connect();
    stream.write_all(client::head("POST", "/v1/recommendations", &[expect, key], body.len()).as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).status, 200);
}

fn is_told_to_be_faster(server: &Server, route: &str, answer: &Response) {
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{}", answer.text());
    let body: Value = answer.json();
    assert!(body["error_code"] == "REQUEST_TIMEOUT" || body["error"].is_string(), "{body}");
    assert_eq!(server.metric("slirec_deadline_exceeded_total"), 0.0);
    let counted = |status| server.metric(&format!(r#"slirec_requests_total{{route="{route}",status="{status}"}}"#));
    assert_eq!((counted(408), counted(504)), (1.0, 0.0), "{route}");
}

#[test]
fn a_body_that_stalls_is_answered_with_408_and_is_no_failure_of_the_service() {
    let server = Server::start_with(&[("SLIREC__SERVER__READ_TIMEOUT_SECONDS", "1")]);
    for (path, route) in [
        ("/v1/recommendations", "/v1/recommendations"),
        ("/invocations", "/invocations"),
        ("/v2/models/slirec/infer", "/v2/models/{model}/infer"),
    ] {
        let mut stream = server.connect();
        stream.write_all((client::head("POST", path, &[], 50) + "{\"hist").as_bytes()).unwrap();
        is_told_to_be_faster(&server, route, &read_response(&mut stream));
    }
}

#[test]
fn a_body_that_trickles_is_answered_with_408_when_its_time_is_over() {
    let server = Server::start_with(&[("SLIREC__LIMITS__DEADLINE_MS", "1000")]);
    let mut stream = server.connect();
    stream.write_all(client::head("POST", "/v1/recommendations", &[], 1_000_000).as_bytes()).unwrap();
    let mut trickle = stream.try_clone().unwrap();
    let trickling = thread::spawn(move || {
        // Until the service has closed the connection.
        while trickle.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(server.metric("slirec_deadline_exceeded_total"), 0.0);
    // A client that stops once it was answered is released.
    stream.shutdown(std::net::Shutdown::Both).unwrap();
    trickling.join().unwrap();
}
