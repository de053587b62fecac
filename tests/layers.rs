//! The layer rule as a test: imports in `src/` go down only.
//!
//! A small lexer is enough, since the rule is about paths: comments and literals are dropped, `use`
//! trees are flattened, and every path that starts at `crate` or `super` is held against [`LAYERS`].
//! `src/lib.rs` may name anything: there only the length counts. The command under `src/bin` is another crate,
//! with layers of its own ([`COMMAND`]).

use std::{collections::BTreeMap, fs, path::Path, slice::Iter};

/// Each module of the crate, lowest layer first. A module may name itself and the layers before its own.
const LAYERS: [&[&str]; 6] = [
    &["account", "charset", "partition", "random", "secret"],
    &["access_key", "arn", "binding", "endpoint", "instance", "name"],
    &["identity", "presigned"],
    &["policy"],
    &["agent", "registry", "server"],
    &["registrar", "testing"],
];

/// The same for the command, below its `main.rs`: subcommands do not know each other.
const COMMAND: [&[&str]; 3] = [
    &["fault", "moment", "refusals"],
    &["args", "input", "output", "usage"],
    &["inspect", "presign", "verify"],
];

const COMMAND_ROOT: &str = "bin/sts-agent-name/";

/// The parts of the command that may wait for something; `inspect` is offline.
const WAITING: [&str; 2] = ["presign", "verify"];

/// The first layer that may wait for something.
const FIRST_ASYNC_LAYER: usize = 4;

const MAX_LINES: usize = 420;

#[test]
fn imports_in_src_go_down_only() {
    let mut sources = BTreeMap::new();
    read_tree(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut sources);
    assert!(sources.contains_key("src/lib.rs"), "no sources found");
    let all: Vec<String> = sources.iter().flat_map(|(file, text)| violations(file, text)).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn no_module_stands_in_two_layers() {
    for table in [LAYERS.concat(), COMMAND.concat()] {
        let mut all = table;
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }
}

/// What breaks a rule in `file` (relative to the root, separated by `/`), as `file:line: what`.
fn violations(file: &str, source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let mut faults = Vec::new();
    let lines = source.lines().count();
    if lines > MAX_LINES {
        faults.push((MAX_LINES + 1, format!("{lines} lines, {MAX_LINES} are allowed: split by noun")));
    }
    let Some(path) = file.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return vec![format!("{file}:1: not a Rust file under src/")];
    };
    let of_command = path.strip_prefix(COMMAND_ROOT);
    let table: &[&[&str]] = if of_command.is_some() { &COMMAND } else { &LAYERS };
    let path = of_command.unwrap_or(path);
    let module = path.split('/').next().unwrap_or(path);
    if module != if of_command.is_some() { "main" } else { "lib" } {
        match layer_of(table, module) {
            None => faults.push((1, format!("`{module}` has no layer: add it to the table"))),
            Some(layer) => {
                let depth = path.strip_suffix("/mod").unwrap_or(path).split('/').count();
                let paths = paths(&tokens, depth);
                faults.extend(escapes(&tokens));
                faults.extend(paths.iter().filter_map(|path| misstep(table, module, layer, path)));
                let may_wait =
                    if of_command.is_some() { WAITING.contains(&module) } else { layer >= FIRST_ASYNC_LAYER };
                if !may_wait {
                    faults.extend(waits(&tokens));
                }
            }
        }
    }
    faults.sort();
    faults.dedup();
    faults.into_iter().map(|(line, what)| format!("{file}:{line}: {what}")).collect()
}

type Fault = (usize, String);

/// Why a module of this layer may not hold this path.
fn misstep(table: &[&[&str]], module: &str, layer: usize, path: &PathAt<'_>) -> Option<Fault> {
    let supers = path.segments.iter().filter(|&&segment| segment == "super").count();
    let what = match path.segments.as_slice() {
        _ if supers > 1 => "`super::super`: name the module from `crate`".to_owned(),
        _ if supers == 1 && path.depth <= 1 => {
            "`super` is the crate root here: name the module from `crate`".to_owned()
        }
        ["crate"] | ["crate", "self" | "*", ..] => "imports the crate root: name a module".to_owned(),
        ["crate", target, ..] if *target == module => return None,
        ["crate", target, ..] => match layer_of(table, target) {
            None => {
                format!("`crate::{target}` is no module of the table: name the module, not the re-export")
            }
            Some(below) if below < layer => return None,
            Some(other) => format!("`{module}` (layer {layer}) names `{target}` (layer {other})"),
        },
        _ => return None,
    };
    Some((path.line, what))
}

