//! Evidence that is used twice or elsewhere, and names that two want.

use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::LEASE;
use sts_agent_name::registry::{SPENT_LIFETIME, SWEEP_SPENT};
use sts_agent_name::{Audience, Endpoint};

use crate::common::local::{builder, credentials, now};
use crate::setup::{base, begin, plain_policy, plain_verifier, sts, verify_with, with};
use crate::world::{HOLD, World, code};

const KEY: &str = "oY3vX0pQm1sT8uKd2wZb4g";

/// A captured URL is sent again within its window.
#[tokio::test]
async fn t71_replay_in_window() {
    let world = World::new().await;
    let url = world.sign();
    let first = world.register(&url).await.expect("registered");
    let asked = world.sts.requests();
    assert_eq!(code(world.register(&url).await), "already_spent");
    assert_eq!(code(world.register_in("other", &url, Some(KEY)).await), "already_spent");
    assert_eq!(world.renew(&first).await, "done");
    assert_eq!(world.release(&first).await, "done");
    world.clock.advance(HOLD);
    // The name is free; the URL, still in STS's window, is not good any more.
    assert_eq!(code(world.register(&url).await), "already_spent");
    assert_eq!(world.sts.requests(), asked);
    assert!(SPENT_LIFETIME > Duration::from_mins(15 + 15));
}

/// A hostile server passes an agent's evidence on to the real one.
#[tokio::test]
async fn t72_replay_at_another_service() {
    let sts = sts().await;
    let hostile = Audience::new("hostile.example.com").expect("an audience");
    let ours = Audience::new("ci.example.com").expect("an audience");
    let presigner = Presigner::new(Endpoint::global()).with_audience(hostile.clone());
    let url = presigner.presign(&credentials(), now()).expect("signed");
    let at = async |audience: &Audience| {
        verify_with(builder(&sts).audience(audience.clone()), url.expose(), &plain_policy()).await
    };
    assert_eq!(at(&hostile).await, "verified");
    assert_eq!(at(&ours).await, "wrong_audience_or_signature");
}

/// The same signature under another spelling of the URL, so that a record by URL misses it.
#[tokio::test]
async fn t73_replay_with_an_unsigned_part_changed() {
    let (policy, verifier) = (plain_policy(), plain_verifier());
    let (evidence, now) = base();
    let signature = |text: &str| verifier.begin(text, &policy, now).expect("good").signature();
    let spellings = |text: &str| {
        let (start, query) = text.split_once('?').expect("a query");
        let reversed: Vec<&str> = query.split('&').rev().collect();
        [
            text.replace("%2F", "%2f"),
            text.replace("GetCallerIdentity", "GetCallerIdentit%79"),
            text.replace("amazonaws.com/?", "amazonaws.com?"),
            text.replace("Expires=900", "Expires=899"),
            format!("{start}?{}", reversed.join("&")),
        ]
    };
    for other in spellings(&evidence) {
        assert_ne!(other, evidence);
        assert_eq!(signature(&other), signature(&evidence), "{other}");
    }
    // Upper case would be another text for the same number; it is refused.
    let (_, digits) = evidence.rsplit_once('=').expect("a signature");
    assert_eq!(begin(&with(digits, &digits.to_ascii_uppercase())), "invalid_signature");
    assert_ne!(signature(&with(digits, &digits.replace('1', "2"))), signature(&evidence));
    let world = World::new().await;
    let url = world.sign();
    world.register(&url).await.expect("registered");
    for other in spellings(&url) {
        assert_eq!(code(world.register(&other).await), "already_spent", "{other}");
    }
}

/// A second register with the same evidence, while the first reply is on its way, takes the name over.
#[tokio::test]
async fn t74_theft_by_retry() {
    let world = World::new().await;
    let url = world.sign();
    let first = world.register_in("acme", &url, Some(KEY)).await.expect("registered");
    // The same evidence is spent, with the key or without; other evidence of the same machine needs the key.
    for key in [None, Some(KEY), Some("another-random-key-of-a-job")] {
        assert_eq!(code(world.register_in("acme", &url, key).await), "already_spent");
    }
    for key in [None, Some("another-random-key-of-a-job")] {
        assert_eq!(code(world.register_in("acme", &world.sign(), key).await), "name_taken");
    }
    assert_eq!(world.renew(&first).await, "done");
    // Once the agent has renewed, its reply was not lost, and the key opens nothing either.
    assert_eq!(code(world.register_in("acme", &world.sign(), Some(KEY)).await), "name_taken");
    assert_eq!(world.renew(&first).await, "done");
}

