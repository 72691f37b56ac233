//! OpenTelemetry: spans of requests leave as traces over HTTP (OTLP, protobuf), to a collector that the configuration
//! names. Without its collector traces are lost, never requests.

use anyhow::Context;
use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use slirec_connect::choose_encryption;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::TelemetrySettings;

/// Sends traces until it is dropped, and then the last of them.
#[derive(Debug)]
pub(super) struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// None when the configuration names no collector.
    ///
    /// # Errors
    /// When the collector's address cannot be used.
    pub(super) fn start(settings: &TelemetrySettings) -> anyhow::Result<Option<Self>> {
        if settings.endpoint.is_empty() {
            return Ok(None);
        }
        choose_encryption();
        let exporter = SpanExporter::builder().with_http().with_endpoint(&settings.endpoint).build();
        let exporter = exporter
            .with_context(|| format!("cannot send traces to {} (key telemetry.endpoint)", settings.endpoint))?;
        let resource = Resource::builder().with_service_name("slirec").build();
        Ok(Some(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())))
    }

    /// Turns spans into traces.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("slirec")).with_filter(LevelFilter::INFO).boxed()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            eprintln!("warning: the last traces cannot be sent: {error}");
        }
    }
}

/// Makes a request's span part of the client's trace.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    if let Err(error) = span.set_parent(context) {
        tracing::debug!(%error, "a trace cannot be continued");
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}
