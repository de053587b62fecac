//! The server's half: verifying.
//!
//! ```text
//! text ─▶ begin (parse, clock, policy) ─▶ Exchange ─▶ STS ─▶ finish (reply, policy) ─▶ VerifiedAgent
//! ```
//!
//! [`Verifier::begin`] and [`Exchange::finish`] are pure: no clock, no network. Everything that an attacker
//! controls is decided in them, and any HTTP client can carry the exchange between them.
//! [`Verifier::verify`] is the short way, with the built-in client.
//!
//! **`verify` alone has no single use**: the same URL verifies again until it is 15 minutes old. Keep
//! [`VerifiedAgent::signature`] of each agent that was let in, and let it in once.

mod builder;
mod challenges;
mod client;
#[cfg(feature = "testing")]
mod danger;
mod error;
mod exchange;
mod gate;
mod instance_check;
mod report;
mod roots;
mod warm;

use core::time::Duration;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

pub use self::builder::{InvalidVerifier, VerifierBuilder};
pub use self::challenges::{ChallengeKey, Challenges, InvalidChallengeKey};
pub use self::client::Reply;
use self::client::StsClient;
pub use self::error::{Transport, Unavailable, VerifyError};
pub use self::exchange::Exchange;
pub(crate) use self::gate::Gate;
pub use self::instance_check::{InstanceCheck, InstanceCheckFuture, InstanceFacts, InstanceVerdict};
pub(crate) use self::report::{Evidence, millis};
use crate::access_key::AccessKeyKind;
use crate::binding::{Audience, Challenge};
use crate::endpoint::EndpointSet;
use crate::instance::InstanceId;
use crate::policy::{Moment, Policy, Refusal, Seen, VerifiedAgent};
use crate::presigned::PresignedUrl;
use crate::random::NoRandomness;

/// How often STS is asked at the most.
const MAX_ATTEMPTS: u32 = 3;
/// The longest pause before the second attempt; doubled before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Verifies evidence. Build one and share it: it holds the connections to STS.
///
/// ```no_run
/// use sts_agent_name::policy::Policy;
/// use sts_agent_name::server::Verifier;
///
/// # async fn register(evidence: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::builder().build()?;
/// let policy = Policy::builder().account("123456789012").role("semaphore-agent-*").build()?;
/// let agent = verifier.verify(evidence, &policy).await?;
/// println!("{} is {}", agent.name(), agent.identity().arn());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Verifier {
    endpoints: EndpointSet,
    audience: Option<Arc<Audience>>,
    challenges: Option<Challenges>,
    instance_check: Option<Arc<dyn InstanceCheck>>,
    max_age: Duration,
    skew: Duration,
    timeout: Duration,
    limits: (usize, usize),
    gate: Gate,
    client: StsClient,
}

