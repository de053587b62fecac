//! Who may call the local STS, and what it says of them.

use std::fmt;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// A caller that the local STS knows: its credentials and its identity.
///
/// Identities that STS cannot hold (an account of eleven digits, a role with a slash) are refused when the server
/// starts; to serve one, play [`Fault::Body`](super::Fault::Body). `Debug` leaves the secret and the token out.
#[derive(Clone)]
pub struct Principal {
    access_key_id: String,
    secret: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    partition: String,
    account: String,
    kind: Kind,
    unique_id: Option<String>,
    expires_at: Option<OffsetDateTime>,
}

#[derive(Clone, Debug)]
enum Kind {
    AssumedRole { role: String, session: String },
    FederatedUser { name: String },
    InstanceIdentity { instance_id: String },
    Root,
    User { path_and_name: String },
}

impl Principal {
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, the user ID `AROA…:SESSION`.
    #[must_use]
    pub fn assumed_role(
        access_key_id: &str,
        secret: &str,
        session_token: &str,
        account: &str,
        role: &str,
        session: &str,
    ) -> Self {
        let kind = Kind::AssumedRole { role: role.to_owned(), session: session.to_owned() };
        Self::new(access_key_id, secret, Some(session_token), account, kind)
    }

    /// The instance identity role: `arn:aws:sts::ACCOUNT:assumed-role/aws:ec2-instance/INSTANCE`.
    #[must_use]
    pub fn instance_identity(
        access_key_id: &str,
        secret: &str,
        session_token: &str,
        account: &str,
        instance_id: &str,
    ) -> Self {
        let kind = Kind::InstanceIdentity { instance_id: instance_id.to_owned() };
        Self::new(access_key_id, secret, Some(session_token), account, kind)
    }

    /// An IAM user with a long-term key: `arn:aws:iam::ACCOUNT:user/NAME`. The name may have a path before it.
    #[must_use]
    pub fn user(access_key_id: &str, secret: &str, account: &str, name: &str) -> Self {
        Self::new(access_key_id, secret, None, account, Kind::User { path_and_name: name.to_owned() })
    }

    /// A federated user: `arn:aws:sts::ACCOUNT:federated-user/NAME`.
    #[must_use]
    pub fn federated_user(
        access_key_id: &str,
        secret: &str,
        session_token: &str,
        account: &str,
        name: &str,
    ) -> Self {
        let kind = Kind::FederatedUser { name: name.to_owned() };
        Self::new(access_key_id, secret, Some(session_token), account, kind)
    }

    /// The account's root user, with a long-term key: `arn:aws:iam::ACCOUNT:root`.
    #[must_use]
    pub fn root(access_key_id: &str, secret: &str, account: &str) -> Self {
        Self::new(access_key_id, secret, None, account, Kind::Root)
    }

