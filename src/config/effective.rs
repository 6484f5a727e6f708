//! The configuration as it is in force, written as TOML. Secrets are replaced by `(set)`.

use std::fmt::{Display, Write};
use std::time::Duration;

use humantime::format_duration;

use super::{Aws, Budget, Config, ConfiguredAccount, Poll, Regions, Schedule};
use crate::collectors::identities::{EmailAddresses, Settings};
use crate::dns;
use crate::expectations::{Expect, Failover, Recipients, SendPath};

/// What stands in place of a secret. No secret that [`super::accounts`] takes looks like it.
const HIDDEN: &str = "\"(set)\"";

impl Config {
    /// Every key with its value, defaults included, secrets replaced by `(set)`; a key without a value is left out.
    pub fn effective(&self) -> String {
        let mut toml = Toml(String::new());
        aws(&mut toml, &self.aws);
        self.accounts.iter().for_each(|one| account(&mut toml, one));
        poll(&mut toml, &self.poll);
        self.collectors.iter().for_each(|one| schedule(&mut toml, one));
        budget(&mut toml, &self.budget);
        identities(&mut toml, &self.identities);
        dns(&mut toml, &self.dns);
        self.expectations.regions.iter().for_each(|one| expect(&mut toml, one));
        self.expectations.send_paths.iter().for_each(|one| send_path(&mut toml, one));
        self.expectations.failovers.iter().for_each(|one| failover(&mut toml, one));
        toml.0
    }
}

fn aws(toml: &mut Toml, aws: &Aws) {
    let Aws { regions, profile, endpoint_url, use_fips, use_dual_stack } = aws;
    toml.header("[aws]");
    toml.key("regions", regions_of(regions));
    toml.key("profile", profile.as_deref().map(quoted));
    toml.key("endpoint_url", endpoint_url.as_deref().map(quoted));
    toml.key("use_fips", Some(use_fips));
    toml.key("use_dual_stack", Some(use_dual_stack));
}

fn account(toml: &mut Toml, account: &ConfiguredAccount) {
    let ConfiguredAccount { name, role, profile, regions } = account;
    toml.header("[[accounts]]");
    toml.key("name", name.as_deref().map(quoted));
    toml.key("role_arn", role.as_ref().map(|role| quoted(&role.arn)));
    toml.key("external_id", role.as_ref().and_then(|role| role.external_id.as_ref()).map(|_| HIDDEN));
    toml.key("profile", profile.as_deref().map(quoted));
    toml.key("regions", regions.as_ref().and_then(regions_of));
}

fn poll(toml: &mut Toml, poll: &Poll) {
    let Poll { attempt_timeout, connect_timeout, read_timeout, stale_after, jitter } = *poll;
    toml.header("[poll]");
    toml.key("attempt_timeout", Some(spelled(attempt_timeout)));
    toml.key("connect_timeout", Some(spelled(connect_timeout)));
    toml.key("read_timeout", Some(spelled(read_timeout)));
    toml.key("stale_after", Some(spelled(stale_after)));
    toml.key("jitter", Some(jitter));
}

fn schedule(toml: &mut Toml, schedule: &Schedule) {
    let Schedule { name, enabled, interval } = *schedule;
    toml.header(&format!("[collectors.{name}]"));
    toml.key("enabled", Some(enabled));
    toml.key("interval", Some(spelled(interval)));
}

fn budget(toml: &mut Toml, budget: &Budget) {
    let Budget { requests_per_second, burst, max_in_flight } = *budget;
    toml.header("[budget]");
    toml.key("requests_per_second", Some(requests_per_second));
    toml.key("burst", Some(burst));
    toml.key("max_in_flight", Some(max_in_flight));
}

fn identities(toml: &mut Toml, settings: &Settings) {
    let Settings { include, exclude, max_per_region, email_addresses, tags } = settings;
    let (word, key) = match email_addresses {
        EmailAddresses::Plain => ("plain", None),
        EmailAddresses::Hashed(_) => ("hashed", Some(HIDDEN)),
        EmailAddresses::None => ("none", None),
    };
    toml.header("[identities]");
    toml.key("include", Some(listed(include.iter().map(glob::Pattern::as_str))));
    toml.key("exclude", Some(listed(exclude.iter().map(glob::Pattern::as_str))));
    toml.key("max_per_region", Some(max_per_region));
    toml.key("email_addresses", Some(quoted(word)));
    toml.key("hash_key_file", key);
    toml.key("tags", Some(listed(tags.iter().map(String::as_str))));
}

fn dns(toml: &mut Toml, settings: &dns::Settings) {
    let dns::Settings { resolvers, queries_per_second } = settings;
    let resolvers: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
    toml.header("[dns]");
    toml.key("resolvers", Some(listed(resolvers.iter().map(String::as_str))));
    toml.key("queries_per_second", Some(queries_per_second));
}

fn expect(toml: &mut Toml, expect: &Expect) {
    let Expect { accounts, regions, state, identities, exhaustive, minimum_quota } = expect;
    toml.header("[[expect]]");
    toml.key("accounts", Some(strings(&accounts.0)));
    toml.key("regions", Some(strings(regions)));
    toml.key("state", Some(quoted(state.as_str())));
    toml.key("identities", Some(listed(identities.iter().map(|identity| identity.name.as_str()))));
    toml.key("exhaustive", Some(exhaustive));
    toml.key("minimum_quota", *minimum_quota);
}

fn send_path(toml: &mut Toml, path: &SendPath) {
    let SendPath { name, from, to, accounts, regions, configuration_set, daily_messages, peak_messages_per_second } =
        path;
    toml.header("[[send_paths]]");
    toml.key("name", Some(quoted(name)));
    toml.key("from", Some(quoted(from)));
    toml.key(
        "to",
        Some(match to {
            Recipients::Any => quoted("any"),
            Recipients::Only(names) => strings(names),
        }),
    );
    toml.key("accounts", Some(strings(&accounts.0)));
    toml.key("regions", Some(strings(regions)));
    toml.key("configuration_set", configuration_set.as_deref().map(quoted));
    toml.key("daily_messages", *daily_messages);
    toml.key("peak_messages_per_second", *peak_messages_per_second);
}

fn failover(toml: &mut Toml, failover: &Failover) {
    let Failover { accounts, primary, standby } = failover;
    toml.header("[[failover]]");
    toml.key("accounts", Some(strings(&accounts.0)));
    toml.key("primary", Some(quoted(primary)));
    toml.key("standby", Some(quoted(standby)));
}

fn strings(items: &[String]) -> String {
    listed(items.iter().map(String::as_str))
}

fn regions_of(regions: &Regions) -> Option<String> {
    match regions {
        Regions::All => Some(quoted("all")),
        Regions::List(list) => Some(listed(list.iter().map(String::as_str))),
        Regions::FromEnvironment => None,
    }
}

fn spelled(duration: Duration) -> String {
    quoted(&format_duration(duration).to_string())
}

fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut toml = String::from("\"");
    for c in text.chars() {
        // Writing to a String can't fail.
        let _ = match c {
            '"' | '\\' => write!(toml, "\\{c}"),
            c if c.is_control() => write!(toml, "\\u{:04X}", u32::from(c)),
            c => write!(toml, "{c}"),
        };
    }
    toml + "\""
}

/// TOML while it is written.
struct Toml(String);

impl Toml {
    fn header(&mut self, header: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}{header}");
    }

    fn key(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            let _ = writeln!(self.0, "{name} = {value}");
        }
    }
}
