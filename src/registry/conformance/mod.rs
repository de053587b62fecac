//! The contract of a [`NameStore`], rule by rule, for whoever writes one.
//!
//! Each function checks one rule and panics where a store breaks it; [`all`] runs them all. Each makes scopes and
//! signatures of its own, so a store that is in use will do; they run one after the other, since they move the
//! clock.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use sts_agent_name::registry::{ManualClock, MemoryStore, conformance};
//!
//! let clock = ManualClock::new();
//! conformance::all(&MemoryStore::new().with_clock(&clock), &clock).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    reason = "a check fails by panicking"
)]

mod claims;
mod holds;
mod leases;
mod operators;
mod party;
mod spending;
mod texts;

use core::fmt;
use core::time::Duration;

pub use self::claims::*;
pub use self::holds::*;
pub use self::leases::*;
pub use self::operators::*;
pub use self::spending::*;
pub use self::texts::*;
use super::{ClaimId, ManualClock, NameStore, StoreFuture};
use crate::policy::SignatureId;

/// Moves the time of a store forwards. Between two moves the time may stand still or go on as it does.
///
/// A store whose clock cannot be moved moves its rows instead: every moment that it wrote down, back by as much.
pub trait ConformanceClock: fmt::Debug + Send + Sync {
    /// Lets `by` pass.
    fn advance(&self, by: Duration) -> StoreFuture<'_, ()>;
}

impl ConformanceClock for ManualClock {
    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            Self::advance(self, by);
            Ok(())
        })
    }
}

/// A signature that nobody ever made: the same for the same text.
#[must_use]
pub fn signature(text: &str) -> SignatureId {
    SignatureId::of(text)
}

/// A signature that no other call gives.
///
/// # Panics
///
/// The system gives no random bytes.
#[must_use]
pub fn fresh_signature() -> SignatureId {
    SignatureId::of(ClaimId::generate().unwrap().expose())
}

/// Checks every rule.
pub async fn all(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    a_free_name_is_granted(store, clock).await;
    a_running_claim_is_taken(store, clock).await;
    names_and_scopes_differ_by_every_byte(store, clock).await;
    a_claim_never_renewed_leaves_no_hold(store, clock).await;
    a_repeated_claim_id_is_granted_again(store, clock).await;
    a_claim_id_that_is_over_is_not_granted_again(store, clock).await;
    one_name_at_once_is_granted_once(store, clock).await;
    a_takeover_needs_owner_type_and_key(store, clock).await;
    a_takeover_fences_the_claim_before(store, clock).await;
    no_takeover_once_renewed_or_released(store, clock).await;
    a_refusal_writes_nothing(store, clock).await;

    a_grant_spends_the_signature(store, clock).await;
    a_refusal_spends_nothing(store, clock).await;
    spent_comes_before_taken(store, clock).await;
    a_spent_signature_stays_spent(store, clock).await;
    one_signature_at_once_leaves_one_claim(store, clock).await;
    one_claim_asked_for_twice_at_once_is_one_claim(store, clock).await;

    a_renewal_extends_lease_and_hold(store, clock).await;
    an_outage_shorter_than_the_hold_loses_nothing(store, clock).await;
    a_claim_past_its_free_at_is_fenced(store, clock).await;
    only_the_claim_itself_renews_and_releases(store, clock).await;
    a_late_release_leaves_the_next_claim_alone(store, clock).await;
    a_second_release_is_fenced(store, clock).await;
    spans_without_end_are_cut(store, clock).await;

    a_release_starts_the_hold(store, clock).await;
    a_release_without_hold_frees_at_once(store, clock).await;
    a_lost_lease_starts_the_hold(store, clock).await;
    the_last_owner_may_reclaim_where_it_is_allowed(store, clock).await;
    a_reclaim_waits_for_the_end_of_the_lease(store, clock).await;

    a_look_up_shows_what_is_not_free(store, clock).await;
    a_list_is_in_order_and_in_pages(store, clock).await;
    a_list_leaves_out_what_is_free(store, clock).await;
    an_eviction_frees_and_fences(store, clock).await;

    texts_are_kept_as_they_are(store, clock).await;
    wildcards_mean_themselves(store, clock).await;
    the_longest_texts_fit(store, clock).await;
}
