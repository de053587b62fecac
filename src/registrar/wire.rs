//! The two written forms of the settings.

use core::fmt;
use core::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::settings::{InvalidSettings, NameAssignment, NameRelease, NameSettings};
use crate::account::AccountId;

/// A struct that is read from named fields only. Serde's derive takes a bare list of values as well, in which a
/// reader of the settings would look for names in vain.
#[derive(Serialize)]
#[serde(transparent)]
struct Named<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Named)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Our own form.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OwnForm {
    assignment: OwnAssignment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name_template: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    release_after_seconds: u64,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum OwnAssignment {
    Agent,
    AwsSts,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}

fn accounts_of(texts: &[String]) -> Result<Vec<AccountId>, InvalidSettings> {
    texts.iter().map(|text| AccountId::parse(text).map_err(|_| InvalidSettings::Accounts)).collect()
}

impl TryFrom<OwnForm> for NameSettings {
    type Error = InvalidSettings;

    fn try_from(form: OwnForm) -> Result<Self, Self::Error> {
        let OwnForm { assignment, accounts, roles, name_template, release_after_seconds } = form;
        let assignment = match (assignment, accounts, roles, name_template) {
            (OwnAssignment::Agent, None, None, None) => NameAssignment::Agent,
            (OwnAssignment::AwsSts, Some(accounts), Some(roles), name_template) => {
                NameAssignment::AwsSts { accounts: accounts_of(&accounts)?, roles, name_template }
            }
            _ => return Err(InvalidSettings::Assignment),
        };
        Self::new(assignment, NameRelease::of_seconds(release_after_seconds))
    }
}

impl From<&NameSettings> for OwnForm {
    fn from(settings: &NameSettings) -> Self {
        let release_after_seconds = settings.release.seconds();
        match settings.assignment.clone() {
            NameAssignment::Agent => Self {
                assignment: OwnAssignment::Agent,
                accounts: None,
                roles: None,
                name_template: None,
                release_after_seconds,
            },
            NameAssignment::AwsSts { accounts, roles, name_template } => Self {
                assignment: OwnAssignment::AwsSts,
                accounts: Some(accounts.iter().map(ToString::to_string).collect()),
                roles: Some(roles),
                name_template,
                release_after_seconds,
            },
        }
    }
}

impl<'de> Deserialize<'de> for NameSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Named::<OwnForm>::deserialize(deserializer)?.0.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for NameSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OwnForm::from(self).serialize(serializer)
    }
}

/// Settings in the form that Semaphore's API gives and takes.
///
/// ```
/// use sts_agent_name::registrar::{NameSettings, SemaphoreSettings};
///
/// let theirs: SemaphoreSettings = serde_json::from_str(r#"{
///     "assignment_origin": "ASSIGNMENT_ORIGIN_AWS_STS",
///     "release_after": 3600,
///     "aws": { "account_id": "123456789012", "role_name_patterns": "ci-agent,ci-agent-*" }
/// }"#)?;
/// let ours: NameSettings = theirs.into();
/// # let _ = ours;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SemaphoreSettings(NameSettings);

impl From<SemaphoreSettings> for NameSettings {
    fn from(settings: SemaphoreSettings) -> Self {
        settings.0
    }
}

impl TryFrom<NameSettings> for SemaphoreSettings {
    type Error = InvalidSettings;

    /// Fails for what Semaphore's form cannot say: more than one account, or a name template.
    fn try_from(settings: NameSettings) -> Result<Self, Self::Error> {
        match &settings.assignment {
            NameAssignment::AwsSts { name_template: Some(_), .. } => Err(InvalidSettings::NotSemaphore),
            NameAssignment::AwsSts { accounts, .. } if accounts.len() != 1 => {
                Err(InvalidSettings::NotSemaphore)
            }
            _ => Ok(Self(settings)),
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SemaphoreForm {
    assignment_origin: SemaphoreOrigin,
    #[serde(default)]
    release_after: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aws: Option<Named<SemaphoreAws>>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum SemaphoreOrigin {
    #[serde(rename = "ASSIGNMENT_ORIGIN_AGENT")]
    Agent,
    #[serde(rename = "ASSIGNMENT_ORIGIN_AWS_STS")]
    AwsSts,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SemaphoreAws {
    account_id: String,
    role_name_patterns: String,
}

impl TryFrom<SemaphoreForm> for SemaphoreSettings {
    type Error = InvalidSettings;

    fn try_from(form: SemaphoreForm) -> Result<Self, Self::Error> {
        let assignment = match (form.assignment_origin, form.aws) {
            (SemaphoreOrigin::Agent, None) => NameAssignment::Agent,
            (SemaphoreOrigin::AwsSts, Some(Named(aws))) => NameAssignment::AwsSts {
                accounts: accounts_of(&[aws.account_id])?,
                roles: aws
                    .role_name_patterns
                    .split(',')
                    .map(|role| role.trim_matches([' ', '\t']).to_owned())
                    .collect(),
                name_template: None,
            },
            _ => return Err(InvalidSettings::Assignment),
        };
        NameSettings::new(assignment, NameRelease::of_seconds(form.release_after)).map(Self)
    }
}

impl<'de> Deserialize<'de> for SemaphoreSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Named::<SemaphoreForm>::deserialize(deserializer)?.0.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for SemaphoreSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let release_after = self.0.release.seconds();
        let (assignment_origin, aws) = match &self.0.assignment {
            NameAssignment::Agent => (SemaphoreOrigin::Agent, None),
            NameAssignment::AwsSts { accounts, roles, .. } => {
                let account_id = accounts.first().map(ToString::to_string).unwrap_or_default();
                let aws = SemaphoreAws { account_id, role_name_patterns: roles.join(",") };
                (SemaphoreOrigin::AwsSts, Some(Named(aws)))
            }
        };
        SemaphoreForm { assignment_origin, release_after, aws }.serialize(serializer)
    }
}
