//! TLS: PEM files enter, what encrypts connections leaves.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsSettings;

/// None when the configuration asks for no encryption.
///
/// # Errors
/// When a file cannot be used; the message names it and its key.
pub(super) fn acceptor(settings: &TlsSettings) -> anyhow::Result<Option<TlsAcceptor>> {
    if !settings.is_set() {
        return Ok(None);
    }
    let place = |path: &Path, key: &str| format!("cannot use {} (key tls.{key})", path.display());
    let certificate = &settings.certificate;
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| place(certificate, "certificate"))?;
    ensure!(!chain.is_empty(), "{} (key tls.certificate) holds no certificate", certificate.display());
    let key = PrivateKeyDer::from_pem_file(&settings.key).with_context(|| place(&settings.key, "key"))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| place(certificate, "certificate"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
