//! The commands of the README and of the migration guide that call `sts-agent-name`, in a shell, as they stand there.
//!
//! Keys come from the environment, and STS is a local one: `verify` is given its address, its authority, and a URL of
//! its own, since the URL of the page is for AWS.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/page.rs"]
mod page;

use std::path::Path;
use std::process::{Command, Output};

use common::local::{KEY, SECRET, TOKEN};

const BINARY: &str = env!("CARGO_BIN_EXE_sts-agent-name");

/// Runs a line in a shell in `folder` that finds the command and the keys, and nothing else of AWS.
fn shell(line: &str, folder: &Path) -> Output {
    let beside = Path::new(BINARY).parent().expect("a folder").display();
    Command::new("sh")
        .args(["-euc", line])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{beside}:/usr/bin:/bin"))
        .envs([("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", TOKEN)])
        .envs([("AWS_REGION", "eu-central-1"), ("AWS_EC2_METADATA_DISABLED", "true")])
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .output()
        .expect("a shell")
}

/// What a page's commands do, one after the other. `verify` would ask AWS, so it is stopped before: its arguments
/// must be understood, and the text that it is given must be refused.
fn follow(page: &str, least: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = shell("sts-agent-name presign --global > url", folder.path());
    assert!(url.status.success(), "{}", String::from_utf8_lossy(&url.stderr));
    let commands = page::commands(page);
    let ours: Vec<_> = commands.iter().filter(|line| line.starts_with("sts-agent-name ")).collect();
    assert!(ours.len() >= least, "the control: {ours:?}");
    for command in ours {
        if let Some((_, verify)) = command.split_once("sts-agent-name verify ") {
            let arguments = verify.split('<').next().unwrap_or(verify);
            let output = shell(&format!("echo no-url | sts-agent-name verify {arguments}"), folder.path());
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {error}");
            assert!(error.contains("not_https"), "{command}: {error}");
            continue;
        }
        let output = shell(command, folder.path());
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}: {error}");
        if command.starts_with("sts-agent-name presign") && !command.contains('|') {
            assert!(out.starts_with("https://sts.") && out.lines().count() == 1, "{command}");
        }
    }
}

#[test]
fn the_readmes_commands_are_understood() {
    follow("README.md", 3);
}

#[test]
fn the_migration_guides_commands_are_understood() {
    follow("docs/migration.md", 4);
}
