//! The whole decision: any evidence through `begin`, then any reply through `finish`.
//!
//! A verified agent is one whom a second judge of the policy lets in too, by the texts that a second reader
//! finds in the reply; and nobody else is shut out.

use std::sync::LazyLock;

use sts_agent_name::server::{Exchange, Verifier};
use sts_agent_name::{AccessKeyKind, CallerIdentity, PresignedUrl};
use time::{Duration, OffsetDateTime};

use super::policy::Model;
use super::{now, policy, reply};

/// A verifier without further choices. Building one reads the system's certificates, so there is one.
pub(crate) fn verifier() -> &'static Verifier {
    static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::builder().build().expect("a verifier"));
    &VERIFIER
}

/// The first line is a policy in the words of [`policy`], the second is evidence, the rest a reply's body.
pub(crate) fn check(input: &[u8]) {
    let mut parts = input.splitn(3, |&byte| byte == b'\n');
    let (Some(line), Some(evidence), Some(body)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (Ok(line), Ok(evidence)) = (str::from_utf8(line), str::from_utf8(evidence)) else { return };
    let Some((policy, model)) = policy::read(line) else { return };
    // With the server's clock where it was, and where the evidence would have it.
    let claimed = PresignedUrl::parse(evidence).map(|url| url.signed_at());
    for now in [now(), claimed.unwrap_or_else(|_| now())] {
        if let Ok(exchange) = verifier().begin(evidence, &policy, now) {
            is_in_order(&exchange, evidence, &model, now);
            decides(&exchange, &model, body);
        }
    }
}

/// What `begin` let through.
fn is_in_order(exchange: &Exchange<'_>, evidence: &str, model: &Model, now: OffsetDateTime) {
    let url = exchange.evidence();
    let parsed = PresignedUrl::parse(evidence).expect("begun, so parsed");
    assert_eq!((exchange.url(), url.expose()), (parsed.expose(), parsed.expose()));
    assert!(exchange.headers().eq([("accept", "text/xml"), ("accept-encoding", "identity")]));
    assert!(url.signed_headers().eq(["host"]));
    assert_eq!((url.access_key_kind(), url.has_session_token()), (AccessKeyKind::Temporary, true));
    assert_eq!(url.endpoint().partition(), model.partition());
    let age = now - url.signed_at();
    let life = url.expires_in().map_or(900, |life| life.as_secs()).min(900);
    let life = Duration::seconds(i64::try_from(life).expect("at most 900"));
    assert!((Duration::seconds(-60)..=life).contains(&age), "{age} old, and {life} is all it has");
}

fn decides(exchange: &Exchange<'_>, model: &Model, body: &[u8]) {
    let wanted = match CallerIdentity::from_reply(200, Some("text/xml"), body) {
        Ok(_) => model.admits(&reply::identity(body).expect("accepted, and a second reader refuses")),
        Err(_) => None,
    };
    match exchange.finish(200, Some("text/xml"), body) {
        Ok(agent) => {
            let name = wanted.expect("let in, and a second judge shuts it out");
            assert_eq!(agent.name().as_str(), name);
            assert_eq!(*agent.signature(), exchange.signature());
            let texts = reply::identity(body).expect("accepted");
            assert_eq!(agent.identity().arn().as_str(), texts.arn);
            let (partition, account) = (model.partition(), &texts.account);
            let (owner, session) = texts.user_id.rsplit_once(':').expect("a session");
            let owner = owner.strip_prefix(&format!("{account}:")).unwrap_or(owner);
            assert_eq!(agent.owner().as_str(), format!("{partition}/{account}/{owner}/{session}"));
        }
        Err(error) => assert_eq!(wanted, None, "shut out ({error}), and a second judge lets it in"),
    }
    for status in [201, 302, 400, 403, 503] {
        assert!(exchange.finish(status, Some("text/xml"), body).is_err(), "{status}");
    }
    assert!(exchange.finish(200, None, body).is_err());
}
