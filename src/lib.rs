#![cfg_attr(all(feature = "agent", feature = "server"), doc = include_str!("../README.md"))]
//! # Refusal codes
//!
//! [`Refusal::code`](policy::Refusal::code) is stable; its `Display` may be sent to the agent, its `source()` is
//! for the operator. [`VerifyError`](server::VerifyError) adds those codes that are not the agent's fault, and
//! [`RegisterError`](registrar::RegisterError) those of the registrar.
//!
//! | code | HTTP | what to look at |
//! |---|---|---|
//! | `too_long`, `not_https`, `invalid_path`, `forbidden_byte`, `malformed_escape`, `malformed_parameter`, `unknown_parameter`, `duplicate_parameter`, `missing_parameter` | 400 | the text is not what an AWS signer writes: was it cut, wrapped or re-encoded on its way? |
//! | `unknown_host` | 400 | no STS host: a custom endpoint, or a region newer than the table (`Endpoint::custom`)? |
//! | `endpoint_not_allowed` | 400 | an STS host that the operator took out of the `EndpointSet` |
//! | `wrong_action`, `wrong_version`, `wrong_algorithm` | 400 | another request was signed; SigV4A is not accepted |
//! | `invalid_credential`, `invalid_access_key`, `invalid_date`, `invalid_expires`, `invalid_signed_headers`, `invalid_session_token`, `invalid_signature` | 400 | that parameter is malformed |
//! | `wrong_scope` | 400 | signed for another region than the host's; `sts.amazonaws.com` takes `us-east-1` only |
//! | `not_canonical` | 400 | no known input gets here: please report it |
//! | `expired` | 401 | signed too long ago: does the agent sign at boot and keep the URL? Is its clock behind? |
//! | `not_yet_valid` | 401 | the agent's clock is ahead |
//! | `long_term_credentials` | 401 | keys of a user: give the machine a role |
//! | `missing_session_token` | 401 | `AWS_SESSION_TOKEN` was not set when signing |
//! | `unexpected_signed_header` | 401 | the agent signs a header that this server is not configured for |
//! | `audience_not_signed` | 401 | the agent is not configured for an audience |
//! | `wrong_audience_or_signature` | 401 | signed for another server, or as `signature_rejected` |
//! | `signature_rejected` | 401 | signed for `POST` (boto3's default), for `Get`, with `UNSIGNED-PAYLOAD`, or with the token added afterwards; `source()` has a hint |
//! | `challenge_required`, `challenge_not_expected`, `challenge_not_signed` | 401 | agent and server are not configured alike |
//! | `challenge_invalid` | 401 | issued by another server, for another audience or scope, or with a key that is gone |
//! | `challenge_expired` | 401 | the agent took too long, or the servers' clocks differ |
//! | `credentials_unknown` | 401 | STS does not know the key or its token, or they are of another partition |
//! | `credentials_expired` | 401 | the session has ended: does the agent cache credentials? |
//! | `region_disabled` | 401 | the agents' account has STS switched off in that region |
//! | `rejected_by_sts` | 401 | another code of STS, in `source()` |
//! | `access_key_account_not_allowed` | 403 | the key is of an account in no rule; decided without STS |
//! | `account_not_allowed`, `role_not_allowed`, `role_id_not_allowed`, `partition_not_allowed`, `caller_kind_not_allowed` | 403 | a proven caller that the policy does not allow; `source()` says who |
//! | `session_not_instance` | 403 | somebody assumed the role by hand, or the agent does not run on EC2 (`any_session`) |
//! | `instance_denied` | 403 | the operator shut this instance out |
//! | `instance_check_refused` | 403 | the operator's own check said no |
//! | `name_not_representable` | 403 | the session's or role's name has characters that agent names have not |
//! | `already_spent` | 409 | the URL got its agent a name before: was it stolen, or does the agent not sign for each attempt? |
//! | `name_taken` | 409 | the name is another claim's, or held; the error says until when |
//! | `fenced` | 409 | the claim is over: released, taken over, evicted, or not renewed for too long |
//! | `url_expected`, `url_not_expected` | 400 | the agent type is set up for the other kind of name |
//! | `invalid_name`, `invalid_registration_key`, `invalid_claim_id` | 400 | that text is malformed |
//! | `reserved_name` | 403 | a plain name that looks like an instance ID |
//! | `unknown_agent_type` | 404 | not set up here |
//! | `registry_unavailable` | 503 | the store, in `source()` |
//! | `invalid_reply` | 502 | something answers in STS's place: a proxy, a captive portal? |
//! | `throttled` | 503 | the agents' account is over STS's limit in that region |
//! | `busy` | 503 | more verifications at once than this server carries (`VerifierBuilder::concurrency`) |
//! | `unavailable` | 503 | no connection to STS, or no answer in time |

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
