//! Random bytes from the system.

use thiserror::Error;

/// Fills `buffer` from the system's source of randomness.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(buffer).map_err(|_| NoRandomness)
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the system gave no random bytes")]
#[non_exhaustive]
pub struct NoRandomness;
