//! Where files are: what a server names enters, addresses of single files leave.

use url::Url;

use crate::mlflow::client::Client;
use crate::mlflow::error::MlflowError;

/// The place that the tracking server hands files through.
const PROXIED: &str = "mlflow-artifacts:";

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mlflow) enum Location {
    /// Behind the tracking server, at a path of these segments.
    Proxied(Vec<String>),
    /// Files of a version that the tracking server reads, wherever they are.
    Version { name: String, version: String },
    /// A version of Unity Catalog.
    UnityCatalog { name: String, version: String },
    /// Artifacts of a run on Databricks.
    SignedRun { id: String },
}

impl Location {
    /// Behind the tracking server, if that is what the address means.
    pub(in crate::mlflow) fn proxied(uri: &str) -> Result<Option<Self>, MlflowError> {
        let Some(rest) = uri.strip_prefix(PROXIED) else { return Ok(None) };
        let unfit = || {
            MlflowError::Location(format!(
                "the server names `{uri}` as a place of files: expected mlflow-artifacts:/ and a path without .."
            ))
        };
        // An authority names the host of the artifacts; ours are those of the server that we talk to.
        if rest.starts_with("//") {
            let problem = format!(
                "files are at `{uri}`, another server: expected mlflow-artifacts:/…, behind the tracking server"
            );
            return Err(MlflowError::Location(problem));
        }
        let segments: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let leaves = |part: &String| part == "." || part == ".." || part.contains(['\\', '%', '\0']);
        if segments.is_empty() || segments.iter().any(leaves) {
            return Err(unfit());
        }
        Ok(Some(Self::Proxied(segments)))
    }

    /// A place below.
    pub(in crate::mlflow) fn join(&self, folder: &str) -> Self {
        match self {
            Self::Proxied(segments) => {
                Self::Proxied(segments.iter().cloned().chain(folder.split('/').map(str::to_owned)).collect())
            }
            other => other.clone(),
        }
    }
}

impl Client {
    /// The address of a file, for all places whose files have one that lasts.
    pub(super) fn file_url(&self, location: &Location, file: &str) -> Option<Url> {
        let file_segments = file.split('/');
        Some(match location {
            Location::Proxied(segments) => self.url(
                ["api", "2.0", "mlflow-artifacts", "artifacts"]
                    .into_iter()
                    .chain(segments.iter().map(String::as_str))
                    .chain(file_segments),
            ),
            Location::Version { name, version } => {
                let mut url = self.url(["model-versions", "get-artifact"]);
                url.query_pairs_mut().extend_pairs([("name", name.as_str()), ("version", version), ("path", file)]);
                url
            }
            Location::UnityCatalog { name, version } => self.url(
                ["api", "2.0", "fs", "files", "Models"]
                    .into_iter()
                    .chain(name.split('.'))
                    .chain([version.as_str()])
                    .chain(file_segments),
            ),
            Location::SignedRun { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_behind_the_tracking_server_are_understood_and_none_leads_out_of_it() {
        let found = Location::proxied("mlflow-artifacts:/4/cd1d/artifacts/model").unwrap().unwrap();
        let expected = ["4", "cd1d", "artifacts", "model"].map(str::to_owned).to_vec();
        assert_eq!(found, Location::Proxied(expected));
        assert_eq!(Location::proxied("s3://bucket/4").unwrap(), None);
        for uri in [
            "mlflow-artifacts:/4/../../etc",
            "mlflow-artifacts:/..",
            "mlflow-artifacts:/",
            "mlflow-artifacts://elsewhere.example/4/model",
            "mlflow-artifacts:/4/%2e%2e/model",
            "mlflow-artifacts:/4/..\\model",
        ] {
            assert!(Location::proxied(uri).is_err(), "{uri}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_place_panics_and_every_address_stays_below_the_server(path in "[a-z./%:\\\\@?# ]{0,30}") {
            let Ok(Some(location)) = Location::proxied(&format!("mlflow-artifacts:/{path}")) else { return Ok(()) };
            let connection = crate::mlflow::Connection::from_variables(Some("http://127.0.0.1:1/base"), &|_| None).unwrap();
            let url = Client::new(connection).unwrap().file_url(&location, "bundle/manifest.json").unwrap();
            let start = "http://127.0.0.1:1/base/api/2.0/mlflow-artifacts/artifacts/";
            proptest::prop_assert!(url.as_str().starts_with(start) && url.query().is_none(), "{}", url);
            proptest::prop_assert!(url.path().ends_with("/bundle/manifest.json"));
        }
    }
}
