//! Which servers are trusted: those the system trusts, and further authorities from a file.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::{ClientSettings, HttpError, HttpErrorKind};

/// The certificates of a PEM file.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let pem = fs_err::read(path).map_err(|error| problem(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(problem(&format!(
            "{} holds no PEM certificates",
            path.display()
        ))),
    }
}

/// Trust as the settings say. Reading what the system trusts takes time, so that one is made for a
/// client.
pub fn config(settings: &ClientSettings) -> Result<ClientConfig, HttpError> {
    let authorities = settings.ca_file.as_deref().map(authorities).transpose()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        Verifier::new_with_extra_roots(authorities.into_iter().flatten(), Arc::clone(&provider))
            .map_err(|error| problem(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn problem(error: &dyn std::fmt::Display) -> HttpError {
    HttpError::new(HttpErrorKind::Configuration, error.to_string())
}
