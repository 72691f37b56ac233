//! What Shopify itself records: customer events of a web pixel, orders of a bulk query, the admin's order export.

pub(super) mod order_csv;
pub(super) mod order_rows;
pub(super) mod orders;
pub(super) mod web_pixel;

use sha2::{Digest, Sha256};

/// An e-mail address as the name of a shopper: the same address gives the same name, and the name gives no address.
fn shopper_of_email(email: &str) -> String {
    hashed("email", &email.trim().to_lowercase())
}

/// What tells a person as a name that does not: `email-1f2e…`.
fn hashed(kind: &str, text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{name}")
}
