//! Publishing: a bundle with what its training was enters, a registered version leaves. The same bundle again is found, not
//! published twice; a broken upload goes on where it broke.

use serde_json::{Value, json};
use slirec_core::files;
use slirec_core::vocabulary::UserFeature;

use super::artifacts::{Artifact, Content, Location, Transfer};
use super::client::{Client, Repeat};
use super::error::MlflowError;
use super::model_directory::{self, Identity};
use super::registry::ModelVersion;
use super::tracking::{Metric, Run, RunStatus};
use super::{BUNDLE_TAG, ModelReference, ModelSelector, SIGNED_TAG};
use crate::signing::SIGNATURE;

/// Tag of runs that says which version of us uploaded: another one may have written other files.
const PROGRAM_TAG: &str = "slirec.version";
/// States of a version.
const READY: &str = "READY";
const PENDING: &str = "PENDING_REGISTRATION";
/// Looks for a version whose making was not answered.
const LOOKS: u32 = 4;

/// What to publish, and where.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Name of the registered model.
    pub model: String,
    /// Aliases that shall point to the version.
    pub aliases: Vec<String>,
    /// Experiment of the run.
    pub experiment: String,
    /// Name of the run.
    pub run_name: String,
    /// A run that is there already, such as one that was logged while it trained.
    pub run_id: Option<String>,
    /// SHA-256 of the bundle's manifest.
    pub bundle_sha256: String,
    /// Its signature.
    pub signature: Option<Signature>,
    /// When the bundle was made: RFC 3339, and in milliseconds since 1970.
    pub created: (String, u64),
    /// Parameters of the training.
    pub parameters: Vec<(String, String)>,
    /// Its metrics.
    pub metrics: Vec<Metric>,
    /// Whatever else is to be noted down, with the run and the version.
    pub tags: Vec<(String, String)>,
    /// A line for people.
    pub description: String,
    /// Handles and times of a row, for the example.
    pub example: (Vec<String>, Vec<String>),
    /// Attributes of shoppers that the model reads, for its signature.
    pub users: Vec<UserFeature>,
    /// Files of the model directory beside those of [`model_directory::files`]: the graph and the bundle.
    pub model_files: Vec<Artifact>,
    /// Further files of the run: reports.
    pub reports: Vec<Artifact>,
}

/// The signature of a bundle.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The bytes of `model.sig`.
    pub bytes: Vec<u8>,
    /// Fingerprint of the key that signed. Every signing gives other bytes: what is signed by the same key is the same.
    pub key: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The version.
    pub version: String,
    /// Its run.
    pub run_id: String,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Publishes; `tell` is called for every piece.
///
/// # Errors
/// [`MlflowError`]. The next try goes on with the files that are missing.
pub async fn publish(client: &Client, publication: &Publication, tell: &Transfer) -> Result<Published, MlflowError> {
    let model = &publication.model;
    client.register(model).await?;
    let (found, was_there) = match find_version(client, publication, &[READY]).await? {
        Some(found) => (found, true),
        None => (Upload { client, publication, folder: folder(publication), tell }.run().await?, false),
    };
    for alias in &publication.aliases {
        client.set_alias(model, alias, &found.version).await?;
    }
    Ok(Published { version: found.version, run_id: found.run_id, was_there })
}

/// The newest version in one of these states that was made of this bundle, signed by the same key if it is signed.
async fn find_version(
    client: &Client,
    Publication { model, bundle_sha256, signature, .. }: &Publication,
    states: &[&str],
) -> Result<Option<ModelVersion>, MlflowError> {
    let has = |found: &ModelVersion, tag: &str, value: &String| found.tags.get(tag) == Some(value);
    let of_bundle = |found: &ModelVersion| {
        states.contains(&found.status.as_str())
            && has(found, BUNDLE_TAG, bundle_sha256)
            && signature.as_ref().is_none_or(|signature| has(found, SIGNED_TAG, &signature.key))
    };
    Ok(client.versions(model).await?.into_iter().find(of_bundle))
}

