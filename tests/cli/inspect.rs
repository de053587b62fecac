//! `inspect`: each rule, and whether what is said of it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use serde_json::Value;
use sts_agent_name::PresignedUrl;
use sts_agent_name::policy::{Policy, PolicyBuilder};
use sts_agent_name::server::Verifier;

use crate::common::local::{KEY, TOKEN};
use crate::common::{Fixture, fixtures, moment};
use crate::rules::{RULES, Stage, position};
use crate::run::{KEYS, run, start, tells_a_secret};

/// What stands in quotes behind an arrow: `=> "code"`.
fn codes(path: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    let source = fs::read_to_string(path).expect("a source");
    let quoted = source.split("=> \"").skip(1).filter_map(|rest| rest.split_once('"'));
    quoted.map(|(code, _)| code.to_owned()).collect()
}

/// The codes that only come when STS has answered, or when its client is about to ask.
const AFTERWARDS: [&str; 17] = [
    "account_not_allowed",
    "caller_kind_not_allowed",
    "credentials_expired",
    "credentials_unknown",
    "instance_check_refused",
    "instance_denied",
    "name_not_representable",
    "not_canonical",
    "region_disabled",
    "rejected_by_sts",
    "role_id_not_allowed",
    "role_not_allowed",
    "session_not_instance",
    "signature_rejected",
    "wrong_audience_or_signature",
    // Of other errors in the same files.
    "",
    "-",
];

/// Every code that `begin` and `begin_with_challenge` can give.
pub(crate) fn before_sts() -> Vec<String> {
    let all = [codes("presigned/error.rs"), codes("policy/refusal.rs")].concat_sets();
    for code in AFTERWARDS.iter().filter(|code| code.len() > 1) {
        assert!(all.contains(*code), "no code any more: {code}");
    }
    all.into_iter().filter(|code| !AFTERWARDS.contains(&code.as_str())).collect()
}

trait ConcatSets {
    fn concat_sets(self) -> BTreeSet<String>;
}

impl ConcatSets for [BTreeSet<String>; 2] {
    fn concat_sets(self) -> BTreeSet<String> {
        self.into_iter().flatten().collect()
    }
}

/// A key ID that holds an account, as those of this generation do.
pub(crate) fn key_of(account: u64) -> String {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = (1_u64 << 49) | (account << 9);
    let digits = (0..10).rev().map(|place| usize::try_from((bits >> (place * 5)) & 31).unwrap());
    "ASIA".chars().chain(digits.map(|digit| char::from(BASE32[digit]))).chain("EXAMPL".chars()).collect()
}

#[test]
fn each_code_before_sts_has_one_rule() {
    let codes = before_sts();
    assert!(codes.len() > 30, "{codes:?}");
    for code in &codes {
        let rules = RULES.iter().filter(|rule| rule.codes.contains(&code.as_str()));
        assert_eq!(rules.count(), 1, "{code}");
    }
    let named: BTreeSet<String> = RULES.iter().flat_map(|rule| rule.codes).map(ToString::to_string).collect();
    assert_eq!(named, codes.into_iter().collect(), "no rule has a code that does not come");
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}

/// What `inspect --json` says of many texts, one a line.
fn inspected(arguments: &[&str], lines: &[&[u8]]) -> Vec<Value> {
    let input = [lines.join(&b"\n"[..]), b"\n".to_vec()].concat();
    let ended = run(&[&["inspect", "--json"], arguments].concat(), &[], &input);
    assert_eq!(ended.err, "");
    let values: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(values.len(), lines.len(), "a line for a line");
    let refused = values.iter().any(|value| value["verdict"] == "refused");
    assert_eq!(ended.code, if refused { 2 } else { 0 });
    values
}

