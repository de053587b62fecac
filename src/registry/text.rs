//! The texts that a row of the registry holds: scope, agent type and owner.

use core::fmt;

use thiserror::Error;

use crate::charset::all_of;

/// Where names must differ: an organization, a tenant, a pool. The same name may be held once in each scope.
///
/// 1 to 128 bytes of visible ASCII; nothing is trimmed, folded or repaired.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(Box<str>);

impl Scope {
    /// Longest scope, in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// Takes `text` as it is.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::registry::Scope;
    ///
    /// for text in ["", "has blank", "nul\0", "line\n", "größe", &"s".repeat(129)] {
    ///     assert!(Scope::parse(text).is_err());
    /// }
    /// assert_eq!(Scope::parse("it's 100%;--".replace(' ', "_").as_str())?.as_str(), "it's_100%;--");
    /// # Ok::<(), sts_agent_name::registry::InvalidText>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        visible(text, Self::MAX_LENGTH, TextPart::Scope).map(Self)
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The group of agents that a registration belongs to: 1 to 128 bytes of visible ASCII.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AgentType(Box<str>);

impl AgentType {
    /// Longest agent type, in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// Takes `text` as it is.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::registry::AgentType;
    ///
    /// for text in ["", "s1 linux", "s1\u{7f}", &"t".repeat(129)] {
    ///     assert!(AgentType::parse(text).is_err());
    /// }
    /// # assert!(AgentType::parse("s1-linux").is_ok());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        visible(text, Self::MAX_LENGTH, TextPart::AgentType).map(Self)
    }

    /// The agent type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whose a name is, as the registry compares it: 1 to 512 bytes of visible ASCII, no secret.
///
/// For a verified agent this is the text of its [`Owner`](crate::policy::Owner). For a name that an agent chose,
/// whoever takes the registration makes the owner up, in a form that no `Owner` has.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NameOwner(Box<str>);

impl NameOwner {
    /// Longest owner, in bytes. The parts of a caller identity come to less.
    pub const MAX_LENGTH: usize = 512;

    /// Takes `text` as it is.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::registry::NameOwner;
    ///
    /// for text in ["", "a b", "a\tb", &"o".repeat(513)] {
    ///     assert!(NameOwner::parse(text).is_err());
    /// }
    /// # assert!(NameOwner::parse("aws/123456789012/aws:ec2-instance/i-0123456789abcdef0").is_ok());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        visible(text, Self::MAX_LENGTH, TextPart::Owner).map(Self)
    }

    /// The owner as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that the registry does not take. Never carries the text itself.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{part} is not 1 to {max} visible ASCII characters")]
pub struct InvalidText {
    part: TextPart,
    max: usize,
}

impl InvalidText {
    /// Which text it is.
    #[must_use]
    pub const fn part(&self) -> TextPart {
        self.part
    }
}

/// One of the texts of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TextPart {
    /// An [`AgentType`].
    AgentType,
    /// A [`NameOwner`].
    Owner,
    /// A [`Scope`].
    Scope,
}

impl fmt::Display for TextPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AgentType => "agent type",
            Self::Owner => "owner",
            Self::Scope => "scope",
        })
    }
}

/// Visible ASCII means the same to every database: one collation, one length, no NUL that a driver cuts at.
fn visible(text: &str, max: usize, part: TextPart) -> Result<Box<str>, InvalidText> {
    // The length is looked at first, so a long text costs nothing.
    if all_of(text.as_bytes(), 1, max, |byte| byte.is_ascii_graphic()) {
        Ok(text.into())
    } else {
        Err(InvalidText { part, max })
    }
}

#[cfg(test)]
mod tests {
    use super::{AgentType, NameOwner, Scope};

    #[test]
    fn the_error_names_the_part_and_not_the_text() {
        let secret = "hush hush";
        let texts = [
            Scope::parse(secret).unwrap_err().to_string(),
            AgentType::parse(secret).unwrap_err().to_string(),
            NameOwner::parse(secret).unwrap_err().to_string(),
        ];
        assert_eq!(
            texts,
            [
                "scope is not 1 to 128 visible ASCII characters",
                "agent type is not 1 to 128 visible ASCII characters",
                "owner is not 1 to 512 visible ASCII characters",
            ]
        );
    }

    #[test]
    fn each_byte_is_in_or_out() {
        for byte in 0..=127u8 {
            let text = format!("a{}", char::from(byte));
            assert_eq!(Scope::parse(&text).is_ok(), (0x21..=0x7e).contains(&byte), "{text:?}");
        }
    }
}
