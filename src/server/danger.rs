//! What weakens the transport, for tests only (feature `testing`).

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, ClientBuilder};

use super::VerifierBuilder;

/// A server on loopback that stands in for every STS host.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    address: SocketAddr,
    authority: Box<str>,
}

impl StandIn {
    pub(super) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        let authority = Certificate::from_pem(self.authority.as_bytes())?;
        Ok(builder.tls_certs_only([authority]).dns_resolver(Arc::new(Fixed(self.address))))
    }
}

/// Answers every name with one address.
struct Fixed(SocketAddr);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(core::iter::once(self.0));
        Box::pin(core::future::ready(Ok(addresses)))
    }
}

impl VerifierBuilder {
    /// Connects to `address` for every host of the built-in table and believes `authority` (PEM) alone.
    ///
    /// **For tests.** Whoever answers there decides who every caller is.
    pub fn danger_stand_in(mut self, address: SocketAddr, authority: &str) -> Self {
        self.client.stand_in = Some(StandIn { address, authority: authority.into() });
        self
    }
}
