//! Where credentials and region come from.

use std::env;

use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use sts_agent_name::Region;
use sts_agent_name::agent::aws::credentials_and_region;
use sts_agent_name::agent::imds::{Imds, ImdsError};
use tokio::runtime::Builder;

use crate::fault::{Fault, chain};

/// Region variables in the order in which the AWS SDKs look at them.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

pub(super) struct Wanted {
    /// From the command line.
    pub(super) region: Option<Region>,
    /// Whether to sign with the instance's identity role.
    pub(super) identity: bool,
}

/// Who signs, and for which region.
pub(super) struct Signer {
    pub(super) credentials: Credentials,
    pub(super) region: Region,
}

pub(super) fn find(wanted: &Wanted) -> Result<Signer, Fault> {
    if wanted.identity {
        return wait(instance(wanted));
    }
    // The default chain begins with the environment, so what stands there in full is what it would find.
    if let Some(credentials) = from_environment()
        && let Some(region) = wanted.region.clone().map_or_else(region_of_environment, |it| Ok(Some(it)))?
    {
        return Ok(Signer { credentials, region });
    }
    wait(chain_of_sdk(wanted))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn from_environment() -> Option<Credentials> {
    let key_id = variable("AWS_ACCESS_KEY_ID")?;
    let secret = variable("AWS_SECRET_ACCESS_KEY")?;
    Some(Credentials::new(key_id, secret, variable("AWS_SESSION_TOKEN"), None, "environment"))
}

fn region_of_environment() -> Result<Option<Region>, Fault> {
    for name in REGION_VARIABLES {
        if let Some(text) = variable(name) {
            let region = Region::parse(text.trim());
            return region.map(Some).map_err(|error| Fault::not_signed(format!("region: {name} is {error}")));
        }
    }
    Ok(None)
}

async fn instance(wanted: &Wanted) -> Result<Signer, Fault> {
    let failed = |error: ImdsError| Fault::not_signed(format!("instance identity: {}", chain(&error)));
    let imds = Imds::from_env().map_err(failed)?;
    let region = match &wanted.region {
        Some(region) => region.clone(),
        None => imds.region_from_env().await.map_err(failed)?,
    };
    let credentials = imds.instance_identity_credentials().await.map_err(failed)?;
    Ok(Signer { credentials, region })
}

async fn chain_of_sdk(wanted: &Wanted) -> Result<Signer, Fault> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(region) = &wanted.region {
        loader = loader.region(SdkRegion::new(region.as_str().to_owned()));
    }
    let (provider, region) = credentials_and_region(&loader.load().await)
        .map_err(|error| Fault::not_signed(format!("region: {error}, or give --region or --global")))?;
    let credentials = provider.provide_credentials().await;
    let credentials =
        credentials.map_err(|error| Fault::not_signed(format!("credentials: {}", why(&error))))?;
    Ok(Signer { credentials, region })
}

/// The kind of failure and what to do. What lies behind it may quote files and replies, so it is left out.
fn why(error: &CredentialsError) -> &'static str {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "none found; attach an instance profile, set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY"
        }
        CredentialsError::InvalidConfiguration(_) => {
            "the AWS configuration is wrong; look at the profile and at AWS_PROFILE"
        }
        CredentialsError::ProviderTimedOut(_) => "no answer in time from where they come from; try again",
        CredentialsError::ProviderError(_) => {
            "where they come from gave an error; look at the profile, its role or SSO session, and the instance \
             profile"
        }
        _ => "cannot be loaded; look at the profile and the environment",
    }
}

/// Runs `work` on this thread.
fn wait(work: impl Future<Output = Result<Signer, Fault>>) -> Result<Signer, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::not_signed(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(work)
}
