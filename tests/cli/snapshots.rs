//! What `inspect` prints for one URL of each refusal code that can come before STS is asked.
//!
//! `UPDATE=1 cargo test --features cli --test cli` writes the expected outputs again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::common::{Fixture, fixtures};
use crate::inspect::{before_sts, key_of};
use crate::run::run;

struct Case {
    arguments: Vec<String>,
    evidence: Vec<u8>,
}

impl Case {
    fn new(fixture: &Fixture, more: &[&str]) -> Self {
        let arguments = ["inspect", "--at", fixture.header("at")].into_iter().chain(more.iter().copied());
        Self { arguments: arguments.map(str::to_owned).collect(), evidence: fixture.payload.clone() }
    }
}

/// The first vector of each code, and what takes settings beside.
fn cases() -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    let vectors = fixtures("urls");
    for fixture in &vectors {
        let code = fixture.header("expect").to_owned();
        cases.entry(code).or_insert_with(|| Case::new(fixture, &[]));
    }
    let good = vectors.iter().find(|fixture| fixture.name == "good-base").expect("a good one");
    let account = ["--account", "123456789012"];
    for (code, more) in [
        ("accept", &account[..]),
        ("endpoint_not_allowed", &["--endpoint-url", "https://localhost:8443"]),
        ("audience_not_signed", &["--audience", "ci.example.com"]),
        ("challenge_not_signed", &["--challenge"]),
        ("partition_not_allowed", &["--account", "123456789012", "--partition", "aws-cn"]),
    ] {
        cases.insert(code.to_owned(), Case::new(good, more));
    }
    let mut other = Case::new(good, &account);
    let text = good.text().replace("ASIAIOSFODNN7EXAMPLE", &key_of(210_987_654_321));
    assert_ne!(text, good.text());
    other.evidence = text.into_bytes();
    cases.insert("access_key_account_not_allowed".to_owned(), other);
    cases
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots")
}

#[test]
fn each_refusal_is_shown_as_it_was() {
    let update = env::var_os("UPDATE").is_some();
    let mut faults = Vec::new();
    for (code, case) in cases() {
        let arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
        let ended = run(&arguments, &[], &case.evidence);
        let shown = format!("$ sts-agent-name {}\n{}exit {}\n", arguments.join(" "), ended.out, ended.code);
        assert_eq!(ended.err, "", "{code}");
        let want =
            if code == "accept" { "nothing against it: ".to_owned() } else { format!("refused: {code} (") };
        assert!(ended.out.contains(&want), "{code}: {}", ended.out);
        assert_eq!(ended.code, if code == "accept" { 0 } else { 2 }, "{code}");
        let file = folder().join(format!("{code}.txt"));
        if update {
            fs::write(&file, &shown).expect("written");
        } else if fs::read_to_string(&file).ok().as_deref() != Some(&shown) {
            faults.push(format!("{}:\n{shown}", file.display()));
        }
    }
    assert!(faults.is_empty(), "UPDATE=1 writes these again:\n{}", faults.join("\n"));
}

#[test]
fn there_is_one_for_each_code_and_none_beside() {
    let entries = fs::read_dir(folder()).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|it| it.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let cases: Vec<String> = cases().into_keys().collect();
    assert_eq!(names, cases);
    let mut wanted: Vec<String> = before_sts().into_iter().chain(["accept".to_owned()]).collect();
    // Judged by the server that issued the challenge, and never here.
    wanted.retain(|code| {
        !["challenge_required", "challenge_not_expected", "challenge_invalid", "challenge_expired"]
            .contains(&code.as_str())
    });
    wanted.sort();
    assert_eq!(cases, wanted);
}
