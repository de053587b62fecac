//! The agent's half: signing.
//!
//! ```
//! use aws_credential_types::Credentials;
//! use sts_agent_name::agent::Presigner;
//! use sts_agent_name::{Endpoint, Region};
//! use time::OffsetDateTime;
//!
//! # #[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let presigner = Presigner::new(Endpoint::regional(&Region::parse("eu-central-1")?)?);
//! let credentials = Credentials::new(
//!     "ASIAIOSFODNN7EXAMPLE",
//!     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
//!     Some("IQoJb3JpZ2luX2VjEXAMPLE".to_owned()),
//!     None,
//!     "example",
//! );
//! let url = presigner.presign(&credentials, OffsetDateTime::now_utc())?;
//! send_to_server(url.expose());
//! # fn send_to_server(_: &str) {}
//! # Ok(())
//! # }
//! ```
//!
//! **Sign for each attempt.** STS refuses a URL 15 minutes after its signing, whatever `X-Amz-Expires` says, and
//! a server that keeps names unique takes each signature once. A URL written to a file at boot is dead a
//! quarter of an hour later.
//!
//! [`NameKeeper`] says when to register, when to renew, and when to stop.
//!
//! Credentials come from wherever the agent has them, or, with feature `imds`, from the EC2 instance itself, whose
//! identity role nobody can assume; with feature `aws-config`, from the default chain of the AWS SDK.

#[cfg(feature = "aws-config")]
pub mod aws;
#[cfg(feature = "imds")]
pub mod imds;
mod keeper;
mod seconds;

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use thiserror::Error;
use time::OffsetDateTime;
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use zeroize::Zeroizing;

pub use self::keeper::{NameKeeper, NextStep};
use self::seconds::UsedSeconds;
use crate::access_key::{self, AccessKeyKind};
use crate::binding::{Audience, Challenge};
use crate::charset::is_token_byte;
use crate::endpoint::Endpoint;
use crate::presigned::{ACTION, Parts, PresignedUrl, Token, VERSION};

/// How long STS accepts a signature after `X-Amz-Date`: 15 minutes, fixed. It is also what we write as
/// `X-Amz-Expires`, which STS ignores.
const LIFETIME: Duration = Duration::from_mins(15);

/// Signs `GetCallerIdentity` URLs for one endpoint.
///
/// Keep one presigner for an agent's life: `SigV4` is deterministic, so two signings within one second are one
/// signature, and a server takes each signature once. A presigner never signs one second twice; it takes the
/// next free one instead, at most 60 seconds ahead.
///
/// # What is logged
///
/// Nothing. The signer beneath (`aws-sigv4`) writes the session token into an event of level TRACE, so it runs under
/// a `tracing` subscriber that takes none. Two things about `tracing`'s own features remain: with `log-always`, which
/// goes around subscribers, **the token reaches the logger at level TRACE**; and with `log`, whose records end as
/// soon as a process has had a subscriber, they end with the first signing.
pub struct Presigner {
    endpoint: Endpoint,
    audience: Option<Audience>,
    challenge: Option<Challenge>,
    used: UsedSeconds,
}

