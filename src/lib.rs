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

/// The book: guides for agents and servers, operations, and why things are as they are.
///
/// | page | for |
/// |---|---|
/// | [`agent`](manual::agent) | whoever runs agents: signing, AWS, the command, systemd |
/// | [`server`](manual::server) | whoever lets agents in: policy, audience, challenge, single use, any HTTP client |
/// | [`registry`](manual::registry) | whoever keeps names: leases, holds, stores, back-ups |
/// | [`operations`](manual::operations) | whoever is called at night: refusals, telemetry, limits, keys, outages |
/// | [`capacity`] | whoever plans: STS, servers, the store, up to a million agents |
/// | [`migration`](manual::migration) | whoever has Semaphore's script and hub |
/// | [`comparison`](manual::comparison) | whoever chooses |
/// | [`questions`](manual::questions) | whoever asks why |
/// | [`threat_model`] | whoever has to trust it |
#[cfg(doc)]
pub mod manual {
    #[doc = include_str!("../docs/agent.md")]
    pub mod agent {}
    #[doc = include_str!("../docs/comparison.md")]
    pub mod comparison {}
    #[doc = include_str!("../docs/migration.md")]
    pub mod migration {}
    #[doc = include_str!("../docs/operations.md")]
    pub mod operations {}
    #[doc = include_str!("../docs/questions.md")]
    pub mod questions {}
    #[doc = include_str!("../docs/registry.md")]
    pub mod registry {}
    #[doc = include_str!("../docs/server.md")]
    pub mod server {}
}

/// Who is trusted for what.
#[cfg(doc)]
#[doc = include_str!("../docs/threat-model.md")]
pub mod threat_model {}

/// How far it carries, and what gives way first.
#[cfg(doc)]
#[doc = include_str!("../docs/capacity.md")]
pub mod capacity {}

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
