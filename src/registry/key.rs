//! The text by which an agent shows that a repeated registration is its own.

use core::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::charset::all_of;
use crate::secret::SecretText;

/// A random text that an agent chose for one registration and sends again when it heard no answer.
///
/// It is what allows a takeover (see [`NameStore::claim`](super::NameStore::claim)): an owner alone is not enough,
/// since a job left behind on the instance can prove the same owner. 16 to 128 bytes of visible ASCII; at least
/// 128 random bits are wanted, for example as 22 base64url characters, and a length alone cannot tell.
///
/// # Security Warning
///
/// Whoever holds the text and can prove the owner can take a claim over until it is first renewed. `Debug` shows
/// nothing of it, and stores keep its [`fingerprint`](Self::fingerprint) only.
pub struct RegistrationKey(SecretText);

impl RegistrationKey {
    /// Shortest key, in bytes.
    pub const MIN_LENGTH: usize = 16;
    /// Longest key, in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// Takes `text` as it is.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::registry::RegistrationKey;
    ///
    /// for text in ["", "too-short", "with a blank inside", &"k".repeat(129)] {
    ///     assert!(RegistrationKey::parse(text).is_err());
    /// }
    /// # assert!(RegistrationKey::parse("oY3vX0pQm1sT8uKd2wZb4g").is_ok());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrationKey> {
        if !all_of(text.as_bytes(), Self::MIN_LENGTH, Self::MAX_LENGTH, |byte| byte.is_ascii_graphic()) {
            return Err(InvalidRegistrationKey);
        }
        let mut secret = SecretText::with_capacity(text.len());
        secret.push_str(text);
        Ok(Self(secret))
    }

    /// SHA-256 of the text: what stores keep and compare.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }
}

impl fmt::Debug for RegistrationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistrationKey(** redacted **)")
    }
}

/// The text is not 16 to 128 visible ASCII characters.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("registration key is not 16 to 128 visible ASCII characters")]
#[non_exhaustive]
pub struct InvalidRegistrationKey;

#[cfg(test)]
mod tests {
    use super::RegistrationKey;

    #[test]
    fn debug_shows_nothing() {
        let key = RegistrationKey::parse("oY3vX0pQm1sT8uKd2wZb4g").unwrap();
        assert_eq!(format!("{key:?}"), "RegistrationKey(** redacted **)");
    }
}
