//! `GET /metrics`: everything that the service counts, in Prometheus' text format.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::metrics::TEXT_FORMAT;
use crate::state::AppState;

pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let text = state.metrics.render(&state.served(), state.in_flight()).map_err(|error| {
        tracing::error!(%error, "metrics cannot be rendered");
        ApiError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::super::harness::Service;

    fn series(text: &str) -> Vec<&str> {
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        series.map(|(series, _)| series).collect()
    }

    #[tokio::test]
    async fn the_first_error_is_an_increase_of_a_series_that_was_there() {
        let service = Service::new();
        for route in crate::metrics::routes::SCORING {
            for status in [200, 400, 401, 404, 408, 413, 415, 500, 503, 504] {
                let series = format!(r#"slirec_requests_total{{route="{route}",status="{status}"}}"#);
                assert_eq!(service.metric(&series).await, Some(0.0), "{series}");
            }
            let series = format!(r#"slirec_request_seconds_count{{route="{route}"}}"#);
            assert_eq!(service.metric(&series).await, Some(0.0), "{series}");
        }
        let late = [("x-request-timeout-ms", "1")];
        let sessions = vec![r#"{"history": [{"item": "novel", "time": 1730807061}]}"#; 100].join(",");
        let body = format!(r#"{{"sessions": [{sessions}]}}"#);
        let route = "/v1/recommendations:batch";
        let answer = service.ask("POST", route, &late, body).await;
        let series = format!(r#"slirec_requests_total{{route="{route}",status="{}"}}"#, answer.status.as_u16());
        assert_eq!(service.metric(&series).await, Some(1.0));
    }

    #[tokio::test]
    async fn no_request_makes_a_series_that_was_not_there() {
        let service = Service::with(&[("SLIREC__SERVER__METRICS", "true")]);
        let before = service.get("/metrics").await.text();
        for path in ["/v1/recommendations", "/v1/recommendations%3Abatch", "/invocations", "/v1/rank", "/v1/related"] {
            for body in ["{}", r#"{"history": []}"#, r#"{"sessions": []}"#, "nonsense"] {
                service.post(path, body).await;
            }
            service.get(path).await;
        }
        for path in ["/", "/status", "/v1/status", "/v1/catalog", "/assets/nothing.js", "/v2/models/a/b/c", "/nowhere"]
        {
            service.get(path).await;
        }
        let after = service.get("/metrics").await.text();
        // Times of routes that do not score begin with their first request.
        let is_new = |name: &&str| !series(&before).contains(name) && !name.starts_with("slirec_request_seconds");
        let new: Vec<&str> = series(&after).into_iter().filter(is_new).collect();
        assert!(new.is_empty(), "{new:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_the_process_needs_is_there_under_the_usual_names() {
        let service = Service::new();
        for (name, least, most) in [
            ("process_cpu_seconds_total", 0.001, 1e6),
            ("process_resident_memory_bytes", 1e6, 1e12),
            ("process_virtual_memory_bytes", 1e6, 1e15),
            ("process_open_fds", 3.0, 1e6),
            ("process_max_fds", 3.0, 1e10),
            ("process_threads", 1.0, 1e5),
            ("process_start_time_seconds", 1.6e9, 1e10),
        ] {
            let value = service.metric(name).await.unwrap_or_default();
            assert!((least..most).contains(&value), "{name} {value}");
        }
        let text = service.operate("GET", "/metrics", &[], "").await.text();
        assert!(text.contains("# TYPE process_cpu_seconds_total counter"), "{text}");
    }
}
