//! Evidence from the command line or from standard input, bounded.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, StdinLock, Write as _};

use sts_agent_name::PresignedUrl;

use crate::fault::Fault;

/// By which standard input is named.
pub(crate) const STDIN: &str = "-";

/// One byte more than a URL may have, by which a longer text is told, and a line end. No more of a text is kept.
const KEPT: usize = PresignedUrl::MAX_LENGTH + 3;

/// What happens next in an input that is read line by line.
pub(crate) enum Next<'a> {
    Line(&'a str),
    /// No whole line is there, so reading may have to wait.
    Wait,
}

/// Standard input. Who started the command without a URL at a terminal is told what it waits for.
pub(crate) fn stdin() -> StdinLock<'static> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        // Without it the command works all the same.
        let _ = writeln!(io::stderr(), "reading from standard input: paste the URL, then end the input");
    }
    stdin.lock()
}

/// The one URL that is meant: the argument, or all of standard input without its last line end.
pub(crate) fn one(argument: &str) -> Result<String, Fault> {
    if argument != STDIN {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    let room = u64::try_from(KEPT).unwrap_or(u64::MAX);
    stdin().take(room).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        strip_carriage_return(&mut bytes);
    }
    Ok(text(bytes))
}

/// Calls `each` with each line of `input`, of which at most as much is kept as decides, and before each wait.
pub(crate) fn lines(
    input: impl Read,
    mut each: impl FnMut(Next<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut line = Vec::with_capacity(KEPT);
    loop {
        let Some(mut ended) = fill(&mut input, &mut line, &mut each)? else { return Ok(()) };
        if ended {
            strip_carriage_return(&mut line);
        }
        match str::from_utf8(&line) {
            Ok(text) => each(Next::Line(text))?,
            Err(_) => each(Next::Line(&text(line.clone())))?,
        }
        while !ended {
            ended = fill(&mut input, &mut line, &mut each)?.unwrap_or(true);
        }
    }
}

/// Reads what is kept of the line, or the next part of it; `None` at the end of `input`, else whether the line has
/// ended.
fn fill(
    input: &mut BufReader<impl Read>,
    line: &mut Vec<u8>,
    each: &mut impl FnMut(Next<'_>) -> Result<(), Fault>,
) -> Result<Option<bool>, Fault> {
    if !input.buffer().contains(&b'\n') {
        each(Next::Wait)?;
    }
    line.clear();
    let limit = u64::try_from(KEPT).unwrap_or(u64::MAX);
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
