//! The report: everything that `check` tells, as plain values. The names of the fields are those of its JSON.
//!
//! Pure: made from what is known, it asks nobody.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use crate::config::Config;
use crate::estate::{Estate, TargetView};
use crate::judgement::Seen;

pub(crate) mod findings;
pub(crate) mod mend;
pub(crate) mod refusal;
pub(crate) mod region;
pub(crate) mod send;

use findings::{Finding, Severity};
use region::Region;

/// All that is printed.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Report {
    /// Raised when something is taken away or changes its meaning.
    version: u8,
    /// The worst of the findings.
    pub(crate) verdict: Severity,
    /// What the process ends with.
    pub(crate) exit_code: u8,
    /// What is to be mended, the worst first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) accounts: Vec<Account>,
    /// Who is asked for DNS records, empty = the resolvers of the machine; left out where nobody is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolvers: Option<Vec<SocketAddr>>,
}

/// One entry of the configuration.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize)]
pub(crate) struct Account {
    /// The value of the label `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Twelve digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    /// Whose the credentials are, as an ARN (STS `GetCallerIdentity`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) caller: Option<String>,
    /// The role that is assumed, as an ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    pub(crate) regions: Vec<Region>,
}

impl Report {
    /// What is known now.
    pub(crate) fn of(config: &Config, estate: &Estate) -> Self {
        let now = Instant::now();
        let mut accounts: Vec<(&TargetView, Account)> = Vec::new();
        for view in &*estate.targets {
            let region = Region::of(config, estate, view, &Seen::new(estate, view, now));
            match accounts.last_mut() {
                Some((first, account)) if Arc::ptr_eq(&first.target.account, &view.target.account) => {
                    account.regions.push(region);
                }
                _ => accounts.push((view, Account::of(view, region))),
            }
        }
        let accounts: Vec<Account> = accounts.into_iter().map(|(_, account)| account).collect();
        let findings = findings::of(&accounts);
        let verdict = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::AllWell);
        let dns = estate.collectors.iter().any(|collector| collector.declaration().name == "dns");
        let resolvers = dns.then(|| config.dns.resolvers.clone());
        Self { version: 1, verdict, exit_code: verdict.exit_code(), findings, accounts, resolvers }
    }
}

impl Account {
    fn of(view: &TargetView, region: Region) -> Self {
        let text = |text: &Arc<str>| text.to_string();
        Self {
            account: view.account.as_ref().map(text),
            account_id: view.account_id.as_ref().map(text),
            caller: view.caller.as_ref().map(text),
            role: view.target.account.role.as_ref().map(|role| role.arn.clone()),
            regions: vec![region],
        }
    }
}
