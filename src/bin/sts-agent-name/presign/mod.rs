//! `presign`: one URL from this machine's credentials.

mod source;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use sts_agent_name::agent::{PresignError, Presigner};
use sts_agent_name::{Challenge, Endpoint, Partition, Region};

use self::source::{Signer, Wanted};
use crate::args::{self, AudienceArgs};
use crate::fault::Fault;
use crate::{moment, output};

/// Sign a URL with this machine's AWS credentials, and print it and nothing else
///
/// The URL is as good as the machine's identity for 15 minutes: hand it to one server, and sign anew for each
/// attempt.
///
/// Credentials and region come from where the AWS tools find them: environment, profile (SSO and processes too), web
/// identity, container, instance. With keys and a region in the environment nothing is read
/// and nobody is asked.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(crate) struct Presign {
    /// Sign for the STS of this region instead of the configured one
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
    /// Sign for sts.amazonaws.com
    #[arg(long, conflicts_with = "region")]
    global: bool,
    /// Sign for the region's FIPS endpoint
    #[arg(long, conflicts_with = "global")]
    fips: bool,
    /// Sign for the region's dual-stack endpoint
    #[arg(long, conflicts_with = "global")]
    dualstack: bool,
    /// Sign for this endpoint: a VPC endpoint, a local STS
    #[arg(long, value_name = "URL", conflicts_with_all = ["global", "fips", "dualstack"])]
    endpoint_url: Option<String>,
    #[command(flatten)]
    audience: AudienceArgs,
    /// Sign this challenge of the server; send it along with the URL
    #[arg(long, value_name = "TEXT")]
    challenge: Option<String>,
    /// Sign with the instance's own identity role, which nobody can assume, fetched over IMDSv2
    #[arg(long)]
    identity: bool,
    /// Print JSON: the URL, its end, the region and the access key ID
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Signed<'a> {
    url: &'a str,
    expires_at: Option<String>,
    region: &'a str,
    access_key_id: &'a str,
}

impl Presign {
    pub(crate) fn run(&self) -> Result<ExitCode, Fault> {
        let audience = self.audience.audience()?;
        let challenge = self.challenge.as_deref().map(Challenge::parse).transpose();
        let challenge = challenge.map_err(|error| Fault::usage(format!("--challenge: {error}")))?;
        if let Some(url) = &self.endpoint_url {
            // Before anything is fetched: its form does not depend on the region.
            args::endpoint(url, Endpoint::global().region(), Partition::Aws)?;
        }
        let global = self.global.then(|| Endpoint::global().region().clone());
        let wanted = Wanted { region: self.region.clone().or(global), identity: self.identity };
        let Signer { credentials, region } = source::find(&wanted)?;
        let mut presigner = Presigner::new(self.endpoint(&region)?);
        if let Some(audience) = audience {
            presigner = presigner.with_audience(audience);
        }
        if let Some(challenge) = &challenge {
            presigner = presigner.with_challenge(challenge);
        }
        let url = presigner.presign(&credentials, moment::now()).map_err(|error| not_signed(&error))?;
        if !self.json {
            return output::line(url.expose());
        }
        output::json(&Signed {
            url: url.expose(),
            expires_at: url.good_until().map(moment::format),
            region: url.region().as_str(),
            access_key_id: url.access_key_id(),
        })
    }

    fn endpoint(&self, region: &Region) -> Result<Endpoint, Fault> {
        if let Some(url) = &self.endpoint_url {
            let partition = Endpoint::regional(region).map_or(Partition::Aws, |known| known.partition());
            return args::endpoint(url, region, partition);
        }
        let endpoint = match (self.global, self.fips, self.dualstack) {
            (true, ..) => Ok(Endpoint::global()),
            (_, false, false) => Endpoint::regional(region),
            (_, true, false) => Endpoint::fips(region),
            (_, false, true) => Endpoint::dual_stack(region),
            (_, true, true) => Endpoint::fips_dual_stack(region),
        };
        endpoint.map_err(|error| {
            Fault::not_signed(format!("endpoint: {error} ({region}); name its host with --endpoint-url"))
        })
    }
}

fn not_signed(error: &PresignError) -> Fault {
    let remedy = match error {
        PresignError::AccessKeyId => "; look at AWS_ACCESS_KEY_ID or the profile",
        PresignError::SessionToken => "; look at AWS_SESSION_TOKEN or the profile",
        PresignError::Time => "; set this machine's clock",
        _ => "",
    };
    Fault::not_signed(format!("signing: {error}{remedy}"))
}
