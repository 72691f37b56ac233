//! Which answers are compressed: large ones outside of the path of requests for recommendations (the catalogue, the
//! description of the API, pages, metrics), for clients that accept it. Recommendations are not: they are small, and
//! have to be fast.

use axum::http::{HeaderMap, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// Bytes of an answer from which on compressing it is worth its time.
const SMALLEST: u64 = 1_024;

/// The layer of routes whose answers are compressed for each request.
pub(super) fn layer() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(SMALLEST))
}

/// Whether `Accept-Encoding` names gzip, or everything, with a weight above 0 (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    let weight = |wanted: &str| {
        let mut encodings = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        encodings.find_map(|encoding| {
            let (name, weight) = encoding.split_once(';').unwrap_or((encoding, "q=1"));
            let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=').parse::<f32>();
            name.trim().eq_ignore_ascii_case(wanted).then(|| weight.unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::harness::Service;

    const GZIP: (&str, &str) = ("accept-encoding", "br;q=1.0, gzip;q=0.8");

    #[tokio::test]
    async fn large_answers_are_compressed_for_those_who_accept_it_and_say_the_same() {
        let service = Service::with(&[("SLIREC__SERVER__METRICS", "true")]);
        for path in ["/v1/catalog", "/openapi.json", "/docs", "/", "/status", "/assets/shop.js"] {
            let plain = service.get(path).await;
            assert_eq!(plain.header("content-encoding"), "", "{path}");
            assert_eq!(plain.header("vary"), "accept-encoding", "{path}");
            let compressed = service.ask("GET", path, &[GZIP], "").await;
            assert_eq!(compressed.header("content-encoding"), "gzip", "{path}");
            assert_eq!(compressed.header("vary"), "accept-encoding", "{path}");
            assert_eq!(compressed.header("content-type"), plain.header("content-type"), "{path}");
            assert!(compressed.body.len() < plain.body.len() * 2 / 3, "{path}: {}", compressed.body.len());
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(&compressed.body[..]).read_to_end(&mut body).unwrap();
            assert_eq!(body, plain.body, "{path}");
        }
        for encoding in ["gzip", "*", "deflate, GZIP ; q=0.5", "*;q=0, x, gzip"] {
            let answer = service.ask("GET", "/v1/catalog", &[("accept-encoding", encoding)], "").await;
            assert_eq!(answer.header("content-encoding"), "gzip", "{encoding}");
        }
        assert_eq!(service.ask("GET", "/metrics", &[GZIP], "").await.header("content-encoding"), "gzip");
        assert_eq!(service.operate("GET", "/metrics", &[GZIP], "").await.header("content-encoding"), "gzip");
    }

    #[tokio::test]
    async fn recommendations_and_refused_encodings_are_left_as_they_are() {
        let service = Service::new();
        let body = r#"{"history": [{"item": "novel", "time": 1730807061}], "limit": 100}"#;
        let answer = service.ask("POST", "/v1/recommendations", &[GZIP], body).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding").as_str()), (200, ""));
        for encoding in ["identity", "gzip;q=0", "br", "*, gzip;q=0.0", "gzipped", "gzip;q=no"] {
            let answer = service.ask("GET", "/v1/catalog", &[("accept-encoding", encoding)], "").await;
            assert_eq!((answer.status.as_u16(), answer.header("content-encoding").as_str()), (200, ""), "{encoding}");
        }
    }

    #[tokio::test]
    async fn a_known_catalogue_is_not_sent_again_however_it_was_sent_before() {
        let service = Service::new();
        let tag = service.ask("GET", "/v1/catalog", &[GZIP], "").await.header("etag");
        assert_eq!(tag, service.get("/v1/catalog").await.header("etag"));
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
        let strong = tag.trim_start_matches("W/");
        for known in [&tag, strong, "*", &format!("\"other\", {tag}")] {
            for headers in [vec![("if-none-match", known)], vec![("if-none-match", known), GZIP]] {
                let answer = service.ask("GET", "/v1/catalog", &headers, "").await;
                assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{known}");
                assert_eq!((answer.header("etag"), answer.header("vary")), (tag.clone(), "accept-encoding".to_owned()));
            }
        }
        assert_eq!(service.ask("GET", "/v1/catalog", &[("if-none-match", "\"other\"")], "").await.status, 200);
    }
}
