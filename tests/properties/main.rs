//! What must hold for any input, tried with generated ones. The fuzz targets try the same properties for longer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
mod property;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use common::fixtures;
use property::presign_verify::Case;
use property::reply::Texts;
use property::{
    EVIDENCE, arn, edit, policy, presign_verify, presigned_url, reply, role_pattern, settings,
    verify_decision,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sts_agent_name::{Endpoint, EndpointSet, PresignedUrl};

type Property = fn(&[u8]);

/// The committed inputs of the fuzz targets; a package of the crate leaves them out.
#[test]
fn the_seeds_of_the_fuzz_targets_hold() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let targets: [(&str, Property); 7] = [
        ("arn", arn::check),
        ("presign_verify", presign_verify::check),
        ("presigned_url", presigned_url::check),
        ("reply", reply::check),
        ("role_pattern", role_pattern::check),
        ("settings", settings::check),
        ("verify_decision", verify_decision::check),
    ];
    for (target, check) in targets.iter().filter(|_| seeds.exists()) {
        let mut tried = 0;
        for entry in fs::read_dir(seeds.join(target)).expect(target) {
            let path = entry.expect(target).path();
            println!("{}", path.display());
            check(&fs::read(path).expect(target));
            tried += 1;
        }
        assert!((1..60).contains(&tried), "{tried} seeds of {target}");
    }
}

#[test]
fn a_second_reader_agrees_on_each_edit_of_good_evidence() {
    edit::each_edit(EVIDENCE.as_bytes(), presigned_url::WORDS, presigned_url::check);
    let bound = EVIDENCE.replace("=host", "=host%3Bx-audience").replace("FAKE", "a%2Fb%2B%3D");
    edit::each_edit(bound.as_bytes(), presigned_url::WORDS, presigned_url::check);
}

#[test]
fn a_second_reader_agrees_on_each_edit_of_a_good_reply() {
    let arn = "arn:aws:sts::123456789012:assumed-role/ci-agent/i-01234567";
    let body = reply::render(arn, "AROADBQP57FF2AEXAMPLE:i-01234567", "123456789012");
    edit::each_edit(body.as_bytes(), reply::WORDS, reply::check_identity);
    let refused = concat!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>",
        "<Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
    );
    edit::each_edit(refused.as_bytes(), reply::WORDS, reply::check_refusal);
}

#[test]
fn a_second_reader_agrees_on_each_edit_of_an_arn() {
    for arn in [
        "arn:aws:sts::123456789012:assumed-role/ci-agent/i-01234567",
        "arn:aws-cn:sts::123456789012:assumed-role/aws:ec2-instance/i-0123456789abcdef0",
        "arn:aws:sts::123456789012:federated-user/ann",
        "arn:aws:iam::123456789012:user/path/ann",
        "arn:aws:iam::123456789012:root",
    ] {
        edit::each_edit(arn.as_bytes(), arn::WORDS, arn::check);
    }
}

/// The payloads of these folders, by name.
fn payloads(folders: &[&str]) -> Vec<Vec<u8>> {
    folders.iter().flat_map(|folder| fixtures(folder)).map(|fixture| fixture.payload).collect()
}

fn urls() -> &'static [Vec<u8>] {
    static URLS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| payloads(&["urls", "real-clients", "presign"]));
    &URLS
}

fn replies() -> &'static [Vec<u8>] {
    static REPLIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| payloads(&["replies"]));
    &REPLIES
}

/// Seeds of a few edits; shrinking leaves edits out.
fn seeds() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 0..6)
}

fn account() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(vec!["123456789012".to_owned(), "210987654321".to_owned()]), 1 => "[0-9]{11,13}"]
}

fn session() -> impl Strategy<Value = String> {
    prop_oneof![2 => "i-[0-9a-f]{17}", 1 => "i-[0-9a-f]{8}", 1 => "[A-Za-z0-9_+=,.@-]{1,66}"]
}

fn role() -> impl Strategy<Value = String> {
    prop_oneof![select(vec!["ci-agent".to_owned(), "ci-x".to_owned()]), "[A-Za-z0-9_+=,.@-]{1,66}"]
}

