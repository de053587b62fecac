//! Arguments that more than one command has.

use std::fs;

use clap::Args;
use sts_agent_name::policy::{InvalidPolicy, Policy};
use sts_agent_name::server::{Verifier, VerifierBuilder};
use sts_agent_name::{AccountId, Audience, Endpoint, EndpointSet, InvalidEndpoint, Partition, Region};

use crate::fault::{Fault, chain};

/// The server that a URL is signed for.
#[derive(Args, Debug)]
pub(crate) struct AudienceArgs {
    /// The server that the URL is for; both sides must name the same
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The header in which it is signed, if not x-sts-agent-name-audience
    #[arg(long, value_name = "HEADER", requires = "audience")]
    audience_header: Option<String>,
}

impl AudienceArgs {
    pub(crate) fn audience(&self) -> Result<Option<Audience>, Fault> {
        let header = self.audience_header.as_deref().unwrap_or(Audience::DEFAULT_HEADER);
        let audience = self.audience.as_deref().map(|value| Audience::with_header(header, value));
        audience.transpose().map_err(|error| Fault::usage(format!("--audience: {error}")))
    }
}

/// Who is let in.
#[derive(Args, Debug)]
pub(crate) struct RoleArgs {
    /// Let in this role, * standing for any text; may be given again, and may be a list with commas
    #[arg(long = "role", value_name = "PATTERN", requires = "account")]
    roles: Vec<String>,
    /// Let in every instance of the account that proves itself by its instance identity role
    #[arg(long, requires = "account")]
    any_instance: bool,
    /// The partition of the account
    #[arg(long, value_name = "PARTITION", default_value_t = Partition::Aws)]
    partition: Partition,
}

impl RoleArgs {
    pub(crate) fn is_empty(&self) -> bool {
        self.roles.is_empty() && !self.any_instance
    }

    pub(crate) fn any_instance(&self) -> bool {
        self.any_instance
    }

    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// The policy for this account; without a role and without instances it lets every role in.
    pub(crate) fn policy(&self, account: AccountId) -> Result<Policy, Fault> {
        let mut builder = Policy::builder().partition(self.partition);
        if self.any_instance {
            builder = builder.any_instance_of(account);
        }
        if self.is_empty() {
            builder = builder.account(account).any_role();
        }
        if !self.roles.is_empty() {
            builder = self.roles.iter().fold(builder.account(account), |builder, list| builder.roles(list));
        }
        builder.build().map_err(|error: InvalidPolicy| Fault::usage(format!("--role: {error}")))
    }
}

/// Another STS than those of the built-in table.
#[derive(Args, Debug)]
pub(crate) struct EndpointArgs {
    /// Accept URLs of this endpoint only: a VPC endpoint, a local STS
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// The region that signatures for it are scoped to
    #[arg(long, value_name = "REGION", default_value = "us-east-1", requires = "endpoint_url")]
    region: Region,
}

impl EndpointArgs {
    /// A verifier's builder for these endpoints, and the endpoint if one is named.
    pub(crate) fn builder(&self, partition: Partition) -> Result<(VerifierBuilder, Option<Endpoint>), Fault> {
        let Some(url) = &self.endpoint_url else { return Ok((Verifier::builder(), None)) };
        let endpoint = endpoint(url, &self.region, partition)?;
        let set = EndpointSet::of([endpoint.clone()]);
        Ok((Verifier::builder().endpoints(set), Some(endpoint)))
    }
}

/// The endpoint of `https://host[:port]`, from the table or the operator's own.
pub(crate) fn endpoint(url: &str, region: &Region, partition: Partition) -> Result<Endpoint, Fault> {
    let wrong =
        |why: &str| Fault::usage(format!("--endpoint-url: {why}; give https://host or https://host:port"));
    let rest = url.strip_prefix("https://").ok_or_else(|| wrong("does not begin with https://"))?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    match Endpoint::custom(authority, region.clone(), partition) {
        Ok(endpoint) => Ok(endpoint),
        Err(InvalidEndpoint::BuiltIn) => {
            let table = EndpointSet::built_in();
            let known = table.iter().find(|endpoint| endpoint.host() == authority);
            known.cloned().ok_or_else(|| wrong("unknown host"))
        }
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// Adds the certificate authorities of a file for one endpoint.
pub(crate) fn with_ca_file(
    builder: VerifierBuilder,
    endpoint: &Endpoint,
    file: &str,
) -> Result<VerifierBuilder, Fault> {
    let pem =
        fs::read_to_string(file).map_err(|error| Fault::usage(format!("--ca-file: {}", error.kind())))?;
    Ok(builder.root_certificate(endpoint, &pem))
}

pub(crate) fn build(builder: VerifierBuilder) -> Result<Verifier, Fault> {
    builder.build().map_err(|error| Fault::usage(chain(&error)))
}
