//! What `cargo run --example fleet` comes to.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

#[test]
fn each_instance_gets_its_name_and_no_name_is_two_agents() {
    let test = std::env::current_exe().expect("a path");
    let profile: PathBuf = test.ancestors().nth(2).expect("target/<profile>/deps").into();
    let name = format!("fleet{}", std::env::consts::EXE_SUFFIX);
    let mut example = Command::new(profile.join("examples").join(name));
    let output = example.args(["--agents", "200"]).output().expect("built: cargo build --example fleet");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    for line in
        ["200 agents and 20 twins, 4 servers, sqlite", "names            200 of 200", "duplicate names  0"]
    {
        assert!(text.lines().any(|it| it == line), "{line} not in:\n{text}");
    }
    // Of each pair one is refused.
    let refused = text.lines().find(|line| line.starts_with("refused")).expect("a line");
    assert!(refused.ends_with("name_taken 20"), "{text}");
}
