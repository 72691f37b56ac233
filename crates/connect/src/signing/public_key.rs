//! Public keys: PEM files enter, keys that verify leave.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, alg_id};
use rustls::sign::public_key_to_spki;
use slirec_core::files;

use super::SigningError;

/// Public keys of one file are shorter.
const LARGEST_FILE: u64 = 1 << 16;
/// Characters of a line of PEM.
const PEM_LINE: usize = 64;
/// What a usable key is, for messages.
pub(super) const USABLE: &str = "a key on the curve P-256 or P-384, as `openssl genpkey -algorithm EC -pkeyopt \
                                 ec_paramgen_curve:P-256` makes";

/// A key on the curve P-256 or P-384.
#[derive(Debug, Clone)]
pub struct PublicKey {
    /// Its point, uncompressed.
    point: Vec<u8>,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    fingerprint: String,
}

impl PublicKey {
    /// Reads all keys of a PEM file (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// [`SigningError`] when there is none, or one of them is of another kind.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, SigningError> {
        let bytes = files::read_small(path, LARGEST_FILE)?;
        let of_pem = |key| match key {
            Ok(key) => Self::new(&key).ok_or_else(|| SigningError::key(path, format!("expected {USABLE}"))),
            Err(_) => Err(SigningError::key(path, "is not well-formed PEM")),
        };
        let keys: Vec<Self> =
            SubjectPublicKeyInfoDer::pem_slice_iter(&bytes).map(of_pem).collect::<Result<_, SigningError>>()?;
        if keys.is_empty() {
            return Err(SigningError::key(path, "holds no public key: expected PEM with BEGIN PUBLIC KEY"));
        }
        Ok(keys)
    }

    /// A key in the encoding of X.509; none of another kind.
    pub(super) fn new(encoded: &SubjectPublicKeyInfoDer<'_>) -> Option<Self> {
        let kinds = [(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, 65), (alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, 97)];
        kinds.into_iter().find_map(|(curve, signature, length)| {
            let start = encoded.len().checked_sub(length)?;
            let point = encoded.get(start..)?.to_vec();
            // There is one encoding of a point on a curve: anything else is no such key.
            if public_key_to_spki(&curve, &point).as_ref() != encoded.as_ref() {
                return None;
            }
            let known = default_provider().signature_verification_algorithms.all.iter().copied();
            let algorithm = known
                .into_iter()
                .find(|known| known.public_key_alg_id() == curve && known.signature_alg_id() == signature)?;
            Some(Self { point, algorithm, fingerprint: fingerprint(encoded) })
        })
    }

    /// SHA-256 of the key's PEM text: the `hint` of signatures.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether a signature of a message is this key's.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.algorithm.verify_signature(&self.point, message, signature).is_ok()
    }
}

fn fingerprint(encoded: &[u8]) -> String {
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    let text = STANDARD.encode(encoded);
    for (position, letter) in text.chars().enumerate() {
        if position > 0 && position % PEM_LINE == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    files::sha256(pem.as_bytes())
}
