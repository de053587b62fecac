//! `presign`: where keys and region come from, and what is printed.

use std::fs;

use serde_json::Value;
use sts_agent_name::PresignedUrl;
use sts_agent_name::testing::sigv4::{self, ReceivedRequest};
use tokio::runtime::{Builder, Runtime};

use crate::common::local::{KEY, SECRET};
use crate::common::moment;
use crate::imds::{IDENTITY_PATH, LocalImds, REGION_PATH};
use crate::run::{KEYS, run};

const REGION: (&str, &str) = ("AWS_REGION", "eu-central-1");

fn with_region<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&KEYS[..], &[REGION], more].concat()
}

/// The one line that was printed, which is a URL that bears the signature of the known secret.
fn signed(arguments: &[&str], variables: &[(&str, &str)], headers: &[(&str, &str)]) -> PresignedUrl {
    let ended = run(&[&["presign"], arguments].concat(), variables, b"");
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}");
    let text = ended.out.strip_suffix('\n').expect("a line");
    let url = PresignedUrl::parse(text).expect("a URL and nothing else");
    assert_eq!(url.expose(), text, "in canonical form");
    let request = ReceivedRequest::from_url("GET", text).expect("a request");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    assert_eq!(sigv4::check(&request, SECRET), Ok(()), "{arguments:?}");
    url
}

fn fails(arguments: &[&str], variables: &[(&str, &str)], want: &str) {
    let ended = run(&[&["presign"], arguments].concat(), variables, b"");
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{}", ended.err);
    assert!(ended.err.starts_with(&format!("presign: {want}")), "{}", ended.err);
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

#[test]
fn keys_and_region_in_the_environment_are_enough() {
    let url = signed(&[], &with_region(&[]), &[]);
    assert_eq!(url.host(), "sts.eu-central-1.amazonaws.com");
    assert_eq!(url.access_key_id(), KEY);
    assert!(url.has_session_token());
    let older = [&KEYS[..], &[("AWS_DEFAULT_REGION", "us-west-2")]].concat();
    assert_eq!(signed(&[], &older, &[]).region().as_str(), "us-west-2");
    let both = with_region(&[("AWS_DEFAULT_REGION", "us-west-2")]);
    assert_eq!(signed(&[], &both, &[]).region().as_str(), "eu-central-1");
}

#[test]
fn with_keys_in_the_environment_nothing_else_is_asked() {
    let runtime = runtime();
    let imds = runtime.block_on(LocalImds::start());
    let endpoint = imds.endpoint().to_string();
    // A folder cannot be read as a file: whoever looks for a profile fails.
    let elsewhere = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        ("AWS_CONFIG_FILE", "/"),
        ("AWS_PROFILE", "nobody"),
    ];
    assert_eq!(signed(&[], &with_region(&elsewhere), &[]).access_key_id(), KEY);
    let no_region = [&KEYS[..], &elsewhere].concat();
    for arguments in [&["--global"][..], &["--region", "us-east-2"]] {
        assert_eq!(signed(arguments, &no_region, &[]).access_key_id(), KEY);
    }
    assert!(imds.seen().is_empty());
}

#[test]
fn options_choose_the_endpoint() {
    for (arguments, host) in [
        (&["--region", "us-west-2"][..], "sts.us-west-2.amazonaws.com"),
        (&["--global"], "sts.amazonaws.com"),
        (&["--dualstack"], "sts.eu-central-1.api.aws"),
        (&["--region", "us-east-1", "--fips"], "sts-fips.us-east-1.amazonaws.com"),
        (&["--region", "us-gov-west-1", "--fips", "--dualstack"], "sts-fips.us-gov-west-1.api.aws"),
        (&["--endpoint-url", "https://sts.eu-central-1.amazonaws.com/"], "sts.eu-central-1.amazonaws.com"),
    ] {
        assert_eq!(signed(arguments, &with_region(&[]), &[]).host(), host, "{arguments:?}");
    }
    let custom = run(&["presign", "--endpoint-url", "https://vpce-1.example:8443"], &with_region(&[]), b"");
    assert!(
        custom.out.starts_with("https://vpce-1.example:8443/?Action=GetCallerIdentity&"),
        "{}",
        custom.err
    );
    fails(&["--fips"], &with_region(&[]), "endpoint: the endpoint table has no such host for this region");
    fails(&["--region", "xx-north-1"], &with_region(&[]), "endpoint: ");
}

