//! Which region and partition a host belongs to.

/// The hosts that exist: STS's own by their form, and those that the builder was told.
#[derive(Clone, Default)]
pub(super) struct Hosts {
    custom: Vec<(String, String)>,
}

/// What a host stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) region: String,
    pub(super) partition: &'static str,
}

impl Hosts {
    pub(super) fn add(&mut self, name: String, region: String) {
        self.custom.push((name, region));
    }

    /// The names whose owner is the builder.
    pub(super) fn custom(&self) -> impl Iterator<Item = &str> {
        self.custom.iter().map(|(name, _)| name.as_str())
    }

    /// The endpoint at `authority`, a host with or without a port; `None` if there is no such host.
    pub(super) fn endpoint(&self, authority: &str) -> Option<Endpoint> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _port)| host);
        if let Some((_, region)) = self.custom.iter().find(|(name, _)| name == host) {
            let partition = PARTITIONS.iter().find(|row| region.starts_with(row.region_prefix));
            return Some(Endpoint { region: region.clone(), partition: partition?.name });
        }
        if ["sts.amazonaws.com", "localhost", "127.0.0.1"].contains(&host) {
            return Some(Endpoint { region: "us-east-1".to_owned(), partition: "aws" });
        }
        let rest = host.strip_prefix("sts.").or_else(|| host.strip_prefix("sts-fips."))?;
        let (region, suffix) = rest.split_once('.')?;
        let partition = PARTITIONS.iter().find(|row| region.starts_with(row.region_prefix))?;
        let exists = is_region(region) && partition.suffixes.contains(&suffix);
        exists.then(|| Endpoint { region: region.to_owned(), partition: partition.name })
    }
}

/// `us-east-1`, `us-gov-west-1`: words, then a number.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.contains('-')
        && words.split('-').all(is_word)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

struct Partition {
    name: &'static str,
    region_prefix: &'static str,
    suffixes: [&'static str; 2],
}

/// botocore 1.44.5, `partitions.json`. The first row whose prefix fits counts, so `aws` is the last.
const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        region_prefix: "cn-",
        suffixes: ["amazonaws.com.cn", "api.amazonwebservices.com.cn"],
    },
    Partition { name: "aws-us-gov", region_prefix: "us-gov-", suffixes: ["amazonaws.com", "api.aws"] },
    Partition {
        name: "aws-eusc",
        region_prefix: "eusc-",
        suffixes: ["amazonaws.eu", "api.amazonwebservices.eu"],
    },
    Partition { name: "aws-iso", region_prefix: "us-iso-", suffixes: ["c2s.ic.gov", "api.aws.ic.gov"] },
    Partition { name: "aws-iso-b", region_prefix: "us-isob-", suffixes: ["sc2s.sgov.gov", "api.aws.scloud"] },
    Partition {
        name: "aws-iso-e",
        region_prefix: "eu-isoe-",
        suffixes: ["cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"],
    },
    Partition {
        name: "aws-iso-f",
        region_prefix: "us-isof-",
        suffixes: ["csp.hci.ic.gov", "api.aws.hci.ic.gov"],
    },
    Partition { name: "aws", region_prefix: "", suffixes: ["amazonaws.com", "api.aws"] },
];

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn a_host_has_one_region_and_one_partition() {
        let mut hosts = Hosts::default();
        hosts.add("sts.example.internal".to_owned(), "us-gov-west-1".to_owned());
        for (host, want) in [
            ("sts.amazonaws.com", Some(("us-east-1", "aws"))),
            ("localhost:8443", Some(("us-east-1", "aws"))),
            ("sts.eu-west-1.amazonaws.com", Some(("eu-west-1", "aws"))),
            ("sts-fips.us-east-2.api.aws", Some(("us-east-2", "aws"))),
            ("sts.us-gov-east-1.amazonaws.com", Some(("us-gov-east-1", "aws-us-gov"))),
            ("sts.cn-north-1.amazonaws.com.cn", Some(("cn-north-1", "aws-cn"))),
            ("sts.us-isob-east-1.sc2s.sgov.gov", Some(("us-isob-east-1", "aws-iso-b"))),
            ("sts.us-iso-east-1.c2s.ic.gov", Some(("us-iso-east-1", "aws-iso"))),
            ("sts.example.internal:443", Some(("us-gov-west-1", "aws-us-gov"))),
            ("sts.cn-north-1.amazonaws.com", None),
            ("sts.us-east-1.amazonaws.com.cn", None),
            ("sts.s3.amazonaws.com", None),
            ("sts.s3-us-west-2.amazonaws.com", None),
            ("sts.aws-global.api.aws", None),
            ("sts.x.us-east-1.rds.amazonaws.com", None),
            ("sts.amazonaws.com.evil.example", None),
            ("STS.amazonaws.com", None),
            ("", None),
        ] {
            let endpoint = hosts.endpoint(host);
            assert_eq!(endpoint.as_ref().map(|it| (it.region.as_str(), it.partition)), want, "{host:?}");
        }
    }
}
