//! One agent that the local STS knows, and a verifier that asks the local STS.

use std::error::Error;

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::server::{Verifier, VerifierBuilder};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Endpoint, PresignedUrl};
use time::OffsetDateTime;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const ROLE: &str = "ci-agent";
pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
pub(crate) const KEY: &str = "ASIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE+/token==";

pub(crate) fn agent() -> Principal {
    Principal::assumed_role(KEY, SECRET, TOKEN, ACCOUNT, ROLE, INSTANCE)
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(KEY, SECRET, Some(TOKEN.to_owned()), None, "test")
}

/// Fresh evidence of the one agent.
pub(crate) fn presigned(endpoint: &Endpoint) -> PresignedUrl {
    Presigner::new(endpoint.clone()).presign(&credentials(), now()).expect("signed")
}

/// A verifier's builder for which the local STS is every STS.
pub(crate) fn builder(sts: &LocalSts) -> VerifierBuilder {
    Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem())
}

pub(crate) fn verifier(sts: &LocalSts) -> Verifier {
    builder(sts).build().expect("a verifier")
}

/// The texts of an error and of all that is behind it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
