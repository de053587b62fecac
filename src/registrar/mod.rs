//! The whole road: settings, verification, and a name that nobody else has.
//!
//! ```text
//! Registration ─▶ agent type ─▶ plain name ──────────────────────────▶ claim ─▶ Registered
//!                            └▶ URL ─▶ spent? ─▶ STS ─▶ VerifiedAgent ─▶ claim (spends the signature)
//! ```
//!
//! A registered agent holds a lease. It renews well before the lease ends (a third of it is a good measure), before
//! it takes work for the first time, and releases when it leaves. Whatever it is told is `fenced` it must stop doing
//! and register anew, with new evidence.

mod error;
mod report;
mod settings;
mod wire;

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};

pub use self::error::RegisterError;
use self::report::Claimant;
pub use self::settings::{InvalidSettings, NameAssignment, NameRelease, NameSettings};
pub use self::wire::SemaphoreSettings;
use crate::charset::has_instance_id;
use crate::name::AgentName;
use crate::policy::{Moment, Policy, Refusal, VerifiedAgent};
use crate::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, NameOwner, NameStore, RegistrationKey, ReleaseOutcome,
    RenewOutcome, Scope, StoreError,
};
use crate::server::{Exchange, Gate, Unavailable, Verifier};

/// How long a claim lives without being renewed, unless said otherwise.
pub const LEASE: Duration = Duration::from_mins(3);
/// The pause before a store that failed in passing is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(50);

/// Registers agents. Build one and share it.
///
/// ```no_run
/// use sts_agent_name::registrar::{NameSettings, Registrar, Registration};
/// use sts_agent_name::registry::{self, AgentType, Scope};
/// use sts_agent_name::server::Verifier;
///
/// # async fn serve(settings: NameSettings, name: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let store = registry::connect("sqlite://names.db").await?;
/// let registrar = Registrar::new(store, vec![Verifier::builder().build()?]);
/// let linux = AgentType::parse("s1-linux")?;
/// registrar.set_agent_type(linux.clone(), settings)?;
///
/// let scope = Scope::parse("acme")?;
/// let registered = registrar.register(Registration::new(&linux, &scope, name)).await?;
/// println!("{} until {}", registered.name, registered.lease_until);
/// registrar.renew(&linux, &scope, &registered.name, &registered.claim_id).await?;
/// registrar.release(&linux, &scope, &registered.name, &registered.claim_id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Registrar {
    store: Arc<dyn NameStore>,
    verifiers: Vec<Verifier>,
    rules: RwLock<HashMap<AgentType, Arc<NameRule>>>,
    lease: Duration,
}

/// What stands behind an agent type.
#[derive(Debug)]
struct NameRule {
    release: NameRelease,
    /// None where agents send their own names.
    policy: Option<Policy>,
    /// Half of what a verifier carries, so that one stolen registration token cannot stop all others.
    gate: Gate,
}

/// What an agent sent.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "made by callers, from the five things that an agent can send")]
pub struct Registration<'a> {
    /// The agent type, by the registration token that the agent showed.
    pub agent_type: &'a AgentType,
    /// Where the name must be unique.
    pub scope: &'a Scope,
    /// The name, the pre-signed URL, or nothing for a random name.
    pub name: &'a str,
    /// The challenge that came beside the URL.
    pub challenge: Option<&'a str>,
    /// The registration key: random text that the agent sends again when it heard no answer. Without one a
    /// claim whose answer was lost stands until its lease ends.
    pub key: Option<&'a str>,
}

/// Shows none of the texts that may be secrets.
impl core::fmt::Debug for Registration<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Registration")
            .field("agent_type", &self.agent_type)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl<'a> Registration<'a> {
    /// What every registration has; `name` is what the agent sent as its name.
    #[must_use]
    pub const fn new(agent_type: &'a AgentType, scope: &'a Scope, name: &'a str) -> Self {
        Self { agent_type, scope, name, challenge: None, key: None }
    }

    /// With the challenge that came beside the URL.
    #[must_use]
    pub const fn with_challenge(mut self, challenge: &'a str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// With the agent's registration key.
    #[must_use]
    pub const fn with_key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }
}

/// A name that is an agent's now.
#[derive(Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The name.
    pub name: AgentName,
    /// The right to renew and release it: for this agent and nobody else.
    pub claim_id: ClaimId,
    /// When the claim ends unless it is renewed, on the store's clock.
    pub lease_until: OffsetDateTime,
    /// Who the agent proved to be, where it did.
    pub agent: Option<VerifiedAgent>,
}

impl Registrar {
    /// A registrar without agent types.
    ///
    /// Several verifiers serve a rename of the server's audience: each has a header name of its own, by which
    /// evidence finds its verifier without a second call to STS. A verifier that demands a challenge takes
    /// registrations that come with one.
    #[must_use]
    pub fn new(store: Arc<dyn NameStore>, verifiers: Vec<Verifier>) -> Self {
        Self { store, verifiers, rules: RwLock::default(), lease: LEASE }
    }