/// Ways to bring in source or names that the path check would not see.
fn escapes(tokens: &[Token<'_>]) -> Vec<Fault> {
    let found = tokens.windows(3).filter_map(|window| {
        let [first, second, third] = window else { return None };
        let what = match [first.text, second.text, third.text] {
            ["[", "path", "="] => "`#[path]` moves a module out of its layer",
            ["extern", "crate", "self"] => "`extern crate self` renames the crate root",
            ["include", "!", _] => "`include!` brings in code from elsewhere",
            _ => return None,
        };
        Some((first.line, what.to_owned()))
    });
    found.collect()
}

/// Async code, which starts at [`FIRST_ASYNC_LAYER`] and, in the command, is [`WAITING`]'s.
fn waits(tokens: &[Token<'_>]) -> Vec<Fault> {
    let found = tokens.iter().filter(|token| ["async", "await", "tokio"].contains(&token.text));
    found.map(|token| (token.line, format!("`{}` where nothing waits", token.text))).collect()
}

fn layer_of(table: &[&[&str]], module: &str) -> Option<usize> {
    table.iter().position(|layer| layer.contains(&module))
}

/// A path that starts at `crate`, `self` or `super`.
struct PathAt<'a> {
    segments: Vec<&'a str>,
    line: usize,
    /// How many modules the place is below the crate root.
    depth: usize,
}

/// The paths of a file whose own module is `depth` below the crate root; `use` groups are flattened.
fn paths<'a>(tokens: &[Token<'a>], depth: usize) -> Vec<PathAt<'a>> {
    let mut found = Vec::new();
    let mut rest = tokens.iter();
    let mut braces = 0_usize;
    let mut inline_modules = Vec::new();
    let mut previous = "";
    while let Some(token) = rest.next() {
        let depth = depth + inline_modules.len();
        match (token.text, following(&rest)) {
            ("{", _) => braces += 1,
            ("}", _) => {
                braces = braces.saturating_sub(1);
                inline_modules.pop_if(|opened_at| *opened_at == braces);
            }
            ("mod", [name, "{"]) if is_word(name) => inline_modules.push(braces),
            ("use", [next, _]) if next != "<" => use_tree(&mut rest, &[], depth, &mut found),
            ("crate" | "self" | "super", ["::", _]) if previous != "::" => {
                let mut segments = vec![token.text];
                let mut ahead = rest.clone();
                while let (Some("::"), Some(name)) =
                    (ahead.next().map(|t| t.text), ahead.next().map(|t| t.text))
                    && is_word(name)
                {
                    segments.push(name);
                }
                found.push(PathAt { segments, line: token.line, depth });
            }
            _ => {}
        }
        previous = token.text;
    }
    found
}

/// Reads one use tree, up to but not including the `,`, `}` or `;` behind it.
fn use_tree<'a>(
    rest: &mut Iter<'_, Token<'a>>,
    prefix: &[&'a str],
    depth: usize,
    found: &mut Vec<PathAt<'a>>,
) {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    while let Some(token) = rest.as_slice().first() {
        if [",", "}", ";"].contains(&token.text) {
            break;
        }
        line = token.line;
        rest.next();
        match token.text {
            "{" => {
                while following(rest)[0] != "}" && !rest.as_slice().is_empty() {
                    use_tree(rest, &segments, depth, found);
                    if following(rest)[0] == "," {
                        rest.next();
                    }
                }
                rest.next();
                return;
            }
            "as" => {
                rest.next();
            }
            "::" => {}
            segment => segments.push(segment),
        }
    }
    found.push(PathAt { segments, line, depth });
}

/// The next two tokens, empty at the end.
fn following<'a>(rest: &Iter<'_, Token<'a>>) -> [&'a str; 2] {
    let mut ahead = rest.as_slice().iter().map(|token| token.text);
    [ahead.next().unwrap_or(""), ahead.next().unwrap_or("")]
}

