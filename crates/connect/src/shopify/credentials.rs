//! Credentials of the shop: a token that was configured, or one that is requested for a day with a client's id and secret.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::error::ShopifyError;
use crate::secret::Secret;

/// A token is renewed so long before it ends.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// Credentials as they are sent.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An access token: `shpat_…`.
    Token(Secret),
    /// An app of the shop's own organisation (client credentials grant).
    Client {
        /// The app's id.
        id: String,
        /// The app's secret.
        secret: Secret,
    },
}

/// The token in use.
#[derive(Debug)]
pub(super) struct Tokens {
    credentials: Credentials,
    /// Held while a token is fetched, so that many requests fetch one token.
    current: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    secret: Secret,
    ends: Option<Instant>,
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    expires_in: u64,
}

impl Tokens {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, current: Mutex::new(None) }
    }

    /// The token to send; fetched from `address` when there is none or it ends soon.
    pub(super) async fn token(&self, http: &reqwest::Client, address: &str) -> Result<Secret, ShopifyError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| !ends_soon(token)) {
            return Ok(token.secret.clone());
        }
        let token = match &self.credentials {
            Credentials::Token(secret) => Token { secret: secret.clone(), ends: None },
            Credentials::Client { id, secret } => fetch(http, address, id, secret).await?,
        };
        Ok(current.insert(token).secret.clone())
    }

    /// Forgets a token that the shop refused. False when there is no other one to be had.
    pub(super) async fn forget(&self, refused: &Secret) -> bool {
        if matches!(self.credentials, Credentials::Token(_)) {
            return false;
        }
        let mut current = self.current.lock().await;
        // Another request may have fetched a new one meanwhile.
        if current.as_ref().is_some_and(|token| token.secret == *refused) {
            *current = None;
        }
        true
    }
}

fn ends_soon(token: &Token) -> bool {
    token.ends.is_some_and(|ends| Instant::now() + RENEW_BEFORE >= ends)
}

async fn fetch(http: &reqwest::Client, address: &str, id: &str, secret: &Secret) -> Result<Token, ShopifyError> {
    let operation = || "access token".to_owned();
    let pairs = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret.reveal())];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = http
        .post(address)
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(reqwest::header::ACCEPT, "application/json")
        .body(body);
    let lost = |error: reqwest::Error| ShopifyError::Connection {
        operation: operation(),
        tries: 1,
        problem: error.without_url().to_string(),
    };
    let answer = request.send().await.map_err(lost)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(lost)?;
    if !status.is_success() {
        // Shopify's reason, such as "invalid_client"; the answer to a wrong secret does not repeat it.
        let reason = serde_json::from_slice::<Value>(&bytes).ok();
        let reason = reason.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str).unwrap_or("no reason");
        let meaning =
            format!("the client's id or secret is refused ({})", reason.chars().take(100).collect::<String>());
        return Err(ShopifyError::Refused { operation: operation(), status: status.as_u16(), meaning });
    }
    let grant: Grant = serde_json::from_slice(&bytes).map_err(|_| ShopifyError::Answer {
        operation: operation(),
        problem: "expected access_token and expires_in".to_owned(),
    })?;
    let ends = Instant::now().checked_add(Duration::from_secs(grant.expires_in));
    Ok(Token { secret: Secret::new(&grant.access_token), ends })
}
