//! Why an invocation is refused, in the codes and words of an MLflow scoring server: clients match on both.

use thiserror::Error;

use super::python_text;

/// The signature as MLflow prints it.
const SIGNATURE: &str =
    "['userId': string (required), 'items': Array(string) (required), 'timestamps': Array(string) (required)]";

/// What MLflow 2 and 3 append when a request looks like one for MLflow 1.
pub(crate) const PROTOCOL_CHANGE: &str = "IMPORTANT: The MLflow Model scoring protocol has changed in MLflow version 2.0. \
    If you are seeing this error, you are likely using an outdated scoring request format. To resolve the error, either \
    update your request format or adjust your MLflow Model's requirements file to specify an older version of MLflow \
    (for example, change the 'mlflow' requirement specifier to 'mlflow==1.30.0'). If you are making a request using the \
    MLflow client (e.g. via `mlflow.pyfunc.spark_udf()`), upgrade your MLflow client to a version >= 2.0 in order to \
    use the new request format. For more information about the updated MLflow Model scoring protocol in MLflow 2.0, see \
    https://mlflow.org/docs/latest/models.html#deploy-mlflow-models.";

/// A request body that cannot be answered; always status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// `BAD_REQUEST` or `INVALID_PARAMETER_VALUE`.
    pub(crate) code: &'static str,
    /// What was found and what was expected.
    pub(crate) message: String,
}

impl Refusal {
    /// A request whose top level is wrong.
    pub(crate) fn bad_request(message: String) -> Self {
        Self { code: "BAD_REQUEST", message }
    }

    /// A payload that does not parse into rows.
    pub(crate) fn invalid_input(detail: &str) -> Self {
        Self::bad_request(format!("Invalid input. {detail}"))
    }

    /// Rows whose columns are not those of the signature; `data` is how MLflow would print them.
    pub(crate) fn schema(data: &str, problem: &str) -> Self {
        let message = format!(
            "Failed to predict data '{data}'. \nError: Failed to enforce schema of data '{data}' with schema \
             '{SIGNATURE}'. Error: {problem}"
        );
        Self { code: "INVALID_PARAMETER_VALUE", message }
    }

    /// Rows of the right types with values that cannot be used. The detail follows MLflow's text, which has none.
    pub(crate) fn model(detail: &str) -> Self {
        Self::bad_request(format!(
            "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is \
             compatible with the model for inference. {detail}"
        ))
    }
}

/// Name of a column: a text, or whatever else a client has put there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Text(String),
    /// As Python prints it; positions of columns without names are numbers.
    Other(String),
}

impl Name {
    pub(crate) fn position(index: usize) -> Self {
        Self::Other(index.to_string())
    }

    /// As in a table's header.
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Text(text) | Self::Other(text) => text,
        }
    }

    fn repr(&self) -> String {
        match self {
            Self::Text(text) => python_text::quoted(text),
            Self::Other(text) => text.clone(),
        }
    }
}

/// What MLflow says when columns of the signature are missing; none when all are there.
pub(crate) fn missing_inputs(expected: &[&str], present: &[Name]) -> Option<String> {
    let is = |name: &Name, column: &str| matches!(name, Name::Text(text) if text == column);
    let missing = expected.iter().filter(|column| !present.iter().any(|name| is(name, column)));
    let missing: Vec<String> = missing.map(|column| python_text::quoted(column)).collect();
    if missing.is_empty() {
        return None;
    }
    let extra = present.iter().filter(|name| !expected.iter().any(|column| is(name, column)));
    let extra: Vec<String> = extra.map(Name::repr).take(50).collect();
    let note = match extra.as_slice() {
        [] => String::new(),
        extra => format!(" Note that there were extra inputs: [{}].", python_text::shorten(extra.join(", "))),
    };
    Some(format!("Model is missing inputs [{}].{note}", missing.join(", ")))
}
