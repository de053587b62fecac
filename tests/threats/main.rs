//! What attackers do to verifiers of pre-signed URLs, one test a row.
//!
//! Each test carries its row's number: `t23_…` is row 23 of `fixtures/threats.md`, which is written from these
//! files. A row is tried through a public door, with the fixtures that carry its number and with the bytes by
//! which it is known.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod a_where;
mod b_what;
mod c_reply;
mod d_who;
mod e_replay;
mod f_denial;
mod setup;
mod table;
mod wire;
mod world;
