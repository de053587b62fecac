//! The ID of an EC2 instance.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::charset::is_instance_id;

/// An EC2 instance ID: `i-` and 8 or 17 lower-case hexadecimal digits ([EC2 resource IDs]).
///
/// Holding one proves form only. In an assumed-role session the ID is the session's *name*, which anyone who
/// may assume the role can choose; in an instance identity role nobody can.
///
/// [EC2 resource IDs]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
///
/// ```
/// use sts_agent_name::InstanceId;
///
/// assert_eq!(InstanceId::parse("i-0123456789abcdef0")?.as_str(), "i-0123456789abcdef0");
/// # Ok::<(), sts_agent_name::InvalidInstanceId>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InstanceId(Box<str>);

impl InstanceId {
    /// Parses `text`, which must be one instance ID and nothing else.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::InstanceId;
    ///
    /// for text in ["", "i-", "i-0123", "i-0123456789ABCDEF0", "mi-0123456789abcdef0", "i-0123456789abcdef0 "] {
    ///     assert!(InstanceId::parse(text).is_err());
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidInstanceId> {
        if is_instance_id(text) { Ok(Self(text.into())) } else { Err(InvalidInstanceId) }
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({})", self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for InstanceId {
    type Err = InvalidInstanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The text is not `i-` and 8 or 17 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not an EC2 instance ID")]
#[non_exhaustive]
pub struct InvalidInstanceId;

#[cfg(test)]
mod tests {
    use super::InstanceId;

    #[test]
    fn both_lengths_pass_and_nothing_between() {
        for (text, good) in [
            ("i-01234567", true),
            ("i-0123456789abcdef0", true),
            ("i-0123456", false),
            ("i-012345678", false),
            ("i-0123456789abcdef", false),
            ("i-0123456789abcdef01", false),
            ("i-0123456789abcdeg0", false),
            ("I-0123456789abcdef0", false),
            ("i-0123456789abcdef0\n", false),
        ] {
            assert_eq!(InstanceId::parse(text).is_ok(), good, "{text:?}");
        }
    }
}