    /// How long a claim lives without being renewed; 3 minutes unless said otherwise.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long a claim lives without being renewed: to be told to agents as a duration, since their clocks and
    /// the store's need not agree.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Sets an agent type up, or changes it while the registrar runs: registrations that are under way keep the
    /// old settings.
    ///
    /// # Errors
    ///
    /// Never for settings that have been built; the type says so because a policy is built from them.
    #[expect(clippy::needless_pass_by_value, reason = "settings are handed over, whatever is kept of them")]
    pub fn set_agent_type(
        &self,
        agent_type: AgentType,
        settings: NameSettings,
    ) -> Result<(), InvalidSettings> {
        let policy = settings.policy()?;
        self.set_rule(agent_type, policy, settings.release());
        Ok(())
    }

    /// As [`set_agent_type`](Self::set_agent_type), for what the written settings cannot say: any policy, with
    /// rules, instance identity, sessions of any name, role IDs, a deny-list, another partition.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sts_agent_name::InstanceId;
    /// use sts_agent_name::policy::Policy;
    /// use sts_agent_name::registrar::{NameRelease, Registrar};
    /// use sts_agent_name::registry::{self, AgentType};
    ///
    /// let registrar = Registrar::new(registry::connect("memory:").await?, Vec::new());
    /// let machines = Policy::builder().any_instance_of("123456789012");
    /// let machines = machines.deny_instance(InstanceId::parse("i-0123456789abcdef0")?).build()?;
    /// registrar.set_agent_type_with_policy(AgentType::parse("s1-linux")?, machines, NameRelease::Immediately)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidSettings::ReleaseAfter`] for a hold that is no whole number of seconds or out of its limits.
    pub fn set_agent_type_with_policy(
        &self,
        agent_type: AgentType,
        policy: Policy,
        release: NameRelease,
    ) -> Result<(), InvalidSettings> {
        release.check()?;
        self.set_rule(agent_type, Some(policy), release);
        Ok(())
    }

    fn set_rule(&self, agent_type: AgentType, policy: Option<Policy>, release: NameRelease) {
        let (in_flight, waiting) = self.verifiers.iter().map(Verifier::limits).min().unwrap_or((1, 0));
        let rule = NameRule { release, policy, gate: Gate::new(in_flight.div_ceil(2), waiting / 2) };
        self.rules.write().unwrap_or_else(PoisonError::into_inner).insert(agent_type, Arc::new(rule));
    }

