//! Credentials and region from wherever the AWS tools find them, by `aws-config`.
//!
//! ```no_run
//! use sts_agent_name::Endpoint;
//! use sts_agent_name::agent::{Presigner, aws};
//! use time::OffsetDateTime;
//!
//! # #[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (provider, region) = aws::default_credentials_and_region().await?;
//! let presigner = Presigner::new(Endpoint::regional(&region)?);
//!
//! // For each attempt to register:
//! let url = presigner.presign_from(&provider, OffsetDateTime::now_utc()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **The environment decides here**, as it does for the AWS tools: credentials come from variables, profiles,
//! web identity tokens, containers and the instance profile, in this order, and proxy variables are followed.
//! Where an agent runs on EC2 and should prove that and nothing else, take feature `imds` and its instance
//! identity instead.
//!
//! Sources that need more code are off: an agent that wants them depends on `aws-config` itself, with its
//! features `sso`, `credentials-process` or `credentials-login`, and finds them switched on here.

use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use thiserror::Error;

use crate::endpoint::Region;

/// The provider and the region of the default chain: variables, profiles, then the instance.
///
/// Only the region is looked up now. The provider fetches credentials for each URL that is signed.
///
/// # Errors
///
/// See [`AwsError`].
pub async fn default_credentials_and_region() -> Result<(SharedCredentialsProvider, Region), AwsError> {
    credentials_and_region(&aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await)
}

/// The provider and the region of a configuration that the agent has loaded already, for another client of AWS
/// or with choices of its own.
///
/// ```
/// use aws_config::{BehaviorVersion, Region, SdkConfig};
/// use aws_credential_types::Credentials;
/// use aws_credential_types::provider::SharedCredentialsProvider;
/// use sts_agent_name::agent::aws::credentials_and_region;
///
/// let credentials = Credentials::new(
///     "ASIAIOSFODNN7EXAMPLE",
///     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
///     Some("IQoJb3JpZ2luX2VjEXAMPLE".to_owned()),
///     None,
///     "example",
/// );
/// let config = SdkConfig::builder()
///     .behavior_version(BehaviorVersion::v2026_01_12())
///     .region(Region::new("eu-central-1"))
///     .credentials_provider(SharedCredentialsProvider::new(credentials))
///     .build();
/// let (provider, region) = credentials_and_region(&config)?;
/// assert_eq!(region.as_str(), "eu-central-1");
/// # Ok::<(), sts_agent_name::agent::aws::AwsError>(())
/// ```
///
/// # Errors
///
/// ```
/// use aws_config::{Region, SdkConfig};
/// use sts_agent_name::agent::aws::{AwsError, credentials_and_region};
///
/// let none = SdkConfig::builder().build();
/// assert!(matches!(credentials_and_region(&none), Err(AwsError::NoRegion)));
/// let global = SdkConfig::builder().region(Region::new("aws-global")).build();
/// assert!(matches!(credentials_and_region(&global), Err(AwsError::InvalidRegion)));
/// let anonymous = SdkConfig::builder().region(Region::new("eu-central-1")).build();
/// assert!(matches!(credentials_and_region(&anonymous), Err(AwsError::NoProvider)));
/// ```
pub fn credentials_and_region(config: &SdkConfig) -> Result<(SharedCredentialsProvider, Region), AwsError> {
    let region = config.region().map(SdkRegion::as_ref).ok_or(AwsError::NoRegion)?;
    let region = Region::parse(region).map_err(|_| AwsError::InvalidRegion)?;
    let provider = config.credentials_provider().ok_or(AwsError::NoProvider)?;
    Ok((provider, region))
}

/// Why a configuration of AWS is not enough to sign.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AwsError {
    /// The region is none: a typing error, or one of the SDKs' pseudo regions (`aws-global`).
    #[error("the configured region is not a region name; set AWS_REGION")]
    InvalidRegion,
    /// The configuration names no provider of credentials.
    #[error("the configuration has no provider of credentials")]
    NoProvider,
    /// No variable, no profile and no instance names a region.
    #[error("no region found; set AWS_REGION, or region in the profile")]
    NoRegion,
}
