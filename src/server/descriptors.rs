//! File descriptors: how many connections are configured enters; how many the process can hold leaves.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::listener::OPERATORS;
use super::open::FOR_HEALTH;

/// What the process opens beside connections: files of the model, the log, the runtime, connections that are being
/// closed.
const OTHERS: usize = 128;

/// Raises the limit of open files as far as it may be, and lowers the number of connections to what fits it, with a
/// line of the log.
pub(super) fn connections(configured: usize) -> usize {
    let Some(files) = raise() else { return configured };
    let fitting = fitting(configured, files);
    if fitting < configured {
        tracing::warn!(
            configured,
            connections = fitting,
            files,
            "server.max_connections is lowered: it needs more open files than this process may have (ulimit -n, LimitNOFILE)"
        );
    }
    fitting
}

fn fitting(configured: usize, files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    configured.min(files.saturating_sub(OTHERS + OPERATORS + 2 * FOR_HEALTH)).max(1)
}

/// The limit of open files after it was raised; none when there is none.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files cannot be raised");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_connections_than_files() {
        assert_eq!(fitting(4_096, 20_000), 4_096);
        assert_eq!(fitting(4_096, 1_024), 1_024 - 128 - 64 - 64);
        assert_eq!(fitting(4_096, 10), 1);
        assert_eq!(fitting(2, u64::MAX), 2);
    }
}
