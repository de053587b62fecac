//! What is known about each refusal code, from the page that people read.

use std::sync::LazyLock;

/// One row of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) code: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) remedy: &'static str,
}

const PAGE: &str = include_str!("../../../docs/refusals.md");

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| PAGE.lines().filter_map(row).collect());

/// The row of a code.
pub(crate) fn find(code: &str) -> Option<Entry> {
    ENTRIES.iter().find(|entry| entry.code == code).copied()
}

/// ``| `code` | HTTP | meaning | cause | remedy |``
fn row(line: &'static str) -> Option<Entry> {
    let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
    let code = cells.next()?.strip_suffix('`')?;
    let (cause, remedy) = (cells.nth(2)?, cells.next()?);
    Some(Entry { code, cause, remedy })
}
