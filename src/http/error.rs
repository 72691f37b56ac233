//! Every error answer of the service: status and reason enter, `{"error_code", "message"}` leaves. Causes inside the
//! service are logged and not told.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slirec_engine::{EngineError, Overloaded};

use super::json_response;

/// Seconds that an overloaded service asks its clients to wait.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error_code: &'a str,
    message: &'a str,
}

impl ApiError {
    /// 400 with a code of its own.
    pub(crate) fn refused(code: &'static str, message: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message }
    }

    /// 400
    pub(crate) fn bad_request(message: String) -> Self {
        Self::refused("BAD_REQUEST", message)
    }

    /// 404
    pub(crate) fn not_found(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        Self { status: StatusCode::NOT_FOUND, code: "RESOURCE_DOES_NOT_EXIST", message: format!("No route `{shown}`") }
    }

    /// 405
    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let shown: String = method.chars().take(20).collect();
        let message = format!("The method {shown} is not allowed here");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "METHOD_NOT_ALLOWED", message }
    }

    /// 500; the cause is for the log.
    pub(crate) fn internal() -> Self {
        let message = "The request failed inside the service; its log has the cause under the request's id".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "INTERNAL_ERROR", message }
    }

    /// 503
    pub(crate) fn unavailable(message: &str) -> Self {
        let message = message.to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "TEMPORARILY_UNAVAILABLE", message }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error_code: self.code, message: &self.message };
        let mut response = json_response(self.status, &body);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

impl From<Overloaded> for ApiError {
    fn from(_: Overloaded) -> Self {
        Self::unavailable("The service is overloaded: try again in a second")
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Overloaded(overloaded) => overloaded.into(),
            EngineError::History(history) => Self::bad_request(history.to_string()),
            other => {
                tracing::error!(error = %other, "scoring failed");
                Self::internal()
            }
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                code: "PAYLOAD_TOO_LARGE",
                message: "The body is larger than this service accepts".to_owned(),
            },
            _ => Self::bad_request("The body could not be read".to_owned()),
        }
    }
}

/// A whole body within the limit.
#[derive(Debug)]
pub(crate) struct RequestBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}
