//! Which endpoints a verifier accepts.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::{Row, TABLE};
use super::{Endpoint, EndpointVariant, NoSuchEndpoint, Region};
use crate::partition::Partition;

/// The endpoints that evidence may name: the built-in table, narrowed and extended by the operator.
///
/// ```
/// use sts_agent_name::{Endpoint, EndpointSet, Partition, Region};
///
/// let frankfurt = Region::parse("eu-central-1")?;
/// let vpc = Endpoint::custom("vpce-0a1b.sts.eu-central-1.vpce.amazonaws.com", frankfurt.clone(), Partition::Aws)?;
/// let ours = EndpointSet::built_in().only_regions(&[frankfurt]).without_global().with(vpc);
///
/// assert!(ours.contains("sts.eu-central-1.amazonaws.com"));
/// assert!(!ours.contains("sts.us-east-1.amazonaws.com"));
/// assert!(!ours.contains("sts.amazonaws.com"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct EndpointSet {
    /// By host. A search among sorted hosts would read a dozen of them, each from another place in memory.
    members: HashMap<Box<[u8]>, Member>,
}

#[derive(Clone, Debug)]
struct Member {
    endpoint: Endpoint,
    allowed: bool,
}

/// What a set says of a host.
pub(crate) enum Lookup<'a> {
    Allowed(&'a Endpoint),
    /// A real host of STS, but not one that the operator wants.
    NotAllowed,
    Unknown,
}

impl EndpointSet {
    /// Every host of the built-in table.
    #[must_use]
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// Only these endpoints.
    #[must_use]
    pub fn of(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        endpoints.into_iter().fold(Self::built_in().keep(|_| false), Self::with)
    }

    /// Adds an endpoint, or allows one again that was taken out.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint) -> Self {
        let member = Member { endpoint, allowed: true };
        self.members.insert(member.endpoint.host().as_bytes().into(), member);
        self
    }

    /// Takes out all endpoints of other partitions.
    #[must_use]
    pub fn only_partitions(self, partitions: &[Partition]) -> Self {
        self.keep(|endpoint| partitions.contains(&endpoint.partition()))
    }

    /// Takes out all endpoints of other regions. The global endpoint counts as `us-east-1`.
    #[must_use]
    pub fn only_regions(self, regions: &[Region]) -> Self {
        self.keep(|endpoint| regions.contains(endpoint.region()))
    }

    /// Takes out `sts.amazonaws.com`.
    #[must_use]
    pub fn without_global(self) -> Self {
        self.keep(|endpoint| endpoint.variant() != EndpointVariant::Global)
    }

    fn keep(mut self, wanted: impl Fn(&Endpoint) -> bool) -> Self {
        for member in self.members.values_mut() {
            member.allowed &= wanted(&member.endpoint);
        }
        self
    }

    /// Whether the set allows exactly this host (and port, for a custom endpoint).
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        matches!(self.lookup(host.as_bytes()), Lookup::Allowed(_))
    }

    /// The endpoints that the set allows, sorted by host.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        let mut all: Vec<_> = self.allowed().collect();
        all.sort_unstable_by(|a, b| a.host().cmp(b.host()));
        all.into_iter()
    }

    fn allowed(&self) -> impl Iterator<Item = &Endpoint> {
        self.members.values().filter(|member| member.allowed).map(|member| &member.endpoint)
    }

    /// Compares whole hosts, byte for byte: no prefix, no suffix, no case folding.
    pub(crate) fn lookup(&self, host: &[u8]) -> Lookup<'_> {
        match self.members.get(host) {
            Some(member) if member.allowed => Lookup::Allowed(&member.endpoint),
            Some(_) => Lookup::NotAllowed,
            None => Lookup::Unknown,
        }
    }
}

impl Default for EndpointSet {
    fn default() -> Self {
        Self::built_in()
    }
}

/// The built-in table, laid out once.
pub(crate) static BUILT_IN: LazyLock<EndpointSet> = LazyLock::new(|| {
    let all = TABLE.iter().flat_map(hosts_of).chain([Endpoint::global()]);
    all.fold(EndpointSet { members: HashMap::new() }, EndpointSet::with)
});

fn hosts_of(row: &'static Row) -> impl Iterator<Item = Endpoint> {
    use EndpointVariant::{DualStack, Fips, FipsDualStack, Regional};
    [
        (Regional, "sts", row.suffix, row.regions),
        (DualStack, "sts", row.dual_stack_suffix, row.regions),
        (Fips, "sts-fips", row.suffix, row.fips),
        (FipsDualStack, "sts-fips", row.dual_stack_suffix, row.fips_dual_stack),
    ]
    .into_iter()
    .flat_map(move |(variant, service, suffix, regions)| {
        regions.iter().map(move |region| {
            let host = format!("{service}.{region}.{suffix}");
            Endpoint::entry(&host, Region::known(region), row.partition, variant)
        })
    })
}

pub(super) fn find(region: &Region, variant: EndpointVariant) -> Result<Endpoint, NoSuchEndpoint> {
    BUILT_IN
        .allowed()
        .find(|endpoint| endpoint.variant() == variant && endpoint.region() == region)
        .cloned()
        .ok_or(NoSuchEndpoint)
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, EndpointSet, Lookup};
    use crate::endpoint::{Endpoint, EndpointVariant, Region};
    use crate::partition::Partition;

    #[test]
    fn hosts_are_told_in_order() {
        let hosts: Vec<&str> = BUILT_IN.iter().map(Endpoint::host).collect();
        assert!(hosts.is_sorted_by(|a, b| a < b));
        // 48 regions with a plain and a dual-stack host, four FIPS, two FIPS dual-stack, one global.
        assert_eq!(hosts.len(), 48 * 2 + 4 + 2 + 1);
    }

    #[test]
    fn every_region_name_of_the_table_is_a_region_name() {
        for endpoint in BUILT_IN.iter() {
            let name = endpoint.region().as_str();
            assert_eq!(Region::parse(name).as_ref(), Ok(endpoint.region()), "{name}");
        }
    }

    #[test]
    fn what_was_taken_out_is_known_and_not_allowed() {
        let set = EndpointSet::built_in().only_partitions(&[Partition::AwsCn]);
        assert!(matches!(set.lookup(b"sts.cn-north-1.amazonaws.com.cn"), Lookup::Allowed(_)));
        assert!(matches!(set.lookup(b"sts.us-east-1.amazonaws.com"), Lookup::NotAllowed));
        for host in
            ["sts.cn-north-1.amazonaws.com", "sts.us-east-1.amazonaws.com.cn", "sts.aws-global.amazonaws.com"]
        {
            assert!(matches!(set.lookup(host.as_bytes()), Lookup::Unknown), "{host}");
        }
    }

    #[test]
    fn of_holds_what_was_named_and_nothing_else() {
        let set = EndpointSet::of([Endpoint::global()]);
        assert_eq!(set.iter().map(Endpoint::variant).collect::<Vec<_>>(), [EndpointVariant::Global]);
    }
}
