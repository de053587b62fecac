//! The page on dependencies names each direct dependency, and none that is gone.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The entries of one table of `Cargo.toml`: name and the rest of its line (or lines, in a list).
fn table(manifest: &str, name: &str) -> BTreeMap<String, String> {
    let (_, rest) = manifest.split_once(&format!("\n[{name}]\n")).unwrap_or_else(|| panic!("no [{name}]"));
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in rest.lines().take_while(|line| !line.starts_with('[')) {
        match line.split_once(" = ") {
            Some((key, value)) if !line.starts_with([' ', '#']) => entries.push((key.into(), value.into())),
            _ => {
                if let Some((_, value)) = entries.last_mut() {
                    value.push_str(line);
                }
            }
        }
    }
    entries.into_iter().collect()
}

/// What the default features turn on, and the rest of the dependencies.
fn dependencies() -> (BTreeSet<String>, BTreeSet<String>) {
    let manifest = read("Cargo.toml");
    let features = table(&manifest, "features");
    let mut on = BTreeSet::new();
    let mut next = vec!["default".to_owned()];
    while let Some(feature) = next.pop() {
        let list = features.get(&feature).unwrap_or_else(|| panic!("no feature {feature}"));
        for item in list.split('"').skip(1).step_by(2) {
            let of_dependency = item.split_once('/').map(|(dependency, _)| dependency);
            match item.strip_prefix("dep:").or(of_dependency) {
                Some(dependency) => drop(on.insert(dependency.to_owned())),
                None => next.push(item.to_owned()),
            }
        }
    }
    let all = table(&manifest, "dependencies");
    all.into_iter()
        .map(|(name, value)| (on.contains(&name) || !value.contains("optional = true"), name))
        .fold((BTreeSet::new(), BTreeSet::new()), |(mut default, mut other), (is_default, name)| {
            if is_default {
                default.insert(name)
            } else {
                other.insert(name)
            };
            (default, other)
        })
}

/// The crates in the rows of one section of the page, each with a reason.
fn listed(page: &str, section: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(&format!("## {section}\n")).unwrap_or_else(|| panic!("no {section}"));
    let rows =
        rest.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, needed_by, why, _] = cells.as_slice() else { panic!("not three cells: {row}") };
        assert!(!needed_by.is_empty() && why.len() > 10, "no reason: {row}");
        name.trim_matches('`').to_owned()
    })
    .collect()
}

#[test]
fn each_direct_dependency_has_its_reason() {
    let (default, other) = dependencies();
    assert!(default.len() > 10, "{default:?}");
    let page = read("docs/dependencies.md");
    assert_eq!(listed(&page, "Default features"), default, "docs/dependencies.md, default features");
    assert_eq!(listed(&page, "Other features"), other, "docs/dependencies.md, other features");
}
