//! Where ONNX Runtime puts the nodes of a graph: what it logs while a session is made enters, a count leaves.
//!
//! Its C interface for the same purpose has no safe counterpart in `ort`, and a profile has to be written to a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;

/// Before the number, for all nodes of a graph and for some of them.
const ON_PROCESSOR: &str = "placed on [CPUExecutionProvider]. Number of nodes: ";

/// Nodes that were left to the processor.
pub(super) struct NodesOnProcessor(Arc<AtomicUsize>);

impl NodesOnProcessor {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A builder whose sessions are counted. They log everything: they are not for requests.
pub(super) fn watched(builder: SessionBuilder) -> ort::Result<(SessionBuilder, NodesOnProcessor)> {
    let nodes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&nodes);
    let count = move |_: LogLevel, _: &str, _: &str, _: &str, message: &str| {
        counted.fetch_add(nodes_in(message), Ordering::Relaxed);
    };
    let builder = builder.with_logger(Arc::new(count))?.with_log_level(LogLevel::Verbose)?;
    Ok((builder, NodesOnProcessor(nodes)))
}

fn nodes_in(message: &str) -> usize {
    message.split_once(ON_PROCESSOR).and_then(|(_, number)| number.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nodes_of_the_processor_count() {
        assert_eq!(nodes_in(" Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3"), 3);
        assert_eq!(nodes_in(" All nodes placed on [CPUExecutionProvider]. Number of nodes: 12\n"), 12);
        assert_eq!(nodes_in(" Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 7"), 0);
        assert_eq!(nodes_in("   MatMul (scores)"), 0);
    }
}
