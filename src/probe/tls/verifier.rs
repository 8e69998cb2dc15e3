//! Sees what the server shows, and believes nothing of it: that is judged later.
//!
//! One thing can be checked only here, as it needs the handshake itself: that the server holds
//! the key of the certificate that it shows.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::ClientKey;
use crate::model::tls::ClientCertificate;
use crate::parse::x509::{KeyAlgorithm, PublicKey, name, public_key};

/// Schemes that are offered beside those that can be checked, so that a server with such a key
/// shows its certificate at all.
const UNCHECKED: [SignatureScheme; 7] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED448,
    // rsa_pss_pss_sha256, …384, …512: keys that are for PSS alone.
    SignatureScheme::Unknown(0x0809),
    SignatureScheme::Unknown(0x080a),
    SignatureScheme::Unknown(0x080b),
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

/// As many issuers are named of those whose client certificates a server would take.
const ISSUERS: usize = 5;

/// What was seen of one handshake.
#[derive(Default)]
struct Seen {
    chain: Vec<Vec<u8>>,
    staple: Option<Vec<u8>>,
    signature_checked: bool,
    asked: bool,
    showed: bool,
    accepted_issuers: Vec<String>,
}

/// Stands where a verifier and a holder of client certificates would stand.
pub(crate) struct RecordingVerifier {
    algorithms: WebPkiSupportedAlgorithms,
    client: Option<ClientKey>,
    seen: Mutex<Seen>,
}

impl RecordingVerifier {
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms, client: Option<ClientKey>) -> Self {
        Self {
            algorithms,
            client,
            seen: Mutex::default(),
        }
    }

    /// The chain and the staple.
    pub(crate) fn shown(&self) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut seen = self.seen();
        (std::mem::take(&mut seen.chain), seen.staple.take())
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn was_asked(&self) -> bool {
        self.seen().asked
    }

    /// Whether the server proved that it holds the key of its certificate; false where it used
    /// what cannot be checked.
    pub(crate) fn signature_checked(&self) -> bool {
        self.seen().signature_checked
    }

    /// What to say of a client certificate, where the server went on.
    pub(super) fn accepted(&self) -> ClientCertificate {
        let seen = self.seen();
        match (seen.asked, seen.showed) {
            (false, _) => ClientCertificate::NotAsked,
            (true, false) => ClientCertificate::Optional,
            (true, true) => ClientCertificate::Shown,
        }
    }

    /// What to say of it, where the server did not go on for its sake.
    pub(super) fn refused(&self) -> ClientCertificate {
        if self.seen().showed {
            ClientCertificate::Shown
        } else {
            ClientCertificate::Required
        }
    }

    /// Some of the issuers whose client certificates the server takes.
    pub(super) fn accepted_issuers(&self) -> Vec<String> {
        self.seen().accepted_issuers.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        only_first: bool,
    ) -> Result<HandshakeSignatureValid, Error> {
        let taken = Ok(HandshakeSignatureValid::assertion());
        let mapping = self.algorithms.mapping.iter();
        let candidates = mapping
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| *algorithms)
            .take(if only_first { 1 } else { usize::MAX });
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            return taken;
        };
        let spki = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
        let Ok(key) = RawPublicKeyEntity::try_from(&spki) else {
            return taken;
        };
        if !can_be_checked(&public_key(parsed.public_key())) {
            return taken;
        }
        let mut tried = false;
        for algorithm in candidates {
            tried = true;
            let checked = key.verify_signature(*algorithm, message, signed.signature());
            if checked.is_ok() {
                self.seen().signature_checked = true;
                return taken;
            }
        }
        if tried {
            return Err(CertificateError::BadSignature.into());
        }
        taken
    }
}

/// Whether ring checks signatures of such a key.
fn can_be_checked(key: &PublicKey) -> bool {
    match key.algorithm {
        KeyAlgorithm::Rsa => key.bits.is_some_and(|bits| (2048..=8192).contains(&bits)),
        KeyAlgorithm::Ecdsa => matches!(key.curve.as_deref(), Some("P-256" | "P-384")),
        KeyAlgorithm::Ed25519 => true,
        _ => false,
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.seen();
        let all = std::iter::once(end_entity).chain(intermediates);
        seen.chain = all.map(|certificate| certificate.to_vec()).collect();
        seen.staple = (!ocsp_response.is_empty()).then(|| ocsp_response.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signed, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signed, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        schemes.extend(UNCHECKED);
        schemes
    }
}

impl ResolvesClientCert for RecordingVerifier {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut seen = self.seen();
        seen.asked = true;
        let names = issuers.iter().take(ISSUERS);
        let parsed = names.filter_map(|der| X509Name::from_der(der).ok());
        seen.accepted_issuers = parsed.map(|(_, issuer)| name(&issuer)).collect();
        let client = self.client.as_ref()?.certified();
        seen.showed = client.key.choose_scheme(schemes).is_some();
        Some(client)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for RecordingVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}
