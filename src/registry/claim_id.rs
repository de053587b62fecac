//! The secret that fences a claim.

use core::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

use crate::charset::is_lower_hex;

/// Names one claim, and is the right to renew and to release it: 128 random bits.
///
/// The caller makes a fresh one for each registration, before it asks the store, and asks again with the same one
/// if the answer was lost. Two registrations never share one.
///
/// # Security Warning
///
/// Whoever holds the text can give the name away. `Debug` shows nothing of it, there is no `Display` and no serde,
/// and its bytes are overwritten when it is dropped. Stores keep its [`fingerprint`](Self::fingerprint) only, so
/// a copy of a database gives nobody a claim, and it is never listed.
///
/// ```
/// use sts_agent_name::registry::ClaimId;
///
/// let id = ClaimId::generate()?;
/// assert_eq!(format!("{id:?}"), "ClaimId(** redacted **)");
/// assert_eq!(ClaimId::parse(id.expose())?.fingerprint(), id.fingerprint());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClaimId(Zeroizing<String>);

impl ClaimId {
    /// Length of the text, in bytes.
    pub const LENGTH: usize = 32;

    /// A new one, from the system's source of randomness.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        random::fill(bytes.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(Self::LENGTH));
        for byte in bytes.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        Ok(Self(text))
    }

    /// Reads back what [`expose`](Self::expose) gave.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::registry::ClaimId;
    ///
    /// for text in ["", "0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdef\n"] {
    ///     assert!(ClaimId::parse(text).is_err());
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidClaimId> {
        if text.len() == Self::LENGTH && text.bytes().all(is_lower_hex) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(InvalidClaimId)
        }
    }

    /// The 32 lower-case hexadecimal digits.
    ///
    /// # Security Warning
    ///
    /// Give it to the agent it was made for and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: what stores keep and compare. It proves nothing.
    ///
    /// Comparing fingerprints needs no constant time: what the comparison leaks is about the hash of a random
    /// value, which helps nobody to the value.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimId(** redacted **)")
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("claim id is not 32 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidClaimId;

#[cfg(test)]
mod tests {
    use super::ClaimId;

    #[test]
    fn two_are_never_alike() {
        let (one, two) = (ClaimId::generate().unwrap(), ClaimId::generate().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert!(ClaimId::parse(one.expose()).is_ok());
    }
}
