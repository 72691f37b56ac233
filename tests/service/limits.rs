//! What the service does when there is too much of something: requests, waiting, connections, silence.

mod slow_clients;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::client::{self, Response, exchange};
use crate::server::{Server, wait_until};

fn session() -> Value {
    json!({"history": [{"item": "novel", "time": 1_730_807_061}]})
}

/// Sessions that the model has answered.
const SCORED_BY_MODEL: &str = r#"slirec_recommendations_total{source="model"}"#;

/// Clients whose batches wait for one worker.
const CLIENTS: usize = 6;

/// A server whose requests take long enough to wait for each other: of SLi-Rec, on the demo's data.
fn slow_server(settings: &[(&str, &str)]) -> Server {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sli_rec_demo");
    Server::start_with(&[settings, &[("SLIREC__MODEL__PATH", model)]].concat())
}

/// Keeps the only worker busy until its client leaves: a batch of long histories.
fn busy_body(rows: usize) -> String {
    let row = json!({"userId": "u", "items": vec!["novel"; 50], "timestamps": vec!["1730807061"; 50]});
    json!({"inputs": vec![row; rows]}).to_string()
}

fn with_timeout(server: &Server, path: &str, milliseconds: &str, body: &str) -> Response {
    let headers = [("Content-Type", "application/json"), ("X-Request-Timeout-Ms", milliseconds)];
    exchange(server.address, "POST", path, &headers, body.as_bytes())
}

#[test]
fn a_deadline_that_passes_is_answered_with_504_and_its_work_is_dropped() {
    let server = slow_server(&[("SLIREC__ENGINE__WORKERS", "1")]);
    // Several at a time, so that rows of most of them wait in the queue whenever their time is up.
    thread::scope(|scope| {
        let late =
            [(); CLIENTS].map(|()| scope.spawn(|| with_timeout(&server, "/invocations", "250", &busy_body(1_000))));
        for response in late.map(|client| client.join().unwrap()) {
            assert_eq!((response.status, response.json()["error_code"].as_str()), (504, Some("DEADLINE_EXCEEDED")));
        }
    });
    assert_eq!(server.metric("slirec_deadline_exceeded_total"), CLIENTS as f64);
    wait_until("rows are dropped", || (server.metric("slirec_dropped_total") >= 1.0).then_some(()));
    wait_until("the worker is free", || (server.metric("slirec_queued_requests") == 0.0).then_some(()));
    // What the batches still had before them is not scored.
    let scored = server.metric(SCORED_BY_MODEL);
    assert!(scored < (CLIENTS * 1_000) as f64, "{scored}");
    assert_eq!(server.recommend(&session()).status, 200);
}

#[test]
fn the_configured_deadline_holds_and_the_header_only_shortens_it() {
    let server = slow_server(&[("SLIREC__LIMITS__DEADLINE_MS", "50"), ("SLIREC__ENGINE__WORKERS", "1")]);
    // On a busy machine the time may be over before the body is there.
    let late = with_timeout(&server, "/invocations", "60000", &busy_body(1_000)).status;
    assert!(late == 504 || late == 408, "{late}");
    for wrong in ["0", "-1", "soon", "1.5"] {
        let response = with_timeout(&server, "/v1/recommendations", wrong, &session().to_string());
        assert_eq!(response.status, 400, "{wrong}");
        assert!(response.message().starts_with("header x-request-timeout-ms: "), "{}", response.message());
    }
}

