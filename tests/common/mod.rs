//! Reads the fixtures: one case a file, `key: value` lines, an empty line, the payload.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "each test file uses its own part of this module")]

pub(crate) mod doors;
pub(crate) mod local;

use std::fs;
use std::path::Path;

/// One case.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Everything behind the empty line, less one final newline; any bytes.
    pub(crate) payload: Vec<u8>,
}

impl Fixture {
    /// The value of the one header called `key`.
    #[track_caller]
    pub(crate) fn header(&self, key: &str) -> &str {
        self.optional(key).unwrap_or_else(|| panic!("{}: no header {key}", self.name))
    }

    pub(crate) fn optional(&self, key: &str) -> Option<&str> {
        let mut values = self.all(key);
        let value = values.next();
        assert!(values.next().is_none(), "{}: two headers {key}", self.name);
        value
    }

    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(given, _)| given == key).map(|(_, value)| value.as_str())
    }

    /// The payload of a case whose payload is text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, rest) = bytes.split_at(end.unwrap_or_else(|| panic!("{name}: no empty line")));
        let payload = &rest[2..];
        let header = |line: &str| {
            let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{name}: no header: {line}"));
            // One blank belongs to the syntax, the rest to the value.
            (key.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned())
        };
        let headers = std::str::from_utf8(head).unwrap().lines().map(header).collect();
        let payload = payload.strip_suffix(b"\n").unwrap_or(payload).to_owned();
        Self { name, headers, payload }
    }
}

/// The cases of `fixtures/<folder>`, by name. An empty folder is a failure.
pub(crate) fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .map(|path| Fixture::read(&path))
        .collect();
    assert!(!fixtures.is_empty(), "{} holds no cases", folder.display());
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

/// A moment of the form `2026-01-01T00:00:00Z`.
pub(crate) fn moment(text: &str) -> time::OffsetDateTime {
    let parts: Vec<u8> =
        text.split(['-', 'T', ':', 'Z']).skip(1).filter_map(|part| part.parse().ok()).collect();
    let year = text[..4].parse().expect(text);
    let month = time::Month::try_from(parts[0]).expect(text);
    let date = time::Date::from_calendar_date(year, month, parts[1]).expect(text);
    date.with_hms(parts[2], parts[3], parts[4]).expect(text).assume_utc()
}
