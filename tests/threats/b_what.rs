//! What is asked of STS.

use std::time::Duration;

use sts_agent_name::server::Verifier;
use sts_agent_name::testing::Fault;
use sts_agent_name::{Audience, Endpoint, PresignedUrl};

use crate::common::local::{builder, presigned};
use crate::setup::{
    XML, base, begin, from_reply, good_reply, plain_policy, plain_verifier, refusal, replies, sts, urls,
    verify, verify_with, with,
};
use crate::wire::asked;

/// Another action, whose reply reflects text of the attacker's (CVE-2020-16250).
#[test]
fn t23_other_action_reflected() {
    urls(23);
    replies(23);
    let other = with("Action=GetCallerIdentity", "Action=AssumeRoleWithWebIdentity");
    assert_eq!(begin(&other), "wrong_action");
    assert_eq!(begin(&format!("{other}&WebIdentityToken=eyJhbGciOiJub25lIn0.e30.")), "unknown_parameter");
    let quoted = good_reply().replace('"', "\\\"").replace('\n', "\\n");
    let json = format!(
        "{{\"AssumeRoleWithWebIdentityResponse\":{{\"AssumeRoleWithWebIdentityResult\":\
         {{\"SubjectFromWebIdentityToken\":\"{quoted}\"}}}}}}"
    );
    assert_eq!(from_reply(200, Some("application/json"), &json), "wrong_content_type");
    assert_eq!(from_reply(200, XML, &json), "malformed_reply");
}

/// The body holds the harmless action and the query another one.
#[tokio::test]
async fn t24_query_beats_body() {
    urls(24);
    let other = with("Action=GetCallerIdentity&Version", "Action=DecodeAuthorizationMessage&Version");
    assert_eq!(begin(&other), "wrong_action");
    // There is one place for parameters: the request is a GET of the rebuilt URL, and nothing follows its head.
    let url = presigned(&Endpoint::global());
    let asked = asked("sts.amazonaws.com", url.expose(), &plain_policy()).await;
    let target = url.expose().strip_prefix("https://sts.amazonaws.com").expect("its host");
    assert!(asked.request.starts_with(&format!("GET {target} HTTP/1.1\r\n")));
    assert!(asked.request.ends_with("\r\n\r\n"));
    assert_eq!(asked.request.matches("Action=").count(), 1);
}

/// A body in a GET.
#[tokio::test]
async fn t25_body_in_a_get() {
    urls(25);
    assert_eq!(
        begin(&with("SignedHeaders=host", "SignedHeaders=content-length%3Bhost")),
        "unexpected_signed_header"
    );
    let url = presigned(&Endpoint::global());
    let asked = asked("sts.amazonaws.com", url.expose(), &plain_policy()).await;
    let (_, body) = asked.request.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "");
    let of_bodies = ["content-length", "content-type", "transfer-encoding", "expect"];
    assert!(asked.headers().iter().all(|(name, _)| !of_bodies.contains(&name.as_str())));
}

/// A parameter is given twice, and readers differ on which one counts (CVE-2022-2385).
#[test]
fn t26_duplicate_parameter() {
    urls(26);
    let (base, _) = base();
    assert_eq!(begin(&format!("{base}&Action=GetSessionToken")), "duplicate_parameter");
    let (_, query) = base.split_once('?').expect("a query");
    for pair in query.split('&') {
        assert_eq!(begin(&format!("{base}&{pair}")), "duplicate_parameter", "{pair}");
    }
}

/// A name in another case, which some readers fold (CVE-2022-2385).
#[test]
fn t27_case_variant() {
    urls(27);
    let (base, _) = base();
    let (_, query) = base.split_once('?').expect("a query");
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').expect("a pair");
        let other = name.to_ascii_lowercase();
        assert_eq!(begin(&format!("{base}&{other}={value}")), "unknown_parameter", "beside {pair}");
        assert_eq!(
            begin(&with(&format!("{name}="), &format!("{other}="))),
            "unknown_parameter",
            "for {pair}"
        );
    }
}

