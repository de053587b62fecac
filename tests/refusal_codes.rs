//! The page on refusals is whole: one row a code, which is what people, the crate's documentation and the command read.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sts_agent_name::InvalidUrl;
use sts_agent_name::policy::Refusal;
use sts_agent_name::server::{Unavailable, VerifyError};

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).expect(path)
}

/// What stands in quotes behind an arrow: `=> "code"`.
fn codes(path: &str) -> BTreeSet<String> {
    let source = source(path);
    let quoted = source.split("=> \"").skip(1).filter_map(|rest| rest.split_once('"'));
    let is_code =
        |text: &&str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    quoted.map(|(code, _)| code).filter(is_code).map(str::to_owned).collect()
}

#[test]
fn each_code_is_documented_and_each_documented_code_is_there() {
    let given: BTreeSet<String> =
        ["presigned/error.rs", "policy/refusal.rs", "server/error.rs", "registrar/error.rs"]
            .iter()
            .flat_map(|path| codes(path))
            .collect();
    let page = source("../docs/refusals.md");
    let mut documented = BTreeSet::new();
    for row in page.lines().skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", code, http, meaning, cause, remedy, ""] = cells.as_slice() else {
            panic!("not five cells: {row}")
        };
        assert!((400..600).contains(&http.parse::<u16>().expect(row)), "{row}");
        for cell in [meaning, cause, remedy] {
            assert!((5..=110).contains(&cell.len()), "{} bytes: {cell}", cell.len());
        }
        let code = code.trim_matches('`').to_owned();
        assert!(documented.insert(code), "twice: {row}");
    }
    assert!(given.len() > 40, "{given:?}");
    assert_eq!(given, documented);
}

#[test]
fn the_statuses_are_those_of_the_errors() {
    let page = source("../docs/refusals.md");
    let status = |code: &str| {
        let row = page.lines().find(|row| row.starts_with(&format!("| `{code}` |"))).expect(code);
        row.split('|').nth(2).expect(row).trim().parse::<u16>().expect(row)
    };
    for refusal in [
        Refusal::Form(InvalidUrl::Length),
        Refusal::ChallengeInvalid,
        Refusal::ChallengeNotExpected,
        Refusal::ChallengeRequired,
        Refusal::CredentialsExpired,
        Refusal::CredentialsUnknown,
        Refusal::LongTermCredentials,
        Refusal::MissingSessionToken,
        Refusal::Partition,
        Refusal::RegionDisabled,
    ] {
        assert_eq!(status(refusal.code()), refusal.http_status(), "{}", refusal.code());
    }
    assert_eq!(status("throttled"), VerifyError::Throttled { retry_after: None }.http_status());
    assert_eq!(status("busy"), VerifyError::Unavailable(Unavailable::Busy).http_status());
}