    fn new(access_key_id: &str, secret: &str, token: Option<&str>, account: &str, kind: Kind) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            session_token: token.map(|token| Zeroizing::new(token.to_owned())),
            partition: "aws".to_owned(),
            account: account.to_owned(),
            kind,
            unique_id: None,
            expires_at: None,
        }
    }

    /// Another partition than `aws`. The keys are unknown at the hosts of every other one.
    #[must_use]
    pub fn with_partition(mut self, partition: &str) -> Self {
        partition.clone_into(&mut self.partition);
        self
    }

    /// Another unique ID (`AROA…`, `AIDA…`) than the one made from account and name. A role that is deleted and
    /// made again has the same ARN and another one.
    #[must_use]
    pub fn with_role_id(mut self, role_id: &str) -> Self {
        self.unique_id = Some(role_id.to_owned());
        self
    }

    /// The moment from which on the credentials are answered with `ExpiredToken`.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: OffsetDateTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// The twelve digits of the account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The ARN that the local STS reports.
    #[must_use]
    pub fn arn(&self) -> String {
        let (partition, account) = (&self.partition, &self.account);
        match &self.kind {
            Kind::AssumedRole { role, session } => {
                format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
            }
            Kind::FederatedUser { name } => format!("arn:{partition}:sts::{account}:federated-user/{name}"),
            Kind::InstanceIdentity { instance_id } => {
                format!("arn:{partition}:sts::{account}:assumed-role/aws:ec2-instance/{instance_id}")
            }
            Kind::Root => format!("arn:{partition}:iam::{account}:root"),
            Kind::User { path_and_name } => format!("arn:{partition}:iam::{account}:user/{path_and_name}"),
        }
    }

    /// The user ID that the local STS reports.
    #[must_use]
    pub fn user_id(&self) -> String {
        let account = &self.account;
        match &self.kind {
            Kind::AssumedRole { role, session } => format!("{}:{session}", self.unique_id("AROA", role)),
            Kind::FederatedUser { name } => format!("{account}:{name}"),
            Kind::InstanceIdentity { instance_id } => format!("{account}:aws:ec2-instance:{instance_id}"),
            Kind::Root => account.clone(),
            Kind::User { path_and_name } => self.unique_id("AIDA", path_and_name),
        }
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }

    pub(super) fn partition(&self) -> &str {
        &self.partition
    }

    pub(super) fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Whether STS could hold this identity at all; the error names the part that it could not.
    pub(super) fn check_possible(&self) -> Result<(), &'static str> {
        let name = |text: &str, lengths: std::ops::RangeInclusive<usize>, more: &[u8]| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b) || more.contains(&b);
            lengths.contains(&text.len()) && text.bytes().all(allowed)
        };
        if self.account.len() != 12 || !self.account.bytes().all(|b| b.is_ascii_digit()) {
            return Err("account of a principal is not twelve digits");
        }
        if !self.partition.starts_with("aws") || !name(&self.partition, 3..=16, &[]) {
            return Err("partition of a principal is not one of AWS");
        }
        if !self.access_key_id.bytes().all(|b| b.is_ascii_alphanumeric()) || self.access_key_id.len() < 16 {
            return Err("access key ID of a principal is not 16 or more letters and digits");
        }
        if self.unique_id.as_ref().is_some_and(|id| !id.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err("role ID of a principal is not letters and digits");
        }
        match &self.kind {
            Kind::AssumedRole { role, .. } if !name(role, 1..=64, &[]) => Err("role name is not one of IAM"),
            Kind::AssumedRole { session, .. } if !name(session, 2..=64, &[]) => {
                Err("session name is not one of STS")
            }
            Kind::FederatedUser { name: user } if !name(user, 2..=32, &[]) => {
                Err("federated user's name is not one of STS")
            }
            Kind::InstanceIdentity { instance_id } if !instance_id.starts_with("i-") => {
                Err("instance ID does not start with i-")
            }
            Kind::InstanceIdentity { instance_id } if !name(instance_id, 10..=19, &[]) => {
                Err("instance ID is not one of EC2")
            }
            Kind::User { path_and_name } if !name(path_and_name, 1..=576, b"/") => {
                Err("user name is not one of IAM")
            }
            _ => Ok(()),
        }
    }

    /// The given ID, or one made from the account and `name`.
    ///
    /// Shaped as IAM's are since 2019: base32, whose first 48 bits hold a set bit, the account and seven more.
    fn unique_id(&self, prefix: &str, name: &str) -> String {
        if let Some(id) = &self.unique_id {
            return id.clone();
        }
        let hash = Sha256::digest(format!("{}\n{}\n{name}", self.account, self.partition));
        let random = hash.iter().fold(0_u128, |bits, &byte| (bits << 8) | u128::from(byte));
        let account = self.account.parse::<u128>().unwrap_or(0) & ((1 << 40) - 1);
        // 85 bits for 17 characters: 1 set, 40 of the account, 44 of the hash.
        let bits = (1 << 84) | (account << 44) | (random & ((1 << 44) - 1));
        let letters = (0..17).rev().map(|place| {
            let digit = (bits >> (place * 5)) & 31;
            BASE32.chars().nth(usize::try_from(digit).unwrap_or(0)).unwrap_or('A')
        });
        prefix.chars().chain(letters).collect()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("access_key_id", &self.access_key_id)
            .field("partition", &self.partition)
            .field("account", &self.account)
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::Principal;

    fn role(account: &str, role: &str) -> Principal {
        Principal::assumed_role(
            "ASIAIOSFODNN7EXAMPLE",
            "secret",
            "token",
            account,
            role,
            "i-0123456789abcdef0",
        )
    }

    #[test]
    fn a_role_id_decodes_to_its_account() {
        for account in ["123456789012", "000000000001", "999999999999"] {
            let user_id = role(account, "ci").user_id();
            let (id, session) = user_id.split_once(':').unwrap();
            assert_eq!((id.len(), session), (21, "i-0123456789abcdef0"));
            let letters = id.strip_prefix("AROA").unwrap().chars();
            let digits = letters.map(|letter| u64::try_from(super::BASE32.find(letter).unwrap()).unwrap());
            let first_48 = digits.take(10).fold(0_u64, |bits, digit| (bits << 5) | digit) >> 2;
            assert_eq!((first_48 & 0x7fff_ffff_ff80) >> 7, account.parse::<u64>().unwrap());
        }
        assert_ne!(role("123456789012", "a").user_id(), role("123456789012", "b").user_id());
        assert_ne!(role("123456789012", "a").user_id(), role("123456789013", "a").user_id());
    }

    #[test]
    fn an_impossible_identity_is_named() {
        for (principal, want) in [
            (role("12345678901", "ci"), Err("account of a principal is not twelve digits")),
            (role("123456789012", "path/ci"), Err("role name is not one of IAM")),
            (role("123456789012", ""), Err("role name is not one of IAM")),
            (
                role("123456789012", "ci").with_partition("azure"),
                Err("partition of a principal is not one of AWS"),
            ),
            (role("123456789012", "ci"), Ok(())),
        ] {
            assert_eq!(principal.check_possible(), want, "{principal:?}");
        }
    }
}
