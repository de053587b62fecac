//! The two ways to ask: a verification, and a bare request with the same client settings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sts_agent_name::Endpoint;
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use time::OffsetDateTime;
use url::Url;

use super::stand_in::{INSTANCE, Sts};

const TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) trait Client: Clone + Send + 'static {
    fn once(&self) -> impl Future<Output = ()> + Send;
}

/// What an agent sends, with a token of 1 KB.
fn evidence() -> Arc<str> {
    let token = "IQoJb3JpZ2luX2VjEF/a+Dw=".repeat(42);
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::new("ASIAIOSFODNN7EXAMPLE", secret, Some(token), None, "bench");
    let url = Presigner::new(Endpoint::global()).presign(&credentials, wall_clock()).expect("signed");
    url.expose().into()
}

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
fn wall_clock() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[derive(Clone)]
pub(crate) struct Verification {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) text: Arc<str>,
}

impl Verification {
    pub(crate) fn new(sts: &Sts, in_flight: usize) -> Self {
        Self::queued(sts, in_flight, 10_000)
    }

    pub(crate) fn queued(sts: &Sts, in_flight: usize, waiting: usize) -> Self {
        let builder = Verifier::builder().danger_stand_in(sts.address, &sts.authority);
        let builder = builder.concurrency(in_flight, waiting).timeout(TIMEOUT).connect_timeout(TIMEOUT);
        let policy = Policy::builder().account("123456789012").role("ci-agent").build().expect("a policy");
        let verifier = Arc::new(builder.build().expect("a verifier"));
        Self { verifier, policy: Arc::new(policy), text: evidence() }
    }

    pub(crate) async fn once_with(&self, text: &str) {
        let agent = self.verifier.verify(text, &self.policy).await.expect("verified");
        assert_eq!(agent.name().as_str(), INSTANCE);
    }
}

impl Client for Verification {
    async fn once(&self) {
        self.once_with(&self.text).await;
    }
}

/// Reads the text as a URL, gets it, reads the body. All settings are those of the verifier.
#[derive(Clone)]
pub(crate) struct Bare {
    client: reqwest::Client,
    text: Arc<str>,
}

impl Bare {
    pub(crate) fn new(sts: &Sts, idle: usize) -> Self {
        let authority = reqwest::Certificate::from_pem(sts.authority.as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder()
            .https_only(true)
            .http1_only()
            .tls_backend_rustls()
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_gzip()
            .no_proxy()
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(idle)
            .tls_certs_only([authority])
            .dns_resolver(Arc::new(Fixed(sts.address)))
            .build();
        Self { client: client.expect("a client"), text: evidence() }
    }

    pub(crate) async fn once_with(&self, text: &str) {
        let request = self.client.get(Url::parse(text).expect("a URL"));
        let request = request.header("accept", "text/xml").header("accept-encoding", "identity");
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.expect("a body").len() > 400);
    }
}

impl Client for Bare {
    async fn once(&self) {
        self.once_with(&self.text).await;
    }
}

struct Fixed(SocketAddr);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}