impl Presigner {
    /// A presigner for `endpoint`; [`Endpoint::regional`] in the agent's own region is the one to use unless
    /// there is a reason for another.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, audience: None, challenge: None, used: UsedSeconds::default() }
    }

    /// Binds what is signed to one server.
    #[must_use]
    pub fn with_audience(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Binds what is signed to a challenge that the server issued. Send the challenge back beside the URL.
    #[must_use]
    pub fn with_challenge(mut self, challenge: &Challenge) -> Self {
        self.challenge = Some(challenge.duplicate());
        self
    }

    /// Signs with these credentials. `now` is the agent's clock.
    ///
    /// The result tells [until when it is good](PresignedUrl::good_until): the earlier of 15 minutes and the end
    /// of the credentials.
    ///
    /// # Errors
    ///
    /// ```
    /// use aws_credential_types::Credentials;
    /// use sts_agent_name::Endpoint;
    /// use sts_agent_name::agent::{PresignError, Presigner};
    /// use time::OffsetDateTime;
    ///
    /// let credentials = |key_id: &str, token: Option<&str>| {
    ///     Credentials::new(key_id, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token.map(str::to_owned), None, "test")
    /// };
    /// let now = OffsetDateTime::UNIX_EPOCH;
    /// let presigner = Presigner::new(Endpoint::global());
    /// let fault = |credentials| presigner.presign(&credentials, now).unwrap_err();
    /// assert!(matches!(fault(credentials("short", None)), PresignError::AccessKeyId));
    /// assert!(matches!(fault(credentials("ASIAIOSFODNN7EXAMPLE", None)), PresignError::MissingSessionToken));
    /// assert!(matches!(fault(credentials("ASIAIOSFODNN7EXAMPLE", Some("a b"))), PresignError::SessionToken));
    /// ```
    pub fn presign(
        &self,
        credentials: &Credentials,
        now: OffsetDateTime,
    ) -> Result<PresignedUrl, PresignError> {
        let key_id = credentials.access_key_id();
        let kind = access_key::kind_of(key_id).map_err(|_| PresignError::AccessKeyId)?;
        let token = credentials.session_token();
        if kind == AccessKeyKind::Temporary && token.is_none() {
            return Err(PresignError::MissingSessionToken);
        }
        // Without a way out of the loop it is done for several bytes at once.
        let is_token =
            |token: &str| token.bytes().fold(!token.is_empty(), |all, byte| all & is_token_byte(byte));
        if token.is_some_and(|token| !is_token(token)) {
            return Err(PresignError::SessionToken);
        }
        let ends = credentials.expiry().map(OffsetDateTime::from);
        if ends.is_some_and(|ends| ends <= now) {
            return Err(PresignError::CredentialsExpired);
        }
        if !(1970..=9998).contains(&now.to_utc().year()) {
            return Err(PresignError::Time);
        }
        let signed_at = self.used.take(now).ok_or(PresignError::TooOften)?;
        let params = Signed::new(&self.sign(credentials, signed_at)?)?;
        let parts = Parts {
            endpoint: &self.endpoint,
            access_key_id: key_id,
            date: &params.date,
            expires: u32::try_from(LIFETIME.as_secs()).ok(),
            signed_headers: &params.header_names,
            token: token.map(Token::Plain),
            signature: &params.signature,
        };
        let url = PresignedUrl::assemble(&parts, kind, signed_at).map_err(|_| PresignError::TooLong)?;
        let dies = signed_at + LIFETIME;
        Ok(url.with_good_until(ends.map_or(dies, |ends| ends.min(dies))))
    }

    /// Signs with credentials from a provider, such as the default chain of `aws-config`.
    ///
    /// # Errors
    ///
    /// [`PresignError::Provider`] if it gives none, and all errors of [`presign`](Self::presign).
    pub async fn presign_from(
        &self,
        provider: &(impl ProvideCredentials + ?Sized),
        now: OffsetDateTime,
    ) -> Result<PresignedUrl, PresignError> {
        let credentials = provider.provide_credentials().await.map_err(PresignError::Provider)?;
        self.presign(&credentials, now)
    }

    fn sign(
        &self,
        credentials: &Credentials,
        at: OffsetDateTime,
    ) -> Result<SigningInstructions, PresignError> {
        let identity = credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        // aws-sigv4 panics on query parameters without an expiry.
        settings.expires_in = Some(LIFETIME);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.endpoint.region().as_str())
            .name("sts")
            .time(SystemTime::from(at))
            .settings(settings)
            .build()
            .map_err(|_| PresignError::Signing)?
            .into();
        let base = ["https://", self.endpoint.host(), "/?Action=", ACTION, "&Version=", VERSION].concat();
        let audience = self.audience.as_ref().map(|audience| (audience.header(), audience.value()));
        let challenge = self.challenge.as_ref().map(|challenge| (Challenge::HEADER, challenge.expose()));
        let headers = audience.into_iter().chain(challenge);
        let request = SignableRequest::new("GET", &base, headers, SignableBody::Bytes(&[]))
            .map_err(|_| PresignError::Signing)?;
        // aws-sigv4 writes the canonical request, session token included, as an event of level TRACE.
        let signed = with_default(&Dispatch::none(), || sign(request, &params));
        signed.map(|output| output.into_parts().0).map_err(|_| PresignError::Signing)
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner")
            .field("endpoint", &self.endpoint)
            .field("audience", &self.audience)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

/// The parameters of a signed request that only the signer knows.
struct Signed {
    date: String,
    header_names: String,
    /// Wiped on drop; the signer's own copy is the signer's.
    signature: Zeroizing<String>,
}

impl Signed {
    fn new(instructions: &SigningInstructions) -> Result<Self, PresignError> {
        let find = |wanted: &str| {
            let found = instructions.params().iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value): &(&str, Cow<'static, str>)| value.to_string()).ok_or(PresignError::Signing)
        };
        Ok(Self {
            date: find("X-Amz-Date")?,
            header_names: find("X-Amz-SignedHeaders")?,
            signature: find("X-Amz-Signature")?.into(),
        })
    }
}

/// Why nothing was signed. Never carries a key, a token or a URL.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PresignError {
    /// The access key ID is not `AKIA` or `ASIA` and upper-case letters and digits.
    #[error("access key ID is not one of AWS")]
    AccessKeyId,
    /// The credentials have ended: fetch new ones.
    #[error("credentials have expired; fetch new ones")]
    CredentialsExpired,
    /// Temporary credentials (`ASIA…`) without a session token: is `AWS_SESSION_TOKEN` set?
    #[error("temporary credentials without a session token; is AWS_SESSION_TOKEN set?")]
    MissingSessionToken,
    /// The provider gave no credentials.
    #[error("no credentials")]
    Provider(#[source] CredentialsError),
    /// The session token is empty or holds a byte that is not visible ASCII, or one of ``< > " ' ` &``.
    #[error("session token holds a character that no token has")]
    SessionToken,
    /// The signer refused its input.
    #[error("signing failed")]
    Signing,
    /// The clock is before 1970 or after 9998.
    #[error("time is out of range")]
    Time,
    /// The URL would be longer than [`PresignedUrl::MAX_LENGTH`].
    #[error("URL would be longer than 8192 bytes")]
    TooLong,
    /// The presigner has signed for each of the next 60 seconds: wait.
    #[error("signed for each of the next 60 seconds already; wait")]
    TooOften,
}
