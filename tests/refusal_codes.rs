//! The table of codes in the crate's documentation is whole.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    let table = source("lib.rs");
    let rows = table.lines().filter(|line| line.starts_with("//! | `"));
    let documented: BTreeSet<String> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .map(|code| code.trim().trim_matches('`').to_owned())
        .collect();
    assert!(given.len() > 40, "{given:?}");
    assert_eq!(given, documented);
}
