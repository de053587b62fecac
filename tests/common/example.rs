//! The examples beside a test, which cargo built with it.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Where the example of this name lies.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps");
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs it without arguments.
pub(crate) fn run(name: &str) -> Output {
    Command::new(path(name)).output().unwrap_or_else(|_| panic!("built: cargo build --example {name}"))
}
