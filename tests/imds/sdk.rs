//! The same from `aws-config`, whose own IMDS client so confirms what the local IMDS answers.

use std::fs;

use sts_agent_name::agent::{Presigner, aws};
use sts_agent_name::{Endpoint, PresignedUrl};

use super::environment::{is_case, report, say};
use super::road::now;
use super::server::{KEY, LocalImds, PROFILE_PATH, REGION_PATH, ROLE_PATH, SECRET, SESSION_TOKEN};

async fn signed() -> String {
    match aws::default_credentials_and_region().await {
        Ok((provider, region)) => {
            let presigner = Presigner::new(Endpoint::regional(&region).expect("an endpoint"));
            let url = presigner.presign_from(&provider, now()).await.expect("signed");
            let url = PresignedUrl::parse(url.expose()).expect("parsed");
            format!("{} {}", url.region(), url.access_key_id())
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_default_chain_signs() {
    const TEST: &str = "sdk::the_default_chain_signs";
    if is_case() {
        return say(&signed().await);
    }
    let imds = LocalImds::start().await;
    let endpoint = imds.endpoint().to_string();
    let profile = format!("{}/imds-sdk-config", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&profile, "[profile ci]\nregion = sa-east-1\n").expect("written");
    let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str());
    let no_file = [
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("HOME", "/dev/null"),
    ];
    let keys =
        [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", SESSION_TOKEN)];

    let in_variables = [&no_file[..], &keys, &[("AWS_REGION", "us-east-2")]].concat();
    assert_eq!(report(TEST, &in_variables).await, format!("us-east-2 {KEY}"));
    let in_a_profile = [&keys[..], &[("AWS_CONFIG_FILE", &profile), ("AWS_PROFILE", "ci")]].concat();
    assert_eq!(report(TEST, &in_a_profile).await, format!("sa-east-1 {KEY}"));
    assert!(imds.seen().is_empty());

    let on_an_instance = [&no_file[..], &[endpoint]].concat();
    assert_eq!(report(TEST, &on_an_instance).await, format!("eu-central-1 {KEY}"));
    for path in [REGION_PATH, PROFILE_PATH, ROLE_PATH] {
        assert!(imds.count(path) >= 1, "{path}");
    }

    let nowhere = [&no_file[..], &keys, &[("AWS_EC2_METADATA_DISABLED", "true")]].concat();
    let want = "no region found; set AWS_REGION, or region in the profile";
    assert_eq!(report(TEST, &nowhere).await, want);
}
