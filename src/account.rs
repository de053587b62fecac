//! The twelve digits that name an AWS account.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// An AWS account ID: exactly twelve ASCII digits, leading zeros kept.
///
/// It is text, never a number: `012345678901` and `12345678901` are different things
/// ([account identifiers]).
///
/// [account identifiers]: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
///
/// ```
/// use sts_agent_name::AccountId;
///
/// let account = AccountId::parse("012345678901")?;
/// assert_eq!(account.to_string(), "012345678901");
/// # Ok::<(), sts_agent_name::InvalidAccountId>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId([u8; AccountId::LENGTH]);

impl AccountId {
    /// How many digits an account ID has.
    pub const LENGTH: usize = 12;

    /// Parses `text`, which must be twelve digits and nothing else.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::AccountId;
    ///
    /// for text in ["", "12345678901", "1234567890123", "12345678901x", " 23456789012"] {
    ///     assert!(AccountId::parse(text).is_err());
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidAccountId> {
        let digits: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| InvalidAccountId)?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Self(digits)) } else { Err(InvalidAccountId) }
    }

    /// The account with this number; numbers of more than twelve digits have none.
    ///
    /// Key IDs hold the number, not the text.
    pub(crate) fn from_number(mut number: u64) -> Option<Self> {
        let mut digits = [b'0'; Self::LENGTH];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).ok()?;
            number /= 10;
        }
        (number == 0).then_some(Self(digits))
    }

    /// The twelve digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.as_str())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

/// The text is not twelve digits.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("account ID is not twelve digits")]
#[non_exhaustive]
pub struct InvalidAccountId;

#[cfg(test)]
mod tests {
    use super::{AccountId, InvalidAccountId};

    #[test]
    fn only_twelve_ascii_digits_pass() {
        for text in ["", "12345678901", "1234567890123", "12345678901a", "+12345678901", "1234567890١"] {
            assert_eq!(AccountId::parse(text), Err(InvalidAccountId), "{text:?}");
        }
        assert_eq!(AccountId::parse("000000000000").map(|a| a.to_string()), Ok("000000000000".to_owned()));
    }

    #[test]
    fn a_number_keeps_its_leading_zeros() {
        assert_eq!(AccountId::from_number(7).map(|a| a.to_string()).as_deref(), Some("000000000007"));
        assert_eq!(
            AccountId::from_number(999_999_999_999).map(|a| a.to_string()).as_deref(),
            Some("999999999999")
        );
        assert_eq!(AccountId::from_number(1_000_000_000_000), None);
    }
}
