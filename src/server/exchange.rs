//! One question to STS: what may be sent, and what its answer means.

use core::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use super::error::VerifyError;
use crate::binding::{Audience, Challenge};
use crate::identity::{CallerIdentity, ReplyError};
use crate::policy::{Moment, Policy, Refusal, SeenSignature, SignatureId, VerifiedAgent};
use crate::presigned::PresignedUrl;

/// What goes with every question: STS would answer JSON to those who ask for it, and a compressed reply is none.
pub(super) const FIXED_HEADERS: [(&str, &str); 2] = [("accept", "text/xml"), ("accept-encoding", "identity")];

/// Evidence that passed every check that needs no network, ready to be put to STS.
///
/// Send a `GET` of [`url`](Self::url) with exactly [`headers`](Self::headers) and no body, follow no redirect,
/// read at most [`CallerIdentity::MAX_REPLY`] bytes, and hand status, content type and body to
/// [`finish`](Self::finish). [`Verifier::verify`](super::Verifier::verify) does all of that.
///
/// ```no_run
/// use sts_agent_name::policy::{Policy, VerifiedAgent};
/// use sts_agent_name::server::{Verifier, VerifyError};
/// use time::OffsetDateTime;
///
/// # fn get(_: &str, _: Vec<(&str, &str)>) -> (u16, String, Vec<u8>) { (403, "text/xml".to_owned(), Vec::new()) }
/// fn verify(verifier: &Verifier, policy: &Policy, evidence: &str) -> Result<VerifiedAgent, VerifyError> {
///     # let now = OffsetDateTime::UNIX_EPOCH;
///     let exchange = verifier.begin(evidence, policy, now)?;
///     let (status, content_type, body) = get(exchange.url(), exchange.headers().collect());
///     exchange.finish(status, Some(&content_type), &body)
/// }
/// ```
pub struct Exchange<'p> {
    pub(super) url: PresignedUrl,
    pub(super) policy: &'p Policy,
    pub(super) audience: Option<Arc<Audience>>,
    pub(super) challenge: Option<Challenge>,
    /// The last moment at which the evidence is accepted.
    pub(super) good_until: OffsetDateTime,
}

impl Exchange<'_> {
    /// The URL to get, rebuilt from checked parts.
    ///
    /// # Security warning
    ///
    /// It is as secret as the evidence; see [`PresignedUrl::expose`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose()
    }

    /// The headers to send beside `Host`, in lower case. The audience's value is the server's own, the challenge
    /// one that it issued.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        FIXED_HEADERS.into_iter().chain(self.bound_headers())
    }

    /// The headers that are signed beside `Host`.
    pub(super) fn bound_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let audience = self.audience.as_deref().map(|audience| (audience.header(), audience.value()));
        let challenge = self.challenge.as_ref().map(|challenge| (Challenge::HEADER, challenge.expose()));
        audience.into_iter().chain(challenge)
    }

    /// The evidence in its typed form.
    #[must_use]
    pub fn evidence(&self) -> &PresignedUrl {
        &self.url
    }

    /// The fingerprint of the evidence's signature, by which a second use is noticed.
    #[must_use]
    pub fn signature(&self) -> SignatureId {
        SignatureId::of(self.url.signature())
    }

    /// Whether the evidence is still good at `now`: time spent waiting counts.
    ///
    /// # Errors
    ///
    /// [`Refusal::Expired`] if it is not.
    pub fn check_age(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        if now > self.good_until {
            Err(Refusal::Expired { signed_at: Moment::new(self.url.signed_at()), now: Moment::new(now) })
        } else {
            Ok(())
        }
    }

    /// Reads what STS answered and decides. May be called again for another answer to the same question, such
    /// as the one that follows a throttled one.
    ///
    /// # Errors
    ///
    /// Whose fault it is: [`VerifyError::Refused`] the agent's, [`VerifyError::InvalidReply`] whoever answered
    /// in STS's place, [`VerifyError::Throttled`] and [`VerifyError::Unavailable`] nobody's: try again.
    pub fn finish(
        &self,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<VerifiedAgent, VerifyError> {
        let identity =
            CallerIdentity::from_reply(status, content_type, body).map_err(|error| self.fault(error))?;
        Ok(self.policy.admit(&self.url, identity)?)
    }

    fn fault(&self, error: ReplyError) -> VerifyError {
        let refusal = match error {
            ReplyError::SignatureRejected { hint } if self.audience.is_some() || self.challenge.is_some() => {
                Refusal::WrongAudienceOrSignature(SeenSignature(hint))
            }
            ReplyError::SignatureRejected { hint } => Refusal::SignatureRejected(SeenSignature(hint)),
            ReplyError::InvalidClientToken => Refusal::CredentialsUnknown,
            ReplyError::TokenExpired => Refusal::CredentialsExpired,
            ReplyError::RegionDisabled => Refusal::RegionDisabled,
            ReplyError::Other { .. } => Refusal::RejectedBySts(error),
            ReplyError::Throttled => return VerifyError::Throttled { retry_after: None },
            ReplyError::Server => return VerifyError::Unavailable(super::Unavailable::ServerError),
            _ => return VerifyError::InvalidReply(error),
        };
        VerifyError::Refused(refusal)
    }
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("url", &self.url)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}
