//! Nothing that can be printed holds a secret: `Debug`, `Display`, chains of errors, panics, events and log records
//! of this crate and of all that it uses, the local STS included.
//!
//! Each test has a control, which shows that it looked where a secret would have been.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod events;
mod setup;
mod values;
