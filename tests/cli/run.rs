//! Runs the command with an environment of the test's own, and holds every standard error against the secrets.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::common::local::{KEY, SECRET, TOKEN};

/// Keys as a role's session has them.
pub(crate) const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", TOKEN)];

/// No file and no instance to find anything in.
const NOWHERE: [(&str, &str); 4] = [
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("HOME", "/dev/null"),
];

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Ended {
    let mut child = start(arguments, variables);
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // On a thread: a command that answers while it reads fills the pipe between.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("written");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let ended = Ended {
        code: output.status.code().expect("an exit"),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    assert!(!tells_a_secret(&ended.err), "{arguments:?}: {}", ended.err);
    ended
}

/// Starts the command with pipes to it and from it.
pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sts-agent-name"))
        .args(arguments)
        .env_clear()
        .envs(NOWHERE.iter().chain(variables).copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command")
}

/// Whether a text holds a key, a token, a signature or a piece of a query.
pub(crate) fn tells_a_secret(text: &str) -> bool {
    let token = TOKEN.split(['+', '/', '=']).next().expect("a start");
    [SECRET, token, "Action=", "Signature=", "Token=", "sts.amazonaws.com/"]
        .iter()
        .any(|it| text.contains(it))
        || text.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() >= 64)
}
