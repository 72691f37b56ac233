//! The messages of an event file, as far as they are written here: TensorFlow's `event.proto`, `summary.proto` and
//! `tensor.proto`, and TensorBoard's `plugin_data.proto` for hyperparameters. Field numbers are theirs.

use std::collections::BTreeMap;

use prost::{Enumeration, Message, Oneof};

/// Plugin that shows hyperparameters.
const PLUGIN: &str = "hparams";
const SESSION_TAG: &str = "_hparams_/session_start_info";
/// Element type of a tensor of floats.
const FLOAT: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub(super) what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

impl What {
    pub(super) fn summary(value: SummaryValue) -> Self {
        Self::Summary(Summary { values: vec![value] })
    }

    /// Earlier records from this step on no longer count.
    pub(super) fn session_start() -> Self {
        Self::SessionLog(SessionLog { status: SessionStatus::Start.into() })
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionLog {
    #[prost(enumeration = "SessionStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
enum SessionStatus {
    Unspecified = 0,
    Start = 1,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
    #[prost(oneof = "Content", tags = "2, 5, 8")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "5")]
    Histogram(Histogram),
    #[prost(message, tag = "8")]
    Tensor(Tensor),
}

impl SummaryValue {
    pub(super) fn scalar(tag: &str, value: f32) -> Self {
        Self { tag: tag.to_owned(), metadata: None, content: Some(Content::Scalar(value)) }
    }

    pub(super) fn histogram(tag: &str, histogram: Histogram) -> Self {
        Self { tag: tag.to_owned(), metadata: None, content: Some(Content::Histogram(histogram)) }
    }

    /// TensorBoard keeps the settings in the metadata of an empty tensor.
    pub(super) fn hyperparameters(start: &SessionStart) -> Self {
        let data = HyperparameterData { version: 0, session_start: Some(start.clone()) };
        let plugin = Plugin { name: PLUGIN.to_owned(), content: data.encode_to_vec() };
        let nothing = Tensor { element: FLOAT, shape: Some(Shape { dimensions: vec![Dimension { size: 0 }] }) };
        Self {
            tag: SESSION_TAG.to_owned(),
            metadata: Some(Metadata { plugin: Some(plugin) }),
            content: Some(Content::Tensor(nothing)),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(double, tag = "1")]
    pub(super) min: f64,
    #[prost(double, tag = "2")]
    pub(super) max: f64,
    #[prost(double, tag = "3")]
    pub(super) num: f64,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
    #[prost(double, tag = "5")]
    pub(super) sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    pub(super) bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub(super) bucket: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    element: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dimensions: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct HyperparameterData {
    #[prost(int32, tag = "1")]
    version: i32,
    #[prost(message, optional, tag = "3")]
    session_start: Option<SessionStart>,
}

/// The settings of one run.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    settings: BTreeMap<String, Setting>,
    #[prost(double, tag = "5")]
    start_time: f64,
}

impl SessionStart {
    pub(super) fn new(settings: &[(String, serde_json::Value)], start_time: f64) -> Self {
        let settings = settings.iter().filter_map(|(name, value)| {
            let kind = match value {
                serde_json::Value::Bool(truth) => Kind::Truth(*truth),
                serde_json::Value::Number(number) => Kind::Number(number.as_f64()?),
                serde_json::Value::String(text) => Kind::Text(text.clone()),
                other => Kind::Text(other.to_string()),
            };
            Some((name.clone(), Setting { kind: Some(kind) }))
        });
        Self { settings: settings.collect(), start_time }
    }
}

/// `google.protobuf.Value`, as far as it is needed.
#[derive(Clone, PartialEq, Message)]
struct Setting {
    #[prost(oneof = "Kind", tags = "2, 3, 4")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Truth(bool),
}
