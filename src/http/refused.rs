//! Requests that are refused for how they came, not for what they ask: the server's listener marks them, this layer
//! answers, so that they are counted and logged as all others.

use axum::extract::{MatchedPath, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;
use super::error_response;
use crate::metrics::routes;

/// Why a request is refused; an extension of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// All connections are in use; this one is kept for those who ask whether the service is well.
    OnlyHealth,
    /// It breaks a rule of HTTP.
    Malformed(&'static str),
}

/// What is wrong with a request whose headers could be read (RFC 9112, section 3.2).
pub(crate) fn malformed<B>(request: &axum::http::Request<B>) -> Option<Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let problem = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => return None,
        (None, _) => "header host: is missing: HTTP/1.1 expects one",
        (Some(_), Some(_)) => "header host: found more than one: expected one",
        (Some(host), None) if is_host(host) => return None,
        (Some(_), None) => "header host: expected a name or an address, and perhaps a port",
    };
    Some(Refusal::Malformed(problem))
}

/// Requests for what has no host, such as an address of its own, have an empty one.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    if bytes.is_empty() {
        return true;
    }
    let Ok(authority) = Authority::try_from(bytes) else { return false };
    // Nothing before the host, and behind it nothing but a port.
    let port = authority.as_str().strip_prefix(authority.host());
    port.is_some_and(|port| port.strip_prefix(':').unwrap_or(port).bytes().all(|digit| digit.is_ascii_digit()))
}

/// Answers requests that are marked.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let mut response = match request.extensions().get::<Refusal>() {
        None => return next.run(request).await,
        Some(Refusal::OnlyHealth) if asks_for_health(&request) => return next.run(request).await,
        Some(Refusal::OnlyHealth) => error_response(
            &request,
            ApiError::unavailable("All connections are in use (server.max_connections): try again in a second"),
        ),
        Some(Refusal::Malformed(problem)) => error_response(&request, ApiError::bad_request((*problem).to_owned())),
    };
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn asks_for_health(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|route| routes::is_probe(route.as_str()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn problem(version: Version, hosts: &[&str]) -> Option<&'static str> {
        let mut request = Request::builder().version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        malformed(&request.body(()).unwrap()).map(|refusal| match refusal {
            Refusal::Malformed(problem) => problem,
            Refusal::OnlyHealth => panic!("nothing is known of other connections"),
        })
    }

    #[test]
    fn a_request_of_http_1_1_has_one_host() {
        for host in ["shop", "shop.example:8080", "127.0.0.1:80", "[::1]:8080", ""] {
            assert_eq!(problem(Version::HTTP_11, &[host]), None, "{host}");
        }
        assert!(problem(Version::HTTP_11, &[]).unwrap().contains("is missing"));
        assert!(problem(Version::HTTP_11, &["a", "a"]).unwrap().contains("more than one"));
        for wrong in ["a, b", "a b", "a/b", "user@a", "a:port", "[::1"] {
            assert!(problem(Version::HTTP_11, &[wrong]).is_some(), "{wrong}");
        }
        assert_eq!(problem(Version::HTTP_10, &[]), None);
        assert!(problem(Version::HTTP_10, &["a", "a"]).is_some());
    }
}
