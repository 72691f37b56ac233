//! Keys of earlier versions: the values of a source enter, those under retired keys leave it or move to the key that took
//! their place, and a warning for each is returned. A configuration that worked goes on working.

use config::{Map, Value, ValueKind};

/// Every retired key with a value of its type, as TOML.
pub(super) const KEYS: &str = "[engine]\nqueue_length = 128\n";

/// A key that is no longer documented.
struct Retired {
    section: &'static str,
    name: &'static str,
    /// The name in the same section that took its place, if any.
    replacement: Option<&'static str>,
    reason: &'static str,
}

const RETIRED: [Retired; 1] = [Retired {
    section: "engine",
    name: "queue_length",
    replacement: None,
    reason: "it has no effect, as limits.queue_wait_ms decides how many sessions wait",
}];

/// Takes retired keys out of what one source says; its keys are dotted or stand in tables.
pub(super) fn take(source_name: &str, values: &mut Map<String, Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    for Retired { section, name, replacement, reason } in RETIRED {
        let dotted = |name: &str| format!("{section}.{name}");
        if let Some(value) = values.remove(&dotted(name)) {
            if let Some(replacement) = replacement {
                values.entry(dotted(replacement)).or_insert(value);
            }
        } else if let Some(Value { kind: ValueKind::Table(members), .. }) = values.get_mut(section)
            && let Some(value) = members.remove(name)
        {
            if let Some(replacement) = replacement {
                members.entry(replacement.to_owned()).or_insert(value);
            }
        } else {
            continue;
        }
        warnings.push(format!("{source_name}: key `{section}.{name}` is retired: {reason}"));
    }
    warnings
}
