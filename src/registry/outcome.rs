//! What a store answers, and what it shows to operators.

use time::OffsetDateTime;

use super::text::{AgentType, NameOwner, Scope};
use crate::name::AgentName;

/// What became of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum ClaimOutcome {
    /// The signature was granted a claim before. The agent signs again and comes back.
    AlreadySpent,
    /// The name is this claim's.
    Granted {
        /// When the claim ends unless it is renewed, on the store's clock.
        lease_until: OffsetDateTime,
    },
    /// The name is another claim's, or held. The signature is not spent.
    Taken {
        /// From when the name can be had if nobody renews it, on the store's clock.
        free_at: OffsetDateTime,
    },
}

impl ClaimOutcome {
    /// A stable word for events and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadySpent => "already_spent",
            Self::Granted { .. } => "granted",
            Self::Taken { .. } => "name_taken",
        }
    }
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum RenewOutcome {
    /// The claim is over: released, taken over, evicted, or past its `free_at`. The agent registers anew.
    Fenced,
    /// The claim goes on.
    Renewed {
        /// When the claim ends unless it is renewed again, on the store's clock.
        lease_until: OffsetDateTime,
    },
}

impl RenewOutcome {
    /// A stable word for events and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Renewed { .. } => "renewed",
        }
    }
}

/// What became of a release.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum ReleaseOutcome {
    /// The claim was over before, as for [`RenewOutcome::Fenced`]. Nothing changed.
    Fenced,
    /// The claim is over now.
    Released {
        /// From when the name can be had, on the store's clock.
        free_at: OffsetDateTime,
    },
}

impl ReleaseOutcome {
    /// A stable word for events and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Released { .. } => "released",
        }
    }
}

/// What became of an eviction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum EvictOutcome {
    /// The name was somebody's or held, and is free now.
    Evicted,
    /// The name was free already.
    NotHeld,
}

/// What the registry knows of a name that is not free. It holds no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NameRecord {
    /// Where the name is unique.
    pub scope: Scope,
    /// The name.
    pub name: AgentName,
    /// The group of agents that the registration belongs to.
    pub agent_type: AgentType,
    /// Whose the name is or was last.
    pub owner: NameOwner,
    /// How far the claim has come.
    pub state: ClaimState,
    /// When the claim ends or ended unless it is renewed. Without meaning once released.
    pub lease_until: OffsetDateTime,
    /// From when somebody else can have the name.
    pub free_at: OffsetDateTime,
}

impl NameRecord {
    /// For stores of other crates.
    #[must_use]
    pub const fn new(
        scope: Scope,
        name: AgentName,
        agent_type: AgentType,
        owner: NameOwner,
        state: ClaimState,
        lease_until: OffsetDateTime,
        free_at: OffsetDateTime,
    ) -> Self {
        Self { scope, name, agent_type, owner, state, lease_until, free_at }
    }
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ClaimState {
    /// Granted and never renewed: it can be taken over, and it leaves no hold.
    Claimed,
    /// Given back.
    Released,
    /// Renewed at least once.
    Renewed,
}

impl ClaimState {
    /// The state that the two flags of a row make.
    pub(super) const fn of(renewed: bool, released: bool) -> Self {
        match (released, renewed) {
            (true, _) => Self::Released,
            (false, true) => Self::Renewed,
            (false, false) => Self::Claimed,
        }
    }
}
