//! Standard output: all at once, and an error when it fails.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::fault::Fault;

pub(crate) fn line(text: &str) -> Result<ExitCode, Fault> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| failed(&error))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn json(value: &impl Serialize) -> Result<ExitCode, Fault> {
    let text = serde_json::to_string(value).map_err(|error| failed(&io::Error::from(error)))?;
    line(&text)
}

pub(crate) fn failed(error: &io::Error) -> Fault {
    Fault::io("standard output", error)
}
