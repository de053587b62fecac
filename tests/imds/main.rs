//! The IMDS client against a local IMDS that answers with recorded shapes and with every fault we could think of.

#![cfg(feature = "imds")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod environment;
mod faults;
mod provider;
mod road;
#[cfg(feature = "aws-config")]
mod sdk;
mod secrets;
mod server;
mod token;
