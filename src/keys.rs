//! API keys: which requests may pass. Keys enter from the configuration and a file; presented keys are compared in
//! constant time, so that the time of a refusal says nothing about the keys.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use arc_swap::ArcSwap;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use slirec_core::files::read_small;
use subtle::{Choice, ConstantTimeEq};

/// Header of a key.
pub(crate) const API_KEY: &str = "x-api-key";
/// Shorter keys can be guessed.
const SHORTEST: usize = 16;
/// A file beyond this is no list of keys.
const LARGEST_FILE: u64 = 1 << 20;

type Digests = Vec<[u8; 32]>;

/// Keys of which a request must present one; without any key every request passes.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    configured: Vec<String>,
    file: Option<PathBuf>,
    /// Hashes, so that all comparisons are of one length and no key lies in memory longer than it must.
    digests: ArcSwap<Digests>,
}

impl ApiKeys {
    /// Reads the keys for the first time.
    ///
    /// # Errors
    /// When the file cannot be read or holds a key that is too short.
    pub(crate) fn new(configured: &[String], file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let keys = Self { configured: configured.to_vec(), file: file.cloned(), digests: ArcSwap::default() };
        keys.reload()?;
        Ok(keys)
    }

    /// Reads the file again; on failure the keys stay what they were.
    ///
    /// # Errors
    /// As for [`ApiKeys::new`].
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let mut keys = self.configured.clone();
        if let Some(path) = &self.file {
            let found = read(path)?;
            ensure!(!found.is_empty(), "{} (key auth.file) holds no key: expected at least one", path.display());
            keys.extend(found);
        }
        self.digests.store(std::sync::Arc::new(keys.iter().map(|key| digest(key.as_bytes())).collect()));
        Ok(())
    }

    /// True when requests need a key.
    pub(crate) fn are_needed(&self) -> bool {
        !self.digests.load().is_empty()
    }

    /// Whether the headers present a key that is known, or none is needed.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let digests = self.digests.load();
        if digests.is_empty() {
            return true;
        }
        let Some(presented) = presented(headers) else { return false };
        let presented = digest(presented);
        // Every key is compared, whichever fits.
        let found = digests.iter().fold(Choice::from(0), |found, known| found | known.as_slice().ct_eq(&presented));
        found.into()
    }
}

/// What is wrong with a list of keys.
pub(crate) fn check(keys: &[String]) -> Result<(), String> {
    // The keys themselves must not be read in a log.
    (1..).zip(keys).try_for_each(|(number, key)| check_key(key).map_err(|problem| format!("key {number} {problem}")))
}

fn check_key(key: &str) -> Result<(), String> {
    if let Some(problem) = strange(key) {
        return Err(problem);
    }
    if key.len() < SHORTEST {
        return Err(format!("is shorter than {SHORTEST} characters"));
    }
    Ok(())
}

/// What is wrong with the characters of a key or secret: some cannot be seen, others reach the service as other bytes
/// from each client.
fn strange(text: &str) -> Option<String> {
    let letter = text.chars().find(|letter| !letter.is_ascii_graphic())?;
    let expected = "expected visible characters of ASCII";
    Some(match letter.is_whitespace() || letter.is_control() {
        true => format!("has spaces or control characters: {expected}"),
        false => format!("has the character U+{:04X}: {expected}", u32::from(letter)),
    })
}

/// Reads a file of keys or secrets: one a line; `#` begins a comment, at the start or behind a space. The mark of the
/// byte order that some editors write is no part of the first one.
///
/// # Errors
/// When it cannot be read, is not UTF-8, or a line has characters that no key has; the message names the file, the
/// setting and the line.
pub(crate) fn read_lines(path: &Path, setting: &str, most: u64) -> anyhow::Result<Vec<(usize, String)>> {
    let bytes = read_small(path, most).map_err(|error| anyhow!("{error} (key {setting})"))?;
    let place = || format!("{} (key {setting})", path.display());
    ensure!(
        !bytes.starts_with(&[0xff, 0xfe]) && !bytes.starts_with(&[0xfe, 0xff]),
        "{} is UTF-16: expected UTF-8",
        place()
    );
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
        anyhow!("{}, line {line}: found bytes that are not UTF-8", place())
    })?;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
        let line = without_comment(line);
        if let Some(problem) = strange(&line) {
            return Err(anyhow!("{}, line {number}: it {problem}", place()));
        }
        if !line.is_empty() {
            found.push((number, line));
        }
    }
    Ok(found)
}

