//! The regions in which Amazon SES exists, as the simulator knows them.
//!
//! A table of its own on purpose: the agent's table must not vouch for itself. Source: botocore 1.44.5 `endpoints.json`, service
//! `email`, partition `aws`: every commercial region but ap-east-1. Opt-in regions are those launched after March 2019
//! (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>).

/// The 17 regions that every account has.
pub const REGIONS_BY_DEFAULT: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
];

/// The 16 regions that an account has to enable first.
pub const REGIONS_TO_OPT_IN: [&str; 16] = [
    "af-south-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_33_regions_and_none_twice() {
        let all: BTreeSet<&str> = REGIONS_BY_DEFAULT.into_iter().chain(REGIONS_TO_OPT_IN).collect();
        assert_eq!(all.len(), 33);
        assert!(!all.contains("ap-east-1"), "SES does not exist there");
    }
}
