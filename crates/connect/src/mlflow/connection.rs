//! Address and credentials of the registry: variables of the environment, under the names that MLflow's own clients read,
//! enter; a checked [`Connection`] leaves.

use std::time::Duration;

use reqwest::header::HeaderValue;
use url::Url;

use super::error::MlflowError;
use crate::http::is_loopback;
use crate::secret::Secret;

const TRACKING_URI: &str = "MLFLOW_TRACKING_URI";
const TRACKING_TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USERNAME: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
const DATABRICKS_HOST: &str = "DATABRICKS_HOST";
const DATABRICKS_TOKEN: &str = "DATABRICKS_TOKEN";

/// Who keeps the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// `mlflow server`.
    OpenSource,
    /// A workspace of Databricks: models are those of Unity Catalog, `catalog.schema.model`.
    Databricks,
}

/// How to reach a registry.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(super) kind: ServerKind,
    /// Scheme, host and perhaps a path, without a slash at the end.
    pub(super) base: Url,
    pub(super) authorization: Option<Authorization>,
    /// Pause before the second try of a lost answer; each further one is twice as long.
    pub first_pause: Duration,
    /// Longest wait for one answer; files that go on coming may take longer.
    pub timeout: Duration,
}

/// Credentials.
#[derive(Debug, Clone)]
pub(super) enum Authorization {
    Bearer(Secret),
    Basic { username: String, password: Secret },
}

