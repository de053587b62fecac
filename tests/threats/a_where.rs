//! Where the request goes.

use std::process::Command;
use std::time::Duration;

use sts_agent_name::policy::Policy;
use sts_agent_name::testing::Fault;
use sts_agent_name::{Audience, Endpoint, EndpointSet, InvalidAudience, Partition, PresignedUrl, Region};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::common::local::{ACCOUNT, ROLE, builder, presigned};
use crate::setup::{
    at_host, base, begin, plain_policy, plain_verifier, refusal, replies, sts, urls, verify, verify_with,
    with, with_path,
};
use crate::wire::asked;

/// The URL names somebody else's host.
#[tokio::test]
async fn t01_other_host() {
    urls(1);
    assert_eq!(begin(&at_host("evil.org")), "unknown_host");
    let sts = sts().await;
    assert_eq!(verify(&sts, &at_host("evil.org"), &plain_policy()).await, "unknown_host");
    assert_eq!(sts.connections(), 0);
}

/// The region in the credential scope carries a URL (CVE-2025-49827).
#[test]
fn t02_region_carries_a_url() {
    urls(2);
    assert_eq!(begin(&with("%2Fus-east-1%2F", "%2Fevil.org?us-east-1%2F")), "forbidden_byte");
    assert_eq!(begin(&with("%2Fus-east-1%2F", "%2Fevil.org%3Fus-east-1%2F")), "wrong_scope");
    assert_eq!(begin(&with("%2Fus-east-1%2F", "%2Fevil.org%2F%3Fus-east-1%2F")), "invalid_credential");
    assert_eq!(begin(&at_host("sts.evil.org?us-east-1.amazonaws.com")), "unknown_host");
}

/// A line break in the region fools a pattern that is matched line by line.
#[test]
fn t03_multi_line_pattern() {
    urls(3);
    let region = "%2Fevil.org%3B..amazonaws.com%3Fq%3D1%26z%3D%09%0Aus-east-1%2F";
    assert_eq!(begin(&with("%2Fus-east-1%2F", region)), "invalid_credential");
    assert_eq!(begin(&with("%2Fus-east-1%2F", "%2Fevil.org\nus-east-1%2F")), "forbidden_byte");
    assert_eq!(begin(&at_host("evil.org\nsts.us-east-1.amazonaws.com")), "unknown_host");
}

/// A signed header moves the request to another target (CVE-2025-49831).
#[tokio::test]
async fn t04_header_moves_the_target() {
    urls(4);
    let signed = with("SignedHeaders=host", "SignedHeaders=host%3Bx-forwarded-host");
    assert_eq!(begin(&signed), "unexpected_signed_header");
    for header in ["host", "forwarded", "x-forwarded-host", "x-forwarded-for", "connection", "via"] {
        assert_eq!(Audience::with_header(header, "evil.org"), Err(InvalidAudience::Header), "{header}");
    }
    // What is sent is a fixed set, whatever the evidence says.
    let url = presigned(&Endpoint::global());
    let asked = asked("sts.amazonaws.com", url.expose(), &plain_policy()).await;
    let mut headers = asked.headers();
    headers.sort();
    let want = [("accept", "text/xml"), ("accept-encoding", "identity"), ("host", "sts.amazonaws.com")];
    let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((headers.as_slice(), asked.outcome), (want.as_slice(), "verified"));
}

/// The host is picked by a `Host` that the caller sends along.
#[tokio::test]
async fn t05_host_by_the_callers_header() {
    urls(5);
    let (evidence, _) = base();
    assert_eq!(begin(&format!("Host: sts.attacker\r\n{evidence}")), "not_https");
    assert_eq!(begin(&format!("{evidence}&Host=sts.attacker")), "unknown_parameter");
    assert_eq!(begin(&format!("{evidence}\r\nHost: sts.attacker")), "forbidden_byte");
    let frankfurt = Endpoint::regional(&Region::parse("eu-central-1").expect("a region")).expect("a host");
    let asked = asked(frankfurt.host(), presigned(&frankfurt).expose(), &plain_policy()).await;
    let hosts = asked.headers().into_iter().filter(|(name, _)| name == "host").map(|(_, value)| value);
    assert_eq!(hosts.collect::<Vec<_>>(), [frankfurt.host()]);
}

