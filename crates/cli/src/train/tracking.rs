//! `slirec train --mlflow`: metrics enter as they come, a run of an MLflow experiment shows them. A separate thread
//! sends them, so that training never waits for the server; a server that fails meanwhile causes a warning, and
//! training goes on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slirec_connect::mlflow::{Metric, RunLog, RunStatus};
use slirec_core::files;
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::metrics::RankingMetrics;
use slirec_train::run::EpochMetrics;

use crate::mlflow_server::Server;
use crate::output;

/// File of a run directory that remembers the MLflow run.
const LIVE_RUN: &str = "mlflow.json";

/// Which MLflow run a run directory was logged to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LiveRun {
    /// Address of the server.
    server: String,
    /// Id of the MLflow run.
    pub(crate) run_id: String,
}

impl LiveRun {
    /// The MLflow run of a run directory, if it was logged to this server.
    pub(crate) fn read(directory: &Path, server: &str) -> Option<Self> {
        let path = directory.join(LIVE_RUN);
        files::read_json::<Self>(&path).ok().filter(|live| live.server == server)
    }
}

enum Message {
    Metrics(Vec<Metric>),
    End(RunStatus),
}

/// A training that is logged.
pub(crate) struct Tracking {
    /// Until it is written into the run directory, which `train` makes first.
    to_remember: Option<LiveRun>,
    directory: PathBuf,
    sender: Sender<Message>,
    thread: JoinHandle<()>,
}

impl Tracking {
    /// Starts a run, or goes on with that of the run directory. A server that cannot be reached now is an error, as
    /// tracking was asked for.
    pub(crate) fn start(
        experiment: &str,
        directory: &Path,
        resume: bool,
        hyperparameters: &Hyperparameters,
        seed: u64,
    ) -> Result<Self> {
        let server = Server::connect(None)?;
        let address = server.client().connection().address();
        let earlier = if resume { LiveRun::read(directory, &address) } else { None };
        let name = directory.file_name().unwrap_or(directory.as_os_str()).to_string_lossy();
        let parameters = parameters(&serde_json::to_value(hyperparameters)?, seed);
        let tags = [("mlflow.source.name".to_owned(), "slirec train".to_owned())];
        let id = earlier.as_ref().map(|live| live.run_id.as_str());
        let log = server.wait(RunLog::start(server.client(), experiment, &name, id, &parameters, &tags));
        let log = log.context("--mlflow: the training cannot be logged")?;
        output::print(format!("logging to run {} of experiment {experiment} at {address}", log.id()))?;
        let live = LiveRun { server: address, run_id: log.id().to_owned() };
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || log_all(&server, &log, &receiver));
        Ok(Self { to_remember: Some(live), directory: directory.to_owned(), sender, thread })
    }

    /// Logs an epoch's metrics, soon.
    pub(crate) fn log(&mut self, metrics: &EpochMetrics) {
        if let Some(live) = self.to_remember.take()
            && let Err(error) = files::write_json(&self.directory.join(LIVE_RUN), &live)
        {
            note!("warning: {error}; --resume will log to another run");
        }
        // The thread ends only with this.
        let _ = self.sender.send(Message::Metrics(epoch_metrics(metrics).collect()));
    }

    /// Waits until everything is logged, or the server did not take it.
    pub(crate) fn finish(self, status: RunStatus) {
        let _ = self.sender.send(Message::End(status));
        drop(self.sender);
        // It cannot panic, and if it did, the training is done all the same.
        let _ = self.thread.join();
    }
}

/// What the server did not take is tried again with the next metrics.
fn log_all(server: &Server, log: &RunLog, receiver: &Receiver<Message>) {
    let mut waiting = Vec::new();
    for message in receiver {
        let status = match message {
            Message::Metrics(metrics) => {
                waiting.extend(metrics);
                None
            }
            Message::End(status) => Some(status),
        };
        let logged = match server.wait(log.log(&waiting)) {
            Ok(()) => {
                waiting.clear();
                status.map_or(Ok(()), |status| server.wait(log.finish(status)))
            }
            failed => failed,
        };
        if let Err(error) = logged {
            let what = if status.is_some() {
                "the rest of this training is not in MLflow; `slirec registry push --run` logs what is in metrics.jsonl"
            } else {
                "trying again after the next epoch"
            };
            note!("warning: {}; {what}", output::message(&error));
        }
    }
}

/// An epoch's metrics under the names that MLflow shows.
pub(crate) fn epoch_metrics(metrics: &EpochMetrics) -> impl Iterator<Item = Metric> + use<> {
    let mut values = metrics.valid.by_name();
    values.extend(metrics.ranking.iter().flat_map(RankingMetrics::by_name));
    let step = metrics.epoch;
    let loss = metrics.loss.map(|value| Metric { name: "train/loss".to_owned(), value, step });
    let valid = values.into_iter().map(move |(name, value)| Metric { name: format!("valid/{name}"), value, step });
    loss.into_iter().chain(valid)
}

/// Hyperparameters under dotted names, and the seed.
pub(crate) fn parameters(hyperparameters: &Value, seed: u64) -> Vec<(String, String)> {
    let mut parameters = vec![("seed".to_owned(), seed.to_string())];
    flatten("", hyperparameters, &mut parameters);
    parameters
}

fn flatten(path: &str, value: &Value, parameters: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(name, value)| flatten(&below(name), value, parameters)),
        Value::String(text) => parameters.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => parameters.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyperparameters_get_dotted_names() {
        let value = serde_json::json!({"model": {"sizes": [80, 40], "name": "slirec"}, "training": {"epochs": 10}});
        let found = parameters(&value, 42);
        let found: Vec<(&str, &str)> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected =
            [("seed", "42"), ("model.name", "slirec"), ("model.sizes", "[80,40]"), ("training.epochs", "10")];
        assert_eq!(found, expected);
    }
}
