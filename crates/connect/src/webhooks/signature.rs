//! Who sent it: headers and raw bytes enter, a delivery that the shop has signed leaves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Refusal;
use super::payload::{self, Change};
use crate::time;

const SIGNATURE: &str = "X-Shopify-Hmac-Sha256";
const TOPIC: &str = "X-Shopify-Topic";
const WEBHOOK_ID: &str = "X-Shopify-Webhook-Id";
const TRIGGERED_AT: &str = "X-Shopify-Triggered-At";
const SHOP: &str = "X-Shopify-Shop-Domain";
/// Longest id that is kept.
const LONGEST_ID: usize = 200;

/// The secrets that a shop may sign with.
#[derive(Debug)]
pub struct Verifier {
    /// One keyed hash a secret; debug output of it shows no key.
    keys: Vec<Hmac<Sha256>>,
    shop: Option<String>,
}

/// A delivery that was signed by the shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The same on every repetition.
    pub webhook_id: String,
    /// When the change happened, Unix seconds: of the product where it says so, else of the delivery.
    pub at: f64,
    /// What changed; none for topics that say nothing of products.
    pub change: Option<Change>,
}

impl Verifier {
    /// Takes the app's secret, and for an hour after it was changed the old one too. Empty secrets are left out: anyone
    /// could sign with them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().map(str::trim).filter(|secret| !secret.is_empty());
        // An HMAC takes keys of any length.
        let keys = secrets.filter_map(|secret| Hmac::new_from_slice(secret.as_bytes()).ok()).collect();
        Self { keys, shop: None }
    }

    /// Takes deliveries of this shop only, such as `example.myshopify.com`.
    #[must_use]
    pub fn only_from(mut self, shop: &str) -> Self {
        self.shop = Some(shop.to_ascii_lowercase());
        self
    }

    /// Whether there is a secret at all: without one, nothing is accepted.
    pub fn has_secret(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Checks the signature over the raw body, in constant time, and only then reads it. `header` finds a header by its
    /// name, whatever its case.
    ///
    /// # Errors
    /// [`Refusal`], which never says what the right signature would have been.
    pub fn open<'a>(&self, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Result<Delivery, Refusal> {
        let signature = header(SIGNATURE).and_then(|text| STANDARD.decode(text.trim()).ok());
        let signature = signature.ok_or(Refusal::Signature)?;
        // All keys are tried, whichever fits.
        let fits = self.keys.iter().map(|key| key.clone().chain_update(body).verify_slice(&signature).is_ok());
        if !fits.fold(false, |any, fits| any | fits) {
            return Err(Refusal::Signature);
        }
        let wanted = |name: &'static str| {
            let value = header(name).map(str::trim).filter(|value| !value.is_empty() && value.len() <= LONGEST_ID);
            value.ok_or(Refusal::Header { name, problem: "is missing or too long".to_owned() })
        };
        if let Some(shop) = &self.shop
            && !wanted(SHOP)?.eq_ignore_ascii_case(shop)
        {
            return Err(Refusal::Header { name: SHOP, problem: format!("is another shop: expected {shop}") });
        }
        let triggered_at = wanted(TRIGGERED_AT)?;
        let triggered_at =
            time::parse(triggered_at).map_err(|problem| Refusal::Header { name: TRIGGERED_AT, problem })?;
        let webhook_id = wanted(WEBHOOK_ID)?.to_owned();
        let (change, updated_at) = payload::read(wanted(TOPIC)?, body).map_err(Refusal::Body)?;
        Ok(Delivery { webhook_id, at: updated_at.unwrap_or(triggered_at), change })
    }
}
