//! The client: a document and its variables enter, the answer's data leaves; in between pacing, tokens and retries.
//!
//! What is done when (shopify.dev, "API rate limits" and "Response status and error codes"): a throttled query waits for
//! the bucket; a lost answer is asked again, up to five times, with growing pauses, if asking twice does no harm; a token
//! that has ended is renewed once; everything else that the shop refuses is an error that says why.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::API_VERSION;
use super::address::base_address;
use super::answers::{self, Answer, Outcome, answer, of_errors, refused, retry_after};
use super::credentials::{Credentials, Tokens};
use super::documents::{Document, Fixed};
use super::error::ShopifyError;
use super::pace::Pace;
use crate::http::{causes, choose_encryption, pause};
use crate::secret::Secret;

/// Tries of a request whose answer is lost.
const TRIES: u32 = 5;
/// Longest wait for a throttled request, all tries together.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Requests in flight.
pub(super) const IN_FLIGHT: usize = 4;

/// How to reach a shop.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// `example.myshopify.com`, with or without `https://`. Plain `http://` only to this machine, for tests.
    pub store_url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Version of the API.
    pub api_version: String,
    /// Pause before the second try of a lost answer; each further one is twice as long.
    pub first_pause: Duration,
    /// Longest wait for one answer.
    pub timeout: Duration,
}

impl ClientOptions {
    /// The defaults for a shop.
    pub fn new(store_url: &str, credentials: Credentials) -> Self {
        Self {
            store_url: store_url.to_owned(),
            credentials,
            api_version: API_VERSION.to_owned(),
            first_pause: Duration::from_millis(500),
            timeout: Duration::from_secs(60),
        }
    }
}

/// A connection to one shop.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    graphql: String,
    token_address: String,
    version: String,
    tokens: Tokens,
    /// Only held to look and to write down, never while waiting.
    pace: Mutex<Pace>,
    in_flight: Semaphore,
    first_pause: Duration,
    served_version: OnceLock<String>,
    requests: std::sync::atomic::AtomicU64,
}

