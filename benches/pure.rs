//! The pure steps, each beside its floor in the same run. See `benches/README.md`.
//!
//! ```text
//! cargo bench --bench pure
//! ```

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a benchmark is no library")]

#[allow(dead_code, unused_imports, reason = "this file uses its own part of the module")]
#[path = "../src/charset.rs"]
mod charset;
#[allow(dead_code, unused_imports, unreachable_pub, reason = "this file uses its own part of the module")]
#[path = "../src/policy/pattern.rs"]
mod pattern;
#[allow(dead_code, unused_imports, unreachable_pub, reason = "this file uses its own part of the module")]
#[path = "../src/policy/pattern_set.rs"]
mod pattern_set;

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use criterion::{Criterion, criterion_group, criterion_main};
use quick_xml::Reader;
use quick_xml::events::Event;
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use sts_agent_name::{CallerIdentity, Endpoint};
use time::OffsetDateTime;
use url::Url;

use self::pattern_set::RolePatterns;

const REPLY: &str = include_str!("../fixtures/replies/accept-recorded.txt");

/// 1.7 KB, as with a token of 1.2 KB.
fn evidence() -> String {
    format!(
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
         &X-Amz-Security-Token={}&X-Amz-Signature={}",
        "IQoJb3JpZ2luX2VjEF%2Fa%2BDw%3D".repeat(44),
        "0123456789abcdef".repeat(4),
    )
}

fn at() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_767_225_630).expect("a moment")
}

/// The floor of parsing: each byte looked at once, classes and escapes checked, nothing kept.
fn scan(text: &str) -> usize {
    let mut bytes = text.bytes();
    let mut pairs = 0;
    while let Some(byte) = bytes.next() {
        match byte {
            b'&' => pairs += 1,
            b'%' => {
                let hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
                assert!(hex(bytes.next()) && hex(bytes.next()));
            }
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b':'
            | b'/'
            | b'?'
            | b'=' => {}
            _ => panic!("not in the alphabet"),
        }
    }
    pairs
}

fn parsing(c: &mut Criterion) {
    let text = evidence();
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = Policy::builder().account("123456789012").role("ci-agent").build().expect("a policy");
    let mut group = c.benchmark_group("evidence");
    group.bench_function("floor: one strict scan", |b| b.iter(|| scan(black_box(&text))));
    group.bench_function("parse + begin", |b| {
        b.iter(|| verifier.begin(black_box(&text), &policy, at()).expect("begun"));
    });
    group.bench_function("peer: Url::parse + query_pairs", |b| {
        b.iter(|| {
            let url = Url::parse(black_box(&text)).expect("a URL");
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>()
        });
    });
    for (what, refused) in [
        ("host", text.replace("sts.us-east-1", "sts.us-east-9")),
        ("action", text.replace("GetCallerIdentity", "GetSessionToken")),
        ("duplicate", text.replace("&Version", "&Action=GetCallerIdentity&Version")),
        ("1 MB", format!("{text}{}", "a".repeat(1 << 20))),
    ] {
        group.bench_function(format!("refused: {what}"), |b| {
            b.iter(|| verifier.begin(black_box(&refused), &policy, at()).expect_err("refused"));
        });
    }
    group.finish();
}

fn replies(c: &mut Criterion) {
    let (_, body) = REPLY.split_once("\n\n").expect("a payload");
    let body = body.strip_suffix('\n').expect("a newline");
    let mut group = c.benchmark_group("reply");
    group.bench_function("floor: quick-xml events", |b| {
        b.iter(|| {
            let mut reader = Reader::from_str(black_box(body));
            let mut events = 0;
            while !matches!(reader.read_event().expect("an event"), Event::Eof) {
                events += 1;
            }
            events
        });
    });
    group.bench_function("from_reply", |b| {
        b.iter(|| {
            CallerIdentity::from_reply(200, Some("text/xml"), black_box(body.as_bytes())).expect("accepted")
        });
    });
    group.finish();
}

fn signing(c: &mut Criterion) {
    let token = "IQoJb3JpZ2luX2VjEF/a+Dw=".repeat(43);
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::new("ASIAIOSFODNN7EXAMPLE", secret, Some(token), None, "bench");
    let identity = credentials.clone().into();
    let base = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    let mut group = c.benchmark_group("presign");
    group.bench_function("floor: aws_sigv4::sign", |b| {
        b.iter(|| {
            let mut settings = SigningSettings::default();
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_mins(15));
            let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("sts");
            let params =
                params.time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_630)).settings(settings);
            let params = params.build().expect("parameters").into();
            let request = SignableRequest::new("GET", base, std::iter::empty(), SignableBody::Bytes(&[]));
            sign(request.expect("a request"), &params).expect("signed")
        });
    });
    group.bench_function("presign", |b| {
        let mut now = at();
        let presigner = Presigner::new(Endpoint::global());
        b.iter(|| {
            now += time::Duration::SECOND;
            presigner.presign(black_box(&credentials), now).expect("signed")
        });
    });
    group.finish();
}

/// 500 names and 500 patterns, each with pieces of its own.
fn patterns() -> Vec<String> {
    let forms = ["team-{}-*", "*-runner-{}", "ci-*-{}-agent", "*build{}*", "prod-*-{}-*-linux"];
    let wild = (0..500).zip(forms.iter().cycle());
    let wild = wild.map(|(number, form)| form.replace("{}", &format!("{number:03}")));
    (0..500).map(|number| format!("exact-role-{number}")).chain(wild).collect()
}

/// The search alone, as a policy makes it for each caller.
fn roles(c: &mut Criterion) {
    let patterns = patterns();
    let mut ours = RolePatterns::default();
    for pattern in &patterns {
        ours.add(pattern).expect("a pattern");
    }
    ours.compile();
    let names: HashSet<&str> = patterns.iter().map(String::as_str).collect();
    let forms = patterns.iter().map(|pattern| format!("^{}$", pattern.replace('*', ".*")));
    let peer = regex::bytes::RegexSet::new(forms).expect("a set");
    let mut group = c.benchmark_group("role");
    for (what, role) in [
        ("exact", "exact-role-77"),
        ("prefix", "team-250-linux"),
        ("suffix", "linux-runner-251"),
        ("middle", "the-build253-x"),
        ("miss", "semaphore-agent-linux"),
    ] {
        assert_eq!([ours.matches(role), peer.is_match(role.as_bytes())], [what != "miss"; 2], "{what}");
        group.bench_function(format!("{what}: floor, one look-up"), |b| {
            b.iter(|| names.contains(black_box(role)));
        });
        group.bench_function(format!("{what}: 1,000 patterns"), |b| b.iter(|| ours.matches(black_box(role))));
        group.bench_function(format!("{what}: peer, RegexSet"), |b| {
            b.iter(|| peer.is_match(black_box(role.as_bytes())));
        });
    }
    // One pattern that makes a search with backtracking try again and again, and more bytes than any role has.
    let mut worst = RolePatterns::default();
    worst.add(&format!("*{}b*c", "a".repeat(31))).expect("a pattern");
    let name = "a".repeat(2048);
    group.bench_function("worst: 2,048 bytes", |b| b.iter(|| worst.matches(black_box(&name))));
    group.finish();
}

criterion_group!(benches, parsing, replies, roles, signing);
criterion_main!(benches);
