//! The examples that check themselves: each says how it went, and by its exit status.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/example.rs"]
mod example;

/// Standard output of an example that went well, without secrets in either stream.
fn output(name: &str) -> String {
    let output = example::run(name);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for secret in ["X-Amz-Signature=", "wJalrXUtnFEMI", "session+token", "session%2Btoken"] {
        assert!(!out.contains(secret) && !err.contains(secret), "{secret} in:\n{out}\n{err}");
    }
    out.into_owned()
}

#[test]
fn an_extractor_lets_agents_through() {
    let text = output("axum_extractor");
    assert!(text.trim_end().ends_with("All went as told."), "{text}");
    assert!(text.contains("agent, in a header       200 i-0123456789abcdef0\n"), "{text}");
}

#[test]
fn a_thread_without_a_runtime_verifies() {
    let text = output("blocking");
    assert!(text.trim_end().ends_with("All went as told."), "{text}");
    assert!(text.contains("agent                    i-0123456789abcdef0\n"), "{text}");
}

#[test]
fn events_become_metrics() {
    let text = output("metrics");
    assert!(text.contains("# TYPE sts_latency_milliseconds histogram\n"), "{text}");
    assert_eq!(text.matches("# TYPE store_operations_total counter").count(), 1, "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn a_challenge_makes_its_round_trip() {
    output("challenge");
}
