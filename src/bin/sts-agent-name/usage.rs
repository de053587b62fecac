//! Errors of the command line, told without the arguments: a URL may be one of them.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::fault::Fault;

/// Prints help where that was asked for; otherwise says what is wrong.
pub(crate) fn report(error: &Error) -> Result<ExitCode, Fault> {
    if !error.use_stderr() {
        let text = error.render().to_string();
        io::stdout().write_all(text.as_bytes()).map_err(|error| Fault::io("standard output", &error))?;
        return Ok(ExitCode::SUCCESS);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Fault::usage("name a command: presign, verify or inspect; --help says more"));
    }
    let what = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "invalid value",
        ErrorKind::UnknownArgument => "unexpected argument",
        ErrorKind::InvalidSubcommand => "no such command: presign, verify or inspect",
        ErrorKind::NoEquals => "an equals sign is missing",
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            "wrong number of values"
        }
        ErrorKind::ArgumentConflict => "arguments that exclude each other or stand twice",
        ErrorKind::MissingRequiredArgument => "missing argument",
        ErrorKind::MissingSubcommand => "name a command: presign, verify or inspect",
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8",
        _ => "malformed command line",
    };
    let which: Vec<&str> = [ContextKind::InvalidArg, ContextKind::PriorArg]
        .into_iter()
        .filter_map(|kind| error.get(kind))
        .flat_map(texts)
        .filter(|text| is_ours(text))
        .collect();
    // What a parser of this crate or of the standard library says; it quotes nothing.
    let why = core::error::Error::source(error).map(ToString::to_string);
    let mut text = what.to_owned();
    for (before, more) in [(" ", Some(which.join(" and "))), (": ", why)] {
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            text.push_str(before);
            text.push_str(&more);
        }
    }
    Err(Fault::usage(format!("{text}; --help says more")))
}

fn texts(value: &ContextValue) -> Vec<&str> {
    match value {
        ContextValue::String(text) => vec![text],
        ContextValue::Strings(texts) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether the text can only be the name of an option or argument: `--at <TIME>`, `[URL]`.
fn is_ours(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(['-', '<', '['])
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_uppercase() || b"-<>[]. |".contains(&b))
}
