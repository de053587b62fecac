//! Why the command ends without what it was asked for, and with which exit code.

use core::error::Error;
use core::fmt;
use std::io;
use std::process::ExitCode;

/// What stands on standard error, and the exit code. Whoever makes one leaves URLs, tokens and signatures out.
#[derive(Debug)]
pub(crate) struct Fault {
    exit: u8,
    text: String,
}

/// Refused: the evidence breaks a rule.
pub(crate) const REFUSED: u8 = 2;

impl Fault {
    /// No URL was signed.
    pub(crate) fn not_signed(text: impl Into<String>) -> Self {
        Self { exit: 1, text: format!("presign: {}", text.into()) }
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { exit: REFUSED, text: text.into() }
    }

    /// STS did not decide.
    pub(crate) fn undecided(text: impl Into<String>) -> Self {
        Self { exit: 3, text: text.into() }
    }

    /// `EX_USAGE` of BSD's `sysexits.h`.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { exit: 64, text: format!("sts-agent-name: {}", text.into()) }
    }

    /// `EX_IOERR` of BSD's `sysexits.h`. A reader that has gone wants no message.
    pub(crate) fn io(stream: &str, error: &io::Error) -> Self {
        let gone = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            exit: 74,
            text: if gone { String::new() } else { format!("sts-agent-name: {stream}: {error}") },
        }
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An error and all that is behind it, in one line. For errors of this crate, which hold no secret.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in core::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        // Transparent errors say the same twice.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