/// Three texts of one caller, or nearly.
fn texts() -> impl Strategy<Value = Texts> {
    let owner = "AROA[A-Z0-9]{12,17}";
    (account(), role(), session(), owner, 0..8, account(), session()).prop_map(
        |(account, role, session, owner, form, other_account, other_session)| {
            let (arn, user_id) = match form {
                0 => (format!("arn:aws:iam::{account}:root"), account.clone()),
                1 => (format!("arn:aws:iam::{account}:user/path/{role}"), "AIDADBQP57FF2AEXAMPLE".to_owned()),
                2 => (format!("arn:aws:sts::{account}:federated-user/{role}"), format!("{account}:{role}")),
                3 | 4 => (
                    format!("arn:aws:sts::{account}:assumed-role/aws:ec2-instance/{session}"),
                    format!("{account}:aws:ec2-instance:{session}"),
                ),
                5 => (
                    format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
                    format!("{owner}:{other_session}"),
                ),
                _ => (
                    format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
                    format!("{owner}:{session}"),
                ),
            };
            let account = if form == 4 { other_account } else { account };
            Texts { arn, user_id, account }
        },
    )
}

/// Settings of either form, or nearly.
fn settings_text() -> impl Strategy<Value = String> {
    let seconds = select(vec!["0", "59", "60", "3600", "31536000", "31536001", "-1"]);
    let accounts = select(vec![
        r#"["123456789012"]"#,
        r#"["123456789012","210987654321"]"#,
        r#"["123456789012","123456789012"]"#,
        r#"["12345678901"]"#,
        "[]",
    ]);
    let roles = prop::collection::vec("[ab*]{0,4}", 0..4);
    let template = select(vec!["{instance_id}", "{account_id}/{instance_id}", "{session}", "{role}"]);
    (seconds, accounts, roles, template, 0..5).prop_map(|(seconds, accounts, roles, template, form)| match form {
        0 => format!(r#"{{"assignment":"agent","release_after_seconds":{seconds}}}"#),
        1 => format!(r#"{{"assignment":"aws_sts","accounts":{accounts},"roles":{roles:?},"release_after_seconds":{seconds}}}"#),
        2 => format!(r#"{{"assignment":"aws_sts","accounts":{accounts},"roles":{roles:?},"name_template":"{template}"}}"#),
        3 => format!(r#"{{"assignment_origin":"ASSIGNMENT_ORIGIN_AGENT","release_after":{seconds}}}"#),
        _ => format!(
            r#"{{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS","release_after":{seconds},"aws":{{"account_id":"123456789012","role_name_patterns":"{}"}}}}"#,
            roles.join(",")
        ),
    })
}

/// Words that mean something to a policy.
fn policy_line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => select(policy::WORDS).prop_map(str::to_owned),
        2 => role().prop_map(|role| format!("role={role}")),
        1 => "role=[a-z*-]{1,8}",
        1 => account().prop_map(|account| format!("account={account}")),
    ];
    prop::collection::vec(word, 0..6)
        .prop_map(|words| format!("account=123456789012 role=ci-* {}", words.join(" ")))
}

/// A whole policy and a caller, both of so few words that they often meet.
fn policy_and_caller() -> impl Strategy<Value = (String, Texts)> {
    let some = |words: &'static [&'static str]| prop::sample::subsequence(words, 0..=2);
    let accounts = || some(&["account=123456789012", "account=210987654321"]);
    let roles = || some(&["role=ci-*", "role=*-agent", "role=ops", "any-role"]);
    let ids = || {
        prop::sample::subsequence(&["role-id=AROADBQP57FF2AEXAMPLE", "role-id=AROAIOSFODNN7EXAMPLE"], 0..=1)
    };
    let rule = || (accounts(), roles(), ids()).prop_map(|(a, b, c)| [a, b, c].concat());
    let rest = some(&[
        "any-session",
        "deny=i-0123456789abcdef0",
        "instances-of=123456789012",
        "instances-of=210987654321",
        "partition=aws-cn",
    ]);
    let template = select(&[
        "template={instance_id}",
        "template={account_id}/{instance_id}",
        "template={account_id}/{role}/{session}",
        "template={account_id}/{session}",
    ]);
    let line = (rule(), rule(), rest, template).prop_map(|(first, second, rest, template)| {
        [first, vec!["rule"], second, rest, vec![template]].concat().join(" ")
    });
    let partition = prop_oneof![4 => Just("aws"), 1 => Just("aws-cn")];
    let account = select(&["123456789012", "210987654321"]);
    let role = select(&["ci-agent", "ci-x", "ops", "aws:ec2-instance", "other"]);
    let role_id = select(&["AROADBQP57FF2AEXAMPLE", "AROAIOSFODNN7EXAMPLE"]);
    let session = select(&["i-0123456789abcdef0", "i-00000001", "session-1", "a.b@c"]);
    let caller =
        (partition, account, role, role_id, session).prop_map(|(partition, account, role, id, session)| {
            let owner = if role.contains(':') { format!("{account}:{role}") } else { id.to_owned() };
            let arn = format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}");
            Texts { arn, user_id: format!("{owner}:{session}"), account: account.to_owned() }
        });
    (line, caller)
}

