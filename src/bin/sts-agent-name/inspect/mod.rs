//! `inspect`: what would be said of a URL before STS is asked, rule by rule.

mod judge;
mod parts;
mod report;
mod rules;

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use clap::Args;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::{ChallengeKey, Challenges};
use sts_agent_name::{AccountId, Partition};
use time::OffsetDateTime;

use self::judge::{Judge, Known};
use self::rules::Needs;
use crate::args::{self, AudienceArgs, EndpointArgs, RoleArgs};
use crate::fault::{Fault, REFUSED};
use crate::input::Next;
use crate::{input, moment, output};

/// Show each rule that is judged without STS, in its order, and whether the URL keeps it
///
/// It judges as verify would with the same arguments: without --audience, a URL that signs one is refused. Rules that
/// need more than was given are not judged. Token and signature are never shown.
///
/// With --json and no URL, standard input is a URL a line, and each is answered with one line.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// The server's time, as 2026-01-01T00:00:00Z or 20260101T000000Z; now unless given
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<OffsetDateTime>,
    /// The account whose agents are let in
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    roles: RoleArgs,
    #[command(flatten)]
    audience: AudienceArgs,
    /// The server demands a challenge; whether it is its own cannot be said here
    #[arg(long)]
    challenge: bool,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Print one line of JSON for each URL
    #[arg(long)]
    json: bool,
    /// The URL; standard input unless given, which keeps it out of the process list
    #[arg(default_value = input::STDIN, hide_default_value = true)]
    url: String,
}

impl Inspect {
    pub(crate) fn run(&self) -> Result<ExitCode, Fault> {
        let judge = self.judge()?;
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut refused = false;
        let now = || self.at.unwrap_or_else(moment::now);
        if self.json && self.url == input::STDIN {
            input::lines(input::stdin(), |next| {
                let Next::Line(text) = next else {
                    return out.flush().map_err(|error| output::failed(&error));
                };
                let now = now();
                let judgement = judge.judge(text, now)?;
                refused |= judgement.refusal.is_some();
                report::json(&judgement, now, &mut out).map_err(|error| output::failed(&error))
            })?;
        } else {
            let (text, now) = (input::one(&self.url)?, now());
            let judgement = judge.judge(&text, now)?;
            refused = judgement.refusal.is_some();
            let written = if self.json {
                report::json(&judgement, now, &mut out)
            } else {
                report::table(&judgement, &mut out)
            };
            written.map_err(|error| output::failed(&error))?;
        }
        out.flush().map_err(|error| output::failed(&error))?;
        Ok(if refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
    }

    fn judge(&self) -> Result<Judge, Fault> {
        let partition = self.roles.partition();
        let (mut builder, _) = self.endpoint.builder(partition)?;
        let audience = self.audience.audience()?;
        let hint = partition == Partition::Aws && !self.roles.any_instance();
        let given = [
            (Needs::Account, self.account.is_some()),
            (Needs::Audience, audience.is_some()),
            (Needs::Challenge, self.challenge),
            (Needs::Hint, self.account.is_some() && hint),
        ];
        let known = given.into_iter().filter(|(_, given)| *given).map(|(needs, _)| needs);
        let known = Known(known.collect());
        if let Some(audience) = audience {
            builder = builder.audience(audience);
        }
        if self.challenge {
            // Challenges of our own stand for the server's: whether one is signed does not depend on whose it is.
            let key =
                ChallengeKey::new("inspect", [0; 32]).map_err(|error| Fault::usage(error.to_string()))?;
            builder = builder.challenges(Challenges::new(key));
        }
        let policy = match self.account {
            Some(account) => self.roles.policy(account)?,
            None => anybody()?,
        };
        Ok(Judge { verifier: args::build(builder)?, policy, known })
    }
}

/// A policy that foresees nothing but its partition.
fn anybody() -> Result<Policy, Fault> {
    let builder = Policy::builder().account("000000000000").any_role().without_account_hint();
    builder.build().map_err(|error| Fault::usage(error.to_string()))
}
