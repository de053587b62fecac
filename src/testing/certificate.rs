//! The certificates of the local STS, and the CA behind them.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey};

use super::host::Hosts;

/// What the local STS shows in the TLS handshake.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Certificate {
    /// A certificate of the CA for the name that the client asks for, if it is a host of STS. The default.
    #[default]
    Trusted,
    /// A certificate of the CA that ran out in 2020.
    Expired,
    /// No certificate: every handshake ends in the alert `protocol_version`, as a server that knows TLS 1.1 alone
    /// answers a client that does not.
    OldTls,
    /// A certificate of the CA for another name.
    OtherName,
    /// A certificate for the right name that no CA signed.
    SelfSigned,
}

/// Issues a leaf for each name that a client asks for.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf_key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    mode: Certificate,
    hosts: Hosts,
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// More names than STS has hosts. The rest are issued anew each time.
const MAX_CACHED_LEAVES: usize = 512;

/// What a client that names no host may have dialled.
const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

impl Authority {
    pub(super) fn new(mode: Certificate, hosts: Hosts) -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "local STS for tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
        let leaf_key = KeyPair::generate().map_err(io::Error::other)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let signing_key = aws_lc_rs::sign::any_supported_type(&der).map_err(io::Error::other)?;
        let authority =
            Self { issuer, leaf_key, signing_key, mode, hosts, leaves: Mutex::new(HashMap::new()) };
        // A custom host that cannot stand in a certificate is better told now than in a handshake.
        authority.nameless_leaf().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(authority)
    }

    pub(super) fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The acceptor of the handshakes; `None` if there will be no handshake.
    pub(super) fn into_acceptor(self) -> io::Result<Option<TlsAcceptor>> {
        if self.mode == Certificate::OldTls {
            return Ok(None);
        }
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn nameless_leaf(&self) -> Result<Arc<CertifiedKey>, rcgen::Error> {
        self.leaf(LOOPBACK.into_iter().chain(self.hosts.custom()))
    }

    fn leaf<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Arc<CertifiedKey>, rcgen::Error> {
        let names: Vec<String> = match self.mode {
            Certificate::OtherName => vec!["sts.invalid".to_owned()],
            _ => names.map(str::to_owned).collect(),
        };
        let mut params = CertificateParams::new(names)?;
        if self.mode == Certificate::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let leaf = match self.mode {
            Certificate::SelfSigned => params.self_signed(&self.leaf_key)?,
            _ => params.signed_by(&self.leaf_key, &self.issuer)?,
        };
        Ok(Arc::new(CertifiedKey::new(vec![leaf.der().clone()], Arc::clone(&self.signing_key))))
    }

    fn leaf_for(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(name) {
            return Some(Arc::clone(leaf));
        }
        let leaf = self.leaf(std::iter::once(name)).ok()?;
        if leaves.len() < MAX_CACHED_LEAVES {
            leaves.insert(name.to_owned(), Arc::clone(&leaf));
        }
        Some(leaf)
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            Some(name) => self.hosts.endpoint(name).and_then(|_| self.leaf_for(name)),
            None => self.nameless_leaf().ok(),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("mode", &self.mode).finish_non_exhaustive()
    }
}