/// Whether asking twice does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Harmless,
    Harmful,
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ShopifyError::Address`] or [`ShopifyError::Credentials`].
    pub fn new(options: ClientOptions) -> Result<Self, ShopifyError> {
        let base = base_address(&options.store_url)?;
        let secret = match &options.credentials {
            Credentials::Token(secret) | Credentials::Client { secret, .. } => secret,
        };
        if secret.reveal().is_empty() || HeaderValue::from_str(secret.reveal()).is_err() {
            return Err(ShopifyError::Credentials("token or secret"));
        }
        choose_encryption();
        let http = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(Duration::from_secs(10))
            // A token must not follow to another host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("slirec/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ShopifyError::Address(error.to_string()))?;
        Ok(Self {
            http,
            graphql: format!("{base}/admin/api/{}/graphql.json", options.api_version),
            token_address: format!("{base}/admin/oauth/access_token"),
            version: options.api_version,
            tokens: Tokens::new(options.credentials),
            pace: Mutex::new(Pace::default()),
            in_flight: Semaphore::new(IN_FLIGHT),
            first_pause: options.first_pause,
            served_version: OnceLock::new(),
            requests: std::sync::atomic::AtomicU64::new(0),
        })
    }

    /// Requests that were sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A warning when the shop answers with another version of the API than asked for: it serves a retired version by
    /// the oldest that it still supports.
    pub fn version_warning(&self) -> Option<String> {
        let served = self.served_version.get().filter(|served| **served != self.version)?;
        Some(format!("the shop answers with version {served} of its API: expected {}", self.version))
    }

    /// Asks something, or does something that may be done twice.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        document: Fixed,
        variables: Value,
    ) -> Result<T, ShopifyError> {
        self.send(&document.document(), variables, Repeat::Harmless).await
    }

    /// As [`Client::query`], for a document that was made while running.
    pub(super) async fn query_document<T: DeserializeOwned>(
        &self,
        document: &Document,
        variables: Value,
    ) -> Result<T, ShopifyError> {
        self.send(document, variables, Repeat::Harmless).await
    }

    /// Does something that must not be done twice: a lost answer is [`ShopifyError::Lost`].
    pub(super) async fn mutate_once<T: DeserializeOwned>(
        &self,
        document: Fixed,
        variables: Value,
    ) -> Result<T, ShopifyError> {
        self.send(&document.document(), variables, Repeat::Harmful).await
    }

    /// What the last query of this name cost.
    pub(super) fn cost(&self, document: Fixed) -> Option<f64> {
        self.pace.lock().ok().and_then(|pace| pace.cost(document.name))
    }

    /// Downloads the result of a bulk operation, without our token: the address leads to a storage of its own.
    pub(super) async fn download(&self, address: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.http.get(address).timeout(Duration::from_secs(3600)).send().await?.error_for_status()
    }

    /// The pause before try `number`, from 2 on.
    pub(super) fn pause(&self, number: u32) -> Duration {
        pause(self.first_pause, number)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        document: &Document,
        variables: Value,
        repeat: Repeat,
    ) -> Result<T, ShopifyError> {
        let operation = &document.name;
        let body = json!({"query": document.text, "variables": variables, "operationName": operation});
        let body = serde_json::to_vec(&body).map_err(|error| answer(operation, error.to_string()))?;
        // Never closed.
        let _place = self.in_flight.acquire().await.map_err(|error| answer(operation, error.to_string()))?;
        let (mut tries, mut waited, mut renewed) = (1, Duration::ZERO, false);
        loop {
            let token = self.tokens.token(&self.http, &self.token_address).await?;
            let place = self.pace.lock().ok().map(|mut pace| pace.reserve(operation, Instant::now()));
            tokio::time::sleep(place.map_or(Duration::ZERO, |place| place.wait)).await;
            let outcome = self.attempt(operation, body.clone(), &token).await;
            if let (Some(place), Ok(mut pace)) = (place, self.pace.lock()) {
                pace.settle(place);
            }
            match outcome? {
                Outcome::Data(data) => {
                    return serde_json::from_value(data).map_err(|error| answer(operation, error.to_string()));
                }
                Outcome::Throttled(wait) => {
                    let wait = wait.max(Duration::from_millis(100)).mul_f64(rand::rng().random_range(1.0..1.2));
                    if waited + wait > LONGEST_WAIT {
                        return Err(ShopifyError::Throttled { operation: operation.clone(), waited });
                    }
                    waited += wait;
                    tokio::time::sleep(wait).await;
                }
                Outcome::TokenRefused if !renewed && self.tokens.forget(&token).await => renewed = true,
                Outcome::TokenRefused => return Err(refused(operation, StatusCode::UNAUTHORIZED)),
                Outcome::Transient(problem) if repeat == Repeat::Harmful => {
                    return Err(ShopifyError::Lost { operation: operation.clone(), problem });
                }
                Outcome::Transient(problem) if tries >= TRIES => {
                    return Err(ShopifyError::Connection { operation: operation.clone(), tries, problem });
                }
                Outcome::Transient(_) => {
                    tries += 1;
                    tokio::time::sleep(self.pause(tries)).await;
                }
            }
        }
    }

    async fn attempt(&self, operation: &str, body: Vec<u8>, token: &Secret) -> Result<Outcome, ShopifyError> {
        let mut token = HeaderValue::from_str(token.reveal()).map_err(|_| ShopifyError::Credentials("token"))?;
        token.set_sensitive(true);
        let request = self.http.post(&self.graphql).header("X-Shopify-Access-Token", token);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Outcome::Transient(causes(error))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = match answers::body(operation, response).await? {
            Ok(bytes) => bytes,
            Err(lost) => return Ok(lost),
        };
        if let Some(version) = headers.get("X-Shopify-API-Version").and_then(|value| value.to_str().ok()) {
            self.served_version.get_or_init(|| version.to_owned());
        }
        match status {
            StatusCode::UNAUTHORIZED => return Ok(Outcome::TokenRefused),
            StatusCode::TOO_MANY_REQUESTS => return Ok(Outcome::Throttled(retry_after(&headers))),
            status if status.is_server_error() => return Ok(Outcome::Transient(format!("HTTP {status}"))),
            status if !status.is_success() => return Err(refused(operation, status)),
            _ => {}
        }
        let parsed: Answer = match serde_json::from_slice(&bytes) {
            Ok(parsed) => parsed,
            // Half an answer, or a proxy's page.
            Err(error) => return Ok(Outcome::Transient(format!("the answer is no JSON: {error}"))),
        };
        let cost = parsed.extensions.as_ref().and_then(|extensions| extensions.cost);
        if let (Some(cost), Ok(mut pace)) = (&cost, self.pace.lock()) {
            pace.learn(operation, cost, Instant::now());
        }
        if let Some(errors) = &parsed.errors {
            return of_errors(operation, errors, cost.as_ref());
        }
        let data = parsed.data.ok_or_else(|| answer(operation, "has neither data nor errors".to_owned()))?;
        Ok(Outcome::Data(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::Client { id: "id".into(), secret: Secret::new(" shpss_abc\n") };
        assert_eq!(format!("{credentials:?}"), r#"Client { id: "id", secret: (secret) }"#);
        let options = ClientOptions::new("example.myshopify.com", Credentials::Token(Secret::new("shpat_abc")));
        assert!(!format!("{:?}", Client::new(options).unwrap()).contains("shpat_abc"));
    }
}
