//! What the environment says. It cannot be changed safely in a process with threads, so each case is a process of
//! its own: this test binary, told to run the same test with the variables of the case, where it reports and no more.

use std::env;
use std::process::Command;

use sts_agent_name::agent::imds::Imds;

use super::server::{LocalImds, REGION_PATH};

/// By this variable a process knows that it is one case of a test.
const CASE: &str = "IMDS_CASE";

/// Whether this process is one case: then the test calls [`say`] and is done.
pub(crate) fn is_case() -> bool {
    env::var_os(CASE).is_some()
}

/// Says to the test that started this process what came out.
pub(crate) fn say(outcome: &str) {
    println!("report: {outcome}");
}

/// What `test` says in a process with these variables.
pub(crate) async fn report(test: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().expect("this test"));
    command.args(["--exact", test, "--nocapture"]).env_clear().env(CASE, "");
    command.envs(variables.iter().copied());
    // The local IMDS runs on this thread.
    let output = tokio::task::spawn_blocking(move || command.output().expect("run")).await.expect("no panic");
    let said = String::from_utf8(output.stdout).expect("text");
    let report = said.lines().find_map(|line| line.split_once("report: "));
    report.unwrap_or_else(|| panic!("{said}")).1.to_owned()
}

async fn region() -> String {
    let region = match Imds::from_env() {
        Ok(imds) => imds.region_from_env().await.map(|region| region.to_string()),
        Err(error) => Err(error),
    };
    region.unwrap_or_else(|error| error.to_string())
}

#[tokio::test]
async fn the_environment_chooses_the_endpoint_and_the_region() {
    const TEST: &str = "environment::the_environment_chooses_the_endpoint_and_the_region";
    if is_case() {
        return say(&region().await);
    }
    let imds = LocalImds::start().await;
    let endpoint = imds.endpoint().to_string();
    let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str());
    for (variables, asked, want) in [
        (&[endpoint][..], 1, "eu-central-1"),
        (&[endpoint, ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")], 1, "eu-central-1"),
        (&[endpoint, ("AWS_REGION", ""), ("HTTP_PROXY", "http://127.0.0.1:9")], 1, "eu-central-1"),
        (&[endpoint, ("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-2")], 0, "us-east-1"),
        (&[endpoint, ("AWS_DEFAULT_REGION", "us-east-2")], 0, "us-east-2"),
        (&[endpoint, ("AWS_REGION", "evil.example")], 0, "AWS_REGION is not a region name"),
        (
            &[endpoint, ("AWS_EC2_METADATA_DISABLED", "true")],
            0,
            "IMDS is switched off by AWS_EC2_METADATA_DISABLED; unset it, or take credentials from elsewhere",
        ),
        (
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://127.0.0.1")],
            0,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT is not http://host or http://host:port",
        ),
    ] {
        let before = imds.count(REGION_PATH);
        assert_eq!(report(TEST, variables).await, want, "{variables:?}");
        assert_eq!(imds.count(REGION_PATH) - before, asked, "{variables:?}");
    }
}
