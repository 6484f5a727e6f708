//! Accounts, regions and targets: where the agent looks.
//!
//! A *target* is one account in one region; SES keeps everything (sandbox, quota, identities) per target. The table of
//! regions is the only place that knows where SES exists. Nothing here calls AWS.

use std::fmt;
use std::sync::Arc;

/// A region that has SES endpoints.
#[derive(Debug, PartialEq, Eq)]
pub struct SesRegion {
    /// The region's code, such as `eu-west-1`.
    pub name: &'static str,
    /// The partition's code: `aws`, `aws-us-gov` or `aws-eusc`.
    pub partition: &'static str,
    /// Launched after March 2019, so every account has to switch it on first.
    pub opt_in: bool,
}

const fn standard(name: &'static str) -> SesRegion {
    SesRegion { name, partition: "aws", opt_in: false }
}

const fn opt_in(name: &'static str) -> SesRegion {
    SesRegion { name, partition: "aws", opt_in: true }
}

const fn elsewhere(name: &'static str, partition: &'static str) -> SesRegion {
    SesRegion { name, partition, opt_in: false }
}

/// The regions of service `email` in botocore 1.44.5's endpoints.json; opt-in as AWS' page "Enable or disable AWS
/// Regions in your account" has it.
pub const REGIONS: &[SesRegion] = &[
    opt_in("af-south-1"),
    opt_in("ap-east-2"),
    standard("ap-northeast-1"),
    standard("ap-northeast-2"),
    standard("ap-northeast-3"),
    standard("ap-south-1"),
    opt_in("ap-south-2"),
    standard("ap-southeast-1"),
    standard("ap-southeast-2"),
    opt_in("ap-southeast-3"),
    opt_in("ap-southeast-4"),
    opt_in("ap-southeast-5"),
    opt_in("ap-southeast-6"),
    opt_in("ap-southeast-7"),
    standard("ca-central-1"),
    opt_in("ca-west-1"),
    standard("eu-central-1"),
    opt_in("eu-central-2"),
    standard("eu-north-1"),
    opt_in("eu-south-1"),
    opt_in("eu-south-2"),
    standard("eu-west-1"),
    standard("eu-west-2"),
    standard("eu-west-3"),
    opt_in("il-central-1"),
    opt_in("me-central-1"),
    opt_in("me-south-1"),
    opt_in("mx-central-1"),
    standard("sa-east-1"),
    standard("us-east-1"),
    standard("us-east-2"),
    standard("us-west-1"),
    standard("us-west-2"),
    elsewhere("us-gov-east-1", "aws-us-gov"),
    elsewhere("us-gov-west-1", "aws-us-gov"),
    elsewhere("eusc-de-east-1", "aws-eusc"),
];

/// The table's row of a region, or nothing where SES is not known to exist there.
pub fn ses_region(name: &str) -> Option<&'static SesRegion> {
    REGIONS.iter().find(|region| region.name == name)
}

/// The partition that a region's name says it is in.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("eusc-") {
        "aws-eusc"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

/// An IAM role to assume before asking.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`; checked to be of this form.
    pub arn: String,
    /// What the role's trust policy asks for. Not a credential in AWS' eyes, yet never printed.
    pub external_id: Option<String>,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role").field("arn", &self.arn).finish_non_exhaustive()
    }
}

impl Role {
    /// The twelve digits inside the ARN.
    pub fn account_id(&self) -> Option<&str> {
        self.arn.split(':').nth(4).filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
    }

    /// The partition inside the ARN.
    pub fn partition(&self) -> Option<&str> {
        self.arn.split(':').nth(1)
    }

    /// The role's name, without its path.
    pub fn name(&self) -> Option<&str> {
        self.arn.rsplit_once('/').map(|(_, name)| name)
    }
}

/// One AWS account as it was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The configured name, or the account id inside the role's ARN; none until GetCallerIdentity tells the id.
    pub name: Option<String>,
    /// The role to assume; none = the credentials as they are.
    pub role: Option<Role>,
    /// The profile of the AWS configuration files that the credentials come from.
    pub profile: Option<String>,
    /// The regions to poll, sorted, none twice; never empty.
    pub regions: Vec<String>,
}

/// One account in one region: what is polled.
#[derive(Clone, Debug)]
pub struct Target {
    /// The account that it belongs to.
    pub account: Arc<Account>,
    /// The region's code.
    pub region: Arc<str>,
}

impl fmt::Display for Target {
    /// `name/region`, for logs. An account without a name goes by its profile, else it is called "default".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.account.name.as_deref().or(self.account.profile.as_deref());
        write!(f, "{}/{}", name.unwrap_or("default"), self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_36_regions_of_three_partitions() {
        let count = |partition| REGIONS.iter().filter(|region| region.partition == partition).count();
        assert_eq!((count("aws"), count("aws-us-gov"), count("aws-eusc")), (33, 2, 1));
        assert_eq!(REGIONS.iter().filter(|region| region.opt_in).count(), 16);
        assert!(REGIONS.iter().all(|region| partition(region.name) == region.partition));
    }

    #[test]
    fn a_role_tells_its_account_and_never_its_external_id() {
        let role = Role { arn: "arn:aws:iam::222222222222:role/team/ses".into(), external_id: Some("hush".into()) };
        assert_eq!((role.account_id(), role.name()), (Some("222222222222"), Some("ses")));
        assert!(!format!("{role:?}").contains("hush"));
    }
}