#[test]
fn the_work_of_clients_that_leave_is_dropped_unscored() {
    let server = slow_server(&[("SLIREC__ENGINE__WORKERS", "1")]);
    let body = busy_body(1_000);
    // Several at a time: a single one may have nothing in the queue at the moment when it is missed.
    let streams = [(); CLIENTS].map(|()| {
        let mut stream = server.connect();
        let head = client::head("POST", "/invocations", &[("Content-Type", "application/json")], body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
        stream
    });
    // Two rows of each, but for the one that is being scored: then all of them wait for answers.
    let all = (2 * CLIENTS - 1) as f64;
    wait_until("rows of all of them wait", || (server.metric("slirec_queued_requests") >= all).then_some(()));
    drop(streams);
    wait_until("they are missed", || (server.metric("slirec_cancelled_total") == CLIENTS as f64).then_some(()));
    // The worker counts what it drops after it took it from the queue.
    wait_until("rows are dropped", || (server.metric("slirec_dropped_total") >= 1.0).then_some(()));
    wait_until("the queue is empty", || (server.metric("slirec_queued_requests") == 0.0).then_some(()));
    let scored = server.metric(SCORED_BY_MODEL);
    assert!(scored < 1_000.0, "{scored}");
}

/// Batches whose sessions keep the only worker's queue longer than `limits.queue_wait_ms` allows, until they are
/// dropped.
fn overload(server: &Server) -> Vec<TcpStream> {
    let body = busy_body(1_000);
    let head = client::head("POST", "/invocations", &[("Content-Type", "application/json")], body.len());
    let streams = (0..CLIENTS).map(|_| {
        let mut stream = server.connect();
        stream.write_all((head.clone() + &body).as_bytes()).unwrap();
        stream
    });
    let streams = streams.collect();
    // Two sessions of each wait, but for the one that is being scored.
    wait_until("more sessions wait than may", || (server.metric("slirec_queued_requests") >= 9.0).then_some(()));
    streams
}

fn batch() -> String {
    json!({"sessions": [session(), session()]}).to_string()
}

/// So short a wait leaves the eight sessions that may always wait.
const SHORT_WAIT: [(&str, &str); 2] = [("SLIREC__ENGINE__WORKERS", "1"), ("SLIREC__LIMITS__QUEUE_WAIT_MS", "0.001")];

#[test]
fn what_would_wait_too_long_is_refused_at_once_and_what_would_not_is_answered() {
    let server = slow_server(&SHORT_WAIT);
    let held = overload(&server);
    let refused = server.post("/v1/recommendations:batch", batch());
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["error_code"], "TEMPORARILY_UNAVAILABLE");
    assert_eq!(server.metric(r#"slirec_shed_total{reason="queue_full"}"#), 1.0);
    // A body that would be refused is not parsed.
    assert_eq!(server.post("/v1/recommendations:batch", "{").status, 503);
    // Single sessions go first.
    assert_eq!(server.recommend(&session()).status, 200);
    drop(held);
    wait_until("their calls end", || (server.metric("slirec_in_flight_requests") == 0.0).then_some(()));
    wait_until("the queue is empty", || (server.metric("slirec_queued_requests") == 0.0).then_some(()));
    assert!([(); 20].map(|()| server.post("/v1/recommendations:batch", batch()).status).eq(&[200; 20]));
}

/// A long batch: it holds a place until its client leaves.
fn hold_a_place(server: &Server) -> TcpStream {
    let body = busy_body(1_000);
    let mut stream = server.connect();
    let head = client::head("POST", "/invocations", &[("Content-Type", "application/json")], body.len());
    stream.write_all((head + &body).as_bytes()).unwrap();
    wait_until("the place is taken", || (server.metric("slirec_in_flight_requests") == 1.0).then_some(()));
    stream
}

#[test]
fn requests_beyond_those_in_flight_are_refused_at_once_and_health_is_not() {
    let server = slow_server(&[("SLIREC__LIMITS__IN_FLIGHT", "1")]);
    let held = hold_a_place(&server);
    let response = server.recommend(&session());
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    assert_eq!(server.metric(r#"slirec_shed_total{reason="in_flight"}"#), 1.0);
    assert_eq!((server.get("/ready").status, server.get("/ping").status), (200, 200));
    drop(held);
    wait_until("the place is free", || (server.metric("slirec_in_flight_requests") == 0.0).then_some(()));
    assert_eq!(server.recommend(&session()).status, 200);
}

#[test]
fn a_client_that_sends_slowly_keeps_no_place_from_others_and_is_told_so_in_the_end() {
    let server = slow_server(&[("SLIREC__LIMITS__IN_FLIGHT", "1"), ("SLIREC__LIMITS__DEADLINE_MS", "2000")]);
    let mut slow = server.connect();
    slow.write_all(client::head("POST", "/v1/recommendations", &[], 100).as_bytes()).unwrap();
    assert_eq!(server.recommend(&session()).status, 200);
    let response = client::read_response(&mut slow);
    assert_eq!((response.status, response.json()["error_code"].as_str()), (408, Some("REQUEST_TIMEOUT")));
}

/// A body counts eightfold until it is parsed, and large ones may take three quarters of the memory.
fn with_memory_for_one_large_body() -> Server {
    slow_server(&[("SLIREC__SERVER__MAX_BODY_BYTES", "1048576"), ("SLIREC__LIMITS__MEMORY_BYTES", "11184812")])
}

#[test]
fn large_bodies_share_a_memory_and_small_ones_do_not_need_it() {
    let server = with_memory_for_one_large_body();
    let mut large = server.connect();
    let head = client::head("POST", "/v1/recommendations", &[("Expect", "100-continue")], 1_048_576);
    large.write_all(head.as_bytes()).unwrap();
    // The service asks for the body once it has reserved the memory.
    let mut asked = [0; 25];
    large.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    let second = server.post("/v1/recommendations", " ".repeat(100_000));
    assert_eq!(second.status, 503);
    assert_eq!(second.header("retry-after"), Some("1"));
    assert!(server.metric(r#"slirec_shed_total{reason="memory"}"#) >= 1.0);
    assert_eq!(server.recommend(&session()).status, 200);
    drop(large);
    wait_until("the memory is free", || {
        (server.post("/v1/recommendations", " ".repeat(100_000)).status == 400).then_some(())
    });
}

#[test]
fn an_overloaded_service_may_answer_by_popularity_and_says_so() {
    let server = slow_server(&[("SLIREC__LIMITS__IN_FLIGHT", "1"), ("SLIREC__LIMITS__OVERLOAD", "popular")]);
    let _held = hold_a_place(&server);
    let answer = server.recommend(&session());
    assert_eq!((answer.status, answer.json()["source"].as_str()), (200, Some("popular")));
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 16);
    let row = json!({"userId": "u", "items": ["novel"], "timestamps": ["1730807061"]});
    let invoked = server.post("/invocations", json!({ "inputs": row }).to_string());
    assert_eq!((invoked.status, invoked.json()["predictions"][0]["itemIds"].as_array().unwrap().len()), (200, 16));
}

#[test]
fn what_would_wait_too_long_may_be_answered_by_popularity_too() {
    let [workers, wait] = SHORT_WAIT;
    let server = slow_server(&[workers, wait, ("SLIREC__LIMITS__OVERLOAD", "popular")]);
    let _held = overload(&server);
    let answer = server.post("/v1/recommendations:batch", batch());
    assert_eq!((answer.status, answer.json()["answers"][0]["source"].as_str()), (200, Some("popular")));
    assert_eq!(server.metric(r#"slirec_shed_total{reason="queue_full"}"#), 1.0);
}

#[test]
fn batches_go_on_while_interactive_requests_fill_the_queue() {
    let server = slow_server(&[("SLIREC__ENGINE__WORKERS", "1"), ("SLIREC__LIMITS__QUEUE_WAIT_MS", "1")]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let status = server.recommend(&session()).status;
                    assert!(status == 200 || status == 503, "{status}");
                }
            });
        }
        // A batch is refused as a whole or answered as a whole.
        wait_until("a batch is answered", || (server.post("/invocations", busy_body(20)).status == 200).then_some(()));
        done.store(true, Ordering::Relaxed);
    });
}

fn chunked(server: &Server, pieces: impl Iterator<Item = Vec<u8>>) -> TcpStream {
    let mut stream = server.connect();
    let head =
        "POST /v1/recommendations HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for piece in pieces {
        let piece = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        // A service that refuses a body may close before it has read all of it.
        let _ = stream.write_all(&piece);
    }
    stream
}

#[test]
fn a_small_body_that_does_not_say_its_length_needs_no_memory_for_large_ones() {
    let server = with_memory_for_one_large_body();
    let large = || chunked(&server, std::iter::repeat_n(b" ".repeat(100_000), 9));
    // None: the connection was closed before the answer could be read.
    let status = |mut stream: TcpStream| {
        let _ = stream.write_all(b"0\r\n\r\n");
        let mut beginning = [0; 12];
        stream.read_exact(&mut beginning).ok()?;
        String::from_utf8(beginning.to_vec()).unwrap().split(' ').nth(1)?.parse::<u16>().ok()
    };
    let mut held = vec![large()];
    wait_until("the memory is taken", || {
        let taken = status(large()) == Some(503);
        if !taken {
            // One more was within the limit.
            held.push(large());
        }
        taken.then_some(())
    });
    let bytes = session().to_string().into_bytes();
    assert_eq!(status(chunked(&server, bytes.iter().map(|byte| vec![*byte]))), Some(200));
    drop(held);
    // Nothing but spaces is no body.
    wait_until("the memory is free", || (status(large()) == Some(400)).then_some(()));
    let too_large = || chunked(&server, std::iter::repeat_n(b" ".repeat(100_000), 11));
    wait_until("what is too large is refused", || (status(too_large()) == Some(413)).then_some(()));
}