struct Upload<'a> {
    client: &'a Client,
    publication: &'a Publication,
    /// Of the model among the run's artifacts.
    folder: String,
    tell: &'a Transfer,
}

impl Upload<'_> {
    async fn run(&self) -> Result<ModelVersion, MlflowError> {
        let Self { client, publication, .. } = self;
        let run = self.find_or_create_run().await?;
        let (parameters, metrics) = (&publication.parameters, &publication.metrics);
        client.log(&run.id, parameters, (metrics, publication.created.1), &self.tags()).await?;
        let location = if client.is_databricks() {
            Location::SignedRun { id: run.id.clone() }
        } else {
            Location::proxied(&run.artifact_uri)?.ok_or_else(|| not_proxied(&run.artifact_uri))?
        };
        for Artifact { path, content } in &publication.reports {
            client.upload(&location, path, content, self.tell).await?;
        }
        let version = if client.is_databricks() {
            self.fill_version(&run).await?
        } else {
            self.upload_model(&location.join(&self.folder), &run).await?;
            self.log_model(&run).await?;
            let source = format!("{}/{}", run.artifact_uri.trim_end_matches('/'), self.folder);
            self.find_or_create_version(&source, &run).await?
        };
        client.finish_run(&run.id, RunStatus::Finished).await?;
        Ok(version)
    }

    /// The given run, one that an earlier try left behind, or a new one.
    async fn find_or_create_run(&self) -> Result<Run, MlflowError> {
        let Self { client, publication, .. } = self;
        if let Some(id) = &publication.run_id {
            return client.run(id).await;
        }
        let experiment = client.experiment(&publication.experiment).await?;
        let program = env!("CARGO_PKG_VERSION");
        let ours = [(BUNDLE_TAG, publication.bundle_sha256.as_str()), (PROGRAM_TAG, program)];
        match client.find_run(&experiment, &ours).await? {
            Some(run) => Ok(run),
            None => client.create_run(&experiment, &publication.run_name, &self.tags()).await,
        }
    }

    fn tags(&self) -> Vec<(String, String)> {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let own = [
            tag("mlflow.source.name", "slirec"),
            tag(PROGRAM_TAG, env!("CARGO_PKG_VERSION")),
            tag(BUNDLE_TAG, &self.publication.bundle_sha256),
        ];
        let signed = self.publication.signature.iter().map(|signature| tag(SIGNED_TAG, &signature.key));
        own.into_iter().chain(signed).chain(self.publication.tags.iter().cloned()).collect()
    }

    fn small_files(&self, run: &Run) -> Vec<Artifact> {
        let (items, timestamps) = &self.publication.example;
        let identity = Identity {
            folder: &self.folder,
            run_id: &run.id,
            bundle_sha256: &self.publication.bundle_sha256,
            created: &self.publication.created.0,
            example: (items, timestamps),
            users: &self.publication.users,
        };
        let artifact = |(path, text): (&str, String)| Artifact {
            path: path.to_owned(),
            content: Content::Bytes(text.into_bytes()),
        };
        model_directory::files(&identity).into_iter().map(artifact).collect()
    }

    /// The bundle's signature as a file.
    fn signature(&self) -> Option<Artifact> {
        let Signature { bytes, .. } = self.publication.signature.as_ref()?;
        let path = format!("{}/{SIGNATURE}", model_directory::BUNDLE);
        Some(Artifact { path, content: Content::Bytes(bytes.clone()) })
    }

    /// Everything of the model directory that is not there yet. `MLmodel` comes last: without it there is no model.
    async fn upload_model(&self, location: &Location, run: &Run) -> Result<(), MlflowError> {
        let small_files = self.small_files(run);
        let signature = self.signature();
        for Artifact { path, content } in self.publication.model_files.iter().chain(&signature).chain(&small_files) {
            let (folder, name) =
                path.rsplit_once('/').map_or((None, path.as_str()), |(folder, name)| (Some(folder), name));
            let folder = folder.map_or_else(|| location.clone(), |folder| location.join(folder));
            let there = self.client.list(&folder).await?.unwrap_or_default();
            let is_there = there.get(name).copied().flatten() == Some(content.length()?);
            let may_differ = path == model_directory::MLMODEL || path.ends_with(SIGNATURE);
            if is_there && !may_differ {
                (self.tell)(path, content.length()?);
                continue;
            }
            self.client.upload(location, path, content, self.tell).await?;
        }
        Ok(())
    }

    /// Has the run list its model; versions 2 and 3 of MLflow show it.
    async fn log_model(&self, run: &Run) -> Result<(), MlflowError> {
        let small_files = self.small_files(run);
        let Some(Artifact { content: Content::Bytes(model), .. }) = small_files.last() else { return Ok(()) };
        let body = json!({"run_id": run.id, "model_json": String::from_utf8_lossy(model)});
        let logged: Result<Value, _> = self.client.post("runs/log-model", body, Repeat::Harmless).await;
        match logged {
            // A later version may do without: then the registered version is all there is to see.
            Err(error) if error.is_missing() => Ok(()),
            logged => logged.map(drop),
        }
    }

    async fn find_or_create_version(&self, source: &str, run: &Run) -> Result<ModelVersion, MlflowError> {
        let Publication { model, description, .. } = self.publication;
        let mut looks = 1;
        loop {
            match self.client.create_version(model, source, &run.id, description, &self.tags()).await {
                Err(error) if error.is_lost() && looks < LOOKS => {
                    tokio::time::sleep(crate::http::pause(self.client.connection().first_pause, looks + 1)).await;
                    looks += 1;
                    // It may have been made before the answer was lost.
                    if let Some(found) = find_version(self.client, self.publication, &[READY, PENDING]).await? {
                        return Ok(found);
                    }
                }
                made => return made,
            }
        }
    }

    /// In Unity Catalog a version is made first, then filled, then declared complete.
    async fn fill_version(&self, run: &Run) -> Result<ModelVersion, MlflowError> {
        let Publication { model, .. } = self.publication;
        let source = format!("runs:/{}/{}", run.id, self.folder);
        // An earlier try may have left one half filled.
        let made = match find_version(self.client, self.publication, &[PENDING]).await? {
            Some(pending) => pending,
            None => self.find_or_create_version(&source, run).await?,
        };
        let location = Location::UnityCatalog { name: model.clone(), version: made.version.clone() };
        self.upload_model(&location, run).await?;
        let body = json!({"name": model, "version": made.version});
        let _: Value =
            self.client.post(&self.client.registry("model-versions/finalize"), body, Repeat::Harmless).await?;
        let selector = ModelSelector::Version(made.version);
        self.client.resolve(&ModelReference { name: model.clone(), selector }).await
    }
}

/// Name of the model's folder: of a run whose training was logged there may come several bundles, and what is in a folder of
/// this name already is the same as what would be uploaded again.
fn folder(publication: &Publication) -> String {
    let in_memory = publication.model_files.iter().filter_map(|file| match &file.content {
        Content::Bytes(bytes) => Some(files::sha256(bytes)),
        // Of the bundle, whose hash fixes them all.
        Content::File(_) => None,
    });
    let signed = publication.signature.iter().map(|signature| signature.key.clone());
    let parts = [publication.bundle_sha256.clone(), env!("CARGO_PKG_VERSION").to_owned()];
    let parts = parts.into_iter().chain(signed).chain(in_memory);
    let hash = files::sha256(parts.collect::<Vec<_>>().join(" ").as_bytes());
    format!("model-{}", hash.get(..12).unwrap_or_default())
}

fn not_proxied(uri: &str) -> MlflowError {
    MlflowError::Location(format!(
        "the experiment keeps its artifacts at `{uri}`, where only clients with rights of their own reach them: expected \
         mlflow-artifacts:/…, as `mlflow server --artifacts-destination` gives to new experiments"
    ))
}
