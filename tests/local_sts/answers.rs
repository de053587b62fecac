//! Who the caller is told to be, or why not.

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use sts_agent_name::testing::{Fault, LocalSts, Principal};

use crate::client::Client;
use crate::common::{Fixture, fixtures};
use crate::setup::{
    HOST, INSTANCE, SECRET, Signed, TOKEN, agent, agent_at_noon, instant, noon, started, until,
};

#[tokio::test]
async fn each_kind_of_caller_is_told_who_it_is() {
    let token_key = ("ASIAIOSFODNN7EXAMPLE", Some(TOKEN));
    let long_key = ("AKIAIOSFODNN7EXAMPLE", None);
    let (temporary, long_term) = (token_key.0, long_key.0);
    for (principal, key, arn, user_id) in [
        (
            Principal::assumed_role(temporary, SECRET, TOKEN, "123456789012", "ci-agent", INSTANCE)
                .with_role_id("AROAIOSFODNN7EXAMPLE1"),
            token_key,
            "arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0",
            "AROAIOSFODNN7EXAMPLE1:i-0123456789abcdef0",
        ),
        (
            Principal::instance_identity(temporary, SECRET, TOKEN, "012345678901", INSTANCE),
            token_key,
            "arn:aws:sts::012345678901:assumed-role/aws:ec2-instance/i-0123456789abcdef0",
            "012345678901:aws:ec2-instance:i-0123456789abcdef0",
        ),
        (
            Principal::user(long_term, SECRET, "123456789012", "team/ann")
                .with_role_id("AIDAIOSFODNN7EXAMPLE1"),
            long_key,
            "arn:aws:iam::123456789012:user/team/ann",
            "AIDAIOSFODNN7EXAMPLE1",
        ),
        (
            Principal::federated_user(temporary, SECRET, TOKEN, "123456789012", "ann"),
            token_key,
            "arn:aws:sts::123456789012:federated-user/ann",
            "123456789012:ann",
        ),
        (
            Principal::root(long_term, SECRET, "123456789012"),
            long_key,
            "arn:aws:iam::123456789012:root",
            "123456789012",
        ),
    ] {
        let account = principal.account().to_owned();
        let sts = started(LocalSts::builder().principal(principal).clock(noon)).await;
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        let request = Signed { access_key_id: key.0, token: key.1, ..Signed::default() };
        let reply = client.get(&request.target(), "*/*").await.unwrap();
        let id = reply.header("X-Amzn-Requestid").unwrap();
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    <UserId>{user_id}</UserId>\n    \
             <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
             <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nX-Amzn-Requestid: {id}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        assert_eq!((reply.head.as_str(), reply.text()), (head.as_str(), body.as_str()));
        let reply = client.get(&request.target(), "application/json").await.unwrap();
        let id = reply.header("X-Amzn-Requestid").unwrap();
        assert_eq!(reply.header("Content-Type"), Some("application/json"));
        let json: serde_json::Value = serde_json::from_str(reply.text()).unwrap();
        let want = serde_json::json!({"GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {"Account": account, "Arn": arn, "UserId": user_id},
            "ResponseMetadata": {"RequestId": id},
        }});
        assert_eq!(json, want);
    }
}

#[tokio::test]
async fn an_impossible_principal_keeps_the_server_from_starting() {
    let principal = Principal::user("AKIAIOSFODNN7EXAMPLE", SECRET, "1234", "ann");
    let error = LocalSts::builder().principal(principal).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "account of a principal is not twelve digits");
    let error = LocalSts::builder().host("not a host\u{e9}", "us-east-1").start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn every_vector_gets_its_verdict_over_the_wire() {
    for vector in fixtures("signed") {
        let (status, text) = verdict(&vector).await;
        assert_eq!(status == 200, vector.header("expect") == "valid", "{}: {text}", vector.name);
    }
}

async fn verdict(vector: &Fixture) -> (u16, String) {
    let (key, secret) = (vector.header("access-key-id"), vector.header("secret-access-key"));
    let host = vector.header("host");
    let partition = [("cn", "aws-cn"), ("us-gov", "aws-us-gov"), ("eusc", "aws-eusc"), ("us-iso", "aws-iso")];
    let region = host.split('.').nth(1).unwrap();
    let partition = partition.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |it| it.1);
    let principal = match vector.optional("session-token") {
        Some(token) => Principal::assumed_role(key, secret, token, "123456789012", "ci-agent", INSTANCE),
        None => Principal::user(key, secret, "123456789012", "ann"),
    };
    let at = instant(vector.header("at"));
    let sts =
        started(LocalSts::builder().principal(principal.with_partition(partition)).clock(move || at)).await;
    let mut client = Client::connect(&sts, host).await.unwrap();
    let (_, rest) = vector.text().split_once("://").unwrap();
    let target = rest.find(['/', '?']).map(|at| &rest[at..]).unwrap();
    let slash = if target.starts_with('/') { "" } else { "/" };
    let header = |header: &str| header.replacen('=', ": ", 1) + "\r\n";
    let headers: String = vector.all("header").map(header).collect();
    let request = format!("GET {slash}{target} HTTP/1.1\r\nHost: {host}\r\n{headers}");
    let reply = client.ask(&format!("{request}\r\n")).await.unwrap();
    (reply.status(), reply.text().to_owned())
}

