//! `verify`: the whole check, with STS.

use core::error::Error as _;
use core::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use sts_agent_name::AccountId;
use sts_agent_name::policy::{Refusal, VerifiedAgent};
use sts_agent_name::server::VerifyError;
use tokio::runtime::Builder;

use crate::args::{self, AudienceArgs, EndpointArgs, RoleArgs};
use crate::fault::{Fault, chain};
use crate::{input, output, refusals};

/// Ask STS whose signature a URL bears, and print the agent's name
///
/// A URL is good more than once here: single use is the registry's part. A URL that signs a challenge is refused,
/// since only the server that issued the challenge can check it.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The account whose agents are let in
    #[arg(long, value_name = "ID")]
    account: AccountId,
    #[command(flatten)]
    roles: RoleArgs,
    #[command(flatten)]
    audience: AudienceArgs,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Believe the certificate authorities in this PEM file, and no others, for --endpoint-url
    #[arg(long, value_name = "FILE", requires = "endpoint_url")]
    ca_file: Option<String>,
    /// Print the identity as JSON instead of the name
    #[arg(long)]
    json: bool,
    /// The URL; standard input unless given, which keeps it out of the process list
    #[arg(default_value = input::STDIN, hide_default_value = true)]
    url: String,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Verified<'a> {
    name: &'a str,
    arn: String,
    account: String,
    user_id: &'a str,
    instance_id: Option<&'a str>,
    owner: &'a str,
    region: &'a str,
    /// SHA-256, by which a server knows a second use; it does not give the signature away.
    signature_fingerprint: String,
}

impl Verify {
    pub(crate) fn run(&self) -> Result<ExitCode, Fault> {
        if self.roles.is_empty() {
            return Err(Fault::usage("nobody is let in: give --role or --any-instance"));
        }
        let policy = self.roles.policy(self.account)?;
        let (mut builder, endpoint) = self.endpoint.builder(self.roles.partition())?;
        if let (Some(file), Some(endpoint)) = (&self.ca_file, &endpoint) {
            builder = args::with_ca_file(builder, endpoint, file)?;
        }
        if let Some(audience) = self.audience.audience()? {
            builder = builder.audience(audience);
        }
        let verifier = args::build(builder)?;
        let evidence = input::one(&self.url)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::undecided(format!("unavailable: the runtime cannot start: {error}")))?;
        match runtime.block_on(verifier.verify(&evidence, &policy)) {
            Ok(agent) if self.json => output::json(&Verified::of(&agent)),
            Ok(agent) => output::line(agent.name().as_str()),
            Err(VerifyError::Refused(refusal)) => Err(Fault::refused(refused(&refusal))),
            Err(error) => {
                let text = format!("{}: {}", error.code(), chain(&error));
                Err(Fault::undecided(with_remedy(text, error.code())))
            }
        }
    }
}

impl<'a> Verified<'a> {
    fn of(agent: &'a VerifiedAgent) -> Self {
        let identity = agent.identity();
        Self {
            name: agent.name().as_str(),
            arn: identity.arn().to_string(),
            account: identity.account().to_string(),
            user_id: identity.user_id(),
            instance_id: agent.instance().map(sts_agent_name::InstanceId::as_str),
            owner: agent.owner().as_str(),
            region: agent.region().as_str(),
            signature_fingerprint: agent.signature().to_string(),
        }
    }
}

/// The code, what the agent is told, what only the operator is told, and what to do.
fn refused(refusal: &Refusal) -> String {
    let mut text = format!("{}: {refusal}", refusal.code());
    let seen = refusal.source().filter(|_| !matches!(refusal, Refusal::Form(_)));
    if let Some(seen) = seen {
        text.push_str("\n  seen: ");
        text.push_str(&seen.to_string());
    }
    with_remedy(text, refusal.code())
}

fn with_remedy(mut text: String, code: &str) -> String {
    if let Some(entry) = refusals::find(code) {
        for (name, cell) in [("cause", entry.cause), ("remedy", entry.remedy)] {
            // Writing to a text does not fail.
            let _ = write!(text, "\n  {name}: {cell}");
        }
    }
    text
}
