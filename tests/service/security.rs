//! Who may do what: API keys, the admin address, pages of other origins.

use std::fs;

use serde_json::json;

use crate::client::{Response, exchange};
use crate::server::{Server, run};

const KEY: &str = "a-key-of-a-client-0001";
const OTHER: &str = "a-key-of-a-client-0002";

fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}]}).to_string();
    exchange(server.address, "POST", path, headers, body.as_bytes())
}

#[test]
fn with_keys_every_protocol_wants_one_and_health_does_not() {
    let keys = format!("{KEY},{OTHER}");
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", &keys)]);
    let bearer = format!("Bearer {KEY}");
    for headers in [("X-Api-Key", KEY), ("X-Api-Key", OTHER), ("Authorization", bearer.as_str())] {
        assert_eq!(ask(&server, "/v1/recommendations", &[headers]).status, 200);
    }
    let paths = [
        "/v1/recommendations",
        "/v1/recommendations:batch",
        "/v1/rank",
        "/v1/related",
        "/invocations",
        "/v2/models/slirec/infer",
    ];
    for path in paths {
        for headers in [vec![], vec![("X-Api-Key", "an-unknown-key-00000000")], vec![("Authorization", KEY)]] {
            let response = ask(&server, path, &headers);
            assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")), "{path}");
            assert!(!response.text().contains(KEY));
        }
    }
    for path in [
        "/ping",
        "/health",
        "/live",
        "/ready",
        "/version",
        "/v2/health/live",
        "/v2/health/ready",
        "/openapi.json",
        "/docs",
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(server.get("/openapi.json").json()["paths"]["/v1/rank"]["post"]["security"], json!([{"key": []}]));
}

#[test]
fn keys_of_a_file_are_read_again_on_reload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, format!("# of the shop\n{KEY}\n")).unwrap();
    let server = Server::start_with(&[("SLIREC__AUTH__FILE", path.to_str().unwrap())]);
    let status = |key: &str| ask(&server, "/v1/recommendations", &[("X-Api-Key", key)]).status;
    assert_eq!((status(KEY), status(OTHER)), (200, 401));
    fs::write(&path, format!("{OTHER}\n")).unwrap();
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    assert_eq!((status(KEY), status(OTHER)), (401, 200));
    fs::write(&path, "short\n").unwrap();
    let refused = server.operate("POST", "/admin/reload", "");
    assert_eq!(refused.status, 422);
    assert!(refused.message().contains("auth.file"), "{}", refused.message());
    assert_eq!((status(KEY), status(OTHER)), (401, 200));
}

#[test]
fn operators_are_served_on_their_own_address_only() {
    let server = Server::start();
    for (method, path) in
        [("POST", "/admin/reload"), ("POST", "/admin/rollback"), ("PUT", "/admin/log-level"), ("GET", "/metrics")]
    {
        assert_eq!(exchange(server.address, method, path, &[], b"").status, 404, "{path}");
    }
    assert_eq!(server.operate("GET", "/metrics", "").status, 200);
    assert_eq!(server.operate("POST", "/v1/recommendations", "{}").status, 404);
    let public = Server::start_with(&[("SLIREC__SERVER__METRICS", "true")]);
    assert_eq!(public.get("/metrics").status, 200);
}

#[test]
fn admin_keys_and_pages_of_browsers() {
    let server = Server::start_with(&[("SLIREC__ADMIN__KEYS", KEY)]);
    let reload = |headers: &[(&str, &str)]| exchange(server.admin, "POST", "/admin/reload", headers, b"").status;
    assert_eq!(reload(&[]), 401);
    assert_eq!(reload(&[("X-Api-Key", KEY)]), 200);
    let origin = [("X-Api-Key", KEY), ("Origin", "http://evil.example")];
    let refused = exchange(server.admin, "POST", "/admin/reload", &origin, b"");
    assert_eq!((refused.status, refused.json()["error_code"].as_str()), (403, Some("PERMISSION_DENIED")));
    assert!(refused.message().starts_with("header origin: "), "{}", refused.message());
    assert_eq!(server.operate("GET", "/metrics", "").status, 200);
    let (code, message) = run(&["--port", "0"], &[("SLIREC__ADMIN__HOST", "0.0.0.0")]);
    assert_eq!(code, Some(2));
    assert!(message.contains("`admin.host`: 0.0.0.0 can be reached from other machines"), "{message}");
}

#[test]
fn the_log_level_can_be_changed_while_the_service_runs() {
    let server = Server::start_with(&[("SLIREC__LOG__LEVEL", "warn,slirec_server=info")]);
    assert_eq!(server.operate("PUT", "/admin/log-level", r#"{"level": "error"}"#).status, 200);
    exchange(server.address, "GET", "/version", &[("X-Request-Id", "unseen")], b"");
    assert_eq!(server.operate("PUT", "/admin/log-level", r#"{"level": "info"}"#).status, 200);
    exchange(server.address, "GET", "/version", &[("X-Request-Id", "seen")], b"");
    let refused = server.operate("PUT", "/admin/log-level", r#"{"level": "a=b=c"}"#);
    assert_eq!(refused.status, 400);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("\"seen\"") && !log.contains("\"unseen\""), "{log}");
}

#[test]
fn pages_may_call_only_from_configured_origins() {
    let preflight = |server: &Server, origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type"),
        ];
        let response = exchange(server.address, "OPTIONS", "/v1/recommendations", &headers, b"");
        response.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(preflight(&Server::start(), "https://shop.example"), None);
    let server = Server::start_with(&[("SLIREC__CORS__ORIGINS", "https://shop.example,https://www.shop.example")]);
    assert_eq!(preflight(&server, "https://www.shop.example").as_deref(), Some("https://www.shop.example"));
    assert_eq!(preflight(&server, "https://evil.example"), None);
    let response = ask(&server, "/v1/recommendations", &[("Origin", "https://shop.example")]);
    assert_eq!((response.status, response.header("access-control-allow-origin")), (200, Some("https://shop.example")));
}

#[test]
fn traces_of_clients_are_named_in_the_log() {
    let server = Server::start();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    exchange(server.address, "GET", "/version", &[("Traceparent", parent)], b"");
    server.signal("TERM");
    assert!(server.wait().1.contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn a_comment_may_stand_behind_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, format!("# keys\n\n{KEY}   # of the shop\r\n\t{OTHER}#2\n")).unwrap();
    let server = Server::start_with(&[("SLIREC__AUTH__FILE", path.to_str().unwrap())]);
    let status = |key: &str| ask(&server, "/v1/recommendations", &[("X-Api-Key", key)]).status;
    // Without a space before it, the sign belongs to the key.
    assert_eq!((status(KEY), status(&format!("{OTHER}#2"))), (200, 200));
    assert_eq!((status(OTHER), status(&format!("{KEY}   # of the shop"))), (401, 401));
}

#[test]
fn a_word_that_is_no_log_level_is_refused() {
    let server = Server::start();
    for wrong in ["warning", "loud", "", "info,verbose"] {
        let refused = server.operate("PUT", "/admin/log-level", &json!({ "level": wrong }).to_string());
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(refused.message().starts_with("level: "), "{}", refused.message());
    }
    for level in ["off", "WARN", "info,slirec_server=debug"] {
        let taken = server.operate("PUT", "/admin/log-level", &json!({ "level": level }).to_string());
        assert_eq!(taken.status, 200, "{level}");
    }
}
