//! The SigV4 checker against URLs that other signers made, and against the same URLs tampered with.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Fixture, fixtures};
use sts_agent_name::testing::sigv4::{self, Mismatch, ReceivedRequest};

/// Signed well, and refused by STS for what the signature says: the scope, the age, the token.
const REFUSED_BY_THE_SERVICE_ALONE: &[&str] = &[
    "invalid-signed-for-region-awscrt",
    "invalid-signed-for-region-botocore",
    "invalid-signed-for-s3-awscrt",
    "invalid-signed-for-s3-botocore",
    "invalid-token-of-another",
    "invalid-too-old",
];

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[test]
fn every_vector_gets_its_verdict() {
    let vectors = fixtures("signed");
    let (mut valid, mut invalid) = (0, 0);
    for vector in &vectors {
        let verdict = sigv4::check(&received(vector), vector.header("secret-access-key"));
        match vector.header("expect") {
            "valid" => {
                valid += 1;
                assert_eq!(verdict, Ok(()), "{}", vector.name);
            }
            "invalid" if REFUSED_BY_THE_SERVICE_ALONE.contains(&vector.name.as_str()) => {
                invalid += 1;
                assert_eq!(verdict, Ok(()), "{}: a stale exception", vector.name);
            }
            "invalid" => {
                invalid += 1;
                assert!(verdict.is_err(), "{}", vector.name);
            }
            other => panic!("{}: expect: {other}", vector.name),
        }
    }
    assert!(valid >= 48 && invalid >= 40, "{valid} valid and {invalid} invalid vectors");
    for name in REFUSED_BY_THE_SERVICE_ALONE {
        assert!(vectors.iter().any(|vector| vector.name == *name), "{name}: an exception without a vector");
    }
}

/// No byte of a signed URL can become another one, unless it is a spelling of the same escape.
#[test]
fn no_single_byte_of_a_url_can_change() {
    let vectors = fixtures("signed");
    let vector = vectors.iter().find(|it| it.name == "valid-botocore-eu-west-1-long-term").unwrap();
    let (url, secret) = (vector.text(), vector.header("secret-access-key"));
    let start = url.find("/?").unwrap();
    for place in start..url.len() {
        let in_escape = url[..place].ends_with('%') || url[..place - 1].ends_with('%');
        for byte in b'!'..=b'~' {
            let mut changed = url.as_bytes().to_vec();
            if changed[place] == byte {
                continue;
            }
            changed[place] = byte;
            let changed = String::from_utf8(changed).unwrap();
            let request = ReceivedRequest::from_url("GET", &changed).unwrap();
            let same = in_escape && changed.eq_ignore_ascii_case(url);
            assert_eq!(sigv4::check(&request, secret).is_ok(), same, "byte {place} as {}", char::from(byte));
        }
    }
}

