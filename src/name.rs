//! The name of an agent.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::charset::all_of;
#[cfg(feature = "registry")]
use crate::random::NoRandomness;

/// An agent's name: 8 to 80 of `[A-Za-z0-9_/+-]`, whoever chose it.
///
/// ```
/// use sts_agent_name::AgentName;
///
/// assert_eq!(AgentName::parse("i-0123456789abcdef0")?.as_str(), "i-0123456789abcdef0");
/// # Ok::<(), sts_agent_name::InvalidAgentName>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AgentName(Box<str>);

impl AgentName {
    /// Shortest name, in bytes.
    pub const MIN_LENGTH: usize = 8;
    /// Longest name, in bytes.
    pub const MAX_LENGTH: usize = 80;

    /// Parses `text`, which must be one name and nothing else.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::AgentName;
    ///
    /// for text in ["", "seven-7", "has blank", "semi;colon", "ünïcödes", "https://sts.amazonaws.com/"] {
    ///     assert!(AgentName::parse(text).is_err());
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidAgentName> {
        if all_of(text.as_bytes(), Self::MIN_LENGTH, Self::MAX_LENGTH, is_name_byte) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAgentName)
        }
    }

    /// A name that nobody else has: 120 random bits as 20 base64url characters.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] if the system gives no random bytes.
    #[cfg(feature = "registry")]
    pub fn random() -> Result<Self, NoRandomness> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut random = [0; 20];
        crate::random::fill(&mut random)?;
        let letter = |byte: u8| ALPHABET.get(usize::from(byte & 63)).copied().map_or('-', char::from);
        Ok(Self(random.into_iter().map(letter).collect::<String>().into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `[A-Za-z0-9_/+-]`.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'+' | b'-')
}

impl fmt::Debug for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentName({})", self.0)
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AgentName {
    type Err = InvalidAgentName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The text is not 8 to 80 of `[A-Za-z0-9_/+-]`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("agent name is not 8 to 80 letters, digits, underscores, slashes, pluses and hyphens")]
#[non_exhaustive]
pub struct InvalidAgentName;

#[cfg(test)]
mod tests {
    use super::AgentName;

    #[test]
    fn length_and_alphabet_are_kept() {
        for (length, good) in [(7, false), (8, true), (80, true), (81, false)] {
            assert_eq!(AgentName::parse(&"a".repeat(length)).is_ok(), good, "{length}");
        }
        for byte in 0..=127u8 {
            let text = format!("aaaaaaa{}", char::from(byte));
            let good = byte.is_ascii_alphanumeric() || b"_/+-".contains(&byte);
            assert_eq!(AgentName::parse(&text).is_ok(), good, "{text:?}");
        }
    }

    #[cfg(feature = "registry")]
    #[test]
    fn a_random_name_draws_from_all_64_letters() {
        use std::collections::BTreeSet;
        let names: BTreeSet<AgentName> = (0..200).map(|_| AgentName::random().expect("randomness")).collect();
        assert_eq!(names.len(), 200);
        let letters: BTreeSet<char> = names.iter().flat_map(|name| name.as_str().chars()).collect();
        // 4,000 letters leave one out with a probability of 64 times (63/64)^4000, below 10^-25.
        assert_eq!(letters.len(), 64, "{letters:?}");
    }
}
