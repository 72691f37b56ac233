//! Experiments and runs: names, parameters and metrics enter; ids leave.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::error::MlflowError;

/// What MLflow takes in one request.
const MOST_PARAMETERS: usize = 100;
const MOST_TAGS: usize = 100;
const MOST_METRICS: usize = 1_000;
/// Longest value of a parameter, in characters.
const LONGEST_PARAMETER: usize = 6_000;

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name; characters that MLflow does not take become `_`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Epoch.
    pub step: usize,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// All went well.
    Finished,
    /// It failed.
    Failed,
    /// It was stopped.
    Killed,
}

impl RunStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

/// A run of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) id: String,
    /// Where its artifacts go.
    pub(super) artifact_uri: String,
}

#[derive(Deserialize)]
struct Experiment {
    experiment_id: String,
    #[serde(default)]
    lifecycle_stage: String,
}

#[derive(Deserialize)]
struct RunAnswer {
    run: RawRun,
}

#[derive(Deserialize)]
struct RawRun {
    info: RawInfo,
}

#[derive(Deserialize)]
struct RawInfo {
    run_id: String,
    artifact_uri: String,
}

impl From<RawRun> for Run {
    fn from(RawRun { info: RawInfo { run_id: id, artifact_uri } }: RawRun) -> Self {
        Self { id, artifact_uri }
    }
}

impl Client {
    /// The id of an experiment, which is made when it is not there.
    pub(super) async fn experiment(&self, name: &str) -> Result<String, MlflowError> {
        if let Some(id) = self.find_experiment(name).await? {
            return Ok(id);
        }
        let made: Result<Experiment, _> =
            self.post("experiments/create", json!({"name": name}), Repeat::Harmless).await;
        match made {
            Ok(experiment) => Ok(experiment.experiment_id),
            // Another client was faster, or the answer of an earlier attempt was lost.
            Err(error) if error.has_code("RESOURCE_ALREADY_EXISTS") => self.find_experiment(name).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn find_experiment(&self, name: &str) -> Result<Option<String>, MlflowError> {
        #[derive(Deserialize)]
        struct Found {
            experiment: Experiment,
        }
        let operation = "experiments/get-by-name";
        match self.get::<Found>(operation, &[("experiment_name", name)]).await {
            Ok(Found { experiment }) if experiment.lifecycle_stage == "deleted" => Err(MlflowError::Answer {
                operation: operation.to_owned(),
                problem: format!("the experiment `{name}` was deleted: expected another name, or it restored"),
            }),
            Ok(Found { experiment }) => Ok(Some(experiment.experiment_id)),
            Err(error) if error.has_code("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a run.
    pub(super) async fn create_run(
        &self,
        experiment: &str,
        name: &str,
        tags: &[(String, String)],
    ) -> Result<Run, MlflowError> {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({"experiment_id": experiment, "run_name": name, "start_time": now(), "tags": tags});
        // A run too many, if the answer is lost, has no effect.
        let answer: RunAnswer = self.post("runs/create", body, Repeat::Harmless).await?;
        Ok(answer.run.into())
    }

    /// A run by its id.
    pub(super) async fn run(&self, id: &str) -> Result<Run, MlflowError> {
        let answer: RunAnswer = self.get("runs/get", &[("run_id", id)]).await?;
        Ok(answer.run.into())
    }

    /// The newest run of an experiment that carries these tags.
    pub(super) async fn find_run(&self, experiment: &str, tags: &[(&str, &str)]) -> Result<Option<Run>, MlflowError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            runs: Vec<RawRun>,
        }
        let condition = |(key, value): &(&str, &str)| format!("tags.\"{key}\" = '{value}'");
        let filter = tags.iter().map(condition).collect::<Vec<_>>().join(" and ");
        let body = json!({"experiment_ids": [experiment], "filter": filter, "max_results": 1,
                          "order_by": ["attributes.start_time DESC"]});
        let answer: Answer = self.post("runs/search", body, Repeat::Harmless).await?;
        Ok(answer.runs.into_iter().next().map(Run::from))
    }

    /// Notes down parameters, metrics and tags of a run, in as many requests as it takes; `time`, in milliseconds since 1970,
    /// is that of the metrics. The same again changes nothing.
    pub(super) async fn log(
        &self,
        run: &str,
        parameters: &[(String, String)],
        (metrics, time): (&[Metric], u64),
        tags: &[(String, String)],
    ) -> Result<(), MlflowError> {
        let parameter = |(key, value): &(String, String)| {
            let value: String = value.chars().take(LONGEST_PARAMETER).collect();
            json!({"key": fit_name(key), "value": value})
        };
        let tag = |(key, value): &(String, String)| json!({"key": key, "value": value});
        let metric = |Metric { name, value, step }: &Metric| json!({"key": fit_name(name), "value": number(*value), "timestamp": time, "step": step});
        let batches = (parameters.chunks(MOST_PARAMETERS).map(|part| ("params", part.iter().map(parameter).collect())))
            .chain(metrics.chunks(MOST_METRICS).map(|part| ("metrics", part.iter().map(metric).collect())))
            .chain(tags.chunks(MOST_TAGS).map(|part| ("tags", part.iter().map(tag).collect())));
        for (kind, values) in batches {
            let values: Vec<Value> = values;
            let body = json!({"run_id": run, kind: values});
            let _: Value = self.post("runs/log-batch", body, Repeat::Harmless).await?;
        }
        Ok(())
    }

    /// Says how a run ended.
    pub(super) async fn finish_run(&self, run: &str, status: RunStatus) -> Result<(), MlflowError> {
        let body = json!({"run_id": run, "status": status.name(), "end_time": now()});
        let _: Value = self.post("runs/update", body, Repeat::Harmless).await?;
        Ok(())
    }
}

/// A run that is logged while it goes on.
#[derive(Debug)]
pub struct RunLog {
    client: Client,
    id: String,
}

impl RunLog {
    /// Starts a run in an experiment, or goes on with the one of this id.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn start(
        client: &Client,
        experiment: &str,
        name: &str,
        id: Option<&str>,
        parameters: &[(String, String)],
        tags: &[(String, String)],
    ) -> Result<Self, MlflowError> {
        let run = match id {
            Some(id) => client.run(id).await?,
            None => {
                let experiment = client.experiment(experiment).await?;
                client.create_run(&experiment, name, tags).await?
            }
        };
        if id.is_none() {
            client.log(&run.id, parameters, (&[], 0), &[]).await?;
        }
        Ok(Self { client: client.clone(), id: run.id })
    }

    /// Id of the run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Notes down metrics.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn log(&self, metrics: &[Metric]) -> Result<(), MlflowError> {
        self.client.log(&self.id, &[], (metrics, now()), &[]).await
    }

    /// Says how the run ended.
    ///
    /// # Errors
    /// [`MlflowError`].
    pub async fn finish(&self, status: RunStatus) -> Result<(), MlflowError> {
        self.client.finish_run(&self.id, status).await
    }
}

/// MLflow's JSON has words for what JSON has no numbers for.
fn number(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        value if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        value => json!(value),
    }
}

/// Names hold letters, digits and `_ - . / :` and spaces.
fn fit_name(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | ':' | ' ');
    name.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_made_fit_for_mlflow() {
        assert_eq!(fit_name("valid/ndcg@10"), "valid/ndcg_10");
        assert_eq!(fit_name("test co-occurrence/group_auc"), "test co-occurrence/group_auc");
        assert_eq!(number(f64::NAN), json!("NaN"));
        assert_eq!(number(f64::NEG_INFINITY), json!("-Infinity"));
        assert_eq!(number(0.5), json!(0.5));
    }
}
