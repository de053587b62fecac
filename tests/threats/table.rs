//! The table of rows and tests, written from the tests themselves: a row without a test fails here.
//!
//! `UPDATE=1 cargo test --test threats` writes `fixtures/threats.md` again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::setup::of_row;

const ROWS: std::ops::RangeInclusive<u8> = 1..=87;

/// The doors, and the words by which a test that goes through one is known.
const DOORS: [(&str, &[&str]); 6] = [
    ("`begin`", &["begin(", "urls(", "refusal("]),
    ("`finish`", &["finish(", "finish_as("]),
    ("`from_reply`", &["from_reply(", "from_changed_reply(", "replies("]),
    ("`verify`", &["verify(", "verify_with(", "asked("]),
    ("`Registrar`", &["World::new()"]),
    ("`Policy::build`", &["InvalidPolicy", ".build().is_err()"]),
];

struct RowTest {
    name: String,
    about: String,
    doors: Vec<&'static str>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tests of this folder by row, from their sources.
fn tests() -> BTreeMap<u8, RowTest> {
    let mut found = BTreeMap::new();
    let folder = root().join("tests/threats");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let module = file.file_stem().unwrap().to_str().unwrap();
        for (place, _) in source.match_indices("fn t") {
            let rest = &source[place + "fn t".len()..];
            let Some(row) = rest.get(..2).and_then(|digits| digits.parse().ok()) else { continue };
            let name = format!("t{}", rest.split('(').next().unwrap());
            // The comment and the attributes stand between the last empty line and the name.
            let before = &source[source[..place].rfind("\n\n").unwrap()..place];
            assert!(before.contains("#[test]") || before.contains("#[tokio::test"), "{name} is no test");
            let comment = before.lines().filter_map(|line| line.strip_prefix("/// "));
            let about = comment.collect::<Vec<_>>().join(" ");
            assert!(about.ends_with('.'), "{name} has no sentence");
            let (_, body) = rest.split("\n}\n").next().unwrap().split_once('{').unwrap();
            let doors = DOORS.iter().filter(|(_, words)| words.iter().any(|word| body.contains(word)));
            let doors: Vec<_> = doors.map(|(door, _)| *door).collect();
            assert!(!doors.is_empty(), "{name} goes through no door");
            let name = format!("{module}::{name}");
            let twice = found.insert(row, RowTest { name, about, doors });
            assert!(twice.is_none(), "row {row} has two tests");
        }
    }
    found
}

fn table() -> String {
    let tests = tests();
    let mut text = String::from(
        "# Attacks and their tests\n\n\
         One row, one test in `tests/threats/`; the files are those of `urls/` and `replies/` that carry the row's\n\
         number. Written by `UPDATE=1 cargo test --test threats`; a row without a test fails there.\n\n\
         | row | attack | test | doors | files |\n|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let files = of_row(row, "urls").len() + of_row(row, "replies").len();
        let test = tests.get(&row).unwrap_or_else(|| panic!("row {row} has no test"));
        let (RowTest { name, about, .. }, doors) = (test, test.doors.join(", "));
        writeln!(text, "| {row} | {about} | `{name}` | {doors} | {files} |").unwrap();
    }
    let last = tests.last_key_value().expect("tests").0;
    assert!(ROWS.contains(last), "there is no row {last}");
    text
}

#[test]
fn each_row_has_a_test_and_the_table_is_fresh() {
    let path = root().join("fixtures/threats.md");
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &table).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == table, "fixtures/threats.md is stale: UPDATE=1 cargo test --test threats");
}

/// A fixture's number is that of a row, and the row's test looks at the fixture's folder.
#[test]
fn each_fixture_with_a_number_belongs_to_a_test() {
    let tests = tests();
    for (folder, door) in [("urls", "`begin`"), ("replies", "`from_reply`")] {
        for fixture in crate::common::fixtures(folder) {
            for row in fixture.optional("threat").into_iter().flat_map(|rows| rows.split(',')) {
                let row: u8 = row.parse().unwrap_or_else(|_| panic!("{}: threat: {row}", fixture.name));
                let test = tests.get(&row).unwrap_or_else(|| panic!("{}: no test for {row}", fixture.name));
                assert!(
                    test.doors.contains(&door),
                    "{}: {} does not look at {folder}",
                    fixture.name,
                    test.name
                );
            }
        }
    }
}

/// The pages of `docs/` name tests that exist.
#[test]
fn pages_name_tests_that_exist() {
    let tests = tests();
    let mut named = 0;
    for page in ["docs/mutations.md", "docs/threat-model.md"] {
        let text = fs::read_to_string(root().join(page)).expect(page);
        for code in text.split('`').skip(1).step_by(2) {
            let Some(row) = code.strip_prefix('t').and_then(|rest| rest.get(..2)?.parse::<u8>().ok()) else {
                continue;
            };
            let name = tests.get(&row).map(|test| test.name.rsplit("::").next().unwrap().to_owned());
            assert_eq!(name.as_deref(), Some(code), "{page}");
            named += 1;
        }
    }
    assert!(named >= 25, "{named}");
}
