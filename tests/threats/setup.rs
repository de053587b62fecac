//! The base that each attack is one change away from, and the doors that it is tried on.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sts_agent_name::CallerIdentity;
use sts_agent_name::policy::{Policy, Refusal};
use sts_agent_name::server::{Verifier, VerifierBuilder};
use sts_agent_name::testing::LocalSts;
use time::OffsetDateTime;

use crate::common::doors::{begin_verdict, reply_verdict};
use crate::common::local::{self, ACCOUNT, ROLE};
use crate::common::{Fixture, fixtures, moment};

/// A role ID that holds [`ACCOUNT`] as IAM's do.
pub(crate) const ROLE_ID: &str = "AROADBQP57FF2AEXAMPLE";
pub(crate) const XML: Option<&str> = Some("text/xml");

/// Good evidence, and the moment at which it is good.
pub(crate) fn base() -> (String, OffsetDateTime) {
    static BASE: LazyLock<(String, OffsetDateTime)> = LazyLock::new(|| {
        let urls = fixtures("urls");
        let base = urls.iter().find(|fixture| fixture.name == "good-base").expect("good-base");
        (base.text().to_owned(), moment(base.header("at")))
    });
    BASE.clone()
}

/// The base with one thing changed.
#[track_caller]
pub(crate) fn with(from: &str, to: &str) -> String {
    let (base, _) = base();
    assert!(base.contains(from), "the base has no {from}");
    base.replacen(from, to, 1)
}

/// The base at another host.
pub(crate) fn at_host(authority: &str) -> String {
    with("sts.us-east-1.amazonaws.com", authority)
}

/// The base with another path, and at the global host.
pub(crate) fn with_path(path: &str) -> String {
    with("sts.us-east-1.amazonaws.com/", &format!("sts.amazonaws.com{path}"))
}

pub(crate) fn plain_policy() -> Policy {
    Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy")
}

pub(crate) fn plain_verifier() -> Verifier {
    Verifier::builder().build().expect("a verifier")
}

pub(crate) fn refusal(verifier: &Verifier, evidence: &str, now: OffsetDateTime) -> Option<Refusal> {
    verifier.begin(evidence, &plain_policy(), now).err()
}

/// What a verifier with no more than defaults makes of evidence at the base's moment.
pub(crate) fn begin(evidence: &str) -> &'static str {
    refusal(&plain_verifier(), evidence, base().1).map_or("accept", |refusal| refusal.code())
}

/// What comes of good evidence to which this was answered.
pub(crate) fn finish(policy: &Policy, status: u16, content_type: Option<&str>, body: &[u8]) -> String {
    let (evidence, now) = base();
    let exchange = plain_verifier().begin(&evidence, policy, now).expect("good evidence");
    let outcome = exchange.finish(status, content_type, body);
    outcome.map_or_else(|error| error.code().to_owned(), |agent| agent.name().to_string())
}

/// The same for the caller of a well-formed success.
pub(crate) fn finish_as(policy: &Policy, arn: &str, user_id: &str) -> String {
    let account = arn.split(':').nth(4).expect("an ARN");
    finish(policy, 200, XML, success(arn, user_id, account).as_bytes())
}

pub(crate) fn from_reply(status: u16, content_type: Option<&str>, body: impl AsRef<[u8]>) -> &'static str {
    let read = CallerIdentity::from_reply(status, content_type, body.as_ref());
    read.map_or_else(|error| error.code(), |_| "accept")
}

/// The document of a success.
pub(crate) fn success(arn: &str, user_id: &str, account: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    <UserId>{user_id}</UserId>\n    \
         <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>\n  </ResponseMetadata>\n\
         </GetCallerIdentityResponse>\n"
    )
}

/// The success that names the one agent.
pub(crate) fn good_reply() -> String {
    success(&role_arn(ACCOUNT, ROLE, local::INSTANCE), &format!("{ROLE_ID}:{}", local::INSTANCE), ACCOUNT)
}

pub(crate) fn role_arn(account: &str, role: &str, session: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
}

/// The good reply with one thing changed, through `from_reply`.
#[track_caller]
pub(crate) fn from_changed_reply(from: &str, to: &str) -> &'static str {
    let good = good_reply();
    assert!(good.contains(from), "the reply has no {from}");
    from_reply(200, XML, good.replacen(from, to, 1))
}

/// A local STS that knows the one agent.
pub(crate) async fn sts() -> LocalSts {
    LocalSts::builder().principal(local::agent()).start().await.expect("a local STS")
}

/// Verifies with the local STS as every STS: `verified`, or the code.
pub(crate) async fn verify(sts: &LocalSts, evidence: &str, policy: &Policy) -> &'static str {
    verify_with(local::builder(sts), evidence, policy).await
}

pub(crate) async fn verify_with(builder: VerifierBuilder, evidence: &str, policy: &Policy) -> &'static str {
    let verifier = builder.build().expect("a verifier");
    verifier.verify(evidence, policy).await.map_or_else(|error| error.code(), |_| "verified")
}

/// What an error says of itself in every way it can: to the agent, to the operator, to a debugger.
pub(crate) fn everything(error: &(dyn Error + 'static)) -> String {
    let mut all = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        writeln!(all, "{error} {error:?} {error:#?}").expect("text");
        next = error.source();
    }
    all
}

/// The row's fixtures of evidence exist, and `begin` ends as they say.
#[track_caller]
pub(crate) fn urls(row: u8) {
    let verifier = plain_verifier();
    each_ends_as_it_says(row, "urls", |fixture| begin_verdict(&verifier, fixture));
}

/// The row's fixtures of replies exist, and `from_reply` ends as they say.
#[track_caller]
pub(crate) fn replies(row: u8) {
    each_ends_as_it_says(row, "replies", reply_verdict);
}

#[track_caller]
fn each_ends_as_it_says(row: u8, folder: &str, verdict: impl Fn(&Fixture) -> String) {
    let of_row = of_row(row, folder);
    assert!(!of_row.is_empty(), "no fixture in {folder} carries the number {row}");
    let wrong = of_row.iter().filter(|fixture| verdict(fixture) != fixture.header("expect"));
    let wrong: Vec<_> = wrong.map(|fixture| (&fixture.name, verdict(fixture))).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

pub(crate) fn of_row(row: u8, folder: &str) -> Vec<Fixture> {
    let mut all = fixtures(folder);
    all.retain(|fixture| {
        fixture.optional("threat").is_some_and(|rows| rows.split(',').any(|one| one == row.to_string()))
    });
    all
}
