//! The client: an operation with its parameters enters, the parsed answer leaves; in between credentials, retries and the
//! words of an error.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::connection::{Authorization, Connection, ServerKind};
use super::error::MlflowError;
use crate::http::{causes, choose_encryption, pause};

/// Tries of a request whose answer is lost.
const TRIES: u32 = 4;
/// Longest pause that a busy server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An answer beyond this is none: ten thousand versions have a tenth of it.
const LARGEST_ANSWER: usize = 64 << 20;
/// The server's words are cut behind so many characters.
const LONGEST_MESSAGE: usize = 400;

/// A connection to one registry; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) connection: Arc<Connection>,
}

/// Whether asking twice does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Harmless,
    /// A lost answer is the caller's, who looks whether it was done.
    Harmful,
}

/// One try that did not bring an answer.
pub(super) enum Failure {
    /// Worth another try, after so long if the server said so.
    Transient(String, Option<Duration>),
    Final(MlflowError),
}

/// The tries of one request.
pub(super) struct Tries<'a> {
    operation: &'a str,
    repeat: Repeat,
    made: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(operation: &'a str, repeat: Repeat) -> Self {
        Self { operation, repeat, made: 1 }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// When the failure is final or there were tries enough.
    pub(super) async fn wait(&mut self, client: &Client, failure: Failure) -> Result<(), MlflowError> {
        let (problem, asked) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Transient(problem, asked) => (problem, asked),
        };
        if self.made >= TRIES || self.repeat == Repeat::Harmful {
            return Err(MlflowError::Connection { operation: self.operation.to_owned(), tries: self.made, problem });
        }
        self.made += 1;
        tokio::time::sleep(asked.unwrap_or_else(|| pause(client.connection.first_pause, self.made))).await;
        Ok(())
    }
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`MlflowError::Credentials`] when the HTTP client cannot be made.
    pub fn new(connection: Connection) -> Result<Self, MlflowError> {
        choose_encryption();
        let mut headers = HeaderMap::new();
        if let Some(Authorization::Bearer(token)) = &connection.authorization {
            let unfit = |_| MlflowError::Credentials("the token holds characters that cannot be sent");
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(unfit)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            // Between two pieces of a body; whole answers have a limit of their own.
            .read_timeout(connection.timeout)
            // Credentials must not follow to another host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("slirec/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build()
            .map_err(|_| MlflowError::Credentials("no HTTP client can be made on this machine"))?;
        Ok(Self { http, connection: Arc::new(connection) })
    }

    /// Where the registry is.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The address of a path below the server's own, whose segments may hold anything.
    pub(super) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.connection.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// A request with credentials.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.connection.authorization {
            Some(Authorization::Basic { username, password }) => request.basic_auth(username, Some(password.reveal())),
            _ => request,
        }
    }

    /// A request that does not: the address leads to a storage of its own and carries its own permission.
    pub(super) fn foreign_request(&self, method: Method, url: Url) -> Result<RequestBuilder, MlflowError> {
        let plain = reqwest::Client::builder().read_timeout(self.connection.timeout).build();
        let plain = plain.map_err(|error| MlflowError::Location(error.without_url().to_string()))?;
        Ok(plain.request(method, url))
    }

    /// Asks something of the tracking server.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        operation: &str,
        query: &[(&str, &str)],
    ) -> Result<T, MlflowError> {
        self.call(Method::GET, operation, query, None, Repeat::Harmless).await
    }

    /// Has the tracking server do something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: Value,
        repeat: Repeat,
    ) -> Result<T, MlflowError> {
        self.call(Method::POST, operation, &[], Some(body), repeat).await
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        operation: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        repeat: Repeat,
    ) -> Result<T, MlflowError> {
        let mut url = self.url(["api", "2.0", "mlflow"].into_iter().chain(operation.split('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.call_url(method, operation, &url, body, repeat).await
    }

    /// As [`Client::call`], for what is not among the tracking server's operations.
    pub(super) async fn call_url<T: DeserializeOwned>(
        &self,
        method: Method,
        operation: &str,
        url: &Url,
        body: Option<Value>,
        repeat: Repeat,
    ) -> Result<T, MlflowError> {
        let mut tries = Tries::new(operation, repeat);
        loop {
            match self.attempt(&method, operation, url, body.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => tries.wait(self, failure).await?,
            }
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        method: &Method,
        operation: &str,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let mut request = self.request(method.clone(), url.clone()).timeout(self.connection.timeout);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let bytes = self.body(operation, self.send(operation, request).await?).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::Final(MlflowError::Answer { operation: operation.to_owned(), problem: error.to_string() })
        })
    }

    /// Sends a request; what is not a success becomes a failure with the server's words.
    pub(super) async fn send(&self, operation: &str, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| Failure::Transient(causes(error), None))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let asked = asked.map(Duration::from_secs).map(|pause| pause.min(LONGEST_PAUSE));
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(Failure::Transient(format!("HTTP {status}"), asked));
        }
        let bytes = self.body(operation, response).await.unwrap_or_default();
        Err(Failure::Final(refused(operation, status, &bytes)))
    }

    /// The body of an answer, as far as it is bearable.
    async fn body(&self, operation: &str, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= LARGEST_ANSWER => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let problem = format!("has more than {LARGEST_ANSWER} bytes");
                    return Err(Failure::Final(MlflowError::Answer { operation: operation.to_owned(), problem }));
                }
                Ok(None) => return Ok(bytes),
                Err(error) => return Err(Failure::Transient(causes(error), None)),
            }
        }
    }

    pub(super) fn is_databricks(&self) -> bool {
        self.connection.kind == ServerKind::Databricks
    }
}

fn refused(operation: &str, status: StatusCode, body: &[u8]) -> MlflowError {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let text = |key: &str| parsed.as_ref().and_then(|body| body.get(key)).and_then(Value::as_str).map(shortened);
    let meaning = || match status.as_u16() {
        401 => "the credentials are missing or refused".to_owned(),
        403 => "forbidden: the credentials lack a right, or the server does not know its own host name \
                (mlflow server --allowed-hosts)"
            .to_owned(),
        404 => "there is no such thing at this address: is it an MLflow server?".to_owned(),
        300..=399 => "the server leads elsewhere: expected its final address".to_owned(),
        _ => "unexpected".to_owned(),
    };
    MlflowError::Refused {
        operation: operation.to_owned(),
        status: status.as_u16(),
        code: text("error_code").map(|code| format!("{code}: ")).unwrap_or_default(),
        message: text("message").unwrap_or_else(meaning),
    }
}

/// The server's words as one bearable line.
pub(super) fn shortened(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST_MESSAGE).collect()
}
