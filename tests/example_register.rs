//! What `cargo run --example register` prints.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// The example beside this test, which cargo built with it.
fn example() -> Output {
    let test = std::env::current_exe().expect("a path");
    let profile: PathBuf = test.ancestors().nth(2).expect("target/<profile>/deps").into();
    let name = format!("register{}", std::env::consts::EXE_SUFFIX);
    Command::new(profile.join("examples").join(name)).output().expect("built: cargo build --example register")
}

#[test]
fn three_agents_are_named_and_the_rogues_refused() {
    let output = example();
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let outcomes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("NAMED").or_else(|| line.split_once("REFUSED")))
        .map(|(_, outcome)| outcome.trim())
        .collect();
    assert_eq!(
        outcomes,
        [
            "i-0123456789abcdef0",
            "i-0fedcba9876543210",
            "i-00112233445566778",
            "401 credentials_unknown: AWS does not know these credentials",
            "401 wrong_audience_or_signature: AWS rejected the signature: it is for another server or challenge, or wrong",
            "403 account_not_allowed: the caller's account is not allowed here",
            "403 role_not_allowed: the caller's role is not allowed here",
            "401 wrong_audience_or_signature: AWS rejected the signature: it is for another server or challenge, or wrong",
        ]
    );
    for stage in [
        "agent    sign ",
        "server   begin ",
        "sts      answer   200 text/xml",
        "server   finish ",
        "sts      answer   403",
    ] {
        assert!(text.contains(stage), "{stage} not in:\n{text}");
    }
    assert!(text.trim_end().ends_with("All went as told."));
    for secret in
        ["X-Amz-Signature=", "X-Amz-Security-Token=", "wJalrXUtnFEMI", "session+token", "session%2Btoken"]
    {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains(secret));
    }
}
