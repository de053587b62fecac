//! The name of an AWS region.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use thiserror::Error;

/// A region name such as `eu-central-1`: lower-case words and a number, joined by hyphens, at most 32 bytes.
///
/// Holding one proves form only; whether the region has an endpoint is the table's word
/// ([`Endpoint::regional`](crate::Endpoint::regional)).
///
/// ```
/// use sts_agent_name::Region;
///
/// assert_eq!(Region::parse("us-gov-west-1")?.as_str(), "us-gov-west-1");
/// # Ok::<(), sts_agent_name::InvalidRegion>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Region(Cow<'static, str>);

impl Region {
    /// Longest name accepted, in bytes; the longest known one has fourteen.
    pub const MAX_LENGTH: usize = 32;

    /// Parses `text`, which must be one region name and nothing else.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::Region;
    ///
    /// for text in ["", "US-EAST-1", "us-east-", "us--east-1", "evil.org", "us-east-1\n", "us-1"] {
    ///     assert!(Region::parse(text).is_err());
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidRegion);
        }
        let (words, number) = text.rsplit_once('-').ok_or(InvalidRegion)?;
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        if is_number && words.contains('-') && words.split('-').all(is_word) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidRegion)
        }
    }

    pub(super) const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({})", self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The text is not a region name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a region name")]
#[non_exhaustive]
pub struct InvalidRegion;
