//! A second look at the instance, by whoever can ask EC2.

use core::fmt;
use core::pin::Pin;

use crate::account::AccountId;
use crate::endpoint::Region;
use crate::instance::InstanceId;

/// What a check is told: all of it confirmed by STS but the region.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InstanceFacts {
    /// The caller's account.
    pub account: AccountId,
    /// The instance that the caller says it is.
    pub instance: InstanceId,
    /// The region of the STS endpoint: a hint at where the instance runs, chosen by the agent.
    pub region: Region,
}

/// What a check found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InstanceVerdict {
    /// The instance is what it should be.
    Good,
    /// It is not: it does not run, is too old, is not in its group.
    Refused,
    /// EC2 could not be asked. Nobody is let in, and the agent may try again.
    Unknown,
}

/// What [`InstanceCheck::check`] returns.
pub type InstanceCheckFuture<'a> = Pin<Box<dyn Future<Output = InstanceVerdict> + Send + 'a>>;

/// Asked after STS has confirmed a caller and the policy has allowed it, before it is a verified agent.
///
/// There is no EC2 client in this crate; a closure around one will do:
///
/// ```
/// use sts_agent_name::server::{InstanceFacts, InstanceVerdict, Verifier};
///
/// # struct Ec2; impl Ec2 { async fn is_running(&self, _: &str) -> Result<bool, ()> { Ok(true) } }
/// # let ec2 = std::sync::Arc::new(Ec2);
/// let verifier = Verifier::builder()
///     .instance_check(move |facts: InstanceFacts| {
///         let ec2 = ec2.clone();
///         async move {
///             match ec2.is_running(facts.instance.as_str()).await {
///                 Ok(true) => InstanceVerdict::Good,
///                 Ok(false) => InstanceVerdict::Refused,
///                 Err(_) => InstanceVerdict::Unknown,
///             }
///         }
///     })
///     .build()?;
/// # Ok::<(), sts_agent_name::server::InvalidVerifier>(())
/// ```
///
/// Callers whose session is no instance (`any_session`) are not asked about.
pub trait InstanceCheck: Send + Sync {
    /// Looks at one instance. Time spent here counts in the verification's deadline.
    fn check(&self, facts: InstanceFacts) -> InstanceCheckFuture<'_>;
}

impl<F, T> InstanceCheck for F
where
    F: Fn(InstanceFacts) -> T + Send + Sync,
    T: Future<Output = InstanceVerdict> + Send + 'static,
{
    fn check(&self, facts: InstanceFacts) -> InstanceCheckFuture<'_> {
        Box::pin(self(facts))
    }
}

impl fmt::Debug for dyn InstanceCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceCheck")
    }
}