/// The caller's region or partition wins over the operator's choice.
#[tokio::test]
async fn t06_region_overrides_the_operators() {
    urls(6);
    let china = with("sts.us-east-1.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn").replacen(
        "%2Fus-east-1%2F",
        "%2Fcn-north-1%2F",
        1,
    );
    assert_eq!(begin(&china), "partition_not_allowed");
    assert_eq!(begin(&with("%2Fus-east-1%2F", "%2Fcn-north-1%2F")), "wrong_scope");
    let sts = sts().await;
    let frankfurt = Region::parse("eu-central-1").expect("a region");
    for set in [
        EndpointSet::built_in().only_regions(std::slice::from_ref(&frankfurt)),
        EndpointSet::built_in().only_partitions(&[Partition::AwsUsGov]),
    ] {
        let ours = builder(&sts).endpoints(set);
        assert_eq!(verify_with(ours, &base().0, &plain_policy()).await, "endpoint_not_allowed");
    }
    assert_eq!(sts.connections(), 0);
}

/// A host under AWS's own suffix that a customer can name.
#[test]
fn t07_prefix_and_suffix() {
    urls(7);
    for host in ["sts.x.us-east-1.rds.amazonaws.com", "sts.s3-us-west-2.amazonaws.com"] {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
}

/// A label that has the shape of a region and is none.
#[test]
fn t08_label_that_is_no_region() {
    urls(8);
    for host in ["sts.s3.amazonaws.com", "sts.not-a-region.amazonaws.com", "sts.us-east-9.amazonaws.com"] {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
    let made_up = Region::parse("us-east-9").expect("the shape of a region");
    assert!(Endpoint::regional(&made_up).is_err());
}

/// Pseudo regions, for which there is no host.
#[test]
fn t09_pseudo_regions() {
    urls(9);
    for host in
        ["sts.aws-global.api.aws", "sts.aws-global.amazonaws.com", "sts.aws-cn-global.amazonaws.com.cn"]
    {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
}

/// More behind the suffix, or the suffix of another partition.
#[test]
fn t10_suffix_confusion() {
    urls(10);
    for host in ["sts.amazonaws.com.evil.org", "sts.us-east-1.amazonaws.com.cn", "sts.amazonaws.com.cn"] {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
}

/// A region of one partition under the suffix of another.
#[test]
fn t11_cross_partition_pair() {
    urls(11);
    for host in
        ["sts.cn-north-1.amazonaws.com", "sts.us-iso-east-1.amazonaws.com", "sts.us-east-1.c2s.ic.gov"]
    {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
}

/// User information before the host, or as part of it.
#[test]
fn t12_userinfo() {
    urls(12);
    for authority in ["sts.amazonaws.com@evil.org", "u:p@sts.amazonaws.com", "@sts.amazonaws.com"] {
        assert_eq!(begin(&at_host(authority)), "unknown_host", "{authority}");
    }
}

/// A port, even the right one.
#[test]
fn t13_port() {
    urls(13);
    for port in [":8443", ":443", ":0443", ":"] {
        assert_eq!(begin(&at_host(&format!("sts.amazonaws.com{port}"))), "unknown_host", "{port}");
    }
}

/// Spellings of a host that a URL library would fold into the right one.
#[test]
fn t14_host_in_another_spelling() {
    urls(14);
    for host in [
        "sts.amazonaws.com.",
        "STS.amazonaws.com",
        "sts\u{3002}amazonaws\u{3002}com",
        "sts%2eamazonaws.com",
        "\u{455}ts.amazonaws.com",
    ] {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host}");
    }
}

/// Back-slashes, and the tabs and line breaks that browsers' parsers drop.
#[test]
fn t15_backslash_tab_newline() {
    urls(15);
    assert_eq!(
        begin(&with("https://sts.us-east-1.amazonaws.com/", r"https:\\sts.amazonaws.com\")),
        "not_https"
    );
    assert_eq!(begin(&with("amazonaws.com/", r"amazonaws.com\")), "unknown_host");
    for host in ["sts.amaz\tonaws.com", "sts.amaz\nonaws.com", "sts.amaz\ronaws.com"] {
        assert_eq!(begin(&at_host(host)), "unknown_host", "{host:?}");
    }
    let (evidence, _) = base();
    for (text, want) in [
        (format!(" {evidence}"), "not_https"),
        (format!("{evidence}\n"), "forbidden_byte"),
        (format!("{evidence} "), "forbidden_byte"),
    ] {
        assert_eq!(begin(&text), want, "{text:?}");
    }
}

/// Plain HTTP, or the scheme in another spelling.
#[test]
fn t16_http_scheme() {
    urls(16);
    for scheme in ["http://", "HTTPS://", "https:/", "https:", "//", "ftp://", ""] {
        assert_eq!(begin(&with("https://", scheme)), "not_https", "{scheme}");
    }
}

/// A fragment, in which a second query hides.
#[test]
fn t17_fragment() {
    urls(17);
    assert_eq!(begin(&format!("{}#&Action=x", base().0)), "forbidden_byte");
    assert_eq!(begin(&with_path("#/")), "invalid_path");
    assert_eq!(begin(&with_path("/#")), "invalid_path");
}

/// A path beside the root, which signers leave out or write as `/`.
#[test]
fn t18_path() {
    urls(18);
    for path in ["/doc/2011-06-15/", "//", "/%2e/", "/./", "/..", "/;", "/x/.."] {
        assert_eq!(begin(&with_path(path)), "invalid_path", "{path}");
    }
    for path in ["", "/"] {
        let text = with_path(path);
        assert_eq!(begin(&text), "accept", "{path:?}");
        let url = PresignedUrl::parse(&text).expect("good");
        assert!(url.expose().starts_with("https://sts.amazonaws.com/?Action="), "{path:?}");
    }
}

/// STS, or a proxy in its place, answers with a redirect.
#[tokio::test]
async fn t19_redirect() {
    replies(19);
    let sts = sts().await;
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let location = format!("https://{}/", elsewhere.local_addr().expect("an address"));
    for status in [301, 302, 303, 307, 308] {
        sts.play(Fault::Redirect { status, location: location.clone() });
        let url = presigned(&Endpoint::global());
        assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "invalid_reply", "{status}");
    }
    assert_eq!(sts.requests(), 5);
    assert!(
        timeout(Duration::from_millis(50), elsewhere.accept()).await.is_err(),
        "the redirect was followed"
    );
}

/// Proxy variables in the server's environment.
#[tokio::test]
async fn t20_proxy_variables_change_nothing() {
    const CHILD: &str = "THREATS_T20_CHILD";
    let sts = sts().await;
    let evidence = presigned(&Endpoint::global());
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(verify(&sts, evidence.expose(), &plain_policy()).await, "verified");
        return;
    }
    let proxy = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    let variables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "a_where::t20_proxy_variables_change_nothing"]).env(CHILD, "1");
    child.envs(variables.map(|name| (name, &address))).env_remove("NO_PROXY").env_remove("no_proxy");
    let child = child.output().expect("a child");
    assert!(
        child.status.success() && String::from_utf8_lossy(&child.stdout).contains("1 passed"),
        "{child:?}"
    );
    assert!(timeout(Duration::from_millis(50), proxy.accept()).await.is_err(), "the proxy was asked");

    // The same listener is used by a verifier that is told to: it would have been seen.
    let told = builder(&sts).proxy(&address).timeout(Duration::from_secs(1));
    let policy = plain_policy();
    let (outcome, accepted) = tokio::join!(
        verify_with(told, evidence.expose(), &policy),
        timeout(Duration::from_secs(5), proxy.accept())
    );
    assert!(accepted.is_ok_and(|accepted| accepted.is_ok()));
    assert_eq!(outcome, "unavailable");
}

/// The target and the `Host` that is sent come from two sources.
#[tokio::test]
async fn t21_host_header_and_target_differ() {
    let sts = sts().await;
    let policy = plain_policy();
    let (_, now) = base();
    for endpoint in EndpointSet::built_in().only_partitions(&[Partition::Aws]).iter() {
        // The local STS proves the signature over the `Host` that came, under the certificate of the target.
        assert_eq!(verify(&sts, presigned(endpoint).expose(), &policy).await, "verified", "{endpoint:?}");
    }
    let (evidence, _) = base();
    let verifier = plain_verifier();
    let exchange = verifier.begin(&evidence, &policy, now).expect("good");
    assert!(exchange.headers().all(|(name, _)| name != "host"));
    assert_eq!(exchange.evidence().host(), "sts.us-east-1.amazonaws.com");
    assert!(exchange.url().starts_with("https://sts.us-east-1.amazonaws.com/?"));
}

/// Many accepted hosts fill a cache that never forgets.
#[test]
fn t22_host_cache_growth() {
    urls(22);
    let verifier = plain_verifier();
    let (_, now) = base();
    for number in 0..2000 {
        let evidence = at_host(&format!("sts.aaaa{number}.amazonaws.com"));
        assert_eq!(refusal(&verifier, &evidence, now).map(|it| it.code()), Some("unknown_host"));
    }
    // The table is fixed when the program is compiled; only the operator adds to it, before the verifier is built.
    let hosts =
        |verifier: &sts_agent_name::server::Verifier| format!("{verifier:?}").matches("Endpoint(sts").count();
    assert_eq!(hosts(&verifier), EndpointSet::built_in().iter().count());
    let policy = Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy");
    assert!(verifier.begin(&base().0, &policy, now).is_ok());
}
