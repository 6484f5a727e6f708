//! Who has to show a certificate, and which ones will do.
//!
//! The five policies are those of Go's crypto/tls, by their names. Even where a certificate is not verified, its owner
//! proves by a signature that the key is his.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::certificate::alternative_names;

/// The values of `client_auth_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nobody is asked for one.
    #[default]
    NoClientCert,
    /// Asked for; none will do, and one of anybody's.
    RequestClientCert,
    /// One of anybody's is needed.
    RequireAnyClientCert,
    /// None will do; one that is shown has to be from the authority.
    VerifyClientCertIfGiven,
    /// One from the authority is needed.
    RequireAndVerifyClientCert,
}

impl Policy {
    /// The policy that goes by this name. `RequireClientCert` is the old name of `RequireAnyClientCert`.
    pub(super) fn named(name: &str) -> Option<Policy> {
        Some(match name {
            "NoClientCert" => Policy::NoClientCert,
            "RequestClientCert" => Policy::RequestClientCert,
            "RequireAnyClientCert" | "RequireClientCert" => Policy::RequireAnyClientCert,
            "VerifyClientCertIfGiven" => Policy::VerifyClientCertIfGiven,
            "RequireAndVerifyClientCert" => Policy::RequireAndVerifyClientCert,
            _ => return None,
        })
    }

    /// Whether a certificate that is shown has to be from the authority.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Policy::VerifyClientCertIfGiven | Policy::RequireAndVerifyClientCert)
    }

    fn is_mandatory(self) -> bool {
        matches!(self, Policy::RequireAnyClientCert | Policy::RequireAndVerifyClientCert)
    }
}

/// What rustls asks when a client comes.
pub(super) struct ClientCertificates {
    policy: Policy,
    /// The judge of certificates, where the policy has them verified.
    authority: Option<Arc<dyn ClientCertVerifier>>,
    /// Names of which a certificate must bear one; none = all do.
    allowed_names: Vec<String>,
    provider: Arc<CryptoProvider>,
    hints: Vec<DistinguishedName>,
}

impl ClientCertificates {
    /// # Errors
    /// That the authority's certificates can't be used.
    pub(super) fn new(
        policy: Policy,
        authority: RootCertStore,
        allowed_names: Vec<String>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ClientCertificates, rustls::server::VerifierBuilderError> {
        let hints = authority.subjects();
        let authority = if policy.verifies() {
            let judge =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(authority), Arc::clone(provider));
            Some(judge.build()?)
        } else {
            None
        };
        Ok(ClientCertificates { policy, authority, allowed_names, provider: Arc::clone(provider), hints })
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificates({:?})", self.policy)
    }
}

/// The certificate is good and its owner is not on the list.
#[derive(Debug, thiserror::Error)]
#[error("none of the certificate's names is in client_allowed_sans")]
struct NotOnTheList;

impl ClientCertVerifier for ClientCertificates {
    fn offer_client_auth(&self) -> bool {
        self.policy != Policy::NoClientCert
    }

    fn client_auth_mandatory(&self) -> bool {
        self.policy.is_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authority) = &self.authority {
            authority.verify_client_cert(certificate, intermediates, now)?;
        }
        let listed = || alternative_names(certificate).iter().any(|name| self.allowed_names.contains(name));
        if self.allowed_names.is_empty() || listed() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::Other(OtherError(Arc::new(NotOnTheList))).into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
