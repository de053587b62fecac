//! The ARNs that STS reports for a caller.
//!
//! ```text
//! arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0
//!     └ partition └ account              └ role   └ session
//! ```
//!
//! Each form of the [IAM identifiers] that `GetCallerIdentity` can answer with, and nothing else; nothing is
//! trimmed, folded or repaired.
//!
//! [IAM identifiers]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html

use core::fmt;
use core::ops::Range;

use thiserror::Error;

use crate::account::AccountId;
use crate::charset::{all_of, is_iam_name_byte, is_instance_id};
use crate::partition::Partition;

/// The role name that stands in an instance identity role's ARN. Its colon is in no role that can be made.
pub(crate) const INSTANCE_IDENTITY_ROLE: &str = "aws:ec2-instance";

/// The ARN of a caller.
///
/// Holding one proves form, not trust: account and role still need a policy's consent.
///
/// ```
/// use sts_agent_name::{Arn, ArnResource};
///
/// let arn = Arn::parse("arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0")?;
/// assert_eq!(arn.account().as_str(), "123456789012");
/// assert_eq!(arn.resource(), ArnResource::AssumedRole { role: "ci-agent", session: "i-0123456789abcdef0" });
/// # Ok::<(), sts_agent_name::InvalidArn>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Arn {
    text: Box<str>,
    partition: Partition,
    account: AccountId,
    form: Form,
}

/// Which form it has, and where its names stand in the text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Form {
    AssumedRole { role: Range<usize>, session: Range<usize> },
    FederatedUser { name: Range<usize> },
    InstanceIdentity { instance: Range<usize> },
    Root,
    User { name: Range<usize> },
}

/// What an [`Arn`] names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ArnResource<'a> {
    /// `assumed-role/Role/Session`: whoever may assume the role chooses the session's name.
    AssumedRole {
        /// The role's name; STS leaves its path out.
        role: &'a str,
        /// The session's name. EC2 puts the instance ID here.
        session: &'a str,
    },
    /// `federated-user/Name`.
    FederatedUser {
        /// The name given to `GetFederationToken`.
        name: &'a str,
    },
    /// `assumed-role/aws:ec2-instance/i-…`: the instance itself ([instance identity roles]).
    ///
    /// [instance identity roles]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html#ec2-instance-identity-roles
    InstanceIdentity {
        /// The instance ID.
        instance: &'a str,
    },
    /// `root`: the account's root user.
    Root,
    /// `user/path/Name`.
    User {
        /// The user's name without its path.
        name: &'a str,
    },
}

impl Arn {
    /// Shortest and longest ARN, in bytes ([`GetCallerIdentity`]).
    ///
    /// [`GetCallerIdentity`]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    pub const LENGTH: core::ops::RangeInclusive<usize> = 20..=2048;

