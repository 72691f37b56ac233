//! Keys of earlier versions: the values of a source enter, those under retired keys leave it, and a warning for each is
//! returned. A configuration that worked goes on working.

use config::{Map, Value, ValueKind};

/// Every retired key with a value of its type, as TOML.
pub(super) const KEYS: &str =
    "[engine]\nqueue_length = 128\nprecision = \"f32\"\n[limits]\nbody_memory_bytes = 67108864\n";

/// Section and name of keys that are no longer documented, and why each has no effect.
const RETIRED: [(&str, &str, &str); 3] = [
    ("engine", "queue_length", "limits.queue_wait_ms decides how many sessions wait"),
    ("engine", "precision", "scores are exact; engine.shortlist_from says from which size on a shortlist is scored"),
    ("limits", "body_memory_bytes", "limits.memory_bytes counts bodies and what is made of them"),
];

/// Takes retired keys out of what one source says; its keys are dotted or stand in tables.
pub(super) fn take(source_name: &str, values: &mut Map<String, Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (section, name, reason) in RETIRED {
        let dotted = values.remove(&format!("{section}.{name}"));
        let in_table = match values.get_mut(section) {
            Some(Value { kind: ValueKind::Table(members), .. }) => members.remove(name),
            _ => None,
        };
        if dotted.or(in_table).is_some() {
            warnings.push(format!("{source_name}: key `{section}.{name}` is retired and has no effect: {reason}"));
        }
    }
    warnings
}
