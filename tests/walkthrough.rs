//! The commands of the README and of the migration guide, one after the other, as they stand there.
//!
//! A nested cargo would build for minutes, so what `cargo run --example` names is run as cargo built it beside this
//! test; of `cargo test` it is enough that this is one. Commands of `sts-agent-name` are in `walkthrough_command.rs`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/example.rs"]
mod example;
#[path = "common/page.rs"]
mod page;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Carries out one command of a page.
fn walk(command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    match words[..] {
        // `… | sts-agent-name …` begins with the command as well.
        ["cargo", "test"] | ["sts-agent-name", ..] => {}
        ["cargo", "run", "--example", "register_server", "--", config] => serve(config),
        ["cargo", "run", "--example", name] => {
            let output = example::run(name);
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        _ => panic!("a command that no test knows: {command}"),
    }
}

/// Starts the server in a folder of its own, asks for its health and ends it. The configuration is the one that the
/// page names, but for its port, which somebody may have.
fn serve(config: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(page::root().join(config)).expect(config);
    let free = text.replace("127.0.0.1:8080", "127.0.0.1:0");
    assert_ne!(text, free, "{config} listens elsewhere");
    let there: PathBuf = folder.path().join(config);
    std::fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
    std::fs::write(&there, free).expect("written");

    let mut server = Command::new(example::path("register_server"));
    let server = server.current_dir(folder.path()).arg(Path::new(config)).stdout(Stdio::piped());
    let mut server =
        server.stderr(Stdio::null()).spawn().expect("built: cargo build --example register_server");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("no address: {line}"));
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    server.kill().expect("ended");
    server.wait().expect("reaped");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"), "{answer}");
}

#[test]
fn the_readme_can_be_followed() {
    let commands = page::commands("README.md");
    assert!(commands.iter().any(|it| it == "cargo run --example register"), "{commands:?}");
    assert!(commands.iter().any(|it| it == "cargo test"), "{commands:?}");
    for command in &commands {
        walk(command);
    }
}

#[test]
fn the_migration_guide_can_be_followed() {
    let commands = page::commands("docs/migration.md");
    assert!(commands.len() >= 5, "{commands:?}");
    for command in &commands {
        walk(command);
    }
}

/// Every example that a page names is there.
#[test]
fn no_page_names_an_example_that_is_not() {
    let root = page::root();
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root.join("docs"))
        .expect("pages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.push(root.join("README.md"));
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("text");
        for (_, rest) in text.match_indices("`examples/").map(|(at, _)| text.split_at(at + 1)) {
            let path = rest.split('`').next().expect("an end");
            assert!(root.join(path).exists(), "{}: {path}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 3, "the control: {seen}");
}
