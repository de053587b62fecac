//! The command `sts-agent-name`: signs, verifies and looks into pre-signed `GetCallerIdentity` URLs.
//!
//! Nothing that it writes to standard error holds a URL, a token or a signature, whatever it was given.

mod args;
mod fault;
mod input;
mod inspect;
mod moment;
mod output;
mod presign;
mod refusals;
mod usage;
mod verify;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::fault::Fault;

/// Pre-signed STS `GetCallerIdentity` URLs as proof of which machine an agent runs on.
#[derive(Debug, Parser)]
#[command(name = "sts-agent-name", version, after_help = EXIT_CODES)]
struct Command {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    Presign(presign::Presign),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
}

const EXIT_CODES: &str = "\
Exit codes:
  0   signed; verified; nothing against it
  1   not signed: no credentials, no region, or no answer from where they come from
  2   refused; the code of the broken rule stands first on verify's standard error
  3   not decided: STS is unavailable, throttles, or something else answered in its place
  64  the command line or a file that it names is wrong
  74  standard input or output failed";

fn main() -> ExitCode {
    let outcome = match Command::try_parse() {
        Ok(Command { job: Job::Presign(presign) }) => presign.run(),
        Ok(Command { job: Job::Verify(verify) }) => verify.run(),
        Ok(Command { job: Job::Inspect(inspect) }) => inspect.run(),
        Err(error) => usage::report(&error),
    };
    outcome.unwrap_or_else(|fault: Fault| {
        if !fault.is_silent() {
            // Nobody is left to be told when this fails.
            let _ = writeln!(io::stderr(), "{fault}");
        }
        fault.exit_code()
    })
}