#[test]
fn audience_and_challenge_are_signed() {
    let audience = ("x-sts-agent-name-audience", "ci.example.com");
    let challenge = ("x-sts-agent-name-challenge", "1.k1.c2VydmVy");
    let arguments = ["--audience", audience.1, "--challenge", challenge.1];
    let url = signed(&arguments, &with_region(&[]), &[audience, challenge]);
    assert_eq!(url.signed_headers().collect::<Vec<_>>(), ["host", audience.0, challenge.0]);
    let other = ["--audience", "cluster", "--audience-header", "x-k8s-aws-id"];
    signed(&other, &with_region(&[]), &[("x-k8s-aws-id", "cluster")]);
}

#[test]
fn json_holds_what_an_agent_needs() {
    let ended = run(&["presign", "--json"], &with_region(&[]), b"");
    let value: Value = serde_json::from_str(&ended.out).expect("JSON");
    let text = |key: &str| value[key].as_str().expect(key).to_owned();
    let url = PresignedUrl::parse(&text("url")).expect("a URL");
    assert_eq!((text("region"), text("access_key_id")), ("eu-central-1".into(), KEY.into()));
    assert_eq!(moment(&text("expires_at")), url.signed_at() + url.expires_in().expect("900"));
    assert_eq!(value.as_object().expect("an object").len(), 4);
}

#[test]
fn a_profile_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, credentials) = (folder.path().join("config"), folder.path().join("credentials"));
    fs::write(&config, "[default]\nregion = sa-east-1\n[profile ci]\nregion = ap-south-1\n")
        .expect("written");
    let keys = format!(
        "aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\naws_session_token = {}\n",
        KEYS[2].1
    );
    fs::write(&credentials, format!("[default]\n{keys}[ci]\n{keys}")).expect("written");
    let files = [
        ("AWS_CONFIG_FILE", config.to_str().expect("text")),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().expect("text")),
    ];
    assert_eq!(signed(&[], &files, &[]).region().as_str(), "sa-east-1");
    let ci = [&files[..], &[("AWS_PROFILE", "ci")]].concat();
    assert_eq!(signed(&[], &ci, &[]).region().as_str(), "ap-south-1");
    assert_eq!(signed(&["--global"], &ci, &[]).host(), "sts.amazonaws.com");
    // The region alone comes from the profile.
    assert_eq!(signed(&[], &[&files[..], &KEYS].concat(), &[]).region().as_str(), "sa-east-1");
}

#[test]
fn an_instance_is_asked() {
    let runtime = runtime();
    let imds = runtime.block_on(LocalImds::start());
    let endpoint = imds.endpoint().to_string();
    let instance =
        [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str())];
    assert_eq!(signed(&[], &instance, &[]).region().as_str(), "eu-central-1");
    assert_eq!(imds.count(IDENTITY_PATH), 0);
    let regions = imds.count(REGION_PATH);
    // Keys in the environment are somebody's; `--identity` is the instance's own.
    let with_keys = [&instance[..], &KEYS].concat();
    assert_eq!(signed(&["--identity"], &with_keys, &[]).region().as_str(), "eu-central-1");
    assert_eq!((imds.count(IDENTITY_PATH), imds.count(REGION_PATH)), (1, regions + 1));
    assert_eq!(signed(&["--identity", "--global"], &instance, &[]).host(), "sts.amazonaws.com");
    assert_eq!(imds.count(REGION_PATH), regions + 1, "the region is known");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    fails(&[], &KEYS, "region: no region found; set AWS_REGION, or region in the profile, or give --region");
    fails(
        &[],
        &[REGION],
        "credentials: none found; attach an instance profile, set AWS_PROFILE, or set AWS_",
    );
    fails(&["--identity"], &[REGION], "instance identity: IMDS is switched off by AWS_EC2_METADATA_DISABLED");
    let wrong = [&KEYS[..], &[("AWS_REGION", "frankfurt")]].concat();
    fails(&[], &wrong, "region: AWS_REGION is not a region name");
    let no_token = [KEYS[0], KEYS[1], REGION];
    fails(
        &[],
        &no_token,
        "signing: temporary credentials without a session token; is AWS_SESSION_TOKEN set?",
    );
    let no_key = [("AWS_ACCESS_KEY_ID", "key"), KEYS[1], REGION];
    fails(&[], &no_key, "signing: access key ID is not one of AWS; look at AWS_ACCESS_KEY_ID");
    let blank = [KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "a b"), REGION];
    fails(
        &[],
        &blank,
        "signing: session token holds a character that no token has; look at AWS_SESSION_TOKEN",
    );
}
