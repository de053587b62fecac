//! Credentials of the EC2 instance itself, from its metadata service, without the AWS SDK.
//!
//! ```no_run
//! use sts_agent_name::agent::Presigner;
//! use sts_agent_name::agent::imds::{Imds, InstanceIdentity};
//! use sts_agent_name::Endpoint;
//! use time::OffsetDateTime;
//!
//! # #[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let imds = Imds::from_env()?;
//! let presigner = Presigner::new(Endpoint::regional(&imds.region_from_env().await?)?);
//! let provider = InstanceIdentity::new(imds);
//!
//! // For each attempt to register:
//! let url = presigner.presign_from(&provider, OffsetDateTime::now_utc()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Which credentials
//!
//! | | [`InstanceIdentity`] | [`InstanceProfile`] |
//! |---|---|---|
//! | principal | `assumed-role/aws:ec2-instance/i-…` | `assumed-role/<role>/i-…` |
//! | needs | nothing: every instance has it | an instance profile with a role |
//! | who can have it | this instance alone; nobody can assume it | whoever the role's trust policy lets assume it, with any session name |
//! | tells apart | accounts | accounts and roles |
//! | policy | `any_instance_of(account)` | `account(…).role(…)` |
//!
//! **Any process on the instance that reaches IMDS can use either**: they prove the machine, not the process.
//! Keep jobs away from IMDS (a firewall rule by user, or a hop limit of 1 where jobs run in containers).
//!
//! # How it asks
//!
//! IMDSv2 only: a session token is asked for with `PUT` and sent along with each `GET`; there is no way back to
//! version 1. Plain HTTP to the endpoint and nowhere else: no redirects, no proxy. A reply's head is read up to
//! 8 KiB, its body up to 64 KiB. The environment is read in the functions whose name ends in `from_env`, and
//! nowhere else. It runs on tokio, with time and I/O enabled.
//!
//! **In a container** the token's reply does not arrive if the instance's hop limit is 1; see
//! [`ImdsError::TokenUnanswered`].

mod document;
mod endpoint;
mod error;
mod http;
mod provider;
mod token;

use core::time::Duration;
use std::sync::Arc;

use aws_credential_types::Credentials;
use tokio::time::{Instant, sleep};

pub use self::endpoint::{ImdsEndpoint, InvalidImdsEndpoint};
pub use self::error::{ImdsError, ImdsStep, InvalidImdsReply};
use self::http::{Fault, Limits, Reply, Request};
pub use self::provider::{InstanceIdentity, InstanceProfile};
use self::token::{Token, TokenCell};
use crate::charset::{all_of, is_iam_name_byte};
use crate::endpoint::Region;
use crate::instance::InstanceId;

const INSTANCE_IDENTITY: &str =
    "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance";
const PROFILE: &str = "/latest/meta-data/iam/security-credentials/";
const REGION: &str = "/latest/meta-data/placement/region";
const INSTANCE_ID: &str = "/latest/meta-data/instance-id";

/// Where a region stands in the environment, the first that is set.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The longest pause before the second attempt; it doubles with each one after.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause of all.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The instance metadata service. Clones share one session token.
#[derive(Clone, Debug)]
pub struct Imds(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    endpoint: ImdsEndpoint,
    connect_timeout: Duration,
    reply_timeout: Duration,
    timeout: Duration,
    attempts: u32,
    token_ttl: Duration,
    token: TokenCell,
}

impl Imds {
    /// The service at `endpoint`, with the defaults of [`builder`](Self::builder).
    #[must_use]
    pub fn new(endpoint: ImdsEndpoint) -> Self {
        Self::builder(endpoint).build()
    }

    /// The service at the endpoint that the environment names; see [`ImdsEndpoint::from_env`].
    ///
    /// # Errors
    ///
    /// Those of [`ImdsEndpoint::from_env`].
    pub fn from_env() -> Result<Self, ImdsError> {
        ImdsEndpoint::from_env().map(Self::new)
    }

    /// Begins with `endpoint` and the defaults.
    pub fn builder(endpoint: ImdsEndpoint) -> ImdsBuilder {
        ImdsBuilder(Settings {
            endpoint,
            connect_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            attempts: 3,
            token_ttl: token::MAX_TTL,
            token: TokenCell::default(),
        })
    }

    /// The credentials of the instance identity role, which no one else can have.
    ///
    /// # Errors
    ///
    /// Each [`ImdsError`] says what to do about it.
    pub async fn instance_identity_credentials(&self) -> Result<Credentials, ImdsError> {
        let step = ImdsStep::InstanceIdentity;
        let reply = self.get(step, INSTANCE_IDENTITY, self.deadline()).await?;
        document::credentials(step, reply.body(), provider::INSTANCE_IDENTITY)
    }

    /// The credentials of the role in the instance profile.
    ///
    /// # Errors
    ///
    /// [`ImdsError::NoInstanceProfile`] if none is attached; each [`ImdsError`] says what to do about it.
    pub async fn instance_profile_credentials(&self) -> Result<Credentials, ImdsError> {
        let attached = |error| match error {
            ImdsError::NotFound { .. } => ImdsError::NoInstanceProfile,
            other => other,
        };
        let deadline = self.deadline();
        let reply = self.get(ImdsStep::ProfileRole, PROFILE, deadline).await.map_err(attached)?;
        let role = match reply.line() {
            Some("") => return Err(ImdsError::NoInstanceProfile),
            // It becomes a part of a path.
            Some(role) if all_of(role.as_bytes(), 1, 64, is_iam_name_byte) => role,
            _ => return Err(ImdsError::reply(ImdsStep::ProfileRole, InvalidImdsReply::NotRole)),
        };
        let step = ImdsStep::ProfileCredentials;
        let reply = self.get(step, &format!("{PROFILE}{role}"), deadline).await.map_err(attached)?;
        document::credentials(step, reply.body(), provider::INSTANCE_PROFILE)
    }

