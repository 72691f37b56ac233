//! Registered models: names enter; versions, with their aliases and tags, leave. Unity Catalog has the same operations under
//! addresses of its own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Repeat, shortened};
use super::error::MlflowError;
use super::reference::{ModelReference, ModelSelector, check_name, is_version};

/// Versions on a page of the list.
const PAGE: &str = "200";
/// Pages beyond this are not asked for: a server that always has another one is not to be believed.
const MOST_PAGES: usize = 1_000;

/// A version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    /// Number, as text.
    pub version: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// `READY`, `PENDING_REGISTRATION` or `FAILED_REGISTRATION`.
    pub status: String,
    /// The run it came from.
    pub run_id: String,
    /// Whatever was noted down with it.
    pub tags: BTreeMap<String, String>,
}

/// A registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    /// Its name.
    pub name: String,
    /// Version by alias.
    pub aliases: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct VersionAnswer {
    model_version: RawVersion,
}

#[derive(Deserialize)]
struct RawVersion {
    version: String,
    #[serde(default)]
    creation_timestamp: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    run_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl RawVersion {
    /// The version, if its number is one: it becomes part of addresses and paths.
    fn checked(self, operation: &str) -> Result<ModelVersion, MlflowError> {
        let Self { version, creation_timestamp: created, status, run_id, tags } = self;
        if !is_version(&version) {
            let problem = format!("a version is `{}`: expected a number", shortened(&version));
            return Err(MlflowError::Answer { operation: operation.to_owned(), problem });
        }
        let tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        Ok(ModelVersion { version, created, status, run_id, tags })
    }
}

impl Client {
    /// Operations of the registry; Unity Catalog's have a prefix.
    pub(super) fn registry(&self, operation: &str) -> String {
        if self.is_databricks() { format!("unity-catalog/{operation}") } else { operation.to_owned() }
    }

    /// Whether a name can be registered here.
    pub(super) fn check_model(&self, name: &str) -> Result<(), MlflowError> {
        check_name(name)?;
        if self.is_databricks() && name.split('.').filter(|part| !part.is_empty()).count() != 3 {
            let expected = "expected catalog.schema.model, its name in Unity Catalog; the older registry of a \
                            workspace keeps its files where only Databricks' own clients reach them";
            return Err(MlflowError::Reference { found: name.to_owned(), expected });
        }
        Ok(())
    }

    /// The version that a reference means now.
    ///
    /// # Errors
    /// [`MlflowError`]; [`MlflowError::is_missing`] when there is no such model, alias or version.
    pub async fn resolve(&self, reference: &ModelReference) -> Result<ModelVersion, MlflowError> {
        self.check_model(&reference.name)?;
        let name = ("name", reference.name.as_str());
        let (operation, which) = match &reference.selector {
            ModelSelector::Alias(alias) => ("registered-models/alias", ("alias", alias.as_str())),
            ModelSelector::Version(version) => ("model-versions/get", ("version", version.as_str())),
        };
        let answer: VersionAnswer = self.get(&self.registry(operation), &[name, which]).await?;
        answer.model_version.checked(operation)
    }

    /// A registered model with its aliases; none when there is none of this name.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn registered_model(&self, name: &str) -> Result<Option<RegisteredModel>, MlflowError> {
        #[derive(Deserialize)]
        struct Answer {
            registered_model: Raw,
        }
        #[derive(Deserialize)]
        struct Raw {
            #[serde(default)]
            aliases: Vec<Alias>,
        }
        #[derive(Deserialize)]
        struct Alias {
            alias: String,
            version: String,
        }
        self.check_model(name)?;
        let answer: Result<Answer, _> = self.get(&self.registry("registered-models/get"), &[("name", name)]).await;
        match answer {
            Ok(Answer { registered_model: Raw { aliases } }) => {
                let aliases = aliases.into_iter().map(|found| (found.alias, found.version)).collect();
                Ok(Some(RegisteredModel { name: name.to_owned(), aliases }))
            }
            Err(error) if error.has_code("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All versions of a model, newest first.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn versions(&self, name: &str) -> Result<Vec<ModelVersion>, MlflowError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            model_versions: Vec<RawVersion>,
            #[serde(default)]
            next_page_token: String,
        }
        self.check_model(name)?;
        let (operation, filter) = (self.registry("model-versions/search"), format!("name='{name}'"));
        let (mut versions, mut token) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let mut query = vec![("filter", filter.as_str()), ("max_results", PAGE)];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let page: Page = self.get(&operation, &query).await?;
            for version in page.model_versions {
                versions.push(version.checked(&operation)?);
            }
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        versions.sort_by_key(|found| std::cmp::Reverse(found.version.parse::<u64>().unwrap_or(0)));
        Ok(versions)
    }

    /// Points an alias to a version; it may have pointed elsewhere before.
    ///
    /// # Errors
    /// [`MlflowError`], for names that MLflow keeps for itself as well (`latest`, `v1`).
    pub async fn set_alias(&self, name: &str, alias: &str, version: &str) -> Result<(), MlflowError> {
        self.check_model(name)?;
        check_name(alias)?;
        let body = json!({"name": name, "alias": alias, "version": version});
        let _: Value = self.post(&self.registry("registered-models/alias"), body, Repeat::Harmless).await?;
        Ok(())
    }

    /// Takes an alias away.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<(), MlflowError> {
        self.check_model(name)?;
        let (operation, body) = (self.registry("registered-models/alias"), json!({"name": name, "alias": alias}));
        let _: Value = self.call(reqwest::Method::DELETE, &operation, &[], Some(body), Repeat::Harmless).await?;
        Ok(())
    }

    /// Makes sure that a model of this name is registered.
    pub(super) async fn register(&self, name: &str) -> Result<(), MlflowError> {
        let operation = self.registry("registered-models/create");
        let made: Result<Value, _> = self.post(&operation, json!({"name": name}), Repeat::Harmless).await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.has_code("RESOURCE_ALREADY_EXISTS") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a version. A lost answer is an error, the version may be there.
    pub(super) async fn create_version(
        &self,
        name: &str,
        source: &str,
        run_id: &str,
        description: &str,
        tags: &[(String, String)],
    ) -> Result<ModelVersion, MlflowError> {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({"name": name, "source": source, "run_id": run_id, "description": description, "tags": tags});
        let operation = self.registry("model-versions/create");
        let answer: VersionAnswer = self.post(&operation, body, Repeat::Harmful).await?;
        answer.model_version.checked(&operation)
    }
}