fn results(value: &Value) -> Vec<&str> {
    value["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|row| row["result"].as_str().expect("text"))
        .collect()
}

/// Fixtures that are one line, by their moment.
fn by_moment() -> BTreeMap<String, Vec<Fixture>> {
    let mut all: BTreeMap<String, Vec<Fixture>> = BTreeMap::new();
    for fixture in fixtures("urls").into_iter().chain(fixtures("real-clients")) {
        if !fixture.payload.contains(&b'\n') && !fixture.payload.ends_with(b"\r") {
            all.entry(fixture.header("at").to_owned()).or_default().push(fixture);
        }
    }
    all
}

#[test]
fn it_says_what_begin_says_and_where_begin_stopped() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let mut seen = 0;
    for (at, fixtures) in by_moment() {
        let lines: Vec<&[u8]> = fixtures.iter().map(|fixture| &fixture.payload[..]).collect();
        for (fixture, value) in fixtures.iter().zip(inspected(&["--at", &at], &lines)) {
            let name = &fixture.name;
            let text = String::from_utf8_lossy(&fixture.payload);
            // Any policy of the URL's own partition, without the hint at its account.
            let partition = PresignedUrl::parse(&text).map(|url| url.endpoint().partition());
            let policy = Policy::builder().account("123456789012").any_role().without_account_hint();
            let policy = partition.into_iter().fold(policy, PolicyBuilder::partition);
            let policy = policy.build().expect("a policy");
            let want = verifier.begin(&text, &policy, moment(&at));
            let results = results(&value);
            assert_eq!(results.len(), RULES.len());
            let failed: Vec<usize> =
                results.iter().enumerate().filter(|(_, it)| **it == "fail").map(|(at, _)| at).collect();
            match want {
                Ok(_) => {
                    assert_eq!(
                        (value["verdict"].as_str(), failed.len()),
                        (Some("nothing_against_it"), 0),
                        "{name}"
                    );
                    assert!(!results.contains(&"not_reached"), "{name}");
                }
                Err(refusal) => {
                    let told = &value["refusal"];
                    assert_eq!(told["code"].as_str(), Some(refusal.code()), "{name}");
                    assert_eq!(told["message"].as_str(), Some(refusal.to_string().as_str()), "{name}");
                    assert_eq!(told["http_status"].as_u64(), Some(refusal.http_status().into()), "{name}");
                    assert!(told["remedy"].as_str().is_some_and(|it| !it.is_empty()), "{name}");
                    assert_eq!(failed, [position(refusal.code()).expect("a rule")], "{name}");
                    let behind = &results[failed[0]..];
                    // Of the rebuilt text, length is judged last.
                    let rebuilt = refusal.code() == "too_long" && text.len() <= PresignedUrl::MAX_LENGTH;
                    assert!(rebuilt || !behind.contains(&"pass"), "{name}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 400, "{seen}");
}

/// Breaks one rule of a text and leaves those before it alone.
type Break = fn(&str) -> String;

/// A text with two faults, one in front of the other in the order of judgement: the first fails, and
/// the second is not reached, whichever was broken first.
#[test]
fn rows_come_in_the_order_of_judgement() {
    let good = fixtures("urls").into_iter().find(|fixture| fixture.name == "good-base").expect("one");
    let at = good.header("at").to_owned();
    let text = good.text();
    let breaks: [(&str, Break); 18] = [
        ("scheme", |text| text.replacen("https", "http", 1)),
        ("host", |text| text.replacen("sts.", "sts2.", 1)),
        ("path", |text| text.replacen("/?", "/x?", 1)),
        ("query_names", |text| format!("{text}&Extra=1")),
        ("required", |text| without(text, "Version")),
        ("action", |text| text.replacen("GetCaller", "SetCaller", 1)),
        ("version", |text| text.replacen("2011-06", "2012-06", 1)),
        ("algorithm", |text| text.replacen("AWS4-HMAC", "AWS5-HMAC", 1)),
        ("date", |text| text.replacen("Date=2026", "Date=X026", 1)),
        ("credential", |text| text.replacen("%2Fsts%2F", "%2Fsts%2Fa%2F", 1)),
        ("access_key", |text| text.replacen("=ASIA", "=ASIB", 1)),
        ("scope", |text| text.replacen("aws4_request", "aws5_request", 1)),
        ("expires", |text| text.replacen("Expires=900", "Expires=0", 1)),
        ("signed_headers", |text| text.replacen("SignedHeaders=host", "SignedHeaders=Host", 1)),
        ("session_token", |text| text.replacen("Security-Token=", "Security-Token=%00", 1)),
        ("signature", |text| text.replacen("Signature=", "Signature=G", 1)),
        ("no_other_header", |text| text.replacen("SignedHeaders=host", "SignedHeaders=host%3Bx-a", 1)),
        ("token_present", |text| without(text, "X-Amz-Security-Token")),
    ];
    let row = |name: &str| RULES.iter().position(|rule| rule.name == name).expect(name);
    let order: Vec<usize> = breaks.iter().map(|(name, _)| row(name)).collect();
    assert!(order.is_sorted(), "{order:?}");
    let pairs: Vec<_> = breaks
        .iter()
        .flat_map(|first| breaks.iter().map(move |second| (first, second)))
        // A token that is taken out is not malformed any more.
        .filter(|((a, _), (b, _))| a != b && ![*a, *b].iter().all(|it| it.contains("token")))
        .collect();
    let texts: Vec<String> = pairs.iter().map(|((_, first), (_, second))| second(&first(text))).collect();
    let lines: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    for (((first, _), (second, _)), value) in pairs.iter().zip(inspected(&["--at", &at], &lines)) {
        let earlier = row(first).min(row(second));
        for (at, result) in results(&value).into_iter().enumerate() {
            let same_pass = RULES[at].stage == Stage::Query && RULES[earlier].stage == Stage::Query;
            let want = match result {
                "not_judged" => continue,
                _ if at == earlier => "fail",
                _ if at < earlier && !same_pass => "pass",
                _ => "not_reached",
            };
            assert_eq!(result, want, "{first} and {second}: {}", RULES[at].name);
        }
    }
}

/// The text without one parameter that is not its first.
fn without(text: &str, name: &str) -> String {
    let kept: Vec<&str> = text.split('&').filter(|piece| !piece.starts_with(&format!("{name}="))).collect();
    kept.join("&")
}

#[test]
fn no_secret_is_shown_however_the_text_is_mangled() {
    let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let good = fixtures("urls").into_iter().find(|fixture| fixture.name == "good-base").expect("one");
    let (text, _) = good.text().split_once("&X-Amz-Signature=").expect("a signature");
    let (text, token) = text.split_once("&X-Amz-Security-Token=").expect("a token");
    let token = token.split('&').next().expect("a value");
    let url = format!("{text}&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE&X-Amz-Signature={signature}");
    assert!(!token.is_empty());
    for mangled in [
        url.clone(),
        url.replace('&', "&amp;"),
        url.replace('&', "%26"),
        url.replace('&', "%26").replace('=', "%3D"),
        url.replace('%', "%25").replace('&', "%26"),
        url.replace('?', ""),
        url.replace("/?", "&"),
        url.replace("https://", ""),
        url.replace("https://sts.us-east-1.amazonaws.com/?", "https://"),
        url.replace("X-Amz-SignedHeaders=host&X-Amz-Security-Token=", "X-Amz-SignedHeaders="),
        url.replace("X-Amz-SignedHeaders=host&", "").replace("X-Amz-Signature=", "X-Amz-SignedHeaders="),
        url.replace("X-Amz-Date=", "X=").replace("X-Amz-Signature=", "X-Amz-Date="),
        format!("https://{signature}/?"),
        format!("https://sts.amazonaws.com/{signature}?"),
        format!("https://sts.amazonaws.com/?Action={signature}"),
        format!("https://sts.amazonaws.com/?X-Amz-Credential={signature}%2Fa"),
        url.to_uppercase(),
        format!("\u{1b}[31m{url}"),
    ] {
        for json in [&["inspect"][..], &["inspect", "--json"]] {
            let ended = run(json, &[], mangled.as_bytes());
            // The remedies name the parameters.
            let out = ended.out.to_lowercase();
            let digits = out.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
            assert!(digits < Some(64), "{mangled}: {out}");
            assert!(!out.contains("iqojb3jpz2lux2vjexample"), "{mangled}: {out}");
            assert!(!out.contains('\u{1b}'), "{mangled}: {out}");
        }
    }
    let piped = run(&["inspect"], &[], run(&["presign", "--global"], &KEYS, b"").out.as_bytes());
    assert_eq!(piped.code, 0);
    assert!(!tells_a_secret(&piped.out) && piped.out.contains("redacted, 64 bytes"), "{}", piped.out);
    assert!(TOKEN.len() > 20 && piped.out.contains(KEY));
}

#[test]
fn settings_that_are_given_are_judged() {
    let url = run(&["presign", "--global", "--audience", "ci"], &KEYS, b"").out;
    let judged = |arguments: &[&str]| {
        let value = inspected(arguments, &[url.trim_end().as_bytes()]).remove(0);
        let by_name = RULES.iter().map(|rule| rule.name).zip(results(&value).into_iter().map(str::to_owned));
        by_name.collect::<BTreeMap<_, _>>()
    };
    let bare = judged(&["--audience", "ci"]);
    let all = judged(&["--audience", "ci", "--account", "123456789012", "--role", "ci-*"]);
    let instances = judged(&["--audience", "ci", "--account", "123456789012", "--any-instance"]);
    for (rule, without, with) in [
        ("audience", "pass", "pass"),
        ("partition", "not_judged", "pass"),
        ("key_account", "not_judged", "pass"),
        ("challenge_signed", "not_judged", "not_judged"),
        ("challenge", "not_judged", "not_judged"),
    ] {
        assert_eq!((bare[rule].as_str(), all[rule].as_str()), (without, with), "{rule}");
    }
    assert_eq!((instances["partition"].as_str(), instances["key_account"].as_str()), ("pass", "not_judged"));
    assert_eq!(judged(&["--audience", "ci", "--challenge"])["challenge_signed"], "fail");
    assert_eq!(judged(&[])["no_other_header"], "fail");
}

#[test]
fn a_line_of_any_length_is_one_line() {
    let long = vec![b'a'; 3 << 20];
    let good = run(&["presign", "--global"], &KEYS, b"").out;
    let exact = vec![b'b'; 8192];
    let over = vec![b'b'; 8193];
    let crlf = format!("{}\r", good.trim_end());
    // A carriage return is part of a line end or of the text, wherever reading stops.
    let exact_crlf = [&exact[..], b"\r"].concat();
    let returns = [8192, 8193, 8194].map(|length| [&vec![b'b'; length][..], b"\rb"].concat());
    let lines: [&[u8]; 11] = [
        &long,
        good.trim_end().as_bytes(),
        b"",
        &exact,
        &over,
        b"\xff\xfe",
        crlf.as_bytes(),
        &exact_crlf,
        &returns[0],
        &returns[1],
        &returns[2],
    ];
    let codes: Vec<Option<String>> = inspected(&[], &lines)
        .iter()
        .map(|value| value["refusal"]["code"].as_str().map(str::to_owned))
        .collect();
    let want = ["too_long", "", "not_https", "not_https", "too_long", "not_https", "", "not_https"];
    let codes: Vec<String> = codes.into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(codes, [&want[..], &["too_long"; 3]].concat());
    assert_eq!(run(&["inspect", "--json"], &[], b"").out, "", "no line, no answer");
    // Without a line end at the end.
    assert_eq!(run(&["inspect", "--json"], &[], good.trim_end().as_bytes()).out.lines().count(), 1);
    // A return that no line end follows is part of the text.
    assert_eq!(run(&["inspect", "--json"], &[], crlf.as_bytes()).code, 2);
}

/// As behind `tail -f`: the input stays open, and ends in the middle of a line.
#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    let good = run(&["presign", "--global"], &KEYS, b"").out;
    let (line, long) = (good.trim_end(), "b".repeat(9000));
    let mut child = start(&["inspect", "--json"], &[]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // What is written, and how many lines of it are to be answered.
    let pieces =
        [(format!("{line}\n"), 1), (format!("{line}\r\n{line}\nhttps:"), 2), (long, 1), ("\nx\n".into(), 1)];
    for (piece, count) in pieces {
        stdin.write_all(piece.as_bytes()).expect("written");
        for _ in 0..count {
            let answer: Value =
                serde_json::from_str(&answers.next().expect("a line").expect("text")).expect("JSON");
            assert!(answer["rules"].is_array(), "{answer}");
        }
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().expect("an end").code(), Some(2));
}
