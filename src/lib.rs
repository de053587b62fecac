#![cfg_attr(all(feature = "agent", feature = "server"), doc = include_str!("../README.md"))]
//! # Refusal codes
//!
//! [`Refusal::code`](policy::Refusal::code) is stable; its `Display` may be sent to the agent, its `source()` is
//! for the operator. [`VerifyError`](server::VerifyError) adds those codes that are not the agent's fault, and
//! [`RegisterError`](registrar::RegisterError) those of the registrar.
//!
#![doc = include_str!("../docs/refusals.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "agent", feature = "server")),
    allow(
        dead_code,
        reason = "what one half needs, the other does not; the whole build shows what nobody needs"
    )
)]

/// Who is trusted for what.
#[cfg(doc)]
#[doc = include_str!("../docs/threat-model.md")]
pub mod threat_model {}

/// What this crate is built on.
#[cfg(doc)]
#[doc = include_str!("../docs/dependencies.md")]
pub mod dependencies {}

mod access_key;
mod account;
#[cfg(feature = "agent")]
pub mod agent;
mod arn;
mod binding;
mod charset;
mod endpoint;
mod identity;
mod instance;
mod name;
mod partition;
#[cfg(feature = "server")]
pub mod policy;
mod presigned;
#[cfg(feature = "server")]
mod random;
#[cfg(feature = "registry")]
pub mod registrar;
#[cfg(feature = "registry")]
pub mod registry;
mod secret;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;

pub use access_key::AccessKeyKind;
pub use account::{AccountId, InvalidAccountId};
pub use arn::{Arn, ArnResource, InvalidArn};
pub use binding::{Audience, Challenge, InvalidAudience, InvalidChallenge};
pub use endpoint::{
    Endpoint, EndpointSet, EndpointVariant, InvalidEndpoint, InvalidRegion, NoSuchEndpoint, Region,
};
pub use identity::{CallerIdentity, ReplyError, SignatureHint};
pub use instance::{InstanceId, InvalidInstanceId};
pub use name::{AgentName, InvalidAgentName};
pub use partition::{Partition, UnknownPartition};
pub use presigned::{InvalidUrl, PresignedUrl};
#[cfg(feature = "server")]
pub use random::NoRandomness;
