//! The local STS, byte for byte, through a client that knows nothing of HTTP libraries.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod client;
mod connections;
mod faults;
mod setup;
