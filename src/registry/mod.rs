//! Names stay unique while agents come, crash, leave and come back.
//!
//! A registration *claims* a name and gets a lease; it *renews* the claim while the agent lives and *releases* it
//! when the agent leaves. After a release or a lost lease the name may be *held* for a time in which nobody has it.
//! There is no lock between operations and no cleaner: a name is free when its `free_at` has passed, and the claim
//! itself decides.
//!
//! ```text
//!            claim            renew                              release
//! free ────────────▶ claimed ───────▶ renewed ⟲ renew ────────────────────▶ released ──▶ free
//!                       │                │                                     hold
//!                       └─ lease ends ─▶ free       └─ lease ends ─▶ hold ─▶ free
//! ```
//!
//! [`NameStore`] is the contract, [`connect`] chooses a store by URL. The stores log and count nothing themselves:
//! whoever calls them knows what an outcome means.

mod claim;
mod claim_id;
mod clock;
#[cfg(feature = "testing")]
pub mod conformance;
mod connect;
mod error;
mod key;
mod memory;
mod outcome;
#[cfg(feature = "postgres")]
mod postgres;
mod rule;
#[cfg(feature = "sqlite")]
mod sqlite;
mod text;

use core::fmt;
use core::pin::Pin;
use core::time::Duration;

pub use self::claim::{ClaimRequest, Reclaim};
pub use self::claim_id::{ClaimId, InvalidClaimId};
#[cfg(feature = "testing")]
pub use self::clock::ManualClock;
pub use self::connect::{ConnectError, connect};
pub use self::error::StoreError;
pub use self::key::{InvalidRegistrationKey, RegistrationKey};
pub use self::memory::MemoryStore;
pub use self::outcome::{ClaimOutcome, ClaimState, EvictOutcome, NameRecord, ReleaseOutcome, RenewOutcome};
#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
pub use self::text::{AgentType, InvalidText, NameOwner, Scope, TextPart};
use crate::name::AgentName;
use crate::policy::SignatureId;

/// How long a spent signature is remembered at least, counted by the store's own clock from the grant.
///
/// This must stay longer than any pre-signed URL can live: the 15 minutes of STS, the skew that a verifier allows
/// ahead, and whatever the clocks of the store and of the servers differ by. Were it shorter, a URL could outlive
/// the memory of its use and be used again.
pub const SPENT_LIFETIME: Duration = Duration::from_hours(1);

/// The longest lease and the longest hold; a longer one is cut to it.
///
/// It keeps every sum of the store's clock and two spans within what each database can write down.
pub const MAX_SPAN: Duration = Duration::from_hours(400 * 24);

/// How many spent signatures, past their lifetime, a granted claim removes at most, on average.
pub const SWEEP_SPENT: usize = 4;

/// How many free names a granted claim removes at most, on average. More than one, so that the backlog shrinks.
pub const SWEEP_NAMES: usize = 2;

/// The most records that one call of [`NameStore::list`] gives; a larger limit is cut to it.
pub const MAX_PAGE: usize = 1000;

