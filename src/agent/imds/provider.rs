//! IMDS as a source of credentials for [`Presigner::presign_from`](crate::agent::Presigner::presign_from).

use core::fmt;
use core::time::Duration;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::{Imds, ImdsError, ImdsStep};

pub(super) const INSTANCE_IDENTITY: &str = "ImdsInstanceIdentity";
pub(super) const INSTANCE_PROFILE: &str = "ImdsInstanceProfile";

/// IMDS has new credentials at least five minutes before the old ones end ([security credentials]).
///
/// [security credentials]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
const AHEAD: Duration = Duration::from_mins(5);

/// The instance identity role as a provider of credentials. They are kept until five minutes before they end;
/// should IMDS fail then, they are used to their end.
///
/// Its principal, `assumed-role/aws:ec2-instance/i-…`, can be assumed by nobody.
#[derive(Debug)]
pub struct InstanceIdentity(Cached);

impl InstanceIdentity {
    /// Takes the credentials from `imds`. Fetches nothing yet.
    #[must_use]
    pub fn new(imds: Imds) -> Self {
        Self(Cached::new(imds, ImdsStep::InstanceIdentity))
    }
}

impl ProvideCredentials for InstanceIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.provide()
    }
}

/// The role in the instance profile as a provider of credentials. They are kept until five minutes before they
/// end; should IMDS fail then, they are used to their end.
#[derive(Debug)]
pub struct InstanceProfile(Cached);

impl InstanceProfile {
    /// Takes the credentials from `imds`. Fetches nothing yet.
    #[must_use]
    pub fn new(imds: Imds) -> Self {
        Self(Cached::new(imds, ImdsStep::ProfileCredentials))
    }
}

impl ProvideCredentials for InstanceProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.provide()
    }
}

struct Cached {
    imds: Imds,
    what: ImdsStep,
    kept: Mutex<Option<Credentials>>,
}

impl Cached {
    fn new(imds: Imds, what: ImdsStep) -> Self {
        Self { imds, what, kept: Mutex::new(None) }
    }

    fn provide(&self) -> future::ProvideCredentials<'_> {
        future::ProvideCredentials::new(async {
            self.get().await.map_err(|error| match error {
                ImdsError::Disabled | ImdsError::NoInstanceProfile | ImdsError::Unreachable { .. } => {
                    CredentialsError::not_loaded(error)
                }
                other => CredentialsError::provider_error(other),
            })
        })
    }

    async fn get(&self) -> Result<Credentials, ImdsError> {
        let Ok(mut kept) = timeout_at(self.imds.deadline(), self.kept.lock()).await else {
            return Err(ImdsError::Timeout { step: self.what });
        };
        if let Some(credentials) = kept.as_ref().filter(|it| lasts(it, AHEAD)) {
            return Ok(credentials.clone());
        }
        let fetched = match self.what {
            ImdsStep::InstanceIdentity => self.imds.instance_identity_credentials().await,
            _ => self.imds.instance_profile_credentials().await,
        };
        match (fetched, kept.as_ref().filter(|it| lasts(it, Duration::ZERO))) {
            (Ok(fresh), _) => Ok(kept.insert(fresh).clone()),
            (Err(error), Some(old)) => {
                tracing::warn!(step = %self.what, error = %error, "no new credentials; the old ones last a little");
                Ok(old.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("imds", &self.imds).field("what", &self.what).finish_non_exhaustive()
    }
}

/// Whether there is more than `left` to the end of `credentials`.
#[expect(clippy::disallowed_methods, reason = "`ProvideCredentials` has no room for the time")]
fn lasts(credentials: &Credentials, left: Duration) -> bool {
    credentials.expiry().is_some_and(|ends| ends > SystemTime::now() + left)
}