/// A name is freed before its hold has passed.
#[tokio::test]
async fn t75_hold_bypass() {
    let world = World::new().await;
    for released in [true, false] {
        let first = world.register(&world.sign()).await.expect("registered");
        assert_eq!(world.renew(&first).await, "done");
        let held = if released {
            assert_eq!(world.release(&first).await, "done");
            HOLD
        } else {
            LEASE + HOLD
        };
        // Not after the lease, not for the last owner, not by asking often.
        for seconds in [LEASE.as_secs() + 1, held.as_secs() - LEASE.as_secs() - 2] {
            world.clock.advance(Duration::from_secs(seconds));
            assert_eq!(code(world.register(&world.sign()).await), "name_taken");
        }
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(code(world.register(&world.sign()).await), "done");
}

/// Two claims of one name at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t76_two_claims_at_once() {
    let world = Arc::new(World::new().await);
    let attempts = (0..16).map(|_| {
        let (world, url) = (world.clone(), world.sign());
        tokio::spawn(async move { world.register(&url).await })
    });
    let (mut granted, mut refused) = (Vec::new(), Vec::new());
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.expect("done") {
            Ok(registered) => granted.push(registered),
            Err(error) => refused.push(error.code()),
        }
    }
    assert_eq!((granted.len(), refused), (1, vec!["name_taken"; 15]));
    assert_eq!(world.renew(&granted[0]).await, "done");
}

/// A release of an old session arrives after a new claim.
#[tokio::test]
async fn t77_late_release() {
    let world = World::new().await;
    let old = world.register(&world.sign()).await.expect("registered");
    // Never renewed, so its lease is all it had.
    world.clock.advance(LEASE);
    let new = world.register(&world.sign()).await.expect("registered");
    assert_eq!(old.name, new.name);
    assert_eq!((world.release(&old).await, world.renew(&old).await), ("fenced", "fenced"));
    assert_eq!(world.renew(&new).await, "done");
    assert_eq!(code(world.register(&world.sign()).await), "name_taken");
}

/// The clock steps back, and holds or records change their life.
#[tokio::test]
async fn t78_clock_step_back() {
    let world = World::new().await;
    let url = world.sign();
    let first = world.register(&url).await.expect("registered");
    assert_eq!((world.renew(&first).await, world.release(&first).await), ("done", "done"));
    world.clock.step_back(HOLD * 2);
    // A step back never frees a name early and never forgets a signature.
    assert_eq!(code(world.register(&world.sign()).await), "name_taken");
    assert_eq!(code(world.register(&url).await), "already_spent");
    world.clock.advance(HOLD * 2);
    assert_eq!(code(world.register(&world.sign()).await), "name_taken");
    world.clock.advance(HOLD);
    assert_eq!(code(world.register(&world.sign()).await), "done");
}

/// The record of used signatures is filled by an attacker.
#[tokio::test]
async fn t79_record_flood() {
    let world = World::new().await;
    // What STS does not confirm, and what gets no claim, leaves no row.
    for number in 0..20 {
        let url = world.sign();
        let (start, digits) = url.rsplit_once('=').expect("a signature");
        // Two digits that the signature does not begin with.
        let other = if digits.starts_with(&format!("{number:02}")) {
            "ff".to_owned()
        } else {
            format!("{number:02}")
        };
        let forged = format!("{start}={other}{}", &digits[2..]);
        assert_eq!(code(world.register(&forged).await), "signature_rejected");
    }
    assert_eq!(world.store.row_counts(), (0, 0));
    let holder = world.register(&world.sign()).await.expect("registered");
    for _ in 0..20 {
        assert_eq!(code(world.register(&world.sign()).await), "name_taken");
    }
    assert_eq!(world.store.row_counts(), (1, 1));
    // Rows past their life are swept by the claims that come after.
    assert_eq!(world.release(&holder).await, "done");
    for _ in 0..10 {
        world.clock.advance(SPENT_LIFETIME + HOLD);
        world.register(&world.sign()).await.expect("registered");
    }
    let (names, spent) = world.store.row_counts();
    assert!(names == 1 && spent <= SWEEP_SPENT, "{names} {spent}");
    // And there is an upper bound, at which nobody is let in rather than somebody twice.
    let full = World::with_store(|store| store.with_bounds(10, 1)).await;
    let first = full.sign();
    full.register_in("one", &first, None).await.expect("registered");
    assert_eq!(code(full.register_in("two", &full.sign(), None).await), "registry_unavailable");
    assert_eq!(code(full.register_in("two", &first, None).await), "already_spent");
}
