//! Which events are logged: a level as `log.level` has it enters, a filter leaves.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Reads a level as `log.level` has it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(level: &str) -> Result<EnvFilter, String> {
    // A word that is no level would be taken for a module, and no other module would be logged.
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let mut parts = level.split(',').map(str::trim);
    if let Some(word) = parts.find(|part| !part.contains(['=', '[', ']']) && !is_level(part)) {
        let shown: String = word.chars().take(64).collect();
        return Err(format!("`{shown}` is no level: expected error, warn, info, debug, trace, or MODULE=LEVEL"));
    }
    EnvFilter::try_new(level).map_err(|error| error.to_string())
}