    /// The region that the instance runs in.
    ///
    /// # Errors
    ///
    /// Each [`ImdsError`] says what to do about it.
    pub async fn region(&self) -> Result<Region, ImdsError> {
        let reply = self.get(ImdsStep::Region, REGION, self.deadline()).await?;
        let region = reply.line().and_then(|text| Region::parse(text).ok());
        region.ok_or_else(|| ImdsError::reply(ImdsStep::Region, InvalidImdsReply::NotRegion))
    }

    /// The region in `AWS_REGION` or `AWS_DEFAULT_REGION`, and the one that the instance runs in if neither is
    /// set. The configuration files of the AWS tools are not read; feature `aws-config` does that.
    ///
    /// # Errors
    ///
    /// [`ImdsError::Environment`] if a variable does not hold a region, and those of [`region`](Self::region).
    pub async fn region_from_env(&self) -> Result<Region, ImdsError> {
        for variable in REGION_VARIABLES {
            if let Some(text) = endpoint::variable(variable) {
                let wrong = |_| ImdsError::Environment { variable, expected: "a region name" };
                return Region::parse(&text).map_err(wrong);
            }
        }
        self.region().await
    }

    /// The instance's ID, as it says itself: a hint for logs, proof of nothing.
    ///
    /// # Errors
    ///
    /// Each [`ImdsError`] says what to do about it.
    pub async fn instance_id(&self) -> Result<InstanceId, ImdsError> {
        let reply = self.get(ImdsStep::InstanceId, INSTANCE_ID, self.deadline()).await?;
        let id = reply.line().and_then(|text| InstanceId::parse(text).ok());
        id.ok_or_else(|| ImdsError::reply(ImdsStep::InstanceId, InvalidImdsReply::NotInstanceId))
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.0.timeout).unwrap_or(now + token::MAX_TTL)
    }

    /// Fetches one item, as often as it takes and the limits allow. The error is that of the last attempt.
    async fn get(&self, step: ImdsStep, path: &str, deadline: Instant) -> Result<Reply, ImdsError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(step, path, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let pause = pause_after(attempt);
            if !error.may_pass() || attempt >= self.0.attempts || Instant::now() + pause >= deadline {
                return Err(error);
            }
            tracing::debug!(step = %step, attempt, error = %error, "IMDS did not answer; trying again");
            sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, step: ImdsStep, path: &str, deadline: Instant) -> Result<Reply, ImdsError> {
        let token = self.0.token.get(deadline, self.fetch_token(deadline)).await?;
        let request = Request { method: "GET", path, header: (http::TOKEN_HEADER, token.expose()) };
        let reply = self.send(step, &request, deadline).await?;
        match reply.status {
            200 => Ok(reply),
            404 => Err(ImdsError::NotFound { step }),
            status => {
                if status == 401 {
                    self.0.token.forget(&token).await;
                }
                Err(ImdsError::Status { step, status })
            }
        }
    }

    async fn fetch_token(&self, deadline: Instant) -> Result<(Token, Duration), ImdsError> {
        let step = ImdsStep::Token;
        let ttl = self.0.token_ttl.as_secs().to_string();
        // Any other path, one with a version for instance, is answered with 403.
        let request = Request { method: "PUT", path: "/latest/api/token", header: (http::TTL_HEADER, &ttl) };
        let reply = self.send(step, &request, deadline).await?;
        match reply.status {
            200 => token::parse(&reply, self.0.token_ttl).map_err(|invalid| ImdsError::reply(step, invalid)),
            403 => Err(ImdsError::TokenRefused),
            status => Err(ImdsError::Status { step, status }),
        }
    }

    async fn send(
        &self,
        step: ImdsStep,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Reply, ImdsError> {
        let limits = Limits { connect: self.0.connect_timeout, reply: self.0.reply_timeout, deadline };
        http::send(&self.0.endpoint, request, limits).await.map_err(|fault| match fault {
            Fault::Broken(source) => ImdsError::Interrupted { step, source },
            Fault::Invalid(invalid) => ImdsError::reply(step, invalid),
            Fault::Unanswered if step == ImdsStep::Token => ImdsError::TokenUnanswered,
            Fault::Unanswered => ImdsError::Timeout { step },
            Fault::Unreachable(source) => ImdsError::Unreachable { step, source },
        })
    }
}

/// Collects the choices of an [`Imds`].
#[derive(Debug)]
#[must_use]
pub struct ImdsBuilder(Settings);

impl ImdsBuilder {
    /// How long a connection may take to come about; 1 second unless said otherwise.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.0.connect_timeout = limit;
        self
    }

    /// How long an answer may take once the connection stands; 1 second unless said otherwise.
    pub fn reply_timeout(mut self, limit: Duration) -> Self {
        self.0.reply_timeout = limit;
        self
    }

    /// How long each call may take in all, with every attempt and pause; 5 seconds unless said otherwise.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.0.timeout = limit;
        self
    }

    /// How often a request is tried, at least once; 3 times unless said otherwise. Only what may pass is tried
    /// again, after a random pause.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The lifetime to ask for a session token; 6 hours, which is the most, unless said otherwise. Brought into
    /// the range that IMDS takes, 1 second to 6 hours, and to whole seconds.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.0.token_ttl = Duration::from_secs(ttl.as_secs()).clamp(Duration::from_secs(1), token::MAX_TTL);
        self
    }

    /// The client. It connects to nothing yet.
    #[must_use]
    pub fn build(self) -> Imds {
        Imds(Arc::new(self.0))
    }
}

/// A random pause, so that agents that were started together do not ask together.
fn pause_after(attempt: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64())
}
