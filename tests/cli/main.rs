//! The command `sts-agent-name`, run as a process of its own, against servers on loopback.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the tests of the metadata client use more of it")]
#[path = "../imds/server.rs"]
mod imds;

mod inspect;
mod presign;
#[allow(dead_code, reason = "the command uses more of it")]
#[path = "../../src/bin/sts-agent-name/inspect/rules.rs"]
mod rules;
mod run;
mod snapshots;
mod usage;
mod verify;
