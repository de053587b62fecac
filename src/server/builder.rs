//! Building a verifier.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use super::Verifier;
use super::challenges::Challenges;
use super::client::{ClientSettings, StsClient};
use super::error::Transport;
use super::gate::Gate;
use super::instance_check::InstanceCheck;
use crate::binding::Audience;
use crate::endpoint::{Endpoint, EndpointSet, EndpointVariant};
use crate::secret::SecretText;

/// How long STS accepts a signature: 15 minutes after `X-Amz-Date`, fixed. Ours can only be shorter.
pub(super) const MAX_AGE: Duration = Duration::from_mins(15);

/// Collects the choices of a [`Verifier`].
///
/// ```
/// use std::time::Duration;
/// use sts_agent_name::server::Verifier;
/// use sts_agent_name::{Audience, EndpointSet, Partition};
///
/// let verifier = Verifier::builder()
///     .audience(Audience::new("ci.example.com")?)
///     .endpoints(EndpointSet::built_in().only_partitions(&[Partition::Aws]).without_global())
///     .max_age(Duration::from_mins(2))
///     .build()?;
/// # let _ = verifier;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    endpoints: EndpointSet,
    audience: Option<Audience>,
    challenges: Option<Challenges>,
    instance_check: Option<Arc<dyn InstanceCheck>>,
    max_age: Duration,
    skew: Duration,
    in_flight: usize,
    waiting: usize,
    authorities: Vec<(Endpoint, Box<str>)>,
    pub(super) client: ClientSettings,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            endpoints: EndpointSet::built_in(),
            audience: None,
            challenges: None,
            instance_check: None,
            max_age: MAX_AGE,
            skew: Duration::from_mins(1),
            in_flight: 64,
            waiting: 256,
            authorities: Vec::new(),
            client: ClientSettings {
                connect_timeout: Duration::from_secs(2),
                timeout: Duration::from_secs(5),
                idle_per_host: 0,
                proxy: None,
                private: HashMap::new(),
                #[cfg(feature = "testing")]
                stand_in: None,
            },
        }
    }

    /// Which STS endpoints evidence may name; the whole built-in table unless said otherwise.
    pub fn endpoints(mut self, endpoints: EndpointSet) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Accepts only evidence that is signed for this audience.
    pub fn audience(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Accepts only evidence that signs a challenge which these issued
    /// ([`Verifier::begin_with_challenge`]).
    pub fn challenges(mut self, challenges: Challenges) -> Self {
        self.challenges = Some(challenges);
        self
    }

    /// Asks this check about each instance that STS and the policy let through.
    pub fn instance_check(mut self, check: impl InstanceCheck + 'static) -> Self {
        self.instance_check = Some(Arc::new(check));
        self
    }

    /// How old evidence may be; 15 minutes unless said otherwise, and never more.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How far ahead of the server's clock evidence may be signed; 60 seconds unless said otherwise.
    pub fn future_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// How many exchanges run at once, and how many more may wait; 64 and 256 unless said otherwise. A full
    /// queue answers [`Unavailable::Busy`](super::Unavailable::Busy) at once.
    ///
    /// An exchange in flight has a connection to itself, HTTP/1.1 over TLS with resumed sessions, and as many are
    /// kept for each host as may be in flight. HTTP/2 is not spoken: STS is not known to offer it, and one connection
    /// for all would be one fate for all. [`Verifier::warm_up`] opens connections ahead of time.
    pub fn concurrency(mut self, in_flight: usize, waiting: usize) -> Self {
        (self.in_flight, self.waiting) = (in_flight, waiting);
        self
    }

    /// How long a connection may take to come about; 2 seconds unless said otherwise.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.client.connect_timeout = timeout;
        self
    }

    /// How long a whole verification may take, waiting and retries included; 5 seconds unless said otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }

    /// Goes through this HTTP proxy. Proxy variables in the environment are never looked at.
    pub fn proxy(mut self, url: &str) -> Self {
        // It may hold a password.
        let mut secret = SecretText::with_capacity(url.len());
        secret.push_str(url);
        self.client.proxy = Some(secret);
        self
    }

    /// Believes these certificate authorities (PEM), **and no others**, for one custom endpoint. They say
    /// nothing about any other host.
    pub fn root_certificate(mut self, endpoint: &Endpoint, pem: &str) -> Self {
        self.authorities.push((endpoint.clone(), pem.into()));
        self
    }

    /// Checks every choice and sets up the HTTP client. Opens no connection.
    ///
    /// # Errors
    ///
    /// ```
    /// use std::time::Duration;
    /// use sts_agent_name::server::{InvalidVerifier, Verifier};
    ///
    /// let built = Verifier::builder().max_age(Duration::from_secs(901)).build();
    /// assert!(matches!(built, Err(InvalidVerifier::MaxAge)));
    /// ```
    pub fn build(mut self) -> Result<Verifier, InvalidVerifier> {
        if self.max_age.is_zero() || self.max_age > MAX_AGE {
            return Err(InvalidVerifier::MaxAge);
        }
        if self.skew > MAX_AGE {
            return Err(InvalidVerifier::Skew);
        }
        if self.in_flight == 0 {
            return Err(InvalidVerifier::Concurrency);
        }
        if self.client.timeout.is_zero() || self.client.connect_timeout.is_zero() {
            return Err(InvalidVerifier::Timeout);
        }
        // The client's own error quotes the URL.
        if self.client.proxy.as_ref().is_some_and(|proxy| reqwest::Proxy::https(proxy.expose()).is_err()) {
            return Err(InvalidVerifier::Proxy);
        }
        for (endpoint, pem) in self.authorities {
            if endpoint.variant() != EndpointVariant::Custom {
                return Err(InvalidVerifier::RootForBuiltIn);
            }
            self.client.private.insert(endpoint.host().into(), pem);
        }
        // A burst leaves as many connections behind as it had exchanges under way.
        self.client.idle_per_host = self.in_flight;
        let client =
            StsClient::new(&self.client).map_err(|error| InvalidVerifier::Client(Transport::new(error)))?;
        Ok(Verifier {
            endpoints: self.endpoints,
            audience: self.audience.map(Arc::new),
            challenges: self.challenges,
            instance_check: self.instance_check,
            max_age: self.max_age,
            skew: self.skew,
            timeout: self.client.timeout,
            limits: (self.in_flight, self.waiting),
            gate: Gate::new(self.in_flight, self.waiting),
            client,
        })
    }
}

/// Why choices do not make a verifier.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidVerifier {
    /// The HTTP client cannot be set up: a certificate is malformed.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] Transport),
    /// No exchange could ever run.
    #[error("at least one exchange must be allowed to run")]
    Concurrency,
    /// The maximum age is zero, or above the 15 minutes after which STS refuses.
    #[error("maximum age is not between zero and 15 minutes")]
    MaxAge,
    /// The proxy's URL is malformed. It may hold a password, so nothing of it is told.
    #[error("the proxy's URL is malformed")]
    Proxy,
    /// A certificate authority is named for a host of the built-in table; a private authority must never speak
    /// for AWS.
    #[error("a root certificate can only be named for a custom endpoint")]
    RootForBuiltIn,
    /// The skew is above 15 minutes.
    #[error("future skew is above 15 minutes")]
    Skew,
    /// A timeout is zero.
    #[error("a timeout is zero")]
    Timeout,
}
