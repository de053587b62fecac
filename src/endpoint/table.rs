//! The closed table of STS hosts.
//!
//! State of November 2026, from the partition and endpoint rules that AWS's SDKs ship. Names that match a
//! pattern but are not in the table are not endpoints: customers can name hosts below AWS's own suffixes
//! (`sts.s3-us-west-2.amazonaws.com` is a bucket called `sts`). See [STS endpoints] and [FIPS endpoints].
//!
//! [STS endpoints]: https://docs.aws.amazon.com/general/latest/gr/sts.html
//! [FIPS endpoints]: https://aws.amazon.com/compliance/fips/

use crate::partition::Partition;

/// One partition's part of the table.
pub(super) struct Row {
    pub(super) partition: Partition,
    pub(super) suffix: &'static str,
    pub(super) dual_stack_suffix: &'static str,
    pub(super) regions: &'static [&'static str],
    /// Regions with a host `sts-fips.<region>.<suffix>`.
    pub(super) fips: &'static [&'static str],
    /// Regions with a host `sts-fips.<region>.<dual_stack_suffix>`.
    pub(super) fips_dual_stack: &'static [&'static str],
}

/// The one host without a region; it takes signatures for `us-east-1` only.
pub(super) const GLOBAL_HOST: &str = "sts.amazonaws.com";
pub(super) const GLOBAL_REGION: &str = "us-east-1";

pub(super) const TABLE: &[Row] = &[
    Row {
        partition: Partition::Aws,
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        regions: &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
        fips: &["us-east-1", "us-east-2", "us-west-1", "us-west-2"],
        fips_dual_stack: &[],
    },
    Row {
        partition: Partition::AwsCn,
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
        regions: &["cn-north-1", "cn-northwest-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
    Row {
        // The plain hosts of GovCloud are its FIPS hosts.
        partition: Partition::AwsUsGov,
        suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        regions: &["us-gov-east-1", "us-gov-west-1"],
        fips: &[],
        fips_dual_stack: &["us-gov-east-1", "us-gov-west-1"],
    },
    Row {
        partition: Partition::AwsEusc,
        suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
        regions: &["eusc-de-east-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
    Row {
        partition: Partition::AwsIso,
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
        regions: &["us-iso-east-1", "us-iso-west-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
    Row {
        partition: Partition::AwsIsoB,
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
        regions: &["us-isob-east-1", "us-isob-west-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
    Row {
        partition: Partition::AwsIsoE,
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
        regions: &["eu-isoe-west-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
    Row {
        partition: Partition::AwsIsoF,
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
        regions: &["us-isof-east-1", "us-isof-south-1"],
        fips: &[],
        fips_dual_stack: &[],
    },
];
