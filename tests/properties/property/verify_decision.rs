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
    let url = PresignedUrl::parse(evidence);
    // With the server's clock where it was, and where the evidence would have it.
    for now in [Some(now()), url.as_ref().ok().map(PresignedUrl::signed_at)].into_iter().flatten() {
        let in_order = url.as_ref().is_ok_and(|url| is_in_order(url, &model, now));
        match verifier().begin(evidence, &policy, now) {
            Ok(exchange) => {
                assert!(in_order, "begun, and it is not in order");
                let parsed = url.as_ref().expect("begun, so parsed").expose();
                assert_eq!((exchange.url(), exchange.evidence().expose()), (parsed, parsed));
                assert!(exchange.headers().eq([("accept", "text/xml"), ("accept-encoding", "identity")]));
                decides(&exchange, &model, body);
            }
            Err(refusal) => assert!(!in_order, "not begun ({refusal}), and it is in order"),
        }
    }
}

/// What `begin` must let through, and nothing else: temporary credentials, no header but `host`, the policy's
/// partition, and an age that counts from a minute ahead to the shorter of 15 minutes and its own expiry.
fn is_in_order(url: &PresignedUrl, model: &Model, now: OffsetDateTime) -> bool {
    let life = url.expires_in().map_or(900, |life| life.as_secs()).min(900);
    let life = Duration::seconds(i64::try_from(life).expect("at most 900"));
    url.access_key_kind() == AccessKeyKind::Temporary
        && url.has_session_token()
        && url.signed_headers().eq(["host"])
        && url.endpoint().partition() == model.partition()
        && (Duration::minutes(-1)..=life).contains(&(now - url.signed_at()))
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
