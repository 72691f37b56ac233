//! A registry with versions that were published as the companion does, and a place for what is brought from it.

use std::path::Path;
use std::sync::Arc;

use slirec_connect::mlflow::{Artifact, Client, Connection, Content, Publication, Signature, Transfer, publish};
use slirec_connect::signing::covered;
use slirec_core::bundle::{MANIFEST, Manifest};
use tempfile::TempDir;

use super::mock::{Fault, MockServer};
use crate::bundle::Bundle;
use crate::server::Server;

pub(super) const MODEL: &str = "slirec_shopify_model";
pub(crate) const CHAMPION: &str = "models:/slirec_shopify_model@champion";

/// A registry, and a place for what is brought from it.
pub(crate) struct Registry {
    pub(super) mock: MockServer,
    pub(super) cache: TempDir,
}

impl Registry {
    /// With one version, which says so.
    pub(super) fn new() -> Self {
        Self::with(&Bundle::of_version("first"))
    }

    /// With one version.
    pub(crate) fn with(bundle: &Bundle) -> Self {
        let registry = Self { mock: MockServer::start(), cache: tempfile::tempdir().unwrap() };
        registry.push(bundle, true);
        registry
    }

    /// Publishes a bundle as the companion does, and moves the alias to it.
    pub(crate) fn push(&self, bundle: &Bundle, is_champion: bool) {
        let (manifest, bundle_sha256) = Manifest::read(Path::new(bundle.path())).unwrap();
        let signature = bundle.signature().map(|bytes| {
            let key = covered(&bytes, &manifest, &bundle_sha256).unwrap();
            Signature { bytes, key }
        });
        let file = |name: &str| Artifact {
            path: format!("bundle/{name}"),
            content: Content::File(Path::new(bundle.path()).join(name)),
        };
        let publication = Publication {
            model: MODEL.to_owned(),
            aliases: if is_champion { vec!["champion".to_owned()] } else { Vec::new() },
            experiment: "slirec".to_owned(),
            run_name: "a run".to_owned(),
            run_id: None,
            bundle_sha256,
            signature,
            created: (manifest.created.clone(), 0),
            parameters: Vec::new(),
            metrics: Vec::new(),
            tags: Vec::new(),
            description: String::new(),
            example: (Vec::new(), Vec::new()),
            users: Vec::new(),
            model_files: manifest.file_names().chain([MANIFEST]).map(file).collect(),
            reports: Vec::new(),
        };
        let client = Client::new(Connection::from_variables(Some(&self.mock.url), &|_| None).unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let silent: Transfer = Arc::new(|_, _| ());
        runtime.block_on(publish(&client, &publication, &silent)).unwrap();
    }

    pub(crate) fn variables<'a>(&'a self, model: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("MLFLOW_TRACKING_URI", &self.mock.url),
            ("SLIREC__MODEL__PATH", model),
            ("SLIREC__REGISTRY__CACHE", self.cache.path().to_str().unwrap()),
            ("SLIREC__REGISTRY__POLL_SECONDS", "1"),
            ("SLIREC__REGISTRY__TIMEOUT_SECONDS", "1"),
        ]
    }

    pub(super) fn serve(&self) -> Server {
        Server::start_with(&self.variables(CHAMPION))
    }

    pub(super) fn break_down(&self, fault: Option<Fault>) {
        self.mock.state().always = fault;
    }
}
