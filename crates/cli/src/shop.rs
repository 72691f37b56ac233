//! Address and credentials of the shop: flags, the environment and files enter, a client leaves. Secrets come from the
//! environment or from files, never from arguments, which every user of a machine can read.

use std::future::Future;

use anyhow::{Context, Result};
use slirec_connect::shopify::{API_VERSION, Client, ClientOptions, Credentials, Secret, ShopifyError};
use tokio::runtime::{Builder, Runtime};

use crate::variables::variable;

const STORE: &str = "SHOPIFY_STORE_URL";
const TOKEN: &str = "SHOPIFY_ACCESS_TOKEN";
const CLIENT_ID: &str = "SHOPIFY_CLIENT_ID";
const CLIENT_SECRET: &str = "SHOPIFY_CLIENT_SECRET";

/// How to reach the shop. The access token is read from SHOPIFY_ACCESS_TOKEN, or a client's id and secret from
/// SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET; NAME_FILE may name a file that holds the value instead.
#[derive(Debug, clap::Args)]
#[command(
    next_help_heading = "The shop (credentials: SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET)"
)]
pub(crate) struct ShopArguments {
    /// Address of the shop, such as example.myshopify.com; by default from SHOPIFY_STORE_URL
    #[arg(long, value_name = "ADDRESS")]
    store: Option<String>,
    /// Version of the Admin API
    #[arg(long, value_name = "VERSION", default_value = API_VERSION)]
    api_version: String,
}

/// A shop that can be talked to from code that is not async.
pub(crate) struct Connection {
    runtime: Runtime,
    client: Client,
}

impl ShopArguments {
    /// Prepares the client; nothing is sent yet.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => variable(STORE)?.with_context(|| format!("which shop? expected --store or {STORE}"))?,
        };
        let mut options = ClientOptions::new(&store, credentials()?);
        options.api_version.clone_from(&self.api_version);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Connection { runtime, client: Client::new(options)? })
    }
}

impl Connection {
    /// The client, for what is to be awaited.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for an answer of the shop; says so when it answers with another version of its API.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = Result<T, ShopifyError>>) -> Result<T> {
        let result = self.runtime.block_on(answer);
        if let Some(warning) = self.client.version_warning() {
            note!("warning: {warning}");
        }
        Ok(result?)
    }
}

fn credentials() -> Result<Credentials> {
    if let Some(token) = variable(TOKEN)? {
        return Ok(Credentials::Token(Secret::new(&token)));
    }
    match (variable(CLIENT_ID)?, variable(CLIENT_SECRET)?) {
        (Some(id), Some(secret)) => Ok(Credentials::Client { id, secret: Secret::new(&secret) }),
        _ => Err(ShopifyError::NoCredentials.into()),
    }
}
