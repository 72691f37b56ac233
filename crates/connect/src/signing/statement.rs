//! The in-toto statement of a signature: every file of a bundle with its SHA-256. A manifest enters, the statement's
//! bytes leave; or the bytes enter, and whether they are of exactly these files leaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slirec_core::bundle::{MANIFEST, Manifest};
use slirec_core::files;

use super::{SIGNATURE, SigningError};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://model_signing/signature/v1.0";
const METHOD: &str = "files";
const SHA256: &str = "sha256";

#[derive(Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    /// Of the model; for people.
    name: String,
    digest: SubjectDigest,
}

#[derive(Serialize, Deserialize)]
struct SubjectDigest {
    sha256: String,
}

/// Fields beyond these are to be passed over, says the specification.
#[derive(Serialize, Deserialize)]
struct Predicate {
    resources: Vec<Resource>,
    serialization: Serialization,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    algorithm: String,
    digest: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    #[serde(default)]
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

/// Every file of a bundle with its SHA-256, in the order of the names.
fn records<'a>(manifest: &'a Manifest, sha256: &'a str) -> BTreeMap<&'a str, &'a str> {
    let listed = manifest.files.iter().map(|(name, record)| (name.as_str(), record.sha256.as_str()));
    listed.chain([(MANIFEST, sha256)]).collect()
}

/// Hash over the hashes of all files, as the specification has it; none when one of them is no hash.
fn root_digest<'a>(digests: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut hasher = Sha256::new();
    for digest in digests {
        hasher.update(bytes_of(digest)?);
    }
    Some(files::hexadecimal(&hasher.finalize()))
}

fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The statement about a bundle.
pub(super) fn write(manifest: &Manifest, sha256: &str) -> Result<Vec<u8>, SigningError> {
    let records = records(manifest, sha256);
    let root = root_digest(records.values().copied());
    let resource = |(name, digest): (&&str, &&str)| Resource {
        algorithm: SHA256.to_owned(),
        digest: (*digest).to_owned(),
        name: (*name).to_owned(),
    };
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject: vec![Subject {
            name: manifest.name.clone(),
            digest: SubjectDigest { sha256: root.unwrap_or_default() },
        }],
        predicate_type: PREDICATE.to_owned(),
        predicate: Predicate {
            resources: records.iter().map(resource).collect(),
            serialization: Serialization {
                method: METHOD.to_owned(),
                hash_type: SHA256.to_owned(),
                allow_symlinks: false,
                ignore_paths: vec![SIGNATURE.to_owned()],
            },
        },
    };
    serde_json::to_vec(&statement).map_err(|error| SigningError::Sign(error.to_string()))
}

/// Refuses a statement that is not of exactly these files.
///
/// # Errors
/// What was found and what was expected.
pub(super) fn check(bytes: &[u8], manifest: &Manifest, sha256: &str) -> Result<(), String> {
    let statement: Statement = serde_json::from_slice(bytes).map_err(|error| format!("its statement: {error}"))?;
    let Statement { kind, subject, predicate_type, predicate: Predicate { resources, serialization } } = &statement;
    let texts = [
        ("statement is of type", kind.as_str(), STATEMENT),
        ("predicate is of type", predicate_type, PREDICATE),
        ("files are hashed by the method", &serialization.method, METHOD),
        ("files are hashed by", &serialization.hash_type, SHA256),
    ];
    for (what, found, expected) in texts {
        if found != expected {
            return Err(format!("its {what} `{found}`: expected `{expected}`"));
        }
    }
    let root = root_digest(resources.iter().map(|resource| resource.digest.as_str()));
    match subject.as_slice() {
        [subject] if Some(&subject.digest.sha256) == root.as_ref() => {}
        [_] => return Err("its files do not have the digest of its subject".to_owned()),
        subjects => return Err(format!("has {} subjects: expected one", subjects.len())),
    }
    check_resources(resources, &records(manifest, sha256))
}

fn check_resources(resources: &[Resource], records: &BTreeMap<&str, &str>) -> Result<(), String> {
    let mut missing = records.clone();
    for Resource { algorithm, digest, name } in resources {
        let Some(expected) = missing.remove(name.as_str()) else {
            return Err(format!("lists `{name}`: expected each file of the bundle once"));
        };
        if algorithm != SHA256 || !digest.eq_ignore_ascii_case(expected) {
            return Err(format!("is of another {name}: that of the bundle has SHA-256 {expected}"));
        }
    }
    match missing.keys().next() {
        Some(name) => Err(format!("does not list {name}: expected every file of the bundle")),
        None => Ok(()),
    }
}
