//! Traces, in builds with the feature `otel`: a collector of the test's own receives what the service did.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::client::exchange;
use crate::server::Server;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Takes one request and answers it: its head and its body.
fn collect(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

#[test]
fn requests_leave_as_spans_of_their_client_s_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let collector = thread::spawn(move || collect(&listener));
    let server = Server::start_with(&[("SLIREC__TELEMETRY__ENDPOINT", &endpoint)]);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    exchange(server.address, "GET", "/version", &[("Traceparent", &parent)], b"");
    server.signal("INT");
    server.wait();
    let (head, body) = collector.join().unwrap();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    let trace: Vec<u8> = (0..16).map(|byte| u8::from_str_radix(&TRACE[2 * byte..2 * byte + 2], 16).unwrap()).collect();
    let holds = |bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(&trace) && holds(b"/version") && holds(b"slirec"));
}
