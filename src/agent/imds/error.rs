//! What can go wrong between an agent and IMDS, and what to do about it.

use core::fmt;
use std::io;

use thiserror::Error;

/// What was being fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ImdsStep {
    /// The credentials of the instance identity role.
    InstanceIdentity,
    /// The instance's ID.
    InstanceId,
    /// The credentials of the instance profile's role.
    ProfileCredentials,
    /// The name of the instance profile's role.
    ProfileRole,
    /// The region that the instance runs in.
    Region,
    /// The session token that everything else needs.
    Token,
}

impl fmt::Display for ImdsStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InstanceIdentity => "instance identity credentials",
            Self::InstanceId => "instance ID",
            Self::ProfileCredentials => "instance profile credentials",
            Self::ProfileRole => "instance profile role",
            Self::Region => "region",
            Self::Token => "session token",
        })
    }
}

/// Why IMDS gave nothing. Each names the step and what to try; none ever holds a key or a token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImdsError {
    /// `AWS_EC2_METADATA_DISABLED` is `true`.
    #[error(
        "IMDS is switched off by AWS_EC2_METADATA_DISABLED; unset it, or take credentials from elsewhere"
    )]
    Disabled,
    /// A variable of the environment is malformed.
    #[error("{variable} is not {expected}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The connection broke.
    #[error("{step}: the connection to IMDS broke")]
    Interrupted {
        /// What was being fetched.
        step: ImdsStep,
        /// How it broke.
        #[source]
        source: io::Error,
    },
    /// IMDS answered with something that it never answers with.
    #[error("{step}: unexpected answer; is something else than IMDS at its address?")]
    InvalidReply {
        /// What was being fetched.
        step: ImdsStep,
        /// What is wrong with the answer.
        #[source]
        source: InvalidImdsReply,
    },
    /// No instance profile is attached (404), or it was attached a moment ago.
    #[error(
        "no instance profile with a role is attached to this instance; attach one, or use its identity role"
    )]
    NoInstanceProfile,
    /// IMDS has no such item (404).
    #[error("{step}: not offered by this IMDS (404); is it a stand-in for the real one?")]
    NotFound {
        /// What was being fetched.
        step: ImdsStep,
    },
    /// IMDS could not get credentials for the role. `AssumeRoleUnauthorizedAccess` means that the role's trust
    /// policy does not name `ec2.amazonaws.com`.
    #[error("{step}: IMDS has none, code {code}; does the role exist, and does it trust ec2.amazonaws.com?")]
    NotIssued {
        /// What was being fetched.
        step: ImdsStep,
        /// IMDS's own code; `unknown` if it is not a word.
        code: Box<str>,
    },
    /// Another HTTP status.
    #[error("{step}: unexpected status {status}; is something else than IMDS at its address?")]
    Status {
        /// What was being fetched.
        step: ImdsStep,
        /// The status.
        status: u16,
    },
    /// The connection stood, but no complete answer came in time.
    #[error("{step}: no answer from IMDS in time; is it overloaded?")]
    Timeout {
        /// What was being fetched.
        step: ImdsStep,
    },
    /// No session token is given out (403).
    #[error("session token: refused (403); is IMDS switched off for this instance (HttpEndpoint)?")]
    TokenRefused,
    /// The connection stood, but the request for a session token was not answered. In a container that is what
    /// a hop limit of 1 looks like: the answer's packets die on the way through the container's network. Set the
    /// instance's `HttpPutResponseHopLimit` to 2 (`ModifyInstanceMetadataOptions`), or run on the host's
    /// network.
    #[error(
        "session token: no answer from IMDS; in a container, set the instance's HttpPutResponseHopLimit to 2"
    )]
    TokenUnanswered,
    /// No connection came about.
    #[error("{step}: IMDS cannot be reached; is this an EC2 instance, and does its firewall let you?")]
    Unreachable {
        /// What was being fetched.
        step: ImdsStep,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ImdsError {
    pub(super) fn reply(step: ImdsStep, source: InvalidImdsReply) -> Self {
        Self::InvalidReply { step, source }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Interrupted { .. }
            | Self::Timeout { .. }
            | Self::TokenUnanswered
            | Self::Unreachable { .. } => true,
            // 401: the session token has ended, and was thrown away.
            Self::Status { status, .. } => matches!(status, 401 | 429 | 500..),
            _ => false,
        }
    }
}

/// What is wrong with an answer. Never carries the answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidImdsReply {
    /// More than 64 KiB of body.
    #[error("body is longer than 64 KiB")]
    BodyTooLong,
    /// A transfer encoding, which IMDS does not use.
    #[error("body has a transfer encoding")]
    Encoded,
    /// More than 8 KiB, or 32 fields, of head.
    #[error("head is longer than 8 KiB or has more than 32 fields")]
    HeadTooLong,
    /// Not the JSON document that holds credentials.
    #[error("not a document with credentials")]
    NotCredentials,
    /// Not an HTTP/1 response.
    #[error("not an HTTP/1 response")]
    NotHttp,
    /// Not an instance ID.
    #[error("not an instance ID")]
    NotInstanceId,
    /// Not a region name.
    #[error("not a region name")]
    NotRegion,
    /// Not the name of one role.
    #[error("not the name of a role")]
    NotRole,
    /// Not a session token, or a lifetime that is no number of seconds.
    #[error("not a session token with a lifetime")]
    NotToken,
}