    /// Parses `text`, which must be one ARN and nothing else.
    ///
    /// # Errors
    ///
    /// The first part at fault, reading left to right:
    ///
    /// ```
    /// use sts_agent_name::{Arn, InvalidArn};
    ///
    /// for (text, want) in [
    ///     ("arn:aws:s3::123456789012:bucket/x", InvalidArn::Service),
    ///     ("arn:AWS:sts::123456789012:assumed-role/r/ab", InvalidArn::Partition),
    ///     ("arn:aws:sts::12345678901:assumed-role/r/ab", InvalidArn::Account),
    ///     ("arn:aws:sts::123456789012:assumed-role/path/r/ab", InvalidArn::Resource),
    ///     ("arn:aws:sts::123456789012:assumed-role/r/a", InvalidArn::Session),
    /// ] {
    ///     assert_eq!(Arn::parse(text), Err(want), "{text}");
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        if !Self::LENGTH.contains(&text.len()) {
            return Err(InvalidArn::Form);
        }
        // Five separators at fixed places; later colons belong to the resource, which refuses them itself.
        let rest = text.strip_prefix("arn:").ok_or(InvalidArn::Form)?;
        let (partition, rest) = cut(rest, b':').ok_or(InvalidArn::Form)?;
        let (service, rest) = cut(rest, b':').ok_or(InvalidArn::Form)?;
        let rest = rest.strip_prefix(':').ok_or(InvalidArn::Form)?;
        let (account, resource) = cut(rest, b':').ok_or(InvalidArn::Form)?;
        let partition = partition.parse().map_err(|_| InvalidArn::Partition)?;
        let account = AccountId::parse(account).map_err(|_| InvalidArn::Account)?;
        let start = text.len() - resource.len();
        let form = match service {
            "sts" => sts_form(resource, start)?,
            "iam" => iam_form(resource, start)?,
            _ => return Err(InvalidArn::Service),
        };
        Ok(Self { text: text.into(), partition, account, form })
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition that the ARN names.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The account that the ARN names.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// What the ARN names.
    #[must_use]
    pub fn resource(&self) -> ArnResource<'_> {
        match &self.form {
            Form::AssumedRole { role, session } => {
                ArnResource::AssumedRole { role: self.part(role), session: self.part(session) }
            }
            Form::FederatedUser { name } => ArnResource::FederatedUser { name: self.part(name) },
            Form::InstanceIdentity { instance } => {
                ArnResource::InstanceIdentity { instance: self.part(instance) }
            }
            Form::Root => ArnResource::Root,
            Form::User { name } => ArnResource::User { name: self.part(name) },
        }
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// `assumed-role/…` and `federated-user/…`; `start` is where the resource begins in the whole text.
fn sts_form(resource: &str, start: usize) -> Result<Form, InvalidArn> {
    let end = start + resource.len();
    if let Some(name) = resource.strip_prefix("federated-user/") {
        require(is_federated_name(name), || InvalidArn::Resource)?;
        return Ok(Form::FederatedUser { name: end - name.len()..end });
    }
    let rest = resource.strip_prefix("assumed-role/").ok_or(InvalidArn::Resource)?;
    let (role, session) = cut(rest, b'/').ok_or(InvalidArn::Resource)?;
    // No session has a slash, so with one this is another kind of resource.
    let not_a_session = || if session.contains('/') { InvalidArn::Resource } else { InvalidArn::Session };
    if role == INSTANCE_IDENTITY_ROLE {
        require(is_instance_id(session), not_a_session)?;
        return Ok(Form::InstanceIdentity { instance: end - session.len()..end });
    }
    require(is_name(role, 1, 64), || InvalidArn::Role)?;
    require(is_session_name(session), not_a_session)?;
    let role_start = end - rest.len();
    Ok(Form::AssumedRole { role: role_start..role_start + role.len(), session: end - session.len()..end })
}

/// `root` and `user/path/name`.
fn iam_form(resource: &str, start: usize) -> Result<Form, InvalidArn> {
    if resource == "root" {
        return Ok(Form::Root);
    }
    let path_and_name = resource.strip_prefix("user/").ok_or(InvalidArn::Resource)?;
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    // A path is at most 512 printable characters between slashes.
    let well_formed = is_name(name, 1, 64) && all_of(path.as_bytes(), 0, 510, |b| b.is_ascii_graphic());
    require(well_formed, || InvalidArn::Resource)?;
    let end = start + resource.len();
    Ok(Form::User { name: end - name.len()..end })
}

/// `[A-Za-z0-9_+=,.@-]`, 2 to 64 of them ([`AssumeRole`]).
///
/// [`AssumeRole`]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
pub(crate) fn is_session_name(text: &str) -> bool {
    is_name(text, 2, 64)
}

/// The same alphabet, 2 to 32 ([`GetFederationToken`]).
///
/// [`GetFederationToken`]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
pub(crate) fn is_federated_name(text: &str) -> bool {
    is_name(text, 2, 32)
}

fn is_name(text: &str, min: usize, max: usize) -> bool {
    all_of(text.as_bytes(), min, max, is_iam_name_byte)
}

/// What stands before and behind the first `separator`. Byte by byte: the pieces are shorter than a search is worth.
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let (before, rest) = text.split_at_checked(text.bytes().position(|byte| byte == separator)?)?;
    Some((before, rest.get(1..)?))
}

fn require(holds: bool, otherwise: impl FnOnce() -> InvalidArn) -> Result<(), InvalidArn> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arn({})", self.text)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Which part keeps a text from being a caller's ARN. Never carries the text itself.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidArn {
    /// The account is not twelve digits.
    #[error("account in ARN is not twelve digits")]
    Account,
    /// The text is not `arn:…:…::…:…` with exactly those separators, or not 20 to 2048 bytes long.
    #[error("not an ARN")]
    Form,
    /// The partition is not one this crate knows.
    #[error("unknown partition in ARN")]
    Partition,
    /// The resource is none that STS reports, or its name is out of its grammar.
    #[error("resource in ARN is not a caller")]
    Resource,
    /// The role name is empty, too long or has a character that IAM forbids.
    #[error("invalid role name in ARN")]
    Role,
    /// The service is neither `sts` nor `iam`.
    #[error("service in ARN is neither sts nor iam")]
    Service,
    /// The session name is too short, too long or has a character that STS forbids.
    #[error("invalid session name in ARN")]
    Session,
}

