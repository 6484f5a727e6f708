//! The report: everything that `check` tells, as plain values. The names of the fields are those of its JSON.
//!
//! Pure: made from what is known, it asks nobody and looks at no clock. An agent that runs adds since when things are so.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use crate::collectors::identities::EmailAddresses;
use crate::config::{Config, Schedule};
use crate::estate::{Estate, TargetView};
use crate::judgement::Seen;

pub(crate) mod estate;
pub(crate) mod findings;
pub(crate) mod judged;
pub(crate) mod mend;
pub(crate) mod moment;
pub(crate) mod refusal;
pub(crate) mod region;
pub(crate) mod send;
pub(crate) mod tried;
pub(crate) mod words;

use findings::{Finding, Severity};
use moment::Moment;
use region::Region;
use tried::without_addresses;

/// The version of the JSON: raised when something is taken away or changes its meaning. What is added has a default where it
/// is read, because agents of other releases answer too.
pub(crate) const VERSION: u8 = 1;

/// A word of a closed set: our own where the report is made, read where it comes from an agent, which may know more.
pub(crate) type Word = Cow<'static, str>;

/// What of the configuration a report tells.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    schedules: Vec<Schedule>,
    requests_per_second: f64,
    resolvers: Vec<SocketAddr>,
    /// E-mail addresses may be shown as they are.
    plain_addresses: bool,
    /// The readings are old enough to tell since when something is so.
    remembers: bool,
}

/// All that is printed.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Report {
    /// Raised when something is taken away or changes its meaning.
    pub(crate) version: u8,
    /// The worst of the findings.
    pub(crate) verdict: Severity,
    /// What the process ends with.
    pub(crate) exit_code: u8,
    /// The time of its newest reading; only an agent tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<Moment>,
    /// What is to be mended, the worst first.
    pub(crate) findings: Vec<Finding>,
    /// The entries of the configuration, in its order.
    pub(crate) accounts: Vec<Account>,
    /// Who is asked for DNS records, empty = the resolvers of the machine; left out where nobody is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolvers: Option<Vec<SocketAddr>>,
}

/// One entry of the configuration.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// Its regions, in the order of the configuration.
    pub(crate) regions: Vec<Region>,
}

impl Terms {
    /// Those of a report that is made at the first look.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            schedules: config.collectors.clone(),
            requests_per_second: config.budget.requests_per_second,
            resolvers: config.dns.resolvers.clone(),
            plain_addresses: matches!(config.identities.email_addresses, EmailAddresses::Plain),
            remembers: false,
        }
    }

    /// A text with the addresses in it, or without where they are kept out of labels.
    pub(crate) fn shown(&self, text: &str) -> String {
        if self.plain_addresses { text.to_owned() } else { without_addresses(text) }
    }

    /// Those of an agent, which has looked before.
    pub(crate) fn remembering(self) -> Self {
        Self { remembers: true, ..self }
    }
}

impl Report {
    /// What is known now.
    pub(crate) fn of(terms: &Terms, estate: &Estate) -> Self {
        let now = Instant::now();
        let mut accounts: Vec<(&TargetView, Account)> = Vec::new();
        for view in &*estate.targets {
            let region = Region::of(terms, estate, view, &Seen::new(estate, view, now));
            match accounts.last_mut() {
                Some((first, account)) if Arc::ptr_eq(&first.target.account, &view.target.account) => {
                    account.regions.push(region);
                }
                _ => accounts.push((view, Account::of(terms, view, region))),
            }
        }
        let accounts: Vec<Account> = accounts.into_iter().map(|(_, account)| account).collect();
        let findings = findings::of(&accounts, terms.plain_addresses);
        let verdict = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::AllWell);
        let dns = estate.collectors.iter().any(|collector| collector.declaration().name == "dns");
        let resolvers = dns.then(|| terms.resolvers.clone());
        let as_of = terms.remembers.then(|| newest(estate)).flatten();
        Self { version: VERSION, verdict, exit_code: verdict.exit_code(), as_of, findings, accounts, resolvers }
    }
}

/// The time of the newest reading of all, which stands for now: a report looks at no clock.
fn newest(estate: &Estate) -> Option<Moment> {
    let slots = estate.targets.iter().flat_map(|view| &view.slots);
    slots.filter_map(|slot| Some(slot.reading.as_ref()?.at)).max().and_then(Moment::of)
}

impl Account {
    fn of(terms: &Terms, view: &TargetView, region: Region) -> Self {
        let text = |text: &Arc<str>| text.to_string();
        // The session of somebody who signed in once for all is called by an e-mail address.
        let arn = |arn: &Arc<str>| terms.shown(arn);
        Self {
            account: view.account.as_ref().map(text),
            account_id: view.account_id.as_ref().map(text),
            caller: view.caller.as_ref().map(arn),
            role: view.target.account.role.as_ref().map(|role| role.arn.clone()),
            regions: vec![region],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::TargetId;
    use crate::target::{self, Target};

    #[test]
    fn a_caller_is_shown_as_addresses_are() {
        let account = target::Account { name: None, role: None, profile: None, regions: Vec::new() };
        let view = TargetView {
            id: TargetId::default(),
            caller: Some("arn:aws:sts::111111111111:assumed-role/Admin/ann@shop.example".into()),
            target: Target { account: Arc::new(account), region: "eu-west-1".into() },
            account: None,
            account_id: None,
            skipped: None,
            slots: Vec::new(),
            requests: Arc::default(),
            sts_requests: None,
        };
        let terms = |plain_addresses| Terms {
            schedules: Vec::new(),
            requests_per_second: 1.0,
            resolvers: Vec::new(),
            plain_addresses,
            remembers: false,
        };
        let caller = |plain| Account::of(&terms(plain), &view, Region::default()).caller.expect("a caller");
        assert_eq!(caller(true), "arn:aws:sts::111111111111:assumed-role/Admin/ann@shop.example");
        assert_eq!(caller(false), "arn:aws:sts::111111111111:assumed-role/Admin/…@shop.example");
    }
}
