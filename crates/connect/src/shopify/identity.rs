//! Which shop it is and what the app may do there: the scopes that are needed enter, the shop leaves.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::documents::WHO_AM_I;
use super::error::ShopifyError;

/// Which shop answers, and what we may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// The name that its owner gave it.
    pub name: String,
    /// `example.myshopify.com`
    pub domain: String,
    /// Access scopes of the app.
    pub scopes: HashSet<String>,
}

impl Client {
    /// Asks who we are and what we may do.
    ///
    /// # Errors
    /// [`ShopifyError::MissingScopes`] when one of `scopes` is not granted; a scope to write is one to read, too.
    pub async fn shop(&self, scopes: &[&str]) -> Result<Shop, ShopifyError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct WhoAmI {
            shop: Named,
            current_app_installation: Installation,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            name: String,
            myshopify_domain: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Installation {
            access_scopes: Vec<Scope>,
        }
        #[derive(Deserialize)]
        struct Scope {
            handle: String,
        }
        let answer: WhoAmI = self.query(WHO_AM_I, json!({})).await?;
        let granted = answer.current_app_installation.access_scopes.into_iter().map(|scope| scope.handle);
        let granted: HashSet<String> = granted.collect();
        let allows = |scope: &str| {
            granted.contains(scope)
                || scope.strip_prefix("read_").is_some_and(|rest| granted.contains(&format!("write_{rest}")))
        };
        let missing: Vec<String> =
            scopes.iter().filter(|scope| !allows(scope)).map(|scope| (*scope).to_owned()).collect();
        if !missing.is_empty() {
            return Err(ShopifyError::MissingScopes(missing));
        }
        Ok(Shop { name: answer.shop.name, domain: answer.shop.myshopify_domain, scopes: granted })
    }
}