/// A look-alike that only some readers decode to the real thing.
#[test]
fn t28_look_alike_by_encoding() {
    urls(28);
    assert_eq!(begin(&with("Action=", "%41ction=")), "unknown_parameter");
    assert_eq!(begin(&with("X-Amz-Date=", "X%2DAmz-Date=")), "unknown_parameter");
    assert_eq!(begin(&format!("{}&%41ction=GetSessionToken", base().0)), "unknown_parameter");
    // Decoded once and no more; what is sent is rebuilt.
    let escaped = with("Action=GetCallerIdentity", "Action=GetCallerIdentit%79");
    let url = PresignedUrl::parse(&escaped).expect("good");
    assert_eq!(url.expose(), PresignedUrl::parse(&base().0).expect("good").expose());
    assert_eq!(begin(&with("Action=GetCallerIdentity", "Action=GetCallerIdentit%2579")), "wrong_action");
    // One spelling of each token is sent, whatever came: one alone that is not canonical is written again.
    for (token, canonical) in [
        ("%2fF%3d%41%2B%7e%24%7B~K-%5c%5D", "%2FF%3DA%2B~%24%7B~K-%5C%5D"),
        ("FA%4BE", "FAKE"),
        ("FAK%2f", "FAK%2F"),
        ("%7EFAK", "~FAK"),
        ("FAK%2F", "FAK%2F"),
    ] {
        let url = PresignedUrl::parse(&with("Token=FAKE", &format!("Token={token}"))).expect("good");
        assert!(url.expose().contains(&format!("&X-Amz-Security-Token={canonical}&")), "{token}");
    }
}

/// Bytes and pieces that readers of queries take in different ways.
#[test]
fn t29_plus_semicolon_and_empty_pieces() {
    urls(29);
    let (base, _) = base();
    for (evidence, want) in [
        (with("Token=FAKE", "Token=a+b"), "forbidden_byte"),
        (with("Token=FAKE", "Token=a;b"), "forbidden_byte"),
        (with("&Version", ";Version"), "forbidden_byte"),
        (with("&Version", "&&Version"), "malformed_parameter"),
        (with("?Action", "?&Action"), "malformed_parameter"),
        (format!("{base}&"), "malformed_parameter"),
        (with("Token=FAKE", "Token"), "malformed_parameter"),
        (with("Token=FAKE", "Token=FA=KE"), "forbidden_byte"),
        (with("Token=FAKE", "Token=FA%4"), "malformed_escape"),
        (with("Token=FAKE", "Token=FA%zz"), "malformed_escape"),
    ] {
        assert_eq!(begin(&evidence), want, "{evidence}");
    }
}

/// A parameter beside the nine.
#[test]
fn t30_extra_parameter() {
    urls(30);
    for extra in ["X-Amz-Foo=1", "AUTHPARAMS=", "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", "Host=evil.org"] {
        assert_eq!(begin(&format!("{}&{extra}", base().0)), "unknown_parameter", "{extra}");
    }
}

/// A parameter is missing, the session token above all.
#[test]
fn t31_missing_parameter() {
    urls(31);
    assert_eq!(begin(&with("&X-Amz-Security-Token=FAKE", "")), "missing_session_token");
    let long_term = with("ASIA", "AKIA");
    assert_eq!(begin(&long_term), "long_term_credentials");
    assert_eq!(begin(&long_term.replace("&X-Amz-Security-Token=FAKE", "")), "long_term_credentials");
    let (base, _) = base();
    let (_, query) = base.split_once('?').expect("a query");
    for pair in query.split('&').filter(|pair| !pair.contains("Token") && !pair.contains("Expires")) {
        let without = base.replace(&format!("{pair}&"), "").replace(&format!("&{pair}"), "");
        assert_eq!(begin(&without), "missing_parameter", "{pair}");
    }
}

/// Another version of the API.
#[test]
fn t32_other_version() {
    urls(32);
    for version in ["2010-01-01", "2011-06-16", "2011-6-15", ""] {
        assert_eq!(begin(&with("2011-06-15", version)), "wrong_version", "{version}");
    }
}