/// Evidence around the edges of what is in order.
fn evidence() -> impl Strategy<Value = String> {
    let expires = select(&["&X-Amz-Expires=900", "&X-Amz-Expires=60", "&X-Amz-Expires=604800", ""]);
    let age = prop_oneof![select(vec![-61, -60, -59, 0, 59, 60, 61, 899, 900, 901, 86_400]), -70..910_i64];
    let key = prop_oneof![4 => Just("ASIA"), 1 => Just("AKIA")];
    let host =
        prop_oneof![4 => Just("sts.us-east-1.amazonaws.com"), 1 => Just("sts.cn-north-1.amazonaws.com.cn")];
    let headers = prop_oneof![4 => Just("host"), 1 => Just("host%3Bx-audience")];
    let token = prop_oneof![4 => Just("&X-Amz-Security-Token=FAKE"), 1 => Just("")];
    (expires, age, key, host, headers, token).prop_map(|(expires, age, key, host, headers, token)| {
        let at = property::now() - time::Duration::seconds(age);
        let day = format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second) = at.to_hms();
        let region = host.split('.').nth(1).unwrap_or_default();
        EVIDENCE
            .replace("20260101T000000Z", &format!("{day}T{hour:02}{minute:02}{second:02}Z"))
            .replace("%2F20260101%2Fus-east-1%2F", &format!("%2F{day}%2F{region}%2F"))
            .replace("sts.us-east-1.amazonaws.com", host)
            .replace("&X-Amz-Expires=900", expires)
            .replace("=ASIA", &format!("={key}"))
            .replace("=host", &format!("={headers}"))
            .replace("&X-Amz-Security-Token=FAKE", token)
    })
}

