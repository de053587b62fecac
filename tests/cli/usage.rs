//! Help, and what is wrong with a command line, which is told without quoting it.

use crate::common::local::TOKEN;
use crate::run::run;

fn url() -> String {
    format!(
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Security-Token={TOKEN}&X-Amz-Signature=ab"
    )
}

#[test]
fn what_is_wrong_with_a_command_line_is_told_without_quoting_it() {
    let url = url();
    let url = url.as_str();
    for (arguments, want) in [
        (&[][..], "name a command: presign, verify or inspect"),
        (&[url], "no such command: presign, verify or inspect"),
        (&["presign", url], "unexpected argument"),
        (&["presign", "--region", url], "invalid value --region <REGION>: not a region name"),
        (&["presign", "--endpoint-url", url], "--endpoint-url: "),
        (&["presign", "--audience-header", url], "missing argument --audience <NAME>"),
        (&["presign", "--audience", "a b"], "--audience: audience is not 1 to 255 visible ASCII characters"),
        (&["presign", "--challenge", url], "--challenge: "),
        (&["presign", "--global", "--region", "us-east-1"], "exclude each other"),
        (&["presign", "--global", "--fips"], "exclude each other"),
        (&["verify", url], "missing argument --account <ID>"),
        (&["verify", "--account", "1", url], "invalid value --account <ID>: account ID is not twelve digits"),
        (&["verify", "--account", "123456789012"], "nobody is let in: give --role or --any-instance"),
        (&["verify", "--account", "123456789012", "--role", ""], "--role: "),
        (&["verify", "--account", "123456789012", "--role", "r", url, url], "unexpected argument"),
        (&["verify", "--account", "123456789012", "--role", "r", "--ca-file", "x"], "--endpoint-url <URL>"),
        (&["inspect", "--at", url], "invalid value --at <TIME>: not a moment"),
        (&["inspect", "--role", "ci"], "missing argument --account <ID>"),
        (&["inspect", "--endpoint-url", "http://localhost"], "--endpoint-url: does not begin with https://"),
        (&["inspect", &format!("--{url}")], "unexpected argument"),
    ] {
        let ended = run(arguments, &[], b"");
        assert_eq!((ended.code, ended.out.as_str()), (64, ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.starts_with("sts-agent-name: "), "{}", ended.err);
        assert!(ended.err.contains(want), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
}

#[test]
fn a_file_of_authorities_that_is_not_there_is_a_usage_error() {
    let server =
        ["verify", "--account", "123456789012", "--role", "r", "--endpoint-url", "https://localhost:1"];
    let ended = run(&[&server[..], &["--ca-file", "/nonexistent"]].concat(), &[], b"x");
    assert_eq!(ended.code, 64);
    assert!(ended.err.contains("--ca-file: "), "{}", ended.err);
}

#[test]
fn help_names_every_command_and_exit_code() {
    let help = run(&["--help"], &[], b"");
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for word in ["presign", "verify", "inspect", "Exit codes:", "  64  ", "  74  "] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    for command in ["presign", "verify", "inspect"] {
        let help = run(&[command, "--help"], &[], b"");
        assert_eq!((help.code, help.err.as_str()), (0, ""));
        assert!(help.out.contains("--audience") && help.out.contains("--json"), "{}", help.out);
    }
    let version = run(&["--version"], &[], b"");
    assert_eq!(version.out, format!("sts-agent-name {}\n", env!("CARGO_PKG_VERSION")));
}
