//! Address and credentials of the MLflow server: a flag and the environment enter, a client for code that is not async
//! leaves.

use std::future::Future;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use indicatif::ProgressBar;
use slirec_connect::mlflow::{Client, Connection, MlflowError, Transfer};
use tokio::runtime::{Builder, Runtime};

use crate::progress;
use crate::variables::variable;

/// How to reach the registry. Credentials are read from the variables of MLflow's and Databricks' own clients;
/// NAME_FILE may name a file that holds the value instead.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The server (credentials: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and \
                         MLFLOW_TRACKING_PASSWORD; Databricks: DATABRICKS_HOST and DATABRICKS_TOKEN)")]
pub(crate) struct ServerArguments {
    /// Address of the MLflow server, or `databricks`; by default from MLFLOW_TRACKING_URI
    #[arg(long, value_name = "ADDRESS")]
    server: Option<String>,
}

/// A client of the registry for code that is not async.
pub(crate) struct Server {
    runtime: Runtime,
    client: Client,
}

impl ServerArguments {
    /// Prepares the client; nothing is sent yet.
    pub(crate) fn connect(&self) -> Result<Server> {
        Server::connect(self.server.as_deref())
    }
}

impl Server {
    /// Prepares the client for an address, by default that of the environment.
    pub(crate) fn connect(address: Option<&str>) -> Result<Self> {
        let problem = Mutex::new(None);
        let connection = Connection::from_variables(address, &|name| {
            variable(name).unwrap_or_else(|error| {
                // The first file that cannot be read is reported instead of a missing credential.
                if let Ok(mut problem) = problem.lock() {
                    problem.get_or_insert(error);
                }
                None
            })
        });
        if let Ok(Some(problem)) = problem.into_inner() {
            return Err(problem);
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { runtime, client: Client::new(connection?)? })
    }

    /// The client, for what is to be awaited.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for an answer.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = Result<T, MlflowError>>) -> Result<T> {
        Ok(self.runtime.block_on(answer)?)
    }
}

/// A bar over the bytes of all files, or lines where there is no terminal; gone when the answer is finished.
pub(crate) fn transfer(total: u64) -> (Transfer, ProgressBar) {
    let bar = progress::bar(total, "bytes");
    let shown = bar.clone();
    let state = Mutex::new((String::new(), 0_u64, 0_u64, progress::Lines::new()));
    let tell = move |file: &str, bytes: u64| {
        let Ok(mut state) = state.lock() else { return };
        let (current, before, of_current, lines) = &mut *state;
        if current != file {
            *before += *of_current;
            file.clone_into(current);
            shown.set_message(file.to_owned());
        }
        *of_current = bytes;
        let done = *before + bytes;
        shown.set_position(done);
        lines.print(|| format!("{file}: {done} of {total} bytes"));
    };
    (Arc::new(tell), bar)
}