impl Connection {
    /// Reads the usual variables; `variable` gives their values. An address given by the caller comes before
    /// `MLFLOW_TRACKING_URI`.
    ///
    /// # Errors
    /// [`MlflowError`] when there is no address, or it or the credentials cannot be used.
    pub fn from_variables(
        address: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, MlflowError> {
        let value = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let named = address.map(str::to_owned).or_else(|| value(TRACKING_URI));
        let is_databricks = named.as_deref().map_or_else(|| value(DATABRICKS_HOST).is_some(), is_databricks);
        if is_databricks {
            let host = value(DATABRICKS_HOST).ok_or(MlflowError::Credentials(
                "Databricks without DATABRICKS_HOST: expected https://NAME.cloud.databricks.com or the like",
            ))?;
            let token = value(DATABRICKS_TOKEN).ok_or(MlflowError::Credentials(
                "Databricks without DATABRICKS_TOKEN: expected an access token there",
            ))?;
            let host = if host.contains("://") { host } else { format!("https://{host}") };
            let base = base_address(DATABRICKS_HOST, &host)?;
            return Self::new(ServerKind::Databricks, base, Some(Authorization::Bearer(Secret::new(&token))));
        }
        let base = base_address(TRACKING_URI, &named.ok_or(MlflowError::NoAddress)?)?;
        // The order of MLflow's own client.
        let authorization = match (value(USERNAME), value(PASSWORD), value(TRACKING_TOKEN)) {
            (Some(username), Some(password), _) => {
                Some(Authorization::Basic { username, password: Secret::new(&password) })
            }
            (_, _, Some(token)) => Some(Authorization::Bearer(Secret::new(&token))),
            (None, None, None) => None,
            _ => {
                let problem =
                    "expected both MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN";
                return Err(MlflowError::Credentials(problem));
            }
        };
        Self::new(ServerKind::OpenSource, base, authorization)
    }

    fn new(kind: ServerKind, base: Url, authorization: Option<Authorization>) -> Result<Self, MlflowError> {
        if let Some(Authorization::Bearer(token)) = &authorization
            && HeaderValue::from_str(token.reveal()).is_err()
        {
            let problem = "the token holds characters that cannot be sent: expected the text as it was given out";
            return Err(MlflowError::Credentials(problem));
        }
        if kind == ServerKind::Databricks && base.scheme() != "https" && !is_loopback(&base) {
            return Err(MlflowError::Address {
                variable: DATABRICKS_HOST,
                address: base.to_string(),
                problem: "expected https://, a token must not travel in the clear",
            });
        }
        let (first_pause, timeout) = (Duration::from_millis(500), Duration::from_secs(30));
        Ok(Self { kind, base, authorization, first_pause, timeout })
    }

    /// Scheme and host, for messages.
    pub fn address(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// Who keeps the registry.
    pub fn kind(&self) -> ServerKind {
        self.kind
    }
}

/// MLflow's own words for "as the variables of Databricks say".
fn is_databricks(address: &str) -> bool {
    matches!(address, "databricks" | "databricks-uc") || address.starts_with("databricks://")
}

fn base_address(variable: &'static str, text: &str) -> Result<Url, MlflowError> {
    let wrong = |problem| MlflowError::Address { variable, address: without_password(text), problem };
    let url = Url::parse(text).map_err(|_| wrong("expected http://… or https://…"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("expected http://… or https://…: a store that is no server cannot be reached from here"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("expected no password in it, but in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("expected nothing behind the path"));
    }
    Ok(url)
}

/// What may be shown of an address that was not understood.
fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(variables: &[(&str, &str)]) -> Result<Connection, String> {
        let variable =
            |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        Connection::from_variables(None, &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_is_found_with_or_without_a_path_and_credentials() {
        let plain = connection(&[(TRACKING_URI, "http://mlflow:5000")]).unwrap();
        assert_eq!((plain.address().as_str(), plain.kind()), ("http://mlflow:5000", ServerKind::OpenSource));
        assert!(plain.authorization.is_none());
        let behind = connection(&[(TRACKING_URI, "https://tools.example/mlflow/"), (TRACKING_TOKEN, "abc\n")]).unwrap();
        assert_eq!(behind.address(), "https://tools.example/mlflow");
        assert!(matches!(behind.authorization, Some(Authorization::Bearer(_))));
        let named = [(TRACKING_URI, "http://mlflow:5000"), (USERNAME, "me"), (PASSWORD, "secret")];
        assert!(matches!(connection(&named).unwrap().authorization, Some(Authorization::Basic { .. })));
        assert!(!format!("{:?}", connection(&named).unwrap()).contains("secret\""));
    }

    #[test]
    fn databricks_is_found_by_its_variables() {
        let variables = [(DATABRICKS_HOST, "adb-1.azuredatabricks.net"), (DATABRICKS_TOKEN, "dapi")];
        let found = connection(&variables).unwrap();
        assert_eq!(
            (found.address().as_str(), found.kind()),
            ("https://adb-1.azuredatabricks.net", ServerKind::Databricks)
        );
        let named = [variables[0], variables[1], (TRACKING_URI, "databricks")];
        assert_eq!(connection(&named).unwrap().kind(), ServerKind::Databricks);
        // A server that is named comes before the variables of another tool.
        let other = [variables[0], variables[1], (TRACKING_URI, "http://mlflow:5000")];
        assert_eq!(connection(&other).unwrap().kind(), ServerKind::OpenSource);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_the_name_of_its_variable_and_no_password_is_shown() {
        for (variables, expected) in [
            (&[][..], "which server?"),
            (&[(TRACKING_URI, "sqlite:///mlflow.db")], "MLFLOW_TRACKING_URI is `sqlite:///mlflow.db`: expected http"),
            (&[(TRACKING_URI, "./mlruns")], "MLFLOW_TRACKING_URI is `./mlruns`"),
            (&[(TRACKING_URI, "http://me:hunter2@mlflow")], "http://…@mlflow"),
            (&[(TRACKING_URI, "http://mlflow"), (USERNAME, "me")], "expected both"),
            (&[(TRACKING_URI, "http://mlflow"), (TRACKING_TOKEN, "a\nb")], "cannot be sent"),
            (&[(TRACKING_URI, "databricks")], "DATABRICKS_HOST"),
            (&[(DATABRICKS_HOST, "x.databricks.com")], "DATABRICKS_TOKEN"),
            (&[(DATABRICKS_HOST, "http://x.databricks.com"), (DATABRICKS_TOKEN, "t")], "expected https://"),
        ] {
            let error = connection(variables).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
