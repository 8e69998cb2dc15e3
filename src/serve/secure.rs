//! TLS for the endpoint, with certificates that may be replaced while it runs.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::options::ServeOptions;
use super::reloading_file::ReloadingFile;

/// The certificate chain, its key, and who may come without a token.
pub(super) struct Secure(ReloadingFile<Arc<ServerConfig>>);

impl Secure {
    /// `None` where the endpoint speaks plain HTTP.
    ///
    /// # Errors
    /// A sentence that names the file that cannot be used.
    pub(super) fn of(options: &ServeOptions) -> Result<Option<Self>, String> {
        let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else {
            return Ok(None);
        };
        let mut paths = vec![cert.clone(), key.clone()];
        paths.extend(options.client_ca.clone());
        ReloadingFile::read(paths, config).map(Self).map(Some)
    }

    /// What makes a session of a connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.get())
    }

    /// Why the newest files could not be used, once.
    pub(super) fn take_fault(&self) -> Option<String> {
        self.0.take_fault()
    }
}

/// Of the chain, its key, and the authorities of clients, where there are any.
fn config(contents: &[Vec<u8>]) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let [cert, key, rest @ ..] = contents else {
        return Err("no certificate".into());
    };
    let chain = certificates(cert, "--tls-cert")?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "--tls-key: expected a PEM private key without a password".to_owned())?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match rest.first() {
        None => builder.with_no_client_auth(),
        Some(bundle) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(bundle, "--client-ca")?);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                // Probes come without; the guard asks them for nothing else.
                .allow_unauthenticated()
                .build()
                .map_err(|error| format!("--client-ca: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("{error} (--tls-cert, --tls-key)"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8], flag: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("{flag}: expected certificates in PEM")),
    }
}
