//! API keys: which requests may pass. Keys enter from the configuration and a file; presented keys are compared in
//! constant time, so that the time of a refusal says nothing about the keys.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Header of a key.
pub(crate) const API_KEY: &str = "x-api-key";
/// Shorter keys can be guessed.
const SHORTEST: usize = 16;
/// A file beyond this is no list of keys.
const LARGEST_FILE: u64 = 1 << 20;

type Digests = Vec<[u8; 32]>;

/// Keys of which a request must present one; without any key everybody may pass.
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
    // The keys themselves are not for anybody's eyes.
    for (number, key) in (1..).zip(keys) {
        if key.len() < SHORTEST {
            return Err(format!("key {number} is shorter than {SHORTEST} characters"));
        }
        if key.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(format!("key {number} has spaces or control characters: expected none"));
        }
    }
    Ok(())
}

/// A line of a file of keys or secrets without its comment, which `#` begins: at the start, or behind a space.
pub(crate) fn without_comment(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    words.join(" ")
}

fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let place = || format!("cannot read {} (key auth.file)", path.display());
    let length = std::fs::metadata(path).with_context(place)?.len();
    ensure!(length <= LARGEST_FILE, "{} (key auth.file) is larger than {LARGEST_FILE} bytes", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    let keys: Vec<String> = text.lines().map(without_comment).filter(|key| !key.is_empty()).collect();
    check(&keys).map_err(|problem| anyhow::anyhow!("{} (key auth.file): {problem}", path.display()))?;
    Ok(keys)
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
    fn without_keys_everybody_passes() {
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
        assert!(message.contains("key 1 is shorter than 16 characters") && !message.contains("short\n"), "{message}");
        std::fs::write(&path, "# nobody\n").unwrap();
        assert!(keys.reload().unwrap_err().to_string().contains("holds no key"));
        assert!(keys.admit(&headers("x-api-key", SECOND)));
    }
}
