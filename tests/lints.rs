//! The lints by which code in `src/` cannot panic or misread a number are on, and no file switches one off.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// What `Cargo.toml` must say. The gate turns each warning into an error.
const SWITCHED_ON: [&str; 7] = [
    "unsafe_code = \"forbid\"",
    "as_conversions = \"warn\"",
    "expect_used = \"warn\"",
    "indexing_slicing = \"warn\"",
    "panic = \"warn\"",
    "unwrap_used = \"warn\"",
    "pedantic = { level = \"warn\", priority = -1 }",
];

/// What no attribute in `src/` may name, in whatever form.
const LINTS: [&str; 6] =
    ["as_conversions", "expect_used", "indexing_slicing", "unsafe_code", "unwrap_used", "panic"];

/// What panics and has no lint that is on.
const MACROS: [&str; 6] = ["assert!", "assert_eq!", "assert_ne!", "todo!", "unimplemented!", "unreachable!"];

/// A suite of tests that other crates run against stores of their own: it fails by panicking, and is no part of a
/// build without feature `testing`.
const SUITE: &str = "src/registry/conformance/";

#[test]
fn the_lints_are_on() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let lints = manifest.split_once("[lints.rust]").expect("lints").1;
    for line in SWITCHED_ON {
        assert!(lints.lines().any(|it| it == line), "{line}");
    }
}

#[test]
fn no_file_of_the_crate_switches_one_off() {
    let sources = sources(&root().join("src"));
    assert!(sources.len() > 50, "the control: {} files", sources.len());
    let mut found = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| !file.starts_with(SUITE)) {
        for (line, code) in code(text) {
            let attribute = ["allow(", "expect(", "clippy::"].iter().any(|it| code.contains(it));
            let names = |lint: &&&str| attribute && code.contains(&format!("clippy::{lint}"));
            found.extend(LINTS.iter().filter(names).map(|lint| (file.as_str(), line, *lint)));
            let calls = |name: &&&str| {
                code.match_indices(**name)
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            found.extend(MACROS.iter().filter(calls).map(|name| (file.as_str(), line, *name)));
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_suite_is_behind_its_feature() {
    let registry = fs::read_to_string(root().join("src/registry/mod.rs")).expect("a module");
    assert!(registry.contains("#[cfg(feature = \"testing\")]\npub mod conformance;"));
}

#[test]
fn what_counts_as_code() {
    let text =
        "//! assert!(x)\nlet a = 1; // panic!(y)\n/// panic\n#[cfg(test)]\nmod tests {\n    assert!(x);\n}\n";
    assert_eq!(code(text).collect::<Vec<_>>(), [(2, "let a = 1; "), (4, "#[cfg(test)]")]);
}

/// The numbered lines of a file, without comments, up to its tests, which stand last.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.find("//").map_or(line, |at| &line[..at]));
    (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty())
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            all.push((path.strip_prefix(root()).expect("below the root").display().to_string(), text));
        }
    }
    all
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