#[test]
fn each_broken_rule_is_named() {
    use Mismatch::{
        Algorithm, Credential, Date, Day, DuplicateParameter, Escape, MissingHeader, MissingParameter,
        Signature, SignatureForm, SignedHeaders, UnsignedHeader,
    };
    let signature = "0".repeat(64);
    let good = format!(
        "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    );
    for (from, to, want) in [
        ("", "", Signature),
        ("AWS4-HMAC", "AWS4-ECDSA", Algorithm),
        ("X-Amz-Algorithm", "X-Amz-algorithm", MissingParameter("X-Amz-Algorithm")),
        ("X-Amz-Credential", "X-Credential", MissingParameter("X-Amz-Credential")),
        ("X-Amz-Date=", "X-Date=", MissingParameter("X-Amz-Date")),
        ("X-Amz-SignedHeaders", "X-Headers", MissingParameter("X-Amz-SignedHeaders")),
        ("X-Amz-Signature", "X-Signature", MissingParameter("X-Amz-Signature")),
        ("aws4_request", "aws4_request%2F", Credential),
        ("aws4_request", "aws5_request", Credential),
        ("%2Fsts%2F", "%2F", Credential),
        ("%2Fus-east-1%2F", "%2F%2F", Credential),
        ("ASIAIOSFODNN7EXAMPLE", "", Credential),
        ("20260101T000000Z", "20260101T250000Z", Date),
        ("20260101T000000Z", "20260102T000000Z", Day),
        ("X-Amz-Date", "X-Amz-Date=20260101T000000Z&X-Amz-Date", DuplicateParameter("X-Amz-Date")),
        ("Action=", "Action=%zz", Escape),
        ("=AWS4", "=%ffAWS4", Escape),
        ("Headers=host", "Headers=Host", SignedHeaders),
        ("Headers=host", "Headers=", SignedHeaders),
        ("Headers=host", "Headers=host;", SignedHeaders),
        ("Headers=host", "Headers=host;host", SignedHeaders),
        ("Headers=host", "Headers=x-b;host", SignedHeaders),
        ("Headers=host", "Headers=accept", SignedHeaders),
        ("Headers=host", "Headers=host%0ax;z", SignedHeaders),
        ("Headers=host", "Headers=host;x-b", MissingHeader),
        ("Signature=0", "Signature=A", SignatureForm),
        ("Signature=00", "Signature=0", SignatureForm),
    ] {
        let query = good.replacen(from, to, 1);
        let request = ReceivedRequest::new("GET", "/", &query).header("host", "sts.amazonaws.com");
        assert_eq!(sigv4::check(&request, SECRET), Err(want), "{from:?} as {to:?}");
    }
    let request = ReceivedRequest::new("GET", "/", &good).header("host", "h").header("X-Amz-Meta", "1");
    assert_eq!(sigv4::check(&request, SECRET), Err(UnsignedHeader));
    assert_eq!(sigv4::check(&ReceivedRequest::new("GET", "/", &good), SECRET), Err(MissingHeader));
}

/// Everything that the canonical form evens out, in one request.
#[test]
fn the_stages_can_be_read() {
    let query = "Version=2011-06-15&Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sts/aws4_request&X-Amz-Date=20260101T120000Z\
        &X-Amz-Expires=900&X-Amz-SignedHeaders=host;x-audience";
    let query = format!("{query}&X-Amz-Signature={}", "0".repeat(64));
    let request = ReceivedRequest::new("GET", "", &query)
        .header("X-Audience", " hub  one ")
        .header("Accept", "*/*")
        .header("Host", "sts.amazonaws.com")
        .header("x-audience", "two");
    let stages = sigv4::stages(&request, SECRET).unwrap();
    assert_eq!(
        stages.canonical_request(),
        "GET\n/\nAction=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20260101T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host%3Bx-audience\n\
         host:sts.amazonaws.com\nx-audience:hub one,two\n\nhost;x-audience\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let mut lines = stages.string_to_sign().lines();
    assert_eq!(lines.next(), Some("AWS4-HMAC-SHA256"));
    assert_eq!(lines.next(), Some("20260101T120000Z"));
    assert_eq!(lines.next(), Some("20260101/us-east-1/sts/aws4_request"));
    assert_eq!(lines.next().map(str::len), Some(64));
    assert_eq!(lines.next(), None);
}

/// The four texts that hold a secret are in no `Debug`.
#[test]
fn debug_tells_no_secret() {
    let vectors = fixtures("signed");
    let vector = vectors.iter().find(|it| it.optional("session-token").is_some()).unwrap();
    let request = received(vector);
    let secret = vector.header("secret-access-key");
    let stages = sigv4::stages(&request, secret).unwrap();
    let printed = format!("{request:?} {stages:?}");
    let signature = stages.signature();
    for text in [secret, vector.header("session-token"), &signature, "X-Amz-", "GetCallerIdentity"] {
        assert!(!printed.contains(text), "{printed}");
    }
}

proptest::proptest! {
    #[test]
    fn any_request_gets_a_verdict(
        method in ".{0,8}", path in "[/.%a-z0-9é]{0,20}", query in "(([A-Za-z%+é-]|X-Amz-|=|&|%2[0-9A-F]){0,60})",
        name in ".{0,12}", value in ".{0,12}", secret in ".{0,40}",
    ) {
        let head = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20260101/r/s/aws4_request\
            &X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=";
        let query = format!("{head}{}&{query}", "0".repeat(64));
        let request = ReceivedRequest::new(&method, &path, &query).header("host", "h").header(&name, &value);
        proptest::prop_assert!(sigv4::check(&request, &secret).is_err());
    }
}

fn received(vector: &Fixture) -> ReceivedRequest<'_> {
    let (_, rest) = vector.text().split_once("://").unwrap();
    let target = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = ReceivedRequest::new("GET", path, query).header("Host", vector.header("host"));
    vector.all("header").fold(request, |request, header| {
        let (name, value) = header.split_once('=').unwrap();
        request.header(name, value)
    })
}
