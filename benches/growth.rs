//! How cost grows with size, as lines `subject,size,ns,floor ns`: see `benches/README.md`.
//!
//! ```text
//! cargo bench --bench growth > benches/growth.csv && python3 benches/plot.py
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench has a clock, prints, and fails by panicking"
)]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use quick_xml::Reader;
use quick_xml::events::Event;
use sts_agent_name::CallerIdentity;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use time::OffsetDateTime;

const ACCOUNT: &str = "123456789012";
/// How often each figure is taken; floor and subject take turns, and the median counts.
const ROUNDS: usize = 31;
/// How long one taking lasts, in nanoseconds.
const TAKING: u128 = 1_000_000;

fn main() {
    println!("subject,size,ns,floor_ns");
    urls();
    replies();
    patterns();
}

/// Bytes of evidence, beside a look at each byte.
fn urls() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = policy(1);
    let empty = evidence("").len();
    for size in [512, 1024, 2048, 4096, 8192] {
        let text = evidence(&"IQoJb3JpZ2luX2VjEF%2Fa%2BDw%3D".repeat(300)[..size - empty].replace('%', "-"));
        assert_eq!(text.len(), size);
        let floor = || text.bytes().filter(|byte| black_box(*byte).is_ascii_graphic()).count();
        row("evidence", size, || verifier.begin(black_box(&text), &policy, now()).expect("begun"), floor);
    }
}

/// Bytes of a reply, beside quick-xml's bare events.
fn replies() {
    let shortest = reply("ci-agent", "").len();
    for size in [512, 1024, 2048, 4096, 8192, 16_384] {
        let body = reply("ci-agent", &"7b86b01a-232e-417b".repeat(1000)[..size - shortest]);
        assert_eq!(body.len(), size);
        let floor = || {
            let mut reader = Reader::from_str(black_box(&body));
            while !matches!(reader.read_event().expect("an event"), Event::Eof) {}
        };
        let read = || CallerIdentity::from_reply(200, Some("text/xml"), black_box(body.as_bytes()));
        row("reply", size, || read().expect("accepted"), floor);
    }
}

/// Role patterns, half of them with a `*`: a whole decision, beside one look-up among so many names.
fn patterns() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let evidence = evidence("FAKE");
    for size in [1, 10, 100, 1_000, 10_000] {
        let policy = policy(size);
        let names: HashSet<String> = (0..size).map(|number| format!("exact-{number}")).collect();
        let body = reply("team-linux-5", "");
        let exchange = verifier.begin(&evidence, &policy, now()).expect("begun");
        let finish = || exchange.finish(200, Some("text/xml"), black_box(body.as_bytes()));
        row(
            "role patterns",
            size,
            || finish().expect("let in"),
            || names.contains(black_box("team-linux-5")),
        );
    }
}

fn policy(patterns: usize) -> Policy {
    let forms = ["exact-role-{}", "team-{}-*", "exact-{}", "*-build-{}"];
    let others = (6..).zip(forms.iter().cycle()).take(patterns - 1);
    let policy = Policy::builder().account(ACCOUNT).role("team-*-5");
    let policy = others
        .fold(policy, |policy, (number, form)| policy.role(&form.replace("{}", &format!("{number:05}"))));
    policy.build().expect("a policy")
}

fn evidence(token: &str) -> String {
    format!(
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
         &X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
         &X-Amz-Security-Token={token}&X-Amz-Signature={}",
        "0123456789abcdef".repeat(4),
    )
}

fn reply(role: &str, request_id: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    \
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{role}/i-0123456789abcdef0</Arn>\n    \
         <UserId>AROADBQP57FF2AEXAMPLE:i-0123456789abcdef0</UserId>\n    <Account>{ACCOUNT}</Account>\n  \
         </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  \
         </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    )
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_767_225_630).expect("a moment")
}

fn row<T, F>(subject: &str, size: usize, it: impl Fn() -> T, floor: impl Fn() -> F) {
    let (mut figures, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        figures.push(take(&it));
        floors.push(take(&floor));
    }
    println!("{subject},{size},{:.1},{:.1}", median(figures), median(floors));
}

/// Nanoseconds of one call.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts of a few digits")]
fn take<T>(it: &impl Fn() -> T) -> f64 {
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed().as_nanos() < TAKING {
        for _ in 0..64 {
            black_box(it());
        }
        calls += 64;
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