#[cfg(test)]
mod tests {
    use super::{Arn, ArnResource, InvalidArn};

    #[test]
    fn each_wrong_part_is_named() {
        use InvalidArn::{Account, Form, Partition, Resource, Role, Service, Session};
        let long_role = format!("arn:aws:sts::123456789012:assumed-role/{}/ab", "r".repeat(65));
        let long_session = format!("arn:aws:sts::123456789012:assumed-role/r/{}", "s".repeat(65));
        let long_path = format!("arn:aws:iam::123456789012:user/{}/ann", "p".repeat(511));
        let too_long = format!("arn:aws:iam::123456789012:user/{}", "p".repeat(2048));
        for (text, want) in [
            ("", Form),
            ("arn:aws:sts::12345678", Form),
            ("arn:aws:sts:us-east-1:123456789012:assumed-role/r/ab", Form),
            ("ARN:aws:sts::123456789012:assumed-role/r/ab", Form),
            (&too_long, Form),
            ("arn:aws-xx:sts::123456789012:assumed-role/r/ab", Partition),
            ("arn:aws:sts::12345678901２:assumed-role/r/ab", Account),
            ("arn:aws:sts::.+:assumed-role/role/ab", Account),
            ("arn:aws:s3::123456789012:assumed-role/r/ab", Service),
            ("arn:aws:iam::123456789012:assumed-role/r/ab", Resource),
            ("arn:aws:iam::123456789012:role/conjur-role", Resource),
            ("arn:aws:iam::123456789012:user/", Resource),
            (&long_path, Resource),
            ("arn:aws:sts::123456789012:user/ann", Resource),
            ("arn:aws:sts::123456789012:federated-user/a", Resource),
            ("arn:aws:sts::123456789012:federated-user/a/b", Resource),
            ("arn:aws:sts::123456789012:assumed-role/path/r/ab", Resource),
            ("arn:aws:sts::123456789012:assumed-role/r", Resource),
            ("arn:aws:sts::123456789012:assumed-role//ab", Role),
            ("arn:aws:sts::123456789012:assumed-role/r:s/ab", Role),
            ("arn:aws:sts::123456789012:assumed-role/aws:ec2-instance2/i-0123456789abcdef0", Role),
            (&long_role, Role),
            ("arn:aws:sts::123456789012:assumed-role/r/a", Session),
            ("arn:aws:sts::123456789012:assumed-role/r/ab:x", Session),
            ("arn:aws:sts::123456789012:assumed-role/r/ab\n", Session),
            ("arn:aws:sts::123456789012:assumed-role/aws:ec2-instance/ab", Session),
            (&long_session, Session),
        ] {
            assert_eq!(Arn::parse(text), Err(want), "{text:?}");
        }
    }

    #[test]
    fn each_form_gives_its_parts() {
        for (text, want) in [
            ("arn:aws:iam::123456789012:root", ArnResource::Root),
            ("arn:aws:iam::123456789012:user/ann", ArnResource::User { name: "ann" }),
            ("arn:aws:iam::123456789012:user/a&b/c/ann", ArnResource::User { name: "ann" }),
            ("arn:aws-cn:sts::123456789012:federated-user/bob", ArnResource::FederatedUser { name: "bob" }),
            (
                "arn:aws-us-gov:sts::123456789012:assumed-role/aws:ec2-instance/i-0123456789abcdef0",
                ArnResource::InstanceIdentity { instance: "i-0123456789abcdef0" },
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/ec2-instance/me@example.com",
                ArnResource::AssumedRole { role: "ec2-instance", session: "me@example.com" },
            ),
        ] {
            let arn = Arn::parse(text);
            assert_eq!(arn.as_ref().map(Arn::resource), Ok(want), "{text}");
            assert_eq!(arn.map(|arn| arn.to_string()).as_deref(), Ok(text));
        }
    }
}
