//! Bundles of a registry: `models:/NAME@ALIAS` or `models:/NAME/VERSION` enters, its bundle in a directory leaves,
//! verified.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use slirec_connect::mlflow::{self, Client, Connection, ModelReference};
use tokio::runtime::Builder;

use crate::errors::{failure, unusable};

/// Time between two looks at the signals of the process.
const LOOKED_EVERY: Duration = Duration::from_millis(100);

/// Brings the bundle of a version into a directory that does not exist yet. The server is that of
/// `MLFLOW_TRACKING_URI`, with the credentials of MLflow's own client.
#[pyfunction]
pub(crate) fn pull(py: Python<'_>, reference: &str, directory: PathBuf) -> PyResult<()> {
    let reference: ModelReference = reference.parse().map_err(|error| unusable(format!("{error}")))?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let connection = Connection::from_variables(None, &variable).map_err(failure)?;
    py.detach(|| {
        let client = Client::new(connection).map_err(failure)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let pull = async {
                let version = client.resolve(&reference).await.map_err(failure)?;
                let silent: mlflow::Transfer = Arc::new(|_, _| ());
                mlflow::pull(&client, &reference.name, &version, &directory, false, None, &silent)
                    .await
                    .map_err(failure)
            };
            tokio::select! {
                pulled = pull => pulled.map(|_| ()),
                signal = signal() => Err(signal),
            }
        })
    })
}

/// Waits for a signal of the process.
async fn signal() -> PyErr {
    loop {
        if let Err(raised) = Python::attach(|py| py.check_signals()) {
            return raised;
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
}
