//! The sigstore bundle with its DSSE envelope: a statement and a key enter, the bytes of `model.sig` leave; or these
//! enter, and the statement with its signature leaves, unverified.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{SigningError, SigningKey};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigstoreBundle {
    media_type: String,
    verification_material: VerificationMaterial,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: KeyHint,
    /// Of a transparency log, which keys do without.
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct KeyHint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
    #[serde(default)]
    keyid: String,
}

/// What stands in a `model.sig`; nothing of it is verified.
pub(super) struct Opened {
    /// Fingerprint of the key that is said to have signed.
    pub(super) hint: String,
    /// The statement.
    pub(super) statement: Vec<u8>,
    /// Of [`Opened::message`].
    pub(super) signature: Vec<u8>,
}

impl Opened {
    /// The bytes that were signed.
    pub(super) fn message(&self) -> Vec<u8> {
        message(&self.statement)
    }
}

/// DSSE's pre-authentication encoding.
fn message(statement: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), statement.len());
    [head.as_bytes(), statement].concat()
}

/// Signs a statement.
pub(super) fn write(statement: &[u8], key: &SigningKey) -> Result<Vec<u8>, SigningError> {
    let sig = STANDARD.encode(key.sign(&message(statement))?);
    let bundle = SigstoreBundle {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: VerificationMaterial {
            public_key: KeyHint { hint: key.public().fingerprint().to_owned() },
            tlog_entries: Vec::new(),
        },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(statement),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature { sig, keyid: String::new() }],
        },
    };
    serde_json::to_vec(&bundle).map_err(|error| SigningError::Sign(error.to_string()))
}

/// Opens an envelope.
///
/// # Errors
/// What was found and what was expected.
pub(super) fn open(bytes: &[u8]) -> Result<Opened, String> {
    let bundle: SigstoreBundle =
        serde_json::from_slice(bytes).map_err(|error| format!("is no signature of a model: {error}"))?;
    let SigstoreBundle { media_type, verification_material, dsse_envelope } = bundle;
    let Envelope { payload, payload_type, signatures } = dsse_envelope;
    for (what, found, expected) in [("is", media_type, MEDIA_TYPE), ("is around", payload_type, PAYLOAD_TYPE)] {
        if found != expected {
            return Err(format!("{what} `{found}`: expected `{expected}`"));
        }
    }
    let [Signature { sig, .. }] = signatures.as_slice() else {
        return Err(format!("has {} signatures: expected one", signatures.len()));
    };
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_| "is not well-formed base64 inside".to_owned());
    let hint = verification_material.public_key.hint;
    Ok(Opened { hint, statement: decoded(&payload)?, signature: decoded(sig)? })
}
