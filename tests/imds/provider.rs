//! The two providers: what they keep, and for how long.

use std::error::Error as _;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use sts_agent_name::agent::imds::{ImdsError, InstanceIdentity, InstanceProfile};

use super::server::{
    IDENTITY_PATH, LocalImds, PROFILE_PATH, ROLE_PATH, SECRET, TOKEN_PATH, document, ok, status,
};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn credentials_are_kept() {
    let imds = LocalImds::start().await;
    let identity = InstanceIdentity::new(imds.client());
    let profile = InstanceProfile::new(imds.client());
    for _ in 0..3 {
        let found = identity.provide_credentials().await.expect("credentials");
        assert_eq!(found.secret_access_key(), SECRET);
        profile.provide_credentials().await.expect("credentials");
    }
    assert_eq!((imds.count(IDENTITY_PATH), imds.count(PROFILE_PATH), imds.count(ROLE_PATH)), (1, 1, 1));
}

#[tokio::test]
async fn credentials_that_end_soon_are_fetched_anew() {
    let imds = LocalImds::start().await;
    let identity = InstanceIdentity::new(imds.client());
    imds.next(IDENTITY_PATH, [ok(&document(MINUTE * 4)), ok(&document(MINUTE * 6))]);
    for (call, want) in [1, 2, 2].into_iter().enumerate() {
        identity.provide_credentials().await.expect("credentials");
        assert_eq!(imds.count(IDENTITY_PATH), want, "call {call}");
    }
}

#[tokio::test]
async fn credentials_that_have_ended_are_never_used() {
    let imds = LocalImds::start().await;
    let identity = InstanceIdentity::new(imds.client());
    imds.next(IDENTITY_PATH, [ok(&document(Duration::from_secs(1))), status(404), ok(&document(HOUR))]);
    identity.provide_credentials().await.expect("credentials");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    identity.provide_credentials().await.expect_err("ended, and no new ones");
    identity.provide_credentials().await.expect("new ones");
}

#[tokio::test]
async fn a_short_outage_goes_unnoticed() {
    let imds = LocalImds::start().await;
    let profile = InstanceProfile::new(imds.client());
    imds.next(ROLE_PATH, [ok(&document(MINUTE * 4))]);
    profile.provide_credentials().await.expect("credentials");
    imds.always(PROFILE_PATH, status(404));
    profile.provide_credentials().await.expect("the old ones");
    assert_eq!(imds.count(PROFILE_PATH), 2);
}

#[tokio::test]
async fn those_who_come_together_fetch_once() {
    let imds = LocalImds::start().await;
    let identity = std::sync::Arc::new(InstanceIdentity::new(imds.client()));
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let identity = std::sync::Arc::clone(&identity);
            tokio::spawn(async move { identity.provide_credentials().await.map(drop) })
        })
        .collect();
    for one in asking {
        one.await.expect("no panic").expect("credentials");
    }
    assert_eq!(imds.count(IDENTITY_PATH), 1);
}

#[tokio::test]
async fn the_reason_is_at_the_end_of_the_chain() {
    let imds = LocalImds::start().await;
    imds.always(PROFILE_PATH, status(404));
    let error = InstanceProfile::new(imds.client()).provide_credentials().await.expect_err("no profile");
    assert!(matches!(error, CredentialsError::CredentialsNotLoaded(_)), "{error:?}");
    let reason = error.source().and_then(|source| source.downcast_ref::<ImdsError>());
    assert!(matches!(reason, Some(ImdsError::NoInstanceProfile)), "{reason:?}");

    imds.always(TOKEN_PATH, status(403));
    let error = InstanceIdentity::new(imds.client()).provide_credentials().await.expect_err("403");
    assert!(matches!(error, CredentialsError::ProviderError(_)), "{error:?}");
}