#[derive(Debug)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::` and single characters; comments, lifetimes and literals are dropped.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if let Some(length) = raw_string(rest) {
            (length, false)
        } else if first == '"' {
            (quoted(rest, '"'), false)
        } else if first == '\'' {
            (quote_or_lifetime(rest), false)
        } else if rest.starts_with("r#") {
            (2, false)
        } else if is_word_char(first) {
            (rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        let (text, behind) = rest.split_at(length);
        if kept {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = behind;
    }
    found
}

/// The length of the block comment, nested ones included, at the start of `text`.
fn block_comment(text: &str) -> usize {
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        at += if rest.starts_with("/*") {
            open += 1;
            2
        } else if rest.starts_with("*/") {
            open -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        if open == 0 {
            break;
        }
    }
    at
}

/// The length of the raw string at the start of `text`, if there is one.
fn raw_string(text: &str) -> Option<usize> {
    let body = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let inner = body.trim_start_matches('#').strip_prefix('"')?;
    let hashes = body.len() - inner.len() - 1;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(text.len() - inner.len() + length)
}

/// The length of the literal, escapes skipped, at the start of `text`.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn quote_or_lifetime(text: &str) -> usize {
    let mut ahead = text.chars().skip(1);
    match (ahead.next(), ahead.next()) {
        (Some('\\'), _) | (_, Some('\'')) => quoted(text, '\''),
        _ => text.char_indices().skip(1).find(|&(_, c)| !is_word_char(c)).map_or(text.len(), |(at, _)| at),
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(is_word_char)
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn read_tree(root: &Path, folder: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_tree(root, &name, found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.insert(name, text);
        }
    }
}

mod cases {
    use super::{MAX_LINES, violations};

    /// Each line a file, a snippet and what must be found in it, in order.
    #[track_caller]
    fn check(cases: &[(&str, &str, &[&str])]) {
        for (file, source, want) in cases {
            assert_eq!(violations(file, source), *want, "{source}");
        }
    }

    #[test]
    fn down_is_allowed() {
        check(&[
            ("src/name.rs", "use crate::charset::is_word;", &[]),
            ("src/name.rs", "use crate::name::part; use super_crate::x; use std::{fmt, io};", &[]),
            (
                "src/presigned/query.rs",
                "use crate::{arn::Arn, account::{self, AccountId}, secret as s};",
                &[],
            ),
            ("src/presigned/query.rs", "use super::host; use {super::form, crate::endpoint::Endpoint};", &[]),
            ("src/policy.rs", "pub(crate) fn f() -> crate::identity::CallerIdentity { self::g() }", &[]),
            ("src/server/verify.rs", "pub(in crate::server) async fn f() { tokio::spawn(g()).await }", &[]),
            ("src/registrar.rs", "use crate::{agent::Presigner, registry::Claim, server::Verifier};", &[]),
            ("src/testing.rs", "use crate::server::Verifier;", &[]),
            ("src/arn.rs", "mod tests { use super::Arn; } fn f<'a>() -> impl A + use<'a> {}", &[]),
        ]);
    }

    #[test]
    fn up_and_sideways_are_refused() {
        check(&[
            (
                "src/account.rs",
                "use crate::secret::S;",
                &["src/account.rs:1: `account` (layer 0) names `secret` (layer 0)"],
            ),
            (
                "src/arn.rs",
                "\nuse crate::endpoint::Partition;",
                &["src/arn.rs:2: `arn` (layer 1) names `endpoint` (layer 1)"],
            ),
            (
                "src/name/template.rs",
                "use crate::{\n    account::AccountId,\n    policy::{Policy, Rule},\n};",
                &["src/name/template.rs:3: `name` (layer 1) names `policy` (layer 3)"],
            ),
            (
                "src/policy/mod.rs",
                "fn f(x: &crate::server::Refusal) {}",
                &["src/policy/mod.rs:1: `policy` (layer 3) names `server` (layer 4)"],
            ),
            (
                "src/server.rs",
                "#[cfg(test)] mod tests { use {std::fmt, crate::agent}; }",
                &["src/server.rs:1: `server` (layer 4) names `agent` (layer 4)"],
            ),
            (
                "src/registry/memory.rs",
                "macro_rules! m { () => { $crate::r#server::x!() } }",
                &["src/registry/memory.rs:1: `registry` (layer 4) names `server` (layer 4)"],
            ),
            (
                "src/testing/sts.rs",
                "pub use ::std::fmt; pub use crate::registrar as r;",
                &["src/testing/sts.rs:1: `testing` (layer 5) names `registrar` (layer 5)"],
            ),
        ]);
    }

    #[test]
    fn the_crate_root_is_no_way_round() {
        let root = "imports the crate root: name a module";
        for source in ["use crate as c;", "use crate::*;", "use crate::{self as c};", "use {crate as c};"] {
            check(&[("src/arn.rs", source, &[&format!("src/arn.rs:1: {root}")])]);
        }
        for source in
            ["use crate::AccountId;", "use crate::{AccountId as A};", "fn f(a: crate::AccountId) {}"]
        {
            let want = "`crate::AccountId` is no module of the table: name the module, not the re-export";
            check(&[("src/arn.rs", source, &[&format!("src/arn.rs:1: {want}")])]);
        }
        check(&[
            (
                "src/arn.rs",
                "extern crate self as c;",
                &["src/arn.rs:1: `extern crate self` renames the crate root"],
            ),
            (
                "src/arn.rs",
                "#[path = \"policy.rs\"] mod p;",
                &["src/arn.rs:1: `#[path]` moves a module out of its layer"],
            ),
            (
                "src/arn.rs",
                "include!(\"policy.rs\"); const T: &str = include_str!(\"t\");",
                &["src/arn.rs:1: `include!` brings in code from elsewhere"],
            ),
        ]);
    }

    #[test]
    fn super_stays_inside_the_module() {
        let root = "`super` is the crate root here: name the module from `crate`";
        for file in ["src/arn.rs", "src/arn/mod.rs"] {
            for source in
                ["use super::policy;", "mod tests { fn f() {} } fn g() { self::super::policy::x() }"]
            {
                check(&[(file, source, &[&format!("{file}:1: {root}")])]);
            }
        }
        let twice = "`super::super`: name the module from `crate`";
        for source in [
            "use super::super::policy;",
            "use super::{super::policy};",
            "mod a { mod b { fn f() { super::super::g() } } }",
        ] {
            check(&[("src/arn/part/one.rs", source, &[&format!("src/arn/part/one.rs:1: {twice}")])]);
        }
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        check(&[
            ("src/arn.rs", "//! [`crate::policy`]\n/// use crate::server;\n/* a /* tokio */ async */", &[]),
            ("src/arn.rs", r#"const A: &str = "\" crate::server::x tokio \\"; const B: u8 = b'"';"#, &[]),
            ("src/arn.rs", "const A: &str = r##\"\"# crate::server::x\"##; const B: char = '\\'';", &[]),
            ("src/arn.rs", "fn f<'a>(a: &'a str) { let _ = b\"async\"; g('\"', 'é'); }", &[]),
            (
                "src/arn.rs",
                "/* \n */ const A: &str = \"\n\"; const Q: char = '\"'; use crate::policy;",
                &["src/arn.rs:3: `arn` (layer 1) names `policy` (layer 3)"],
            ),
        ]);
    }

    #[test]
    fn nothing_waits_below_layer_four() {
        check(&[
            ("src/agent.rs", "use tokio::time; async fn f() { g().await }", &[]),
            (
                "src/policy.rs",
                "use tokio::time;\nasync fn f() {\ng().await }",
                &[
                    "src/policy.rs:1: `tokio` where nothing waits",
                    "src/policy.rs:2: `async` where nothing waits",
                    "src/policy.rs:3: `await` where nothing waits",
                ],
            ),
        ]);
    }

    #[test]
    fn the_command_has_layers_too() {
        check(&[
            ("src/bin/sts-agent-name/main.rs", "mod args; use crate::args::Args; async fn f() {}", &[]),
            ("src/bin/sts-agent-name/verify.rs", "use crate::{args, fault::Fault}; use tokio::x;", &[]),
            ("src/bin/sts-agent-name/presign/mod.rs", "mod source; use self::source::S;", &[]),
            ("src/bin/sts-agent-name/presign/source.rs", "use super::Presign; use sts_agent_name::Arn;", &[]),
            (
                "src/bin/sts-agent-name/verify.rs",
                "use crate::inspect::rules;",
                &["src/bin/sts-agent-name/verify.rs:1: `verify` (layer 2) names `inspect` (layer 2)"],
            ),
            (
                "src/bin/sts-agent-name/fault.rs",
                "use crate::args;",
                &["src/bin/sts-agent-name/fault.rs:1: `fault` (layer 0) names `args` (layer 1)"],
            ),
            (
                "src/bin/sts-agent-name/inspect/mod.rs",
                "use tokio::net;",
                &["src/bin/sts-agent-name/inspect/mod.rs:1: `tokio` where nothing waits"],
            ),
            (
                "src/bin/sts-agent-name/stray.rs",
                "",
                &["src/bin/sts-agent-name/stray.rs:1: `stray` has no layer: add it to the table"],
            ),
            ("src/bin/other.rs", "", &["src/bin/other.rs:1: `bin` has no layer: add it to the table"]),
        ]);
    }

    #[test]
    fn every_file_has_a_place_and_a_limit() {
        let full = "\n".repeat(MAX_LINES);
        let over = "\n".repeat(MAX_LINES + 1);
        check(&[
            ("src/lib.rs", "mod anything; pub use crate::server::X;", &[]),
            ("src/stray.rs", "", &["src/stray.rs:1: `stray` has no layer: add it to the table"]),
            ("src/stray/a.rs", "", &["src/stray/a.rs:1: `stray` has no layer: add it to the table"]),
            ("src/notes.txt", "", &["src/notes.txt:1: not a Rust file under src/"]),
            ("src/arn.rs", &full, &[]),
            ("src/arn.rs", &over, &["src/arn.rs:421: 421 lines, 420 are allowed: split by noun"]),
            ("src/lib.rs", &over, &["src/lib.rs:421: 421 lines, 420 are allowed: split by noun"]),
            (
                "src/bin/sts-agent-name/main.rs",
                &over,
                &["src/bin/sts-agent-name/main.rs:421: 421 lines, 420 are allowed: split by noun"],
            ),
        ]);
    }
}
