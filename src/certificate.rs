//! TLS: PEM files enter, what encrypts connections leaves. Renewed files are taken up while connections stay open.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use slirec_core::files::read_small;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsSettings;

/// A file beyond this is no chain of certificates.
const LARGEST_FILE: u64 = 1 << 20;

/// The certificate that new connections are shown.
#[derive(Debug)]
pub(crate) struct Certificate {
    settings: TlsSettings,
    config: ArcSwap<ServerConfig>,
}

impl Certificate {
    /// Reads the certificate and its key for the first time. None when the configuration asks for no encryption.
    /// Blocks.
    ///
    /// # Errors
    /// When a file cannot be used, or the key is not the certificate's; the message names the file and its key.
    pub(crate) fn new(settings: &TlsSettings) -> anyhow::Result<Option<Self>> {
        if !settings.is_set() {
            return Ok(None);
        }
        let config = ArcSwap::from_pointee(read(settings)?);
        Ok(Some(Self { settings: settings.clone(), config }))
    }

    /// Reads both files again; on failure, as while only one of them is renewed, the certificate stays what it was.
    ///
    /// # Errors
    /// As for [`Certificate::new`].
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        self.config.store(Arc::new(read(&self.settings)?));
        Ok(())
    }

    /// What encrypts the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

fn read(settings: &TlsSettings) -> anyhow::Result<ServerConfig> {
    let place = |path: &Path, key: &str| format!("cannot use {} (key tls.{key})", path.display());
    let certificate = &settings.certificate;
    let bytes = read_small(certificate, LARGEST_FILE).with_context(|| place(certificate, "certificate"))?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.with_context(|| place(certificate, "certificate"))?;
    ensure!(!chain.is_empty(), "{} (key tls.certificate) holds no certificate", certificate.display());
    let bytes = read_small(&settings.key, LARGEST_FILE).with_context(|| place(&settings.key, "key"))?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).with_context(|| place(&settings.key, "key"))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| place(certificate, "certificate"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
