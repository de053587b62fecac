//! The commands of a page: what stands in its blocks of `sh`.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every line of the page's `sh` blocks, in order, without its comment. A block that is a script of its own, which
/// begins with `#!`, is none.
pub(crate) fn commands(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(&root()).join(page)).expect(page);
    let blocks = text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("an end"));
    let lines = blocks.filter(|block| !block.starts_with("#!")).flat_map(str::lines);
    let commands = lines.map(|line| line.split(" # ").next().unwrap_or(line).trim().to_owned());
    commands.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}
