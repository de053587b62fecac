//! What `cargo run --example register` prints.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/example.rs"]
mod example;

#[test]
fn three_agents_are_named_and_the_rogues_refused() {
    let output = example::run("register");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let outcomes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  NAMED    ").or_else(|| line.strip_prefix("  REFUSED  ")))
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
            "401 wrong_audience_or_signature: AWS rejected the signature: it is for another server or challenge, or wrong",
            "409 name_taken: this name is taken",
            "409 already_spent: this URL has been used; sign again for each attempt",
            "409 name_taken: this name is taken",
        ]
    );
    for stage in [
        "agent    signed https://sts.eu-central-1.amazonaws.com/?… with key ASIAIOSFODNN7EXAMP01",
        "server   STS answered           host=\"sts.eu-central-1.amazonaws.com\" status=200",
        "server   claim granted          name=i-0123456789abcdef0 owner=aws/123456789012/AROA",
        "server   registration refused   code=\"account_not_allowed\" detail=caller arn:aws:sts::210987654321:",
        "server   claim renewed          name=i-0123456789abcdef0",
        "server   claim released         name=i-0123456789abcdef0",
        "agent    released its name, which is held for 300 seconds",
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