/// What a store is doing.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps names unique, each in its scope. This is the contract of every store; `registry::conformance` checks it.
///
/// A registrar calls it; a server with a way of its own to tell agents apart may do so too:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use sts_agent_name::AgentName;
/// use sts_agent_name::registry::{
///     AgentType, ClaimId, ClaimOutcome, ClaimRequest, MemoryStore, NameOwner, NameStore, RenewOutcome, Scope,
/// };
///
/// let store = MemoryStore::new();
/// let (scope, name) = (Scope::parse("acme")?, AgentName::parse("builder-7")?);
/// let (linux, owner) = (AgentType::parse("s1-linux")?, NameOwner::parse("token/s1-linux")?);
/// let (ours, theirs) = (ClaimId::generate()?, ClaimId::generate()?);
/// let (lease, hold) = (Duration::from_mins(3), Duration::from_mins(10));
/// let wish = |id| ClaimRequest::new(&scope, &name, &linux, &owner, id, lease);
///
/// assert!(matches!(store.claim(wish(&ours)).await?, ClaimOutcome::Granted { .. }));
/// assert!(matches!(store.claim(wish(&theirs)).await?, ClaimOutcome::Taken { .. }));
/// assert!(matches!(store.renew(&scope, &name, &ours, lease, hold).await?, RenewOutcome::Renewed { .. }));
/// let _ = store.release(&scope, &name, &ours, hold).await?;
/// assert_eq!(store.renew(&scope, &name, &ours, lease, hold).await?, RenewOutcome::Fenced);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Rules
///
/// **Time.** The store's own clock decides, never the caller's. `now` is the moment at which the store orders the
/// operation among the others. A name is *free* at and after its `free_at`, and a name that nobody ever claimed is
/// free; the contract makes no difference between the two, nor between a row that has been swept and one that has
/// not. A lease *runs* before its `lease_until`.
///
/// **Order.** All operations on one name, and all that spend one signature, happen one after the other. An
/// operation is one short transaction; nothing is locked between two of them.
///
/// **Durability.** What a store that writes to disk has answered survives the end of its process and of its
/// machine's power.
///
/// **Refusals write nothing**: [`Taken`](ClaimOutcome::Taken), [`AlreadySpent`](ClaimOutcome::AlreadySpent) and
/// `Fenced` leave every row as it was.
///
/// **Dropped futures.** An operation whose future is dropped is done either wholly or not at all. A claim that was
/// under way may stand until its lease ends.
///
/// **Growth.** Only granted claims sweep: on average [`SWEEP_SPENT`] spent signatures past [`SPENT_LIFETIME`] and
/// [`SWEEP_NAMES`] free names each, as long as there are so many, so that the tables stay as large as what is
/// alive. A store may leave this to one claim in several, which then sweeps for all of them.
pub trait NameStore: fmt::Debug + Send + Sync {
    /// Claims a name and spends the signature, both or neither.
    ///
    /// The first of these that holds is the outcome:
    ///
    /// 1. **`Granted` again**, with the lease that stands and nothing written: the name is held under this very
    ///    claim id, not released and not free, and this claim id spent this signature (or the request has none).
    ///    The reply to the first attempt was lost between store and server.
    /// 2. **`AlreadySpent`**: the signature was granted a claim before, under whatever scope, name and claim id.
    /// 3. **`Granted`**, any of:
    ///    * the name is free;
    ///    * *takeover*: the same owner, agent type and registration key (both have one, and it is the same), never
    ///      renewed, not released. The agent's reply was lost. The claim id taken over is fenced from here on;
    ///    * *reclaim*, if [`Reclaim::DuringHold`] is asked for: the same owner and agent type, and the claim is
    ///      released or its lease has ended.
    /// 4. **`Taken`**, with the `free_at` of the claim that stands. The signature is not spent.
    ///
    /// A granted claim replaces the row: its `lease_until` and its `free_at` are `now + lease`, so that a claim
    /// never renewed leaves no hold; it is neither renewed nor released; and the signature is spent for at least
    /// [`SPENT_LIFETIME`].
    ///
    /// Two claims of one signature at the same moment, in whatever scopes, leave one claim.
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, ClaimOutcome>;

    /// Whether the signature has been granted a claim. A cheap look before STS is asked; only
    /// [`claim`](Self::claim) decides.
    fn is_spent<'a>(&'a self, signature: &'a SignatureId) -> StoreFuture<'a, bool>;

    /// Extends a claim: `lease_until = now + lease`, `free_at = lease_until + hold`, renewed from here on.
    ///
    /// It succeeds while the name stands under this claim id, is not released and is not free, the lease over or
    /// not: an outage shorter than the hold loses nothing. Otherwise it is [`Fenced`](RenewOutcome::Fenced), so
    /// these are: a claim id that was released, taken over, reclaimed or evicted; one whose `free_at` has passed,
    /// though nobody else claimed the name; one that was never granted; the right one under another name or scope.
    fn renew<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        lease: Duration,
        hold: Duration,
    ) -> StoreFuture<'a, RenewOutcome>;

    /// Gives a name back: released, `free_at = now + hold`, renewed before or not. A hold of zero frees it at once.
    ///
    /// It succeeds where [`renew`](Self::renew) would, and otherwise is [`Fenced`](ReleaseOutcome::Fenced); so a
    /// second release is.
    fn release<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        hold: Duration,
    ) -> StoreFuture<'a, ReleaseOutcome>;

    /// What is known of a name; nothing if it is free.
    fn lookup<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, Option<NameRecord>>;

    /// The names of a scope that are not free, in the order of their bytes, at most `limit` of them and at most
    /// [`MAX_PAGE`], all behind `after`. A page shorter than that is the last one.
    fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&'a AgentName>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<NameRecord>>;

    /// For operators: frees a name at once, whoever has it and whatever holds it. Its claim id is fenced. The
    /// signature stays spent.
    fn evict<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, EvictOutcome>;
}
