//! How far a connection is protected: the modes of PostgreSQL, which those of MySQL are like.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use syncline_store::{ErrorKind, Result, StoreError};

/// How far a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Not at all.
    Disable,
    /// Encrypted if the server can; whose server it is is not looked at.
    Prefer,
    /// Encrypted; the certificate is looked at only where a file of authorities is given.
    Require,
    /// Encrypted, with a certificate of a trusted authority for whatever name.
    VerifyCa,
    /// Encrypted, with a certificate of a trusted authority for this host.
    VerifyFull,
}

impl TlsMode {
    pub(crate) fn of_postgres(text: &str) -> std::result::Result<Self, String> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(
                    "has an sslmode that is none of disable, prefer, require, verify-ca and \
                     verify-full"
                        .to_owned(),
                );
            }
        })
    }

    pub(crate) fn of_mysql(text: &str) -> std::result::Result<Self, String> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "DISABLED" => Self::Disable,
            "PREFERRED" => Self::Prefer,
            "REQUIRED" => Self::Require,
            "VERIFY_CA" => Self::VerifyCa,
            "VERIFY_IDENTITY" => Self::VerifyFull,
            _ => {
                return Err(
                    "has an ssl-mode that is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA \
                     and VERIFY_IDENTITY"
                        .to_owned(),
                );
            }
        })
    }

    /// The mode with what a file of authorities asks for.
    pub(crate) const fn with_authorities(self, given: bool) -> Self {
        match self {
            Self::Require if given => Self::VerifyCa,
            other => other,
        }
    }
}

/// Who is trusted: the authorities of a file, or those of the system.
pub(crate) fn authorities(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    let Some(file) = file else {
        return Ok(rustls_native_certs::load_native_certs().certs);
    };
    let configuration = |message: String| StoreError::new(ErrorKind::Configuration, message);
    let pem = fs_err::read(file).map_err(|error| configuration(error.to_string()))?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            let message = format!("{} holds no PEM certificates", file.display());
            Err(configuration(message))
        }
    }
}

/// What a client of rustls needs for a mode.
pub(crate) fn client(mode: TlsMode, file: Option<&Path>) -> Result<ClientConfig> {
    let problem = |error: &dyn std::fmt::Display| {
        StoreError::new(
            ErrorKind::Configuration,
            format!("TLS cannot be used: {error}"),
        )
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let is_verified = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    let inner = if is_verified {
        let mut roots = RootCertStore::empty();
        let _counts = roots.add_parsable_certificates(authorities(file)?);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Some(verifier.build().map_err(|error| problem(&error))?)
    } else {
        None
    };
    let verifier = Verifier {
        inner,
        any_name: mode == TlsMode::VerifyCa,
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Looks at a certificate as far as the mode asks for it; signatures are always looked at.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