#[tokio::test]
async fn each_refusal_has_the_words_of_sts() {
    const WRONG: &str = "The request signature we calculated does not match the signature you provided. Check your \
        AWS Secret Access Key and signing method. Consult the service documentation for details.";
    const INVALID: &str = "The security token included in the request is invalid.";
    const SCOPE: &str = "Credential should be scoped to a valid region. ";
    const NO_ACTION: &str = "The request is missing an action or a required parameter.";
    const BAD_ACTION: &str = "The action or operation requested is invalid.";
    const INCOMPLETE: &str = "The request signature does not conform to AWS standards.";
    const MALFORMED: &str = "The query string contains a syntax error.";
    const LIST: &str = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    let good = Signed::default;
    let edited = |from: &str, to: &str| {
        let target = good().target();
        assert!(target.contains(from), "{from}");
        target.replacen(from, to, 1)
    };
    let sts = started(agent_at_noon()).await;
    for (target, status, code, message) in [
        (Signed { secret: "another", ..good() }.target(), 403, "SignatureDoesNotMatch", WRONG),
        (Signed { method: "POST", ..good() }.target(), 403, "SignatureDoesNotMatch", WRONG),
        (Signed { host: "sts.amazonaws.com", ..good() }.target(), 403, "SignatureDoesNotMatch", WRONG),
        (Signed { region: "us-west-2", ..good() }.target(), 403, "SignatureDoesNotMatch", SCOPE),
        (
            Signed { service: "s3", ..good() }.target(),
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to correct service: 'sts'. ",
        ),
        (
            Signed { access_key_id: "ASIAIOSFODNN7EXAMPLF", ..good() }.target(),
            403,
            "InvalidClientTokenId",
            INVALID,
        ),
        (Signed { token: Some("another"), ..good() }.target(), 403, "InvalidClientTokenId", INVALID),
        (Signed { token: None, ..good() }.target(), 403, "InvalidClientTokenId", INVALID),
        (
            Signed { date: "20260101T114459Z", ..good() }.target(),
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T114459Z is now earlier than 20260101T114500Z (20260101T120000Z - 15 min.)",
        ),
        (
            Signed { date: "20260101T120501Z", ..good() }.target(),
            403,
            "SignatureDoesNotMatch",
            "Signature not yet current: 20260101T120501Z is still later than 20260101T120500Z \
             (20260101T120000Z + 5 min.)",
        ),
        ("/".to_owned(), 400, "MissingAction", NO_ACTION),
        (edited("GetCallerIdentity", "AssumeRole"), 400, "InvalidAction", BAD_ACTION),
        (edited("2011-06-15", "2010-01-01"), 400, "InvalidAction", BAD_ACTION),
        (edited("/?", "/?Action=GetCallerIdentity&"), 400, "MalformedQueryString", MALFORMED),
        (edited("%2F", "%ZZ"), 400, "MalformedQueryString", MALFORMED),
        (
            "/?Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        (edited("HMAC", "hmac"), 400, "IncompleteSignature", INCOMPLETE),
        (edited("X-Amz-Date", "X-Amz-date"), 400, "IncompleteSignature", INCOMPLETE),
        (edited("SignedHeaders=host", "SignedHeaders=accept"), 403, "SignatureDoesNotMatch", LIST),
        (edited("SignedHeaders=host", "SignedHeaders=host;x-a"), 403, "SignatureDoesNotMatch", WRONG),
        (
            edited("/?", "/doc?"),
            404,
            "UnknownOperationException",
            "The requested operation is not recognized.",
        ),
    ] {
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        let reply = client.get(&target, "*/*").await.unwrap();
        assert_eq!(reply.status(), status, "{target}");
        assert_eq!(reply.header("Content-Type"), Some("text/xml"));
        assert_eq!(reply.text(), reply.error_xml(code, message), "{target}");
        let reply = client.get(&target, "application/json").await.unwrap();
        let id = reply.header("X-Amzn-Requestid").unwrap();
        let json: serde_json::Value = serde_json::from_str(reply.text()).unwrap();
        let error = serde_json::json!({"Code": code, "Message": message, "Type": "Sender"});
        assert_eq!(json, serde_json::json!({"Error": error, "RequestId": id}));
    }
}

#[tokio::test]
async fn the_expires_parameter_is_ignored_as_sts_does() {
    let sts = started(agent_at_noon()).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    for date in ["20260101T114500Z", "20260101T120500Z"] {
        let target = Signed { date, expires: Some("1"), ..Signed::default() }.target();
        assert_eq!(client.get(&target, "*/*").await.unwrap().status(), 200, "{date}");
        let target = Signed { date, expires: None, ..Signed::default() }.target();
        assert_eq!(client.get(&target, "*/*").await.unwrap().status(), 200, "{date}");
    }
}

#[tokio::test]
async fn credentials_end() {
    for (expires_at, status) in [("2026-01-01T12:00:01Z", 200), ("2026-01-01T12:00:00Z", 403)] {
        let principal = agent().with_expiry(instant(expires_at));
        let sts = started(LocalSts::builder().principal(principal).clock(noon)).await;
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        let reply = client.get(&Signed::default().target(), "*/*").await.unwrap();
        assert_eq!(reply.status(), status);
        if status == 403 {
            let message = "The security token included in the request is expired";
            assert_eq!(reply.text(), reply.error_xml("ExpiredToken", message));
        }
    }
}

#[tokio::test]
async fn a_key_is_known_in_its_own_partition_alone() {
    let sts = started(LocalSts::builder().principal(agent().with_partition("aws-cn")).clock(noon)).await;
    for (host, region, status) in [
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1", 200),
        ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1", 403),
        ("sts.amazonaws.com", "us-east-1", 403),
    ] {
        let mut client = Client::connect(&sts, host).await.unwrap();
        let reply = client.get(&Signed { host, region, ..Signed::default() }.target(), "*/*").await.unwrap();
        assert_eq!(reply.status(), status, "{host}");
        assert_eq!(reply.text().contains("arn:aws-cn:sts::123456789012:assumed-role/"), status == 200);
    }
}

#[tokio::test]
async fn several_callers_are_told_apart() {
    let other = Principal::user("AKIAIOSFODNN7EXAMPLE", "another", "210987654321", "bob");
    let sts = started(agent_at_noon().principal(other)).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    let bob =
        Signed { access_key_id: "AKIAIOSFODNN7EXAMPLE", token: None, secret: "another", ..Signed::default() };
    for (request, account) in [(Signed::default(), "123456789012"), (bob, "210987654321")] {
        let reply = client.get(&request.target(), "*/*").await.unwrap();
        assert!(reply.text().contains(&format!("<Account>{account}</Account>")), "{}", reply.text());
    }
}

#[tokio::test]
async fn the_canonical_request_is_quoted_on_demand_only() {
    let target = Signed { secret: "another", ..Signed::default() }.target();
    let encoded_token = "X-Amz-Security-Token=AQoDYXdzEPT%2F%2F";
    for (builder, quoted) in [(agent_at_noon(), false), (agent_at_noon().echo_canonical_request(), true)] {
        let sts = started(builder).await;
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        let reply = client.get(&target, "*/*").await.unwrap();
        assert_eq!(reply.status(), 403);
        assert_eq!(reply.text().contains(encoded_token), quoted);
        assert_eq!(
            reply.text().contains("'GET\n/\nAction=GetCallerIdentity&amp;Version=2011-06-15&amp;X-"),
            quoted
        );
    }
}

#[tokio::test]
async fn debug_tells_no_secret() {
    let printed = format!("{:?} {:?} {:?}", agent(), agent_at_noon(), started(agent_at_noon()).await);
    assert!(printed.contains("ASIAIOSFODNN7EXAMPLE"));
    for secret in [SECRET, TOKEN] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// What the local STS tells a subscriber that hears everything.
///
/// The subscriber is one for the whole process, since one for a scope can miss events while other tests run; what
/// it hears stays with the thread, which is the test's own.
#[tokio::test]
async fn nothing_secret_is_logged() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(|| Log)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let sts = started(agent_at_noon().echo_canonical_request()).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    let good = Signed::default().target();
    let bad = Signed { secret: "another", ..Signed::default() }.target();
    for fault in [None, Some(Fault::ErrorWith200), Some(Fault::body(200, None, TOKEN))] {
        for target in [&good, &bad] {
            sts.play_script(fault.clone());
            client.get(target, "*/*").await.unwrap();
        }
    }
    drop(client);
    until(|| sts.open_connections() == 0).await;
    let log = LOG.take();
    let log = String::from_utf8(log).unwrap();
    assert_eq!(log.matches("answering a request").count(), 6, "{log}");
    let (signature, encoded) = (&good[good.len() - 64..], TOKEN.replace('/', "%2F"));
    for secret in [SECRET, TOKEN, &encoded[..20], signature, &bad[bad.len() - 64..], "X-Amz"] {
        assert!(!log.contains(secret), "{log}");
    }
}

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
