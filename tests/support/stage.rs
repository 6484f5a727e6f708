//! The stage of the tests that run an agent: a small world, and a configuration that makes an agent quick.

use std::collections::BTreeMap;
use std::time::Instant;

use ses_exporter::collectors;
use ses_exporter::simulator::{Account, Identity, LoggedRequest, Region, Role, Service, World};

use super::{Aws, Page, ask_dns_at};

/// The account whose key the agent has.
pub(crate) const MAIN: &str = "111111111111";
/// An account with a role that [`MAIN`] may assume.
pub(crate) const OTHER: &str = "222222222222";
/// The key's id.
pub(crate) const KEY: &str = "AKIAEXAMPLEEXAMPLE00";
/// The key's secret.
pub(crate) const SECRET: &str = "canary-secret-of-the-access-key-00000000";
/// The role in [`OTHER`].
pub(crate) const ROLE: &str = "arn:aws:iam::222222222222:role/ses-exporter";

/// A region in production with one verified domain; nothing was ever sent.
pub(crate) fn production(name: &str) -> Region {
    Region::production(name, 50_000.0, 14.0).identity(Identity::domain("shop.example"))
}

/// Both accounts in production in these regions, in the sandbox elsewhere. No rate limit.
pub(crate) fn world(regions: &[&str]) -> World {
    let fill = |account: Account| regions.iter().fold(account, |account, name| account.region(production(name)));
    World::empty()
        .with_rate(None)
        .with_account(fill(Account::new(MAIN, "main").access_key(KEY, SECRET)))
        .with_account(fill(Account::new(OTHER, "other").role(Role::trusting("ses-exporter", MAIN))))
}

/// A configuration with which an agent asks every `interval`, and is patient: on a busy machine every answer is slow.
pub(crate) fn quick(aws: &Aws, regions: &[&str], interval: &str, stale_after: &str) -> String {
    let patience = "attempt_timeout = \"10s\"\nconnect_timeout = \"10s\"\nread_timeout = \"30s\"";
    configured(aws, regions, interval, stale_after, patience)
}

/// The same for an agent that waits no longer than a second, where some answers never come.
pub(crate) fn hasty(aws: &Aws, regions: &[&str], interval: &str, stale_after: &str) -> String {
    let patience = "attempt_timeout = \"1s\"\nconnect_timeout = \"1s\"\nread_timeout = \"4s\"";
    configured(aws, regions, interval, stale_after, patience)
}

/// The same with times that a test chooses itself.
pub(crate) fn configured(aws: &Aws, regions: &[&str], interval: &str, stale_after: &str, patience: &str) -> String {
    let (url, dns) = (aws.simulator.url(), ask_dns_at(aws.simulator.dns_address()));
    let names = collectors::ALL.iter().map(|row| row.declaration.name);
    let intervals = names.map(|name| format!("{name}.interval = \"{interval}\"\n")).collect::<Vec<_>>().concat();
    format!(
        "{dns}[aws]\nregions = {regions:?}\nendpoint_url = \"{url}\"\n\
         [poll]\n{patience}\njitter = 0.0\nstale_after = \"{stale_after}\"\n\
         [budget]\nrequests_per_second = 200\nburst = 100\n\
         [collectors]\n{intervals}"
    )
}

/// An account of the configuration that needs no role.
pub(crate) const MAIN_ACCOUNT: &str = "[[accounts]]\nname = \"main\"\n";
/// An account of the configuration behind [`ROLE`].
pub(crate) const OTHER_ACCOUNT: &str =
    "[[accounts]]\nname = \"other\"\nrole_arn = \"arn:aws:iam::222222222222:role/ses-exporter\"\n";

/// The requests to SES for one account and region, oldest first.
pub(crate) fn to_ses(log: &[LoggedRequest], account: &str, region: &str) -> Vec<LoggedRequest> {
    let asked =
        |entry: &&LoggedRequest| entry.service != Service::Sts && entry.account == account && entry.region == region;
    log.iter().filter(asked).cloned().collect()
}

/// How often each operation was asked.
pub(crate) fn operations(log: &[LoggedRequest]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in log {
        *counts.entry(entry.operation.clone()).or_default() += 1;
    }
    counts
}

/// What a collector of a target says about its last attempt: 1, 0, or nothing yet.
pub(crate) fn success(page: &Page, account: &str, region: &str, collector: &str) -> Option<f64> {
    let labels = [("account", account), ("aws_region", region), ("collector", collector)];
    page.value("ses_exporter_collector_success", &labels)
}

/// How often a collector of a target failed, by kind.
pub(crate) fn failures(page: &Page, account: &str, region: &str, collector: &str) -> Vec<(String, f64)> {
    let labels = [("account", account), ("aws_region", region), ("collector", collector)];
    let found = page.find("ses_exporter_collector_failures_total", &labels);
    found.map(|sample| (sample.labels["kind"].clone(), sample.value)).collect()
}

/// When the last good reading of a collector of a target began, as Unix time.
pub(crate) fn last_success(page: &Page, account: &str, region: &str, collector: &str) -> Option<f64> {
    let labels = [("account", account), ("aws_region", region), ("collector", collector)];
    page.value("ses_exporter_collector_last_success_timestamp_seconds", &labels)
}

/// The warnings in a log that hold a word.
pub(crate) fn warnings<'a>(log: &'a str, of: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(" WARN ") && line.contains(of)).collect()
}

/// Whether all collectors of a target succeeded at their last attempt.
pub(crate) fn all_succeed(page: &Page, account: &str, region: &str) -> bool {
    collectors::ALL.iter().all(|row| success(page, account, region, row.declaration.name) == Some(1.0))
}

/// The series about SES, as opposed to those about the agent, of one target: names and labels as they stand on the page.
pub(crate) fn series_of_ses<'a>(page: &'a Page, account: &str, region: &str) -> Vec<&'a str> {
    let target = format!("account=\"{account}\",aws_region=\"{region}\"");
    let about_ses =
        |line: &&str| line.starts_with("ses_") && !line.starts_with("ses_exporter_") && line.contains(&target);
    page.text.lines().filter(about_ses).collect()
}

/// A child that ends with its owner, also where a test fails.
pub(crate) struct Running(pub(crate) std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Prints how long something took; the figures of a test run are read by people.
#[expect(clippy::print_stdout, reason = "figures are shown by --nocapture")]
pub(crate) fn took(what: &str, since: Instant) -> std::time::Duration {
    let took = since.elapsed();
    println!("measured: {what}: {} ms", took.as_millis());
    took
}