/// `SigV4A`, which is good in every region.
#[test]
fn t33_sigv4a() {
    urls(33);
    let asymmetric = with("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    assert_eq!(begin(&asymmetric), "wrong_algorithm");
    assert_eq!(begin(&format!("{asymmetric}&X-Amz-Region-Set=%2A")), "unknown_parameter");
}

/// A credential scope that is not the host's.
#[test]
fn t34_scope_mismatch() {
    urls(34);
    for (from, to) in [
        ("us-east-1%2Fsts", "us-west-2%2Fs3"),
        ("us-east-1%2Fsts", "us-west-2%2Fsts"),
        ("us-east-1%2Fsts", "us-east-1%2Fs3"),
        ("aws4_request", "aws4_reques"),
        ("%2Fsts%2F", "%2FSTS%2F"),
    ] {
        assert_eq!(begin(&with(from, to)), "wrong_scope", "{to}");
    }
    let global = with("sts.us-east-1.amazonaws.com", "sts.amazonaws.com");
    assert_eq!(begin(&global), "accept");
    assert_eq!(begin(&global.replace("%2Fus-east-1%2F", "%2Feu-west-1%2F")), "wrong_scope");
}

/// The scope's day is not that of the date.
#[test]
fn t35_scope_of_another_day() {
    urls(35);
    for day in ["20251231", "20260102", "2026010", "202601011"] {
        assert_eq!(begin(&with("%2F20260101%2F", &format!("%2F{day}%2F"))), "wrong_scope", "{day}");
    }
}

/// The signer's own expiry, which STS ignores.
#[test]
fn t36_expires_ignored() {
    urls(36);
    let verifier = plain_verifier();
    let minute = with("Expires=900", "Expires=60");
    let signed_at = PresignedUrl::parse(&minute).expect("good").signed_at();
    let at = |seconds| {
        let now = signed_at + time::Duration::seconds(seconds);
        refusal(&verifier, &minute, now).map_or("accept", |refusal| refusal.code())
    };
    assert_eq!((at(60), at(61)), ("accept", "expired"));
}

/// An expiry out of bounds, or in another spelling.
#[test]
fn t37_expires_bounds() {
    urls(37);
    for wrong in ["0", "-1", "604801", "900.0", "0900", "%2B900", "9e2", "", "18446744073709551616"] {
        assert_eq!(begin(&with("Expires=900", &format!("Expires={wrong}"))), "invalid_expires", "{wrong}");
    }
    for right in ["Expires=60", "Expires=604800"] {
        assert_eq!(begin(&with("Expires=900", right)), "accept", "{right}");
    }
    assert_eq!(begin(&with("&X-Amz-Expires=900", "")), "accept");
}

/// A date ahead of the clock, which stretches the life of a URL.
#[test]
fn t38_future_date() {
    urls(38);
    let verifier = plain_verifier();
    let (evidence, _) = base();
    let signed_at = PresignedUrl::parse(&evidence).expect("good").signed_at();
    let ahead = |seconds| {
        let now = signed_at - time::Duration::seconds(seconds);
        refusal(&verifier, &evidence, now).map_or("accept", |refusal| refusal.code())
    };
    assert_eq!((ahead(60), ahead(61), ahead(14 * 60)), ("accept", "not_yet_valid", "not_yet_valid"));
    let none = Verifier::builder().future_skew(Duration::ZERO).build().expect("a verifier");
    let now = signed_at - time::Duration::seconds(1);
    assert_eq!(refusal(&none, &evidence, now).map(|it| it.code()), Some("not_yet_valid"));
}

/// A date that no calendar has.
#[test]
fn t39_bad_calendar_date() {
    urls(39);
    for date in
        ["20260230T250000Z", "20260230T000000Z", "20260101T240000Z", "20260101T000060Z", "20261301T000000Z"]
    {
        let evidence = with("X-Amz-Date=20260101T000000Z", &format!("X-Amz-Date={date}"));
        assert_eq!(
            begin(&evidence.replace("%2F20260101%2F", &format!("%2F{}%2F", &date[..8]))),
            "invalid_date"
        );
    }
}

/// A list of signed headers without `host`: it would be good at any host.
#[test]
fn t40_host_not_signed() {
    urls(40);
    for list in ["x-k8s-aws-id", "hosts", "x-host", ""] {
        let evidence = with("SignedHeaders=host", &format!("SignedHeaders={list}"));
        assert_eq!(begin(&evidence), "invalid_signed_headers", "{list}");
    }
}

/// The server adds its audience by itself, and the signature does not cover it.
#[tokio::test]
async fn t41_unsigned_audience() {
    let sts = sts().await;
    let audience = Audience::new("ci.example.com").expect("an audience");
    let url = presigned(&Endpoint::global());
    let ours = || builder(&sts).audience(audience.clone());
    assert_eq!(verify_with(ours(), url.expose(), &plain_policy()).await, "audience_not_signed");
    assert_eq!(sts.connections(), 0);
    let other = with("SignedHeaders=host", "SignedHeaders=host%3Bx-sts-agent-name-audience2");
    let refused = refusal(&ours().build().expect("a verifier"), &other, base().1);
    assert_eq!(refused.map(|it| it.code()), Some("unexpected_signed_header"));
}

/// Signed headers out of order, in upper case, or twice.
#[test]
fn t42_signed_headers_in_disorder() {
    urls(42);
    for list in ["Host%3Bhost", "x-b%3Bhost", "host%3Bhost", "host%3B", "%3Bhost", "host%2Cx-a", "Host"] {
        let evidence = with("SignedHeaders=host", &format!("SignedHeaders={list}"));
        assert_eq!(begin(&evidence), "invalid_signed_headers", "{list}");
    }
}

/// A megabyte of URL or of token.
#[test]
fn t43_over_long_input() {
    urls(43);
    let megabyte = "A".repeat(1 << 20);
    for evidence in [
        with("Token=FAKE", &format!("Token={megabyte}")),
        megabyte.clone(),
        at_length(PresignedUrl::MAX_LENGTH + 1),
    ] {
        assert_eq!(begin(&evidence), "too_long", "{}", evidence.len());
    }
    assert_eq!(begin(&at_length(PresignedUrl::MAX_LENGTH)), "accept");
    // The path that signers leave out is written, so the text is a byte longer when it is sent.
    let without_path = at_length(PresignedUrl::MAX_LENGTH + 1).replacen(".com/?", ".com?", 1);
    assert_eq!(begin(&without_path), "too_long");
}

fn at_length(length: usize) -> String {
    let filler = length - base().0.len();
    with("Token=FAKE", &format!("Token=FAKE{}", "A".repeat(filler)))
}

/// Decoded control bytes, which would end a header or a line of a log.
#[tokio::test]
async fn t44_control_bytes_in_a_value() {
    urls(44);
    for bytes in ["%0d%0aX-Evil:%201", "%0D%0AX-Evil%3A%201", "%00", "%0A", "%7F", "%1B%5B2J"] {
        let evidence = with("Token=FAKE", &format!("Token=FAKE{bytes}"));
        let want = if bytes.contains(':') { "forbidden_byte" } else { "invalid_session_token" };
        assert_eq!(begin(&evidence), want, "{bytes}");
    }
    for (from, want) in [
        ("Credential=ASIA", "invalid_credential"),
        ("SignedHeaders=host", "invalid_signed_headers"),
        ("X-Amz-Date=20260101T000000Z", "invalid_date"),
        ("Expires=900", "invalid_expires"),
        ("Action=GetCallerIdentity", "wrong_action"),
    ] {
        assert_eq!(begin(&with(from, &format!("{from}%0A"))), want, "{from}");
    }
    // What STS answers does not get into a header or a log either: the outcome is a code and a fixed text.
    let sts = sts().await;
    sts.play(Fault::Error { status: 403, code: "A\r\nX".to_owned(), message: "\u{1b}[2J".to_owned() });
    let url = presigned(&Endpoint::global());
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "invalid_reply");
}
