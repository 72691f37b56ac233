//! Values of labels, each from a closed set: what happened enters, the text of its label leaves.

use slirec_engine::{Engine, Overloaded};
use slirec_merchandising::FilterUse;

/// How a filter was found.
pub(super) fn filter_label(found: FilterUse) -> &'static str {
    match found {
        FilterUse::Known => "hit",
        FilterUse::New => "miss",
    }
}

/// A part of the way from a request to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From bytes to a request.
    Parse,
    /// Waiting for a worker.
    Queue,
    /// From handles to what the history graph computes.
    Encode,
    /// Scoring and ranking.
    Score,
    /// From an answer to bytes.
    Serialise,
}

impl Stage {
    pub(super) const ALL: [Self; 5] = [Self::Parse, Self::Queue, Self::Encode, Self::Score, Self::Serialise];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Queue => "queue",
            Self::Encode => "encode",
            Self::Score => "score",
            Self::Serialise => "serialise",
        }
    }
}

/// Why a request was not scored although it could have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// Too many requests at a time.
    InFlight,
    /// Too many large bodies at a time.
    Memory,
    /// The queue was full.
    QueueFull,
    /// It waited too long in a queue that does not empty.
    QueueWait,
}

impl Shed {
    pub(super) const ALL: [Self; 4] = [Self::InFlight, Self::Memory, Self::QueueFull, Self::QueueWait];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Memory => "memory",
            Self::QueueFull => "queue_full",
            Self::QueueWait => "queue_wait",
        }
    }
}

impl From<Overloaded> for Shed {
    fn from(overloaded: Overloaded) -> Self {
        match overloaded {
            Overloaded::QueueFull => Self::QueueFull,
            Overloaded::WaitedTooLong | Overloaded::DeadlineTooNear => Self::QueueWait,
        }
    }
}

/// What may become of a shop's delivery.
pub(super) const DELIVERIES: [&str; 7] =
    ["changed", "repeated", "late", "unrelated", "unsigned", "malformed", "failed"];

/// Those of the model in service, in the order of the family's labels; a label without a value is none.
pub(super) fn model_labels(engine: &Engine) -> [String; 7] {
    let (model, device) = (engine.model(), engine.device());
    [
        model.name.clone(),
        model.version.clone(),
        engine.sha256().to_owned(),
        engine.execution_provider().name().to_owned(),
        device.map(|device| device.name.clone()).unwrap_or_default(),
        device.map(|device| device.memory_bytes.to_string()).unwrap_or_default(),
        engine.kernels().name().to_owned(),
    ]
}
