//! A fixture through its door: the verdict is `accept`, or the code of the refusal.

use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use sts_agent_name::{CallerIdentity, Partition, PresignedUrl, ReplyError};

use super::{Fixture, moment};

/// Evidence through `begin`, at the moment that the fixture names.
pub(crate) fn begin_verdict(verifier: &Verifier, fixture: &Fixture) -> String {
    let evidence = fixture.text();
    let policy = policy_for(evidence);
    match verifier.begin(evidence, &policy, moment(fixture.header("at"))) {
        Ok(_) => "accept".to_owned(),
        Err(refusal) => refusal.code().to_owned(),
    }
}

/// A policy for the partition that the evidence speaks of, as a server of that partition would have.
fn policy_for(evidence: &str) -> Policy {
    let builder = Policy::builder().account("123456789012").any_role().without_account_hint();
    let partition = PresignedUrl::parse(evidence).map(|url| url.endpoint().partition());
    builder.partition(partition.unwrap_or(Partition::Aws)).build().expect("a policy")
}

/// A reply through `from_reply`.
pub(crate) fn reply_verdict(fixture: &Fixture) -> String {
    read_reply(fixture).map_or_else(|error| error.code(), |_| "accept").to_owned()
}

pub(crate) fn read_reply(fixture: &Fixture) -> Result<CallerIdentity, ReplyError> {
    let status = fixture.header("status").parse().expect("a status");
    CallerIdentity::from_reply(status, fixture.optional("content-type"), &fixture.payload)
}
