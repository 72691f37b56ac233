//! Answers as MLflow words them.

use serde_json::{Value, json};

/// Status, content type and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(value: &Value) -> Self {
        Self { status: 200, content_type: "application/json", body: value.to_string().into_bytes() }
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, ..Self::json(&json!({"error_code": code, "message": message})) }
    }

    pub(crate) fn missing(what: &str) -> Self {
        Self::error(404, "RESOURCE_DOES_NOT_EXIST", &format!("{what} not found"))
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::error(400, "INVALID_PARAMETER_VALUE", message)
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self { status, content_type: "text/html; charset=utf-8", body: text.as_bytes().to_vec() }
    }

    pub(crate) fn missing_page() -> Self {
        Self::text(404, "<!doctype html>\n<title>404 Not Found</title>")
    }
}
