//! The user ID that STS reports beside an ARN.
//!
//! ```text
//! AROA…:session                      a session of a role
//! <account>:aws:ec2-instance:i-…     an instance identity role
//! <account>:name                     a federated user
//! AIDA…                              a user
//! <account>                          the root user
//! ```
//!
//! See the [principal table] of the IAM guide.
//!
//! [principal table]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable

use crate::access_key::is_unique_id;
use crate::account::AccountId;
use crate::arn::{Arn, ArnResource, INSTANCE_IDENTITY_ROLE, cut, is_federated_name, is_session_name};
use crate::charset::is_instance_id;

/// A user ID, by its form.
pub(super) enum UserId<'a> {
    FederatedUser { account: AccountId, name: &'a str },
    InstanceIdentity { account: AccountId, instance: &'a str },
    RoleSession { session: &'a str },
    Root { account: AccountId },
    User,
}

impl<'a> UserId<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let Some((owner, rest)) = cut(text, b':') else {
            return match AccountId::parse(text) {
                Ok(account) => Some(Self::Root { account }),
                Err(_) => is_unique_id(text, "AIDA").then_some(Self::User),
            };
        };
        let Ok(account) = AccountId::parse(owner) else {
            let well_formed = is_unique_id(owner, "AROA") && is_session_name(rest);
            return well_formed.then_some(Self::RoleSession { session: rest });
        };
        match rest.strip_prefix(INSTANCE_IDENTITY_ROLE).and_then(|rest| rest.strip_prefix(':')) {
            Some(instance) => {
                is_instance_id(instance).then_some(Self::InstanceIdentity { account, instance })
            }
            None => is_federated_name(rest).then_some(Self::FederatedUser { account, name: rest }),
        }
    }

    /// Whether ARN and user ID name one caller; nobody but STS can make them agree.
    pub(super) fn agrees_with(&self, arn: &Arn) -> bool {
        match (self, arn.resource()) {
            (Self::RoleSession { session }, ArnResource::AssumedRole { session: named, .. }) => {
                *session == named
            }
            (
                Self::InstanceIdentity { account, instance },
                ArnResource::InstanceIdentity { instance: named },
            ) => *account == arn.account() && *instance == named,
            (Self::FederatedUser { account, name }, ArnResource::FederatedUser { name: named }) => {
                *account == arn.account() && *name == named
            }
            (Self::Root { account }, ArnResource::Root) => *account == arn.account(),
            (Self::User, ArnResource::User { .. }) => true,
            _ => false,
        }
    }
}
