//! Which certificate authorities are believed.
//!
//! The operating system's store, found at its usual places and not through environment variables (the usual
//! loaders honour `SSL_CERT_FILE`, by which a stray variable would widen trust); where there is none, as in
//! bare containers, Mozilla's list as bundled by `webpki-root-certs`.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};

/// Where Unix systems other than macOS keep their store: Debian, Fedora, older Red Hat, openSUSE, Alpine and
/// the BSDs.
const PLACES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
];

/// Whether the missing store has been reported.
static REPORT: Once = Once::new();

pub(super) enum Roots {
    /// These and no others.
    Only(Vec<Certificate>),
    /// What the platform's own verifier believes (Windows, macOS and others).
    Platform,
}

impl Roots {
    /// The system's store, or the bundled list where the system has none.
    pub(super) fn find() -> Self {
        let own_store = cfg!(any(target_os = "windows", target_vendor = "apple", target_os = "android"));
        if own_store { Self::Platform } else { Self::find_in(PLACES) }
    }

    fn find_in(places: &[&str]) -> Self {
        let read =
            |place: &&str| std::fs::read(place).ok().and_then(|pem| Certificate::from_pem_bundle(&pem).ok());
        if let Some(found) = places.iter().filter_map(read).find(|certificates| !certificates.is_empty()) {
            return Self::Only(found);
        }
        REPORT.call_once(|| tracing::warn!("no system certificate store found; using the bundled list"));
        Self::bundled()
    }

    fn bundled() -> Self {
        let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        Self::Only(all.filter_map(|der| Certificate::from_der(der).ok()).collect())
    }

    /// The authorities of one PEM text.
    pub(super) fn pem(pem: &[u8]) -> Result<Self, reqwest::Error> {
        Certificate::from_pem_bundle(pem).map(Self::Only)
    }

    pub(super) fn apply(self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Self::Only(certificates) => builder.tls_certs_only(certificates),
            Self::Platform => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Roots;

    fn count(roots: &Roots) -> usize {
        match roots {
            Roots::Only(certificates) => certificates.len(),
            Roots::Platform => 0,
        }
    }

    #[test]
    fn a_machine_without_a_store_gets_the_bundled_list() {
        let roots = Roots::find_in(&["/nonexistent/ca.pem"]);
        assert!(count(&roots) > 50);
        assert!(roots.apply(reqwest::Client::builder()).build().is_ok());
    }

    #[test]
    fn a_private_text_is_the_only_authority() {
        assert_eq!(Roots::pem(b"").map(|roots| count(&roots)).ok(), Some(0));
    }
}
