//! Where a shop is: what people write enters, the start of every address leaves.

use super::error::ShopifyError;
use crate::http::is_loopback;

/// `https://host` without anything behind it.
pub(super) fn base_address(store_url: &str) -> Result<String, ShopifyError> {
    let wrong = || ShopifyError::Address(store_url.to_owned());
    let trimmed = store_url.trim();
    let text = if trimmed.contains("://") { trimmed.to_owned() } else { format!("https://{trimmed}") };
    let url = url::Url::parse(&text).map_err(|_| wrong())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    if !safe || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_s_name_its_address_and_a_page_of_it_mean_the_same() {
        for text in
            ["example.myshopify.com", " https://example.myshopify.com/ ", "https://example.myshopify.com/admin?x"]
        {
            assert_eq!(base_address(text).unwrap(), "https://example.myshopify.com", "{text}");
        }
        assert_eq!(base_address("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear_or_to_an_address_with_a_password() {
        for text in
            ["http://example.myshopify.com", "ftp://example.com", "https://user:word@example.com", "", "https://"]
        {
            assert!(base_address(text).is_err(), "{text}");
        }
    }
}
