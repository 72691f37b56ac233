//! Names that were probably meant: a key or variable that does not exist enters, the known keys most like it leave.

/// Most names that a message offers.
const MOST: usize = 3;

/// The known keys closest to a name, best first; none when nothing is like it.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = shape(name);
    let mut scored: Vec<(usize, &str)> = known.filter_map(|key| Some((distance(&name, &shape(key))?, key))).collect();
    scored.sort_unstable();
    let least = scored.first().map(|(score, _)| *score);
    scored.into_iter().take_while(|(score, _)| Some(*score) == least).map(|(_, key)| key).take(MOST).collect()
}

/// What two spellings of one key have in common: small letters, and one `_` for whatever stands between words.
pub(super) fn shape(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// How far a name is from a key; none when they have nothing to do with one another.
fn distance(name: &str, key: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    // The last words alone (`port`), or the first (`server.read_timeout`, `server`).
    if key.strip_suffix(name).is_some_and(|rest| rest.ends_with('_')) {
        return Some(1);
    }
    if key.strip_prefix(name).is_some_and(|rest| rest.starts_with('_')) {
        return Some(2);
    }
    let distance = strsim::damerau_levenshtein(name, key);
    (distance <= (name.len() / 4).max(2)).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] =
        ["admin.port", "server.host", "server.port", "server.read_timeout_seconds", "model.path", "log.level"];

    #[test]
    fn the_key_that_was_meant_is_found_behind_common_slips() {
        for (name, expected) in [
            ("server.prot", vec!["server.port"]),
            ("servr.port", vec!["server.port"]),
            ("SERVER_PORT", vec!["server.port"]),
            ("Server.Port", vec!["server.port"]),
            ("server.read-timeout-seconds", vec!["server.read_timeout_seconds"]),
            ("server.read_timeout", vec!["server.read_timeout_seconds"]),
            ("port", vec!["admin.port", "server.port"]),
            ("model", vec!["model.path"]),
            ("loglevel", vec!["log.level"]),
            ("colour", vec![]),
            ("", vec![]),
            ("__", vec![]),
        ] {
            assert_eq!(closest(name, KEYS.into_iter()), expected, "{name}");
        }
    }
}
