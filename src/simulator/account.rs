//! An AWS account of the simulated world: its regions, its access keys, and the roles that others may assume in it.
//!
//! It never checks a signature: there is no secret here that protects anything.

use std::collections::BTreeMap;

use super::geography::{REGIONS_BY_DEFAULT, REGIONS_TO_OPT_IN};
use super::region::Region;

/// A long-lived access key of the user `ses-exporter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// 20 characters, `AKIA…`.
    pub id: String,
    /// 40 characters. The simulator compares it with nothing.
    pub secret: String,
}

/// A role that other accounts may assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `ses-exporter`.
    pub name: String,
    /// Accounts that the trust policy names.
    pub trusts: Vec<String>,
    /// The `sts:ExternalId` that the trust policy demands.
    pub external_id: Option<String>,
}

impl Role {
    /// A role that this account may assume, without an external id.
    pub fn trusting(name: &str, account: &str) -> Role {
        Role { name: name.to_owned(), trusts: vec![account.to_owned()], external_id: None }
    }

    /// The same role, but only with this external id.
    #[must_use]
    pub fn external_id(mut self, external_id: &str) -> Role {
        self.external_id = Some(external_id.to_owned());
        self
    }

    /// The ARN of this role in an account.
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role/{}", self.name)
    }
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// 12 digits.
    pub id: String,
    /// What people call it; AWS itself never says it.
    pub name: String,
    /// Keys that answer for this account.
    pub access_keys: Vec<AccessKey>,
    /// Roles that can be assumed.
    pub roles: Vec<Role>,
    /// By name. A region that is not here answers like one that is not enabled.
    pub regions: BTreeMap<String, Region>,
}

impl Account {
    /// An account in all 33 commercial regions of SES: fresh in the 17 that are on by default, opt-in regions not enabled.
    pub fn new(id: &str, name: &str) -> Account {
        let on = REGIONS_BY_DEFAULT.into_iter().map(Region::fresh);
        let off = REGIONS_TO_OPT_IN.into_iter().map(|name| Region::fresh(name).disabled());
        Account {
            id: id.to_owned(),
            name: name.to_owned(),
            access_keys: Vec::new(),
            roles: Vec::new(),
            regions: on.chain(off).map(|region| (region.name.clone(), region)).collect(),
        }
    }

    /// Adds an access key.
    #[must_use]
    pub fn access_key(mut self, id: &str, secret: &str) -> Account {
        self.access_keys.push(AccessKey { id: id.to_owned(), secret: secret.to_owned() });
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Account {
        self.roles.push(role);
        self
    }

    /// Puts a region in the place of the one of that name.
    #[must_use]
    pub fn region(mut self, region: Region) -> Account {
        self.regions.insert(region.name.clone(), region);
        self
    }
}

/// One entry of the agent's configuration that this world fits: how to get into an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// The account's name.
    pub name: String,
    /// The account's id, 12 digits.
    pub account_id: String,
    /// The role to assume; none for the account whose access key the caller has.
    pub role_arn: Option<String>,
    /// What the role demands.
    pub external_id: Option<String>,
    /// The regions that are enabled, by name.
    pub regions: Vec<String>,
}

impl From<&Account> for Entrance {
    fn from(account: &Account) -> Entrance {
        let role = if account.access_keys.is_empty() { account.roles.first() } else { None };
        Entrance {
            name: account.name.clone(),
            account_id: account.id.clone(),
            role_arn: role.map(|role| role.arn(&account.id)),
            external_id: role.and_then(|role| role.external_id.clone()),
            regions: account
                .regions
                .values()
                .filter(|region| region.enabled)
                .map(|region| region.name.clone())
                .collect(),
        }
    }
}
