//! Where `GetCallerIdentity` may be asked: partitions, regions, hosts.
//!
//! ```text
//! sts.amazonaws.com                    global, signs for us-east-1
//! sts.<region>.<suffix>                regional
//! sts.<region>.<dual-stack suffix>     dual-stack
//! sts-fips.<region>.<suffix>           FIPS
//! ```

mod custom;
mod region;
mod set;
mod table;

use core::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use self::custom::InvalidEndpoint;
pub use self::region::{InvalidRegion, Region};
pub use self::set::EndpointSet;
pub(crate) use self::set::{BUILT_IN, Lookup};
use crate::partition::Partition;

/// One STS host, with the region that its signatures are for and the partition that it speaks for.
///
/// A value is an entry of the built-in table or was named by the operator ([`Endpoint::custom`]); a host is
/// never an endpoint because of its shape. Cheap to clone.
///
/// ```
/// use sts_agent_name::{Endpoint, Region};
///
/// let frankfurt = Endpoint::regional(&Region::parse("eu-central-1")?)?;
/// assert_eq!(frankfurt.host(), "sts.eu-central-1.amazonaws.com");
/// assert_eq!(Endpoint::global().region().as_str(), "us-east-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Endpoint(Arc<Entry>);

#[derive(Eq, Hash, PartialEq)]
struct Entry {
    host: Box<str>,
    region: Region,
    partition: Partition,
    variant: EndpointVariant,
}

/// Which of a region's hosts an [`Endpoint`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EndpointVariant {
    /// Named by the operator: a VPC endpoint, a new region, a local STS.
    Custom,
    /// Answers over IPv4 and IPv6.
    DualStack,
    /// Uses FIPS 140 validated cryptography.
    Fips,
    /// Both.
    FipsDualStack,
    /// `sts.amazonaws.com`.
    Global,
    /// The plain regional host.
    Regional,
}

impl Endpoint {
    /// The table's `sts.amazonaws.com`. AWS recommends regional endpoints ([STS regionalization]).
    ///
    /// [STS regionalization]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    #[must_use]
    pub fn global() -> Self {
        Self::entry(
            table::GLOBAL_HOST,
            Region::known(table::GLOBAL_REGION),
            Partition::Aws,
            EndpointVariant::Global,
        )
    }

    /// The plain host of a region: the one to use unless there is a reason for another.
    ///
    /// # Errors
    ///
    /// [`NoSuchEndpoint`] for a region that is not in the table, pseudo regions (`aws-global`) among them.
    pub fn regional(region: &Region) -> Result<Self, NoSuchEndpoint> {
        set::find(region, EndpointVariant::Regional)
    }

    /// The dual-stack (IPv4 and IPv6) host of a region.
    ///
    /// # Errors
    ///
    /// [`NoSuchEndpoint`] for a region that is not in the table.
    pub fn dual_stack(region: &Region) -> Result<Self, NoSuchEndpoint> {
        set::find(region, EndpointVariant::DualStack)
    }

    /// The FIPS host of a region. In GovCloud the plain host is the FIPS host.
    ///
    /// # Errors
    ///
    /// [`NoSuchEndpoint`] for a region without one.
    pub fn fips(region: &Region) -> Result<Self, NoSuchEndpoint> {
        let gov = set::find(region, EndpointVariant::Regional).ok();
        match gov.filter(|endpoint| endpoint.partition() == Partition::AwsUsGov) {
            Some(endpoint) => Ok(endpoint),
            None => set::find(region, EndpointVariant::Fips),
        }
    }

    /// The host of a region that is FIPS and dual-stack.
    ///
    /// # Errors
    ///
    /// [`NoSuchEndpoint`] for a region without one.
    pub fn fips_dual_stack(region: &Region) -> Result<Self, NoSuchEndpoint> {
        set::find(region, EndpointVariant::FipsDualStack)
    }

    /// A host that the operator vouches for: a VPC endpoint, a region newer than the table, a local STS.
    ///
    /// `authority` is a lower-case host name, an IPv4 address or a bracketed IPv6 address, with an optional
    /// port other than 443. Signatures must be scoped to `region`, and identities must come from `partition`.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::{Endpoint, InvalidEndpoint, Partition, Region};
    ///
    /// let region = Region::parse("us-east-1")?;
    /// let custom = |authority| Endpoint::custom(authority, region.clone(), Partition::Aws);
    /// assert!(custom("vpce-0a1b-sts.us-east-1.vpce.amazonaws.com").is_ok());
    /// assert_eq!(custom("sts.amazonaws.com"), Err(InvalidEndpoint::BuiltIn));
    /// assert_eq!(custom("Sts.example.com"), Err(InvalidEndpoint::Host));
    /// assert_eq!(custom("user@sts.example.com"), Err(InvalidEndpoint::Host));
    /// assert_eq!(custom("sts.example.com:443"), Err(InvalidEndpoint::Port));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn custom(authority: &str, region: Region, partition: Partition) -> Result<Self, InvalidEndpoint> {
        custom::check(authority)?;
        match BUILT_IN.lookup(authority.as_bytes()) {
            Lookup::Unknown => Ok(Self::entry(authority, region, partition, EndpointVariant::Custom)),
            Lookup::Allowed(_) | Lookup::NotAllowed => Err(InvalidEndpoint::BuiltIn),
        }
    }

    fn entry(host: &str, region: Region, partition: Partition, variant: EndpointVariant) -> Self {
        Self(Arc::new(Entry { host: host.into(), region, partition, variant }))
    }

    /// Host, and port where a custom endpoint has one: what stands between `https://` and the path.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The region that signatures for this host are scoped to.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.0.region
    }

    /// The partition whose identities this host may report.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.0.partition
    }

    /// Which of the region's hosts this is.
    #[must_use]
    pub fn variant(&self) -> EndpointVariant {
        self.0.variant
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0.host)
    }
}

/// The table has no such host for the region.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the endpoint table has no such host for this region")]
#[non_exhaustive]
pub struct NoSuchEndpoint;
