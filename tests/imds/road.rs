//! From IMDS to a name: fetch, sign, send, verify.

use sts_agent_name::agent::imds::{InstanceIdentity, InstanceProfile};
use sts_agent_name::agent::{PresignError, Presigner};
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Endpoint, PresignedUrl};
use time::OffsetDateTime;

use super::server::{IDENTITY_PATH, INSTANCE, KEY, LocalImds, SECRET, SESSION_TOKEN, document, ok};

const ACCOUNT: &str = "123456789012";

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

async fn presigner(imds: &LocalImds) -> Presigner {
    let region = imds.client().region().await.expect("a region");
    Presigner::new(Endpoint::regional(&region).expect("an endpoint"))
}

#[tokio::test]
async fn an_instance_proves_itself_by_its_identity_role() {
    let imds = LocalImds::start().await;
    let provider = InstanceIdentity::new(imds.client());
    let url = presigner(&imds).await.presign_from(&provider, now()).await.expect("signed");
    assert_eq!(PresignedUrl::parse(url.expose()).expect("parsed").region().as_str(), "eu-central-1");

    let policy = Policy::builder().any_instance_of(ACCOUNT).build().expect("a policy");
    Verifier::builder().build().expect("a verifier").begin(url.expose(), &policy, now()).expect("begun");
    let principal = Principal::instance_identity(KEY, SECRET, SESSION_TOKEN, ACCOUNT, INSTANCE);
    let sts = LocalSts::builder().principal(principal).start().await.expect("a local STS");
    let verifier = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem()).build().expect("a verifier");
    let verified = verifier.verify(url.expose(), &policy).await.expect("verified");
    assert_eq!(verified.name().as_str(), INSTANCE);
}

#[tokio::test]
async fn an_instance_proves_itself_by_its_profile() {
    let imds = LocalImds::start().await;
    let provider = InstanceProfile::new(imds.client());
    let url = presigner(&imds).await.presign_from(&provider, now()).await.expect("signed");
    let principal = Principal::assumed_role(KEY, SECRET, SESSION_TOKEN, ACCOUNT, "ci-agent", INSTANCE);
    let sts = LocalSts::builder().principal(principal).start().await.expect("a local STS");
    let verifier = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem()).build().expect("a verifier");
    let policy = Policy::builder().account(ACCOUNT).role("ci-agent").build().expect("a policy");
    let verified = verifier.verify(url.expose(), &policy).await.expect("verified");
    assert_eq!(verified.name().as_str(), INSTANCE);

    let only_identities = Policy::builder().any_instance_of(ACCOUNT).build().expect("a policy");
    let again = presigner(&imds).await.presign_from(&provider, now()).await.expect("signed");
    let refused = verifier.verify(again.expose(), &only_identities).await.expect_err("another kind");
    assert_eq!(refused.code(), "caller_kind_not_allowed");
}

#[tokio::test]
async fn a_url_is_good_no_longer_than_the_credentials() {
    let imds = LocalImds::start().await;
    imds.always(IDENTITY_PATH, ok(&document(std::time::Duration::from_mins(3))));
    let presigner = presigner(&imds).await;
    let provider = InstanceIdentity::new(imds.client());
    let url = presigner.presign_from(&provider, now()).await.expect("signed");
    assert!(url.good_until().expect("known") <= now() + time::Duration::minutes(3));

    imds.always(IDENTITY_PATH, ok(&document(std::time::Duration::ZERO)));
    let provider = InstanceIdentity::new(imds.client());
    let error = presigner.presign_from(&provider, now()).await.expect_err("ended");
    assert!(matches!(error, PresignError::CredentialsExpired), "{error:?}");
}