impl Verifier {
    /// Starts a verifier for the whole built-in endpoint table.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// Decides all that can be decided without STS: form, signed headers, kind of credentials, age, and what
    /// the policy can foresee. Pure; `now` is the server's clock.
    ///
    /// # Errors
    ///
    /// The first rule that the evidence breaks, see [`Refusal`]; [`Refusal::ChallengeRequired`] if this verifier
    /// demands a challenge.
    pub fn begin<'p>(
        &self,
        evidence: &str,
        policy: &'p Policy,
        now: OffsetDateTime,
    ) -> Result<Exchange<'p>, Refusal> {
        if self.challenges.is_some() {
            return Err(Refusal::ChallengeRequired);
        }
        self.begin_any(evidence, None, policy, now)
    }

    /// As [`begin`](Self::begin), for evidence that signs a challenge. `challenge` is what the agent sent beside
    /// the URL; its MAC and age are checked here, and STS says whether it was signed.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin), and [`Refusal::ChallengeInvalid`], [`Refusal::ChallengeExpired`],
    /// [`Refusal::ChallengeNotSigned`]; [`Refusal::ChallengeNotExpected`] if this verifier issues none.
    pub fn begin_with_challenge<'p>(
        &self,
        evidence: &str,
        challenge: &str,
        policy: &'p Policy,
        now: OffsetDateTime,
    ) -> Result<Exchange<'p>, Refusal> {
        let challenges = self.challenges.as_ref().ok_or(Refusal::ChallengeNotExpected)?;
        let challenge = challenges.check(challenge, self.audience.as_deref(), now)?;
        self.begin_any(evidence, Some(challenge), policy, now)
    }

    /// Makes a challenge for one attempt of one agent. `now` is the server's clock.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] if the system gives no random bytes. `None` if this verifier demands no challenge.
    pub fn issue_challenge(&self, now: OffsetDateTime) -> Option<Result<Challenge, NoRandomness>> {
        self.challenges.as_ref().map(|challenges| challenges.issue(self.audience.as_deref(), now))
    }

    fn begin_any<'p>(
        &self,
        evidence: &str,
        challenge: Option<Challenge>,
        policy: &'p Policy,
        now: OffsetDateTime,
    ) -> Result<Exchange<'p>, Refusal> {
        let url = PresignedUrl::parse_with(evidence, &self.endpoints)?;
        self.check_signed_headers(&url, challenge.is_some())?;
        // Roles give temporary credentials, and those come with a token; nobody else is ever let in.
        match url.access_key_kind() {
            AccessKeyKind::LongTerm => return Err(Refusal::LongTermCredentials),
            AccessKeyKind::Temporary if !url.has_session_token() => return Err(Refusal::MissingSessionToken),
            AccessKeyKind::Temporary => {}
        }
        // Differences, not sums: the calendar ends in the year 9999.
        if url.signed_at() - now > self.skew {
            return Err(Refusal::NotYetValid {
                signed_at: Moment::new(url.signed_at()),
                now: Moment::new(now),
            });
        }
        // STS goes by its own 15 minutes and ignores X-Amz-Expires, so both are ours to check.
        let life = url.expires_in().map_or(self.max_age, |expires| expires.min(self.max_age));
        let life = time::Duration::try_from(life).unwrap_or(time::Duration::MAX);
        let good_until = url.signed_at().saturating_add(life);
        let exchange = Exchange { url, policy, audience: self.audience.clone(), challenge, good_until };
        exchange.check_age(now)?;
        policy.foresee(&exchange.url)?;
        Ok(exchange)
    }

    /// Exactly `host` and what this verifier sends: a header that is signed and not sent breaks the signature,
    /// and one that is sent and not signed binds nothing.
    fn check_signed_headers(&self, url: &PresignedUrl, challenged: bool) -> Result<(), Refusal> {
        let audience = self.audience.as_ref().map(|audience| audience.header());
        let sent = |name: &str| {
            name == "host" || audience == Some(name) || (challenged && name == Challenge::HEADER)
        };
        let signed = |wanted: &str| url.signed_headers().any(|name| name == wanted);
        if let Some(header) = url.signed_headers().find(|name| !sent(name)) {
            return Err(Refusal::UnexpectedSignedHeader { header: header.into() });
        }
        match audience {
            Some(header) if !signed(header) => Err(Refusal::AudienceNotSigned { header: header.into() }),
            _ if challenged && !signed(Challenge::HEADER) => {
                Err(Refusal::ChallengeNotSigned { header: Challenge::HEADER })
            }
            _ => Ok(()),
        }
    }

    /// Puts an exchange to STS once, within the verifier's limits of time and concurrency.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Unavailable`] if there is no answer, [`VerifyError::InvalidReply`] if it is none that is
    /// read to its end. Reads no clock: [`Exchange::check_age`] is the caller's.
    pub async fn send(&self, exchange: &Exchange<'_>) -> Result<Reply, VerifyError> {
        self.attempt(exchange, Instant::now() + self.timeout, |_| Ok(())).await
    }

    /// The whole check: [`begin`](Self::begin), STS, [`Exchange::finish`].
    ///
    /// Asks STS up to three times, with pauses, where that can help: no connection, one that ended before an answer
    /// began, a server error, throttling; and only within [`timeout`](VerifierBuilder::timeout). Asking again is safe, since `GetCallerIdentity`
    /// changes nothing. Dropping the future stops everything.
    ///
    /// **There is no single use in this**: see the [module](self).
    ///
    /// # Errors
    ///
    /// See [`VerifyError`], which says whose fault it was.
    pub async fn verify(&self, evidence: &str, policy: &Policy) -> Result<VerifiedAgent, VerifyError> {
        self.verify_exchange(evidence, self.begin(evidence, policy, wall_clock())).await
    }

    /// As [`verify`](Self::verify), for evidence that signs a challenge.
    ///
    /// # Errors
    ///
    /// See [`VerifyError`], and [`begin_with_challenge`](Self::begin_with_challenge).
    pub async fn verify_with_challenge(
        &self,
        evidence: &str,
        challenge: &str,
        policy: &Policy,
    ) -> Result<VerifiedAgent, VerifyError> {
        let begun = self.begin_with_challenge(evidence, challenge, policy, wall_clock());
        self.verify_exchange(evidence, begun).await
    }

    async fn verify_exchange(
        &self,
        evidence: &str,
        begun: Result<Exchange<'_>, Refusal>,
    ) -> Result<VerifiedAgent, VerifyError> {
        match begun {
            Ok(exchange) => self.resolve(&exchange).await,
            Err(refusal) => {
                let error = refusal.into();
                report::refused(|| self.read(evidence), &error, Duration::ZERO);
                Err(error)
            }
        }
    }

    /// Carries out an exchange that was begun: asks STS, again where that can help, and decides.
    ///
    /// # Errors
    ///
    /// See [`VerifyError`].
    pub async fn resolve(&self, exchange: &Exchange<'_>) -> Result<VerifiedAgent, VerifyError> {
        let start = Instant::now();
        let outcome = self.carry_out(exchange).await;
        match &outcome {
            Ok(agent) => report::verified(agent, start.elapsed()),
            Err(error) => {
                report::refused(|| Some(Evidence::of(exchange.evidence())), error, start.elapsed());
            }
        }
        outcome
    }

    /// How many exchanges run at once, and how many more may wait.
    #[must_use]
    pub fn limits(&self) -> (usize, usize) {
        self.limits
    }

    /// How long a whole verification may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What a report tells of evidence that is refused, if it has the form of evidence.
    pub(crate) fn read(&self, evidence: &str) -> Option<Evidence> {
        PresignedUrl::parse_with(evidence, &self.endpoints).ok().map(|url| Evidence::of(&url))
    }

    /// As [`resolve`](Self::resolve), for a caller that reports the outcome itself.
    pub(crate) async fn carry_out(&self, exchange: &Exchange<'_>) -> Result<VerifiedAgent, VerifyError> {
        let span = report::span(exchange);
        self.carry_out_quietly(exchange).instrument(span).await
    }

    async fn carry_out_quietly(&self, exchange: &Exchange<'_>) -> Result<VerifiedAgent, VerifyError> {
        let deadline = Instant::now() + self.timeout;
        let agent = self.ask(exchange, deadline).await?;
        if let (Some(check), Some(instance)) = (&self.instance_check, agent.instance()) {
            let late = |_| VerifyError::Unavailable(Unavailable::Timeout);
            let checked = Self::check_instance(check.as_ref(), instance, &agent);
            timeout_at(deadline, checked).await.map_err(late)??;
        }
        Ok(agent)
    }

    async fn check_instance(
        check: &dyn InstanceCheck,
        instance: &InstanceId,
        agent: &VerifiedAgent,
    ) -> Result<(), VerifyError> {
        let account = agent.identity().account();
        let facts = InstanceFacts { account, instance: instance.clone(), region: agent.region().clone() };
        let start = Instant::now();
        let verdict = check.check(facts).await;
        report::instance_checked(verdict, start.elapsed());
        match verdict {
            InstanceVerdict::Good => Ok(()),
            InstanceVerdict::Refused => {
                Err(Refusal::InstanceCheck(Seen::caller(agent.identity().arn())).into())
            }
            InstanceVerdict::Unknown => Err(VerifyError::Unavailable(Unavailable::InstanceCheck)),
        }
    }

    /// Asks STS, again where that can help.
    async fn ask(&self, exchange: &Exchange<'_>, deadline: Instant) -> Result<VerifiedAgent, VerifyError> {
        let mut attempt = 1;
        loop {
            // Time spent waiting for a place counts in the evidence's age.
            let outcome = match self.attempt(exchange, deadline, |it| it.check_age(wall_clock())).await {
                Ok(reply) => exchange
                    .finish(reply.status(), reply.content_type(), reply.expose_body())
                    .map_err(|error| with_retry_after(error, reply.retry_after())),
                Err(error) => Err(error),
            };
            let again = match &outcome {
                Err(error) if attempt < MAX_ATTEMPTS => {
                    pause_after(error, attempt).map(|pause| (error.code(), pause))
                }
                _ => None,
            };
            match again {
                Some((code, pause)) if Instant::now() + pause < deadline => {
                    tracing::debug!(attempt, code, pause_ms = millis(pause), "asking STS again");
                    sleep(pause).await;
                    attempt += 1;
                }
                _ => return outcome,
            }
        }
    }

    /// Waits for a place, looks at the evidence once more, and asks.
    async fn attempt(
        &self,
        exchange: &Exchange<'_>,
        deadline: Instant,
        still_good: impl FnOnce(&Exchange<'_>) -> Result<(), Refusal>,
    ) -> Result<Reply, VerifyError> {
        let late = |_| VerifyError::Unavailable(Unavailable::Timeout);
        let start = Instant::now();
        let permit = timeout_at(deadline, self.gate.enter()).await.map_err(late)?;
        let _permit = permit.map_err(VerifyError::Unavailable)?;
        let waited = start.elapsed();
        still_good(exchange)?;
        let reply = timeout_at(deadline, self.client.ask(exchange)).await.map_err(late).flatten();
        report::asked(exchange, &reply, waited, start.elapsed().saturating_sub(waited), self.gate.running());
        reply
    }
}

fn with_retry_after(error: VerifyError, retry_after: Option<Duration>) -> VerifyError {
    match error {
        VerifyError::Throttled { .. } => VerifyError::Throttled { retry_after },
        other => other,
    }
}

/// How long to pause before asking again, where asking again can help.
fn pause_after(error: &VerifyError, attempt: u32) -> Option<Duration> {
    let asked = match error {
        VerifyError::Throttled { retry_after } => retry_after.unwrap_or_default(),
        VerifyError::Unavailable(
            Unavailable::Connect(_) | Unavailable::ServerError | Unavailable::Unanswered(_),
        ) => Duration::ZERO,
        _ => return None,
    };
    // Full jitter: callers that failed together do not come back together.
    let longest = FIRST_PAUSE.saturating_mul(1 << (attempt - 1));
    Some(asked.max(longest.mul_f64(fastrand::f64())))
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the server's half")]
fn wall_clock() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
