//! Who is this machine, and what is its name?
//!
//! An agent proves itself with a pre-signed AWS STS `GetCallerIdentity` URL; a server replays it, checks what
//! STS says against a policy, and derives the agent's name from it.

#![cfg_attr(docsrs, feature(doc_cfg))]

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
#[cfg(feature = "policy")]
pub mod policy;
mod presigned;
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
