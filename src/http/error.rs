//! Every error answer of the service: status and reason enter, `{"error_code", "message"}` leaves. Causes inside the
//! service are logged and not sent.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slirec_engine::EngineError;
use utoipa::{IntoResponses, ToSchema};

use super::quote::bounded;
use super::{json_response, reason};
use crate::scoring::ScoreError;

/// Seconds that an overloaded service asks its clients to wait.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// The body of an error answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody<'a> {
    /// What kind of error it is.
    #[schema(example = "BAD_REQUEST")]
    error_code: &'a str,
    /// What was found and what was expected.
    #[schema(example = "history[0].time: `noon` is not a Unix time: expected seconds or milliseconds as a number")]
    message: &'a str,
}

/// How a call to the model may fail, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described, never made")]
pub(super) enum Failure {
    /// The request is wrong; the message names the field
    #[response(status = 400)]
    Wrong(ErrorBody<'static>),
    /// A known API key is needed
    #[response(status = 401)]
    Unknown(ErrorBody<'static>),
    /// The body did not come in time
    #[response(status = 408)]
    TooSlow(ErrorBody<'static>),
    /// The body is too large
    #[response(status = 413)]
    TooLarge(ErrorBody<'static>),
    /// The body is compressed
    #[response(status = 415)]
    Compressed(ErrorBody<'static>),
    /// The service is overloaded; the header Retry-After says when to try again
    #[response(status = 503)]
    Overloaded(ErrorBody<'static>),
    /// The deadline passed
    #[response(status = 504)]
    TooLate(ErrorBody<'static>),
}

/// How a question about one product may fail beside that.
#[derive(IntoResponses)]
#[response(status = 404, description = "Neither the catalogue nor the training has the product")]
#[expect(dead_code, reason = "only described, never made")]
pub(super) struct NoSuchProduct(#[to_schema] ErrorBody<'static>);

impl ApiError {
    /// 400 with a code of its own.
    pub(crate) fn refused(code: &'static str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: bounded(format_args!("{message}")) }
    }

    /// 400
    pub(crate) fn bad_request(message: String) -> Self {
        Self::refused("BAD_REQUEST", &message)
    }

    /// The same about a part of the request, whose path goes before the message.
    pub(crate) fn within(self, path: &str) -> Self {
        Self { message: format!("{path}{}", self.message), ..self }
    }

    /// 400 for a body that broke off, 408 for one that did not come in time.
    pub(crate) fn unreadable_body(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<BodyTimeout>() {
                return Self::body_timeout();
            }
            cause = error.source();
        }
        Self::bad_request("The body could not be read".to_owned())
    }

    /// 408: the client was too slow, and the service has done no work.
    pub(crate) fn body_timeout() -> Self {
        let message = "The body did not come in time: send it faster, or less of it".to_owned();
        Self { status: StatusCode::REQUEST_TIMEOUT, code: "REQUEST_TIMEOUT", message }
    }

    /// 413
    pub(crate) fn body_too_large() -> Self {
        let message = "The body is larger than this service accepts".to_owned();
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: "PAYLOAD_TOO_LARGE", message }
    }

    /// 415; bytes that stand for a thousand times as many are nothing that a limit on bodies could hold.
    pub(crate) fn compressed_body(encoding: &str) -> Self {
        let shown: String = encoding.chars().take(64).collect();
        Self::unsupported_media_type(format!(
            "header content-encoding: found `{shown}`: expected a body that is not compressed"
        ))
    }

    /// 415
    pub(crate) fn unsupported_media_type(message: String) -> Self {
        Self { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, code: "UNSUPPORTED_MEDIA_TYPE", message }
    }

    /// 404
    pub(crate) fn not_found(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        Self { status: StatusCode::NOT_FOUND, code: "RESOURCE_DOES_NOT_EXIST", message: format!("No route `{shown}`") }
    }

    /// 404 for something that a known route names.
    pub(crate) fn no_such(message: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "RESOURCE_DOES_NOT_EXIST", message }
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

    /// 500 for an answer that cannot be written.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Self::internal()
    }

    /// 401
    pub(crate) fn unauthorized() -> Self {
        let message = "A known API key is needed, in the header x-api-key or as a bearer token".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, code: "UNAUTHENTICATED", message }
    }

    /// 403 for pages in browsers on the admin address.
    pub(crate) fn forbidden_origin() -> Self {
        let message =
            "header origin: requests of pages in browsers are refused on the admin address: send none".to_owned();
        Self { status: StatusCode::FORBIDDEN, code: "PERMISSION_DENIED", message }
    }

    /// 401 for a delivery.
    pub(crate) fn unsigned() -> Self {
        let message = "The signature is missing or is not of this body".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, code: "UNAUTHENTICATED", message }
    }

    /// 409
    pub(crate) fn conflict(message: &str) -> Self {
        Self { status: StatusCode::CONFLICT, code: "CONFLICT", message: message.to_owned() }
    }

    /// 422
    pub(crate) fn unprocessable(message: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, code: "UNPROCESSABLE", message }
    }

    /// 503
    pub(crate) fn overloaded() -> Self {
        Self::unavailable("The service is overloaded: try again in a second")
    }

    /// 504
    pub(crate) fn deadline_exceeded() -> Self {
        let message = "The answer was not there before the deadline".to_owned();
        Self { status: StatusCode::GATEWAY_TIMEOUT, code: "DEADLINE_EXCEEDED", message }
    }

    /// The status and the message, for protocols whose errors have another form.
    pub(crate) fn into_parts(self) -> (StatusCode, String) {
        self.log();
        (self.status, self.message)
    }

    /// Why a request is refused, for those who look for a client's mistake; without what the message quotes of the
    /// request.
    fn log(&self) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let reason = reason::without_quotes(&self.message);
            tracing::debug!(status = self.status.as_u16(), error_code = self.code, reason, "refused");
        }
    }

    /// 503
    pub(crate) fn unavailable(message: &str) -> Self {
        let message = message.to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "TEMPORARILY_UNAVAILABLE", message }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let body = ErrorBody { error_code: self.code, message: &self.message };
        with_headers(json_response(self.status, &body))
    }
}

/// Adds the headers that HTTP requires with some statuses.
pub(crate) fn with_headers(mut response: Response) -> Response {
    let (name, value) = match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => (header::RETRY_AFTER, RETRY_AFTER),
        StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, CHALLENGE),
        // What is left of the body would be taken for the next request.
        StatusCode::REQUEST_TIMEOUT => (header::CONNECTION, HeaderValue::from_static("close")),
        _ => return response,
    };
    response.headers_mut().insert(name, value);
    response
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Overloaded(_) => Self::overloaded(),
            EngineError::History(history) => Self::bad_request(history.to_string()),
            other => {
                tracing::error!(error = %other, "scoring failed");
                Self::internal()
            }
        }
    }
}

impl From<ScoreError> for ApiError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Overloaded => Self::overloaded(),
            ScoreError::DeadlineExceeded => Self::deadline_exceeded(),
            ScoreError::Engine(error) => error.into(),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::body_too_large(),
            _ => Self::unreadable_body(&rejection),
        }
    }
}

/// A body that did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
pub(crate) struct BodyTimeout;

/// A whole body within the limit.
#[derive(Debug)]
pub(crate) struct RequestBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}
