//! No environment variable decides where evidence goes or whom the client believes.
//!
//! A process cannot change its own environment safely, so the checks run in a second process: this test binary
//! again, told by `STS_AGENT_NAME_CHILD` to be that one.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::{env, fs, io::ErrorKind, path::Path};

use common::local::{ACCOUNT, INSTANCE, ROLE, agent, builder, presigned};
use sts_agent_name::policy::Policy;
use sts_agent_name::server::{Unavailable, Verifier, VerifierBuilder, VerifyError};
use sts_agent_name::testing::LocalSts;
use sts_agent_name::{Endpoint, EndpointSet, Partition, PresignedUrl, Region};

/// Set for the second process: the port of the STS that `SSL_CERT_FILE` asks to believe.
const CHILD: &str = "STS_AGENT_NAME_CHILD";
const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

#[tokio::test]
async fn proxies_and_authorities_of_the_environment_change_nothing() {
    if env::var_os(CHILD).is_some() {
        return;
    }
    let trap = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = format!("http://{}", trap.local_addr().expect("an address"));
    let impostor = LocalSts::builder().principal(agent()).host("localhost", "eu-central-1");
    let impostor = impostor.start().await.expect("a local STS");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("environment");
    fs::create_dir_all(&folder).expect("a folder");
    let authority = folder.join("authority.pem");
    fs::write(&authority, impostor.ca_pem()).expect("a file");

    for (file, directory) in
        [(authority.as_path(), folder.as_path()), ("/nowhere".as_ref(), "/nowhere".as_ref())]
    {
        let mut child = Command::new(env::current_exe().expect("a path"));
        child.args(["--exact", "in_a_hostile_environment", "--nocapture"]);
        child.env(CHILD, impostor.addr().port().to_string()).env_remove("NO_PROXY").env_remove("no_proxy");
        child.env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", directory);
        child.envs(PROXY_VARIABLES.map(|variable| (variable, &proxy)));
        let output = tokio::task::spawn_blocking(move || child.stdin(Stdio::null()).output());
        let output = output.await.expect("no panic").expect("a process");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    }
    trap.set_nonblocking(true).expect("a listener that does not wait");
    assert_eq!(trap.accept().map_err(|error| error.kind()).err(), Some(ErrorKind::WouldBlock));
    assert_eq!(impostor.requests(), 1, "that of the one control");
}

/// The second process. Alone, it has nothing to check.
#[tokio::test]
async fn in_a_hostile_environment() {
    let Ok(port) = env::var(CHILD) else { return };
    // Straight to STS, whatever the proxy variables say.
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let url = presigned(&Endpoint::global());
    assert_eq!(name(builder(&sts), &url).await.expect("verified"), INSTANCE);

    // A host that the public authorities would have to speak for is not believed because a variable names its own.
    let region = Region::parse("eu-central-1").expect("a region");
    let authority = format!("localhost:{port}");
    let endpoint = Endpoint::custom(&authority, region, Partition::Aws).expect("an endpoint");
    let url = presigned(&endpoint);
    let verifier = || Verifier::builder().endpoints(EndpointSet::built_in().with(endpoint.clone()));
    let error = name(verifier(), &url).await.expect_err("an unknown authority");
    assert!(matches!(error, VerifyError::Unavailable(Unavailable::Connect(_))), "{error:?}");
    // The control: told so by its operator, it is.
    if let Ok(pem) = fs::read_to_string(env::var_os("SSL_CERT_FILE").expect("set by the parent")) {
        assert_eq!(
            name(verifier().root_certificate(&endpoint, &pem), &url).await.expect("verified"),
            INSTANCE
        );
    } else {
        // Nor does a variable that names nothing leave a client without authorities.
        Verifier::builder().build().expect("a verifier");
    }
}

/// The control of the trap: a proxy that the operator names is used.
#[tokio::test]
async fn a_proxy_of_the_builder_is_used() {
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let url = presigned(&Endpoint::global());
    let verification = name(builder(&sts).proxy(&address), &url);
    tokio::select! {
        accepted = proxy.accept() => drop(accepted.expect("a connection")),
        outcome = verification => panic!("{outcome:?}"),
    }
    assert_eq!(sts.connections(), 0);
}

async fn name(builder: VerifierBuilder, url: &PresignedUrl) -> Result<String, VerifyError> {
    let policy = Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy");
    let verified = builder.build().expect("a verifier").verify(url.expose(), &policy).await?;
    Ok(verified.name().as_str().to_owned())
}
