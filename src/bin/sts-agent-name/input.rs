//! Evidence from the command line or from standard input, bounded.

use std::io::{self, BufRead, Read as _};

use sts_agent_name::PresignedUrl;

use crate::fault::Fault;

/// By which standard input is named.
pub(crate) const STDIN: &str = "-";

/// One byte more than a URL may have: a longer text is told by it, and no more of it is kept.
const KEPT: usize = PresignedUrl::MAX_LENGTH + 1;

/// The one URL that is meant: the argument, or all of standard input without its last line end.
pub(crate) fn one(argument: &str) -> Result<String, Fault> {
    if argument != STDIN {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    let room = u64::try_from(KEPT + 2).unwrap_or(u64::MAX);
    io::stdin().lock().take(room).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        strip_carriage_return(&mut bytes);
    }
    Ok(text(bytes))
}

/// Calls `each` with each line of `input`, of which at most as much is kept as decides.
pub(crate) fn lines(
    mut input: impl BufRead,
    mut each: impl FnMut(&str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut line = Vec::with_capacity(KEPT);
    loop {
        line.clear();
        let Some(mut ended) = fill(&mut input, &mut line, KEPT)? else { return Ok(()) };
        strip_carriage_return(&mut line);
        match str::from_utf8(&line) {
            Ok(text) => each(text)?,
            Err(_) => each(&text(line.clone()))?,
        }
        while !ended {
            line.clear();
            ended = fill(&mut input, &mut line, KEPT)?.unwrap_or(true);
        }
    }
}

/// Reads into `line` up to `room` bytes of the line; `None` at the end of `input`, else whether the line has ended.
fn fill(input: &mut impl BufRead, line: &mut Vec<u8>, room: usize) -> Result<Option<bool>, Fault> {
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    let read = input.take(limit).read_until(b'\n', line).map_err(|error| failed(&error))?;
    if read == 0 {
        return Ok(None);
    }
    let ended = line.last() == Some(&b'\n');
    if ended {
        line.pop();
    }
    Ok(Some(ended))
}

fn strip_carriage_return(line: &mut Vec<u8>) {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
}

/// What is not UTF-8 becomes a character that no URL has, so it is refused where it stands.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn failed(error: &io::Error) -> Fault {
    Fault::io("standard input", error)
}
