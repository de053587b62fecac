//! TLS to the database.

use std::sync::Arc;

use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::registry::{ConnectError, StoreError};

/// Whom a server must be vouched for by.
#[derive(Debug)]
pub(super) enum Trust {
    /// One of these authorities, for the name that was dialled.
    Authorities(RootCertStore),
    /// Nobody: keeps out who listens, not who answers instead.
    Anyone,
}

impl Trust {
    /// The authorities of one PEM file, and no others.
    pub(super) fn in_file(path: &str) -> Result<Self, ConnectError> {
        let unusable =
            ConnectError::InvalidUrl { rule: "sslrootcert is the path of a PEM file with certificates" };
        let Ok(pem) = std::fs::read(path) else { return Err(unusable) };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let Ok(certificate) = certificate else { return Err(unusable) };
            // One that cannot be read as an authority can vouch for nobody.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() { Err(unusable) } else { Ok(Self::Authorities(roots)) }
    }

    pub(super) fn connector(self) -> Result<MakeRustlsConnect, ConnectError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| StoreError::Failed { code: "tls".into() })?;
        let mut config = match self {
            Self::Authorities(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
            Self::Anyone => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(BelieveAnyone { provider }))
                .with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }
}

/// Takes every certificate, and still makes sure that the server has the key to the one it shows.
#[derive(Debug)]
struct BelieveAnyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for BelieveAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
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