/// A line without its comment and the space around it.
fn without_comment(line: &str) -> String {
    let words: Vec<&str> = line.split_ascii_whitespace().take_while(|word| !word.starts_with('#')).collect();
    words.join(" ")
}

fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let lines = read_lines(path, "auth.file", LARGEST_FILE)?;
    let check = |(number, key): (usize, String)| match check_key(&key) {
        Ok(()) => Ok(key),
        Err(problem) => Err(anyhow!("{} (key auth.file), line {number}: the key {problem}", path.display())),
    };
    lines.into_iter().map(check).collect()
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.as_bytes());
    }
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const FIRST: &str = "first-key-0123456789";
    const SECOND: &str = "second-key-0123456789";

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn without_keys_every_request_passes() {
        assert!(ApiKeys::new(&[], None).unwrap().admit(&HeaderMap::new()));
    }

    #[test]
    fn each_of_several_keys_passes_in_either_header_and_nothing_else_does() {
        let keys = ApiKeys::new(&[FIRST.to_owned(), SECOND.to_owned()], None).unwrap();
        assert!(keys.admit(&headers("x-api-key", FIRST)));
        assert!(keys.admit(&headers("x-api-key", SECOND)));
        assert!(keys.admit(&headers("authorization", &format!("bearer {FIRST}"))));
        for wrong in ["", "first-key-012345678", "first-key-0123456789x"] {
            assert!(!keys.admit(&headers("x-api-key", wrong)), "{wrong}");
        }
        assert!(!keys.admit(&headers("authorization", FIRST)));
        assert!(!keys.admit(&HeaderMap::new()));
    }

    #[test]
    fn a_file_is_read_again_and_a_bad_one_leaves_the_keys_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, format!("# one a line\n{FIRST}\n\n")).unwrap();
        let keys = ApiKeys::new(&[], Some(&path)).unwrap();
        assert!(keys.admit(&headers("x-api-key", FIRST)));
        std::fs::write(&path, format!("{SECOND}\n")).unwrap();
        keys.reload().unwrap();
        assert!(!keys.admit(&headers("x-api-key", FIRST)) && keys.admit(&headers("x-api-key", SECOND)));
        std::fs::write(&path, "short\n").unwrap();
        let message = keys.reload().unwrap_err().to_string();
        assert!(message.contains("line 1: the key is shorter than 16 characters"), "{message}");
        std::fs::write(&path, "# none\n").unwrap();
        assert!(keys.reload().unwrap_err().to_string().contains("holds no key"));
        assert!(keys.admit(&headers("x-api-key", SECOND)));
    }
    #[test]
    fn a_mark_of_the_byte_order_is_no_part_of_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, format!("\u{feff}{FIRST}\r\n{SECOND}")).unwrap();
        let keys = ApiKeys::new(&[], Some(&path)).unwrap();
        assert!(keys.admit(&headers("x-api-key", FIRST)) && keys.admit(&headers("x-api-key", SECOND)));
    }

    #[test]
    fn characters_that_cannot_be_seen_are_refused_with_their_line_and_without_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let utf16 = [b"\xff\xfe".to_vec(), FIRST.bytes().flat_map(|byte| [byte, 0]).collect()].concat();
        for (bytes, expected) in [
            (format!("{FIRST}\n{SECOND}\u{200b}").into_bytes(), "line 2: it has the character U+200B"),
            (format!("# one\n\u{feff}\u{feff}{FIRST}").into_bytes(), "line 2: it has the character U+FEFF"),
            (format!("{FIRST}\u{a0}# of the shop").into_bytes(), "line 1: it has spaces or control characters"),
            (format!("two words {FIRST}").into_bytes(), "line 1: it has spaces"),
            (format!("{FIRST}\n{SECOND}\0").into_bytes(), "line 2: it has spaces or control characters"),
            (format!("schl\u{fc}ssel-{FIRST}").into_bytes(), "line 1: it has the character U+00FC"),
            (utf16, "is UTF-16: expected UTF-8"),
            ([FIRST.as_bytes(), b"\n\xfc"].concat(), "line 2: found bytes that are not UTF-8"),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let message = ApiKeys::new(&[], Some(&path)).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("(key auth.file)"), "{message}");
            assert!(!message.contains(FIRST) && !message.contains(SECOND), "{message}");
        }
    }

    #[test]
    fn configured_keys_have_visible_characters_only() {
        assert!(check(&[FIRST.to_owned()]).is_ok());
        let message = check(&[FIRST.to_owned(), format!("\u{feff}{SECOND}")]).unwrap_err();
        assert_eq!(message, "key 2 has the character U+FEFF: expected visible characters of ASCII");
    }
}