    fn rule(&self, agent_type: &AgentType) -> Result<Arc<NameRule>, RegisterError> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.get(agent_type).cloned().ok_or(RegisterError::UnknownAgentType)
    }

    /// Gives an agent its name.
    ///
    /// One URL never yields two claims. An agent that heard no answer signs again and sends its registration key
    /// again: it gets the name it was given, and the claim id that got lost is fenced.
    ///
    /// # Errors
    ///
    /// See [`RegisterError`].
    pub async fn register(&self, registration: Registration<'_>) -> Result<Registered, RegisterError> {
        let start = Instant::now();
        let mut claimant = None;
        let outcome = self.try_register(registration, &mut claimant).await;
        match &outcome {
            Ok(registered) => report::registered(registration, registered, start.elapsed()),
            Err(error) => {
                let evidence = || self.verifiers.iter().find_map(|it| it.read(registration.name));
                report::refused(registration, claimant.as_ref(), evidence, error, start.elapsed());
            }
        }
        outcome
    }

    async fn try_register(
        &self,
        registration: Registration<'_>,
        claimant: &mut Option<Claimant>,
    ) -> Result<Registered, RegisterError> {
        let rule = self.rule(registration.agent_type)?;
        let key = registration.key.map(RegistrationKey::parse).transpose();
        let key = key.map_err(|_| RegisterError::InvalidKey)?;
        let (name, owner, agent) = match &rule.policy {
            None => {
                let name = plain_name(registration.name)?;
                (name, NameOwner::parse(&format!("agent/{}", registration.agent_type)), None)
            }
            Some(policy) => {
                let agent = self.prove(&rule, policy, registration).await?;
                (agent.name().clone(), NameOwner::parse(agent.owner().as_str()), Some(agent))
            }
        };
        let proven = agent.as_ref().map(|agent| agent.owner().clone());
        *claimant = Some(Claimant { name: name.clone(), owner: proven });
        let owner = owner.map_err(|_| RegisterError::InvalidName(crate::name::InvalidAgentName))?;
        let claim_id = ClaimId::generate().map_err(|_| RegisterError::NoRandomness)?;
        let (scope, agent_type) = (registration.scope, registration.agent_type);
        let request = ClaimRequest::new(scope, &name, agent_type, &owner, &claim_id, self.lease);
        let request = request.with_key(key.as_ref());
        let request = match &agent {
            Some(agent) => request.with_signature(agent.signature()),
            None => request,
        };
        match self.claim(request).await? {
            ClaimOutcome::Granted { lease_until } => Ok(Registered { name, claim_id, lease_until, agent }),
            ClaimOutcome::AlreadySpent => Err(RegisterError::AlreadySpent),
            ClaimOutcome::Taken { free_at } => Err(RegisterError::Taken { free_at: Moment::new(free_at) }),
        }
    }

    /// Asks STS, unless the signature is known to be spent. That look is cheap; the claim decides.
    async fn prove(
        &self,
        rule: &NameRule,
        policy: &Policy,
        registration: Registration<'_>,
    ) -> Result<VerifiedAgent, RegisterError> {
        if !registration.name.starts_with("https:") && AgentName::parse(registration.name).is_ok() {
            return Err(RegisterError::UrlExpected);
        }
        let (verifier, exchange) = self.begin(policy, registration)?;
        let signature = exchange.signature();
        let spent = |spent: &bool| if *spent { "spent" } else { "not_spent" };
        if report::timed("is_spent", spent, self.store.is_spent(&signature)).await? {
            return Err(RegisterError::AlreadySpent);
        }
        let asked = async {
            let _place = rule.gate.enter().await?;
            Ok::<_, RegisterError>(verifier.carry_out(&exchange).await?)
        };
        timeout(verifier.timeout(), asked).await.map_err(|_| Unavailable::Timeout)?
    }

    /// The first verifier whose headers are those that the evidence signs.
    fn begin<'p>(
        &self,
        policy: &'p Policy,
        registration: Registration<'_>,
    ) -> Result<(&Verifier, Exchange<'p>), Refusal> {
        let (evidence, now) = (registration.name, wall_clock());
        let mut first = None;
        for verifier in &self.verifiers {
            let begun = match registration.challenge {
                Some(challenge) => verifier.begin_with_challenge(evidence, challenge, policy, now),
                None => verifier.begin(evidence, policy, now),
            };
            match begun {
                Ok(exchange) => return Ok((verifier, exchange)),
                Err(refusal) => first.get_or_insert(refusal),
            };
        }
        Err(first.unwrap_or(Refusal::Partition))
    }

    /// A store that failed in passing may have granted the claim all the same; the same claim id finds out.
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<ClaimOutcome, StoreError> {
        let claim = || report::timed("claim", ClaimOutcome::code, self.store.claim(request));
        match claim().await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "asking the store again");
                sleep(STORE_PAUSE).await;
                claim().await
            }
            outcome => outcome,
        }
    }

    /// Extends an agent's lease; gives its new end.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Fenced`] if the claim is over: the agent must stop working under the name.
    pub async fn renew(
        &self,
        agent_type: &AgentType,
        scope: &Scope,
        name: &AgentName,
        claim_id: &ClaimId,
    ) -> Result<OffsetDateTime, RegisterError> {
        let hold = self.rule(agent_type)?.release.hold();
        let renewal = self.store.renew(scope, name, claim_id, self.lease, hold);
        match report::timed("renew", RenewOutcome::code, renewal).await? {
            RenewOutcome::Renewed { lease_until } => {
                tracing::debug!(%agent_type, %scope, %name, %lease_until, "claim renewed");
                Ok(lease_until)
            }
            RenewOutcome::Fenced => {
                tracing::warn!(%agent_type, %scope, %name, code = "fenced", "renewal refused");
                Err(RegisterError::Fenced)
            }
        }
    }

    /// Gives an agent's name back; says from when it can be had.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Fenced`] if the claim was over before; nothing changed then.
    pub async fn release(
        &self,
        agent_type: &AgentType,
        scope: &Scope,
        name: &AgentName,
        claim_id: &ClaimId,
    ) -> Result<OffsetDateTime, RegisterError> {
        let hold = self.rule(agent_type)?.release.hold();
        let release = self.store.release(scope, name, claim_id, hold);
        match report::timed("release", ReleaseOutcome::code, release).await? {
            ReleaseOutcome::Released { free_at } => {
                tracing::info!(%agent_type, %scope, %name, %free_at, "claim released");
                Ok(free_at)
            }
            ReleaseOutcome::Fenced => {
                tracing::warn!(%agent_type, %scope, %name, code = "fenced", "release refused");
                Err(RegisterError::Fenced)
            }
        }
    }

    /// The store, for what operators do: look up, list, evict.
    #[must_use]
    pub fn store(&self) -> &dyn NameStore {
        &*self.store
    }
}

/// The name that an agent chose, or a random one.
fn plain_name(text: &str) -> Result<AgentName, RegisterError> {
    if text.is_empty() {
        return AgentName::random().map_err(|_| RegisterError::NoRandomness);
    }
    if text.starts_with("https:") || text.contains("://") {
        return Err(RegisterError::UrlNotExpected);
    }
    let name = AgentName::parse(text)?;
    // A stolen registration token must not squat on the name of a machine that proves its own.
    if has_instance_id(text) { Err(RegisterError::ReservedName) } else { Ok(name) }
}

#[expect(clippy::disallowed_methods, reason = "the clock that evidence is judged by; the store has its own")]
fn wall_clock() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
