//! `PostgresStore` against real servers.
//!
//! Most tests use the server at 127.0.0.1:5432 (database `test`, user `postgres`, no password), each in a schema of
//! its own, and fail where there is none. Those that kill a server, count its log or speak TLS with it start one of
//! their own in a temporary folder; run by root they run it as the user `postgres`.
//!
//! `REGISTRY_CRASH_ROUNDS` is how often something is killed, 3 if it is not set; 50 is the long form.

#![cfg(feature = "postgres")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod agent;
mod child;
mod clock;
mod cluster;
mod concurrency;
mod contract;
mod crash;
mod opening;
mod refusals;
mod schema;
mod tls;

/// How often something is killed.
fn crash_rounds() -> usize {
    std::env::var("REGISTRY_CRASH_ROUNDS").map_or(3, |text| text.parse().unwrap())
}
