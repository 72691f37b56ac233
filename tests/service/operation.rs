//! What an operator sees: metrics, logs, limits, overload and the way the service stops.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use slirec_onnx::proto::ModelProto;

use crate::bundle::{Bundle, graph};
use crate::client::{self, exchange, read_response};
use crate::server::{Server, run, wait_until};

fn session(handle: &str) -> Value {
    json!({"history": [{"item": handle, "time": 1_730_807_061}]})
}

#[test]
fn unknown_routes_and_methods_are_json_errors() {
    let server = Server::start();
    let missing = server.get("/nowhere?secret=1");
    assert_eq!((missing.status, missing.json()["error_code"].as_str()), (404, Some("RESOURCE_DOES_NOT_EXIST")));
    assert_eq!(missing.message(), "No route `/nowhere`");
    let wrong = server.get("/v1/recommendations");
    assert_eq!((wrong.status, wrong.json()["error_code"].as_str()), (405, Some("METHOD_NOT_ALLOWED")));
    assert_eq!(wrong.header("allow"), Some("POST"));
}

#[test]
fn a_running_service_is_alive_and_ready() {
    let server = Server::start();
    for path in ["/ping", "/health"] {
        let response = server.get(path);
        assert_eq!((response.status, response.text().as_str()), (200, "\n"));
    }
    let ready = server.get("/ready");
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (200, Some(true)));
    assert_eq!(server.get("/version").text(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_probe_succeeds_only_while_the_service_answers() {
    let server = Server::start();
    let port = server.address.port().to_string();
    assert_eq!(run(&["--probe", "--port", &port], &[]), (Some(0), String::new()));
    drop(server);
    let (code, message) = run(&["--probe", "--port", &port], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains(&format!("no answer from 127.0.0.1:{port}")), "{message}");
}

#[test]
fn counters_move_with_the_requests() {
    let server = Server::start();
    let model = |server: &Server| server.metric(r#"slirec_recommendations_total{source="model"}"#);
    assert_eq!(model(&server), 0.0);
    assert_eq!(server.recommend(&session("novel")).status, 200);
    assert_eq!(server.recommend(&session("no-such-product")).status, 200);
    assert_eq!(server.recommend(&json!({})).status, 400);
    assert_eq!(server.get("/no/such/route").status, 404);
    assert_eq!(model(&server), 1.0);
    for (series, expected) in [
        (r#"slirec_recommendations_total{source="popular"}"#, 1.0),
        (r#"slirec_requests_total{route="/v1/recommendations",status="200"}"#, 2.0),
        (r#"slirec_requests_total{route="/v1/recommendations",status="400"}"#, 1.0),
        (r#"slirec_requests_total{route="unmatched",status="404"}"#, 1.0),
        (r#"slirec_request_seconds_count{route="/v1/recommendations"}"#, 3.0),
        ("slirec_unknown_items_total", 1.0),
        ("slirec_history_items_total", 2.0),
        (r#"slirec_history_length_bucket{le="1"}"#, 2.0),
        ("slirec_best_score_count", 1.0),
        (r#"slirec_stage_seconds_count{stage="parse"}"#, 3.0),
        (r#"slirec_stage_seconds_count{stage="score"}"#, 1.0),
        (r#"slirec_stage_seconds_count{stage="serialise"}"#, 2.0),
        (r#"slirec_shed_total{reason="queue_full"}"#, 0.0),
    ] {
        assert_eq!(server.metric(series), expected, "{series}");
    }
    assert!(server.metric("slirec_scored_items_total") >= 100.0);
    let coverage = server.metric("slirec_catalog_coverage_ratio");
    assert!(coverage > 0.0 && coverage <= 32.0 / 100.0, "{coverage}");
    let text = server.metrics();
    assert!(text.contains("provider=\"cpu\"") && text.contains(",kernels=\"fused\",name="), "{text}");
}

#[test]
fn request_ids_of_clients_are_kept_and_others_are_made() {
    let server = Server::start();
    let ask = |id: &str| {
        let response = exchange(server.address, "GET", "/ping", &[("X-Request-Id", id)], b"");
        response.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask("order-4711"), "order-4711");
    assert_ne!(ask(&"x".repeat(500)), "x".repeat(500));
    assert_ne!(server.get("/ping").header("x-request-id"), server.get("/ping").header("x-request-id"));
}

#[test]
fn the_log_has_ids_and_statuses_but_no_user_data() {
    let server = Server::start();
    let body = json!({"history": [{"item": "secret-item", "time": 1}], "user_id": "secret-user"}).to_string();
    let headers = [("Content-Type", "application/json"), ("X-Request-Id", "id-1")];
    exchange(server.address, "POST", "/v1/recommendations?secret=query", &headers, body.as_bytes());
    exchange(server.address, "GET", "/secret/path", &[], b"");
    server.signal("TERM");
    let (_, log) = server.wait();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = events.iter().find(|event| event["span"]["id"] == "id-1").unwrap();
    assert_eq!((&answered["status"], &answered["span"]["route"]), (&json!(200), &json!("/v1/recommendations")));
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn a_connection_serves_several_requests() {
    let server = Server::start();
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(env!("CARGO_PKG_VERSION").as_bytes()) {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).unwrap(), 1);
            seen.extend(byte);
        }
    }
}

#[test]
fn clients_that_stop_talking_are_let_go() {
    let server = Server::start_with(&[("SLIREC__SERVER__READ_TIMEOUT_SECONDS", "1")]);
    let silent_after = |beginning: &str| {
        let mut stream = server.connect();
        stream.write_all(beginning.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // The service ends the connection; a reset is as good as an end.
        let _ = stream.read_to_end(&mut rest);
        String::from_utf8(rest).unwrap()
    };
    silent_after("POST /invocations HTTP/1.1\r\nHost: te");
    let answer = silent_after(&(client::head("POST", "/v1/recommendations", &[], 100) + "{\"history\""));
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(server.get("/ping").status, 200);
}

/// A request of which half has been sent and that the service is reading.
fn half_a_request(server: &Server) -> (TcpStream, String) {
    let body = session("novel").to_string();
    let mut stream = server.connect();
    let (first, second) = body.split_at(10);
    let head = client::head("POST", "/v1/recommendations", &[], body.len());
    stream.write_all((head + first).as_bytes()).unwrap();
    // Later connections are accepted later: once this is answered, the first connection has been too.
    assert_eq!(server.get("/ping").status, 200);
    (stream, second.to_owned())
}

fn stops_listening(server: &Server) {
    wait_until("no connection is accepted", || TcpStream::connect(server.address).err());
}

#[test]
fn sigterm_finishes_what_is_in_flight_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let server = Server::start();
        let (mut stream, rest) = half_a_request(&server);
        let idle = server.connect();
        server.signal(signal);
        stops_listening(&server);
        stream.write_all(rest.as_bytes()).unwrap();
        let response = read_response(&mut stream);
        assert_eq!(response.status, 200, "{}", response.text());
        drop(idle);
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(log.contains("\"stopped\""), "{log}");
    }
}

#[test]
fn after_sigterm_the_service_is_not_ready_and_still_serves_until_the_delay_is_over() {
    let server = Server::start_with(&[("SLIREC__SERVER__DRAIN_DELAY_SECONDS", "3")]);
    server.signal("TERM");
    let response = wait_until("it is not ready", || Some(server.get("/ready")).filter(|answer| answer.status == 503));
    assert_eq!((response.header("connection"), response.header("retry-after")), (Some("close"), Some("1")));
    assert_eq!((server.get("/live").status, server.get("/v2/health/ready").status), (200, 503));
    assert_eq!(server.recommend(&session("novel")).status, 200);
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_second_signal_cuts_the_delay_short() {
    let server = Server::start_with(&[("SLIREC__SERVER__DRAIN_DELAY_SECONDS", "3600")]);
    server.signal("TERM");
    wait_until("it is not ready", || (server.get("/ready").status == 503).then_some(()));
    server.signal("INT");
    assert_eq!(server.wait().0.code(), Some(1));
}

#[test]
fn a_second_signal_ends_the_service_at_once() {
    let server = Server::start();
    let (_stream, _) = half_a_request(&server);
    server.signal("TERM");
    stops_listening(&server);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(1));
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_service() {
    let server = Server::start_with(&[("SLIREC__SERVER__DRAIN_SECONDS", "1")]);
    let (_stream, _) = half_a_request(&server);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(1));
}

/// Takes the last item's row from the embeddings of the histories: ONNX Runtime would fail with that item, and only at
/// work.
fn without_the_last_embedding(model: &mut ModelProto) {
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    let embedding = tensors.iter_mut().find(|tensor| tensor.name() == "embedding.item").unwrap();
    let [rows, width] = embedding.dims[..] else { panic!("a table has rows and columns") };
    let bytes = embedding.raw_data.as_mut().unwrap();
    bytes.truncate(bytes.len() - usize::try_from(width).unwrap() * size_of::<f32>());
    embedding.dims[0] = rows - 1;
}

#[test]
fn a_bundle_whose_graph_would_fail_at_work_is_refused_before_it_serves() {
    let bundle = Bundle::new();
    bundle.replace("history.onnx", graph(without_the_last_embedding));
    let (code, message) = run(&["--check", "--model", bundle.path()], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains("history.onnx") && message.contains("embedding.item"), "{message}");
}