fn case() -> impl Strategy<Value = Case> {
    let hosts: Vec<String> = EndpointSet::built_in().iter().map(Endpoint::host).map(str::to_owned).collect();
    let host = prop_oneof![
        6 => select(hosts),
        1 => select(vec!["localhost:4566".to_owned(), "[::1]:8443".to_owned(), "127.0.0.1".to_owned()]),
        1 => "[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,2}\\.[a-z]{2,5}",
    ];
    let key = prop_oneof![4 => "ASIA[A-Z0-9]{12,30}", 1 => "AKIA[A-Z0-9]{12,124}", 1 => "[A-Z]{0,20}"];
    let token = prop_oneof![4 => "[!-~]{1,40}", 4 => "[A-Za-z0-9+/]{100,400}={0,2}", 1 => ".{0,20}"];
    let audience = prop_oneof![
        Just(("x-sts-agent-name-audience".to_owned(), "ci.example.com".to_owned())),
        ("[a-z][a-z0-9_-]{0,20}", "[!-~]{1,40}"),
    ];
    (
        host,
        key,
        any::<String>(),
        prop::option::weighted(0.9, token),
        prop_oneof![0..253_370_764_800_i64, any::<i64>()],
        prop::option::of(audience),
        prop::option::weighted(
            0.4,
            prop_oneof![Just(presign_verify::ISSUED.to_owned()), "[A-Za-z0-9._~-]{1,80}"],
        ),
        any::<u64>(),
    )
        .prop_map(|(host, access_key_id, secret, token, at, audience, challenge, seed)| {
            let region = "us-east-1".to_owned();
            Case { host, region, access_key_id, secret, token, at, audience, challenge, seed }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn a_second_reader_agrees_on_each_url(which: Index, seeds in seeds()) {
        presigned_url::check(&edit::edits(which.get::<Vec<u8>>(urls()), presigned_url::WORDS, &seeds));
    }

    #[test]
    fn a_second_reader_agrees_on_any_text_behind_a_host(rest in "(/?\\?)?[!-~é]{0,200}") {
        presigned_url::check(format!("https://sts.amazonaws.com{rest}").as_bytes());
    }

    /// Around the limit, which holds for the text that came and for the one that is written.
    #[test]
    fn a_second_reader_agrees_on_each_length(plain in 0..7800_usize, over in 0..900_usize, slash: bool) {
        // Letters may be escaped: then what is written is shorter than what came.
        let escapes = (PresignedUrl::MAX_LENGTH + 400 - EVIDENCE.len() - plain).saturating_sub(over) / 3;
        let token = "A".repeat(plain) + &"%41".repeat(escapes);
        let url = EVIDENCE.replace("FAKE", &token).replace("/?", if slash { "/?" } else { "?" });
        presigned_url::check(url.as_bytes());
    }

    #[test]
    fn a_second_reader_agrees_on_each_reply(which: Index, seeds in seeds()) {
        reply::check(&edit::edits(which.get::<Vec<u8>>(replies()), reply::WORDS, &seeds));
    }

    #[test]
    fn a_rendered_reply_is_read_back(texts in texts()) {
        reply::check_rendered(&texts);
    }

    #[test]
    fn a_second_reader_agrees_on_each_arn(texts in texts(), seeds in seeds()) {
        arn::check(&edit::edits(texts.arn.as_bytes(), arn::WORDS, &seeds));
    }

    #[test]
    fn a_naive_matcher_agrees_on_each_role(
        pattern in "[ab*]{0,10}", name in "[ab]{1,12}", list in "([ab*]{0,4}[, \t]{0,2}){1,4}",
    ) {
        role_pattern::check_one(&pattern, &name);
        role_pattern::check_list(&list, &name);
        role_pattern::check_long_list(&list, &name);
    }

    #[test]
    fn settings_survive_both_forms(input in settings_text(), seeds in seeds()) {
        settings::check(&edit::edits(input.as_bytes(), settings::WORDS, &seeds));
        settings::check(input.as_bytes());
    }

    #[test]
    fn a_naive_matcher_agrees_on_each_text(input in "[a-bA*, +é]{0,20}\n[a-bA, +/é]{0,20}") {
        role_pattern::check(input.as_bytes());
    }

    #[test]
    fn nobody_outside_the_policy_is_let_in(
        line in policy_line(), texts in texts(), evidence in seeds(), body in seeds(), untouched: bool,
    ) {
        let rendered = reply::render(&texts.arn, &texts.user_id, &texts.account);
        let (evidence, body) = if untouched { (Vec::new(), Vec::new()) } else { (evidence, body) };
        let evidence = edit::edits(EVIDENCE.as_bytes(), presigned_url::WORDS, &evidence);
        let body = edit::edits(rendered.as_bytes(), reply::WORDS, &body);
        let input = [line.as_bytes(), &evidence, &body].join(&b'\n');
        verify_decision::check(&input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8192) })]

    #[test]
    fn a_second_judge_begins_alike(evidence in evidence(), partition in select(&["aws", "aws-cn"])) {
        let line = format!("account=123456789012 any-role partition={partition}");
        verify_decision::check(format!("{line}\n{evidence}\n").as_bytes());
    }

    #[test]
    fn a_second_judge_decides_alike((line, texts) in policy_and_caller()) {
        let body = reply::render(&texts.arn, &texts.user_id, &texts.account);
        verify_decision::check(format!("{line}\n{EVIDENCE}\n{body}").as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_we_sign_we_accept_and_no_byte_can_change(case in case()) {
        presign_verify::check_case(&case, 24);
    }
}
