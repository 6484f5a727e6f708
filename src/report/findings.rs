//! What has to be mended, drawn from what was seen: each finding is one sentence with its places and its weight.
//!
//! Pure: it asks nobody. What could not be read is told as such, and never as good or bad.

use std::collections::BTreeMap;

use super::Account;
use super::moment::Since;
use super::region::{Expected, Region, Wrong};
use super::tried::unread;
use crate::reference::thousands;
use crate::remedy::{Need, Remedy, Scope, remedy};

mod judged;
mod sending;
mod steps;

pub(crate) use sending::MUCH;
use steps::{Here, publish, verify, verify_again};

/// How much a finding weighs, the lightest first. The exit codes are those of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Nothing is to be mended.
    AllWell,
    /// Somebody should look.
    Warning,
    /// It could not be found out.
    CouldNotTell,
    /// It sends, or may, and is not what was declared.
    NotAsDeclared,
    /// Something that is declared or in use does not send. It outweighs what could not be told: that it is so is known.
    CanNotSend,
}

impl Severity {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::AllWell => 0,
            Self::Warning => 1,
            Self::NotAsDeclared | Self::CanNotSend => 2,
            Self::CouldNotTell => 3,
        }
    }
}

/// One thing to mend.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding {
    /// How much it weighs.
    pub(crate) severity: Severity,
    /// The value of the label `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Where it is so; empty where it is about the whole account.
    pub(crate) regions: Vec<String>,
    /// One sentence for people.
    pub(crate) what: String,
    /// Since when it is so, the earliest of what is known; only an agent tells it.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
    /// What mends it, as far as a command or a DNS record does; the first is the one to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remedies: Vec<Remedy>,
}

/// So many names are told; whoever needs all has the metrics.
const MOST_NAMES: usize = 5;

/// A finding before it is known where else it is so.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    severity: Severity,
    what: String,
    since: Option<Since>,
    remedies: Vec<Remedy>,
}

impl Told {
    fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self { severity, what: what.into(), since: None, remedies: Vec::new() }
    }

    fn since(self, since: Option<Since>) -> Self {
        Self { since, ..self }
    }

    fn mended_by(self, remedies: Vec<Remedy>) -> Self {
        Self { remedies: once_each(remedies), ..self }
    }
}

/// One step may mend two things.
fn once_each(remedies: impl IntoIterator<Item = Remedy>) -> Vec<Remedy> {
    let mut each: Vec<Remedy> = Vec::new();
    for remedy in remedies {
        if !each.contains(&remedy) {
            each.push(remedy);
        }
    }
    each
}

/// Everything that has to be mended, the worst first. What is the same in several regions is told once. Where labels stand for
/// addresses, no command names one: SES does not know it by its label.
pub(crate) fn of(accounts: &[Account], plain_addresses: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for account in accounts {
        let label = &account.account;
        for Told { severity, what, since, remedies } in of_account(account) {
            findings.push(Finding { severity, account: label.clone(), regions: Vec::new(), what, since, remedies });
        }
        let first = findings.len();
        for region in &account.regions {
            for Told { severity, what, since, remedies } in of_region(region, label.as_deref()) {
                let mut mine = findings.iter_mut().skip(first);
                if let Some(same) = mine.find(|one| (one.severity, &one.what) == (severity, &what)) {
                    same.regions.push(region.region.clone());
                    same.since = earliest([same.since, since]);
                    same.remedies = once_each(std::mem::take(&mut same.remedies).into_iter().chain(remedies));
                } else {
                    let regions = vec![region.region.clone()];
                    findings.push(Finding { severity, account: label.clone(), regions, what, since, remedies });
                }
            }
        }
    }
    if !plain_addresses {
        for remedy in findings.iter_mut().flat_map(|finding| &mut finding.remedies) {
            remedy.command = remedy.command.take().filter(|command| !command.contains('@'));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn of_account(account: &Account) -> Vec<Told> {
    let mut told = Vec::new();
    if account.account_id.is_none() {
        let who = remedy(Need::LookAtCaller, Scope::default());
        let what = "AWS has not told whose the credentials are";
        told.push(Told::new(Severity::CouldNotTell, what).mended_by(vec![who]));
    }
    if account.regions.iter().all(|region| region.skipped.is_some()) {
        told.push(Told::new(Severity::CouldNotTell, "every region is skipped, so nothing is known of SES"));
    }
    told
}

fn of_region(region: &Region, account: Option<&str>) -> Vec<Told> {
    let here = Here { account, region: &region.region };
    let unread = unread(&region.collectors).into_iter();
    let mut told: Vec<Told> = unread.map(|what| Told::new(Severity::CouldNotTell, what)).collect();
    if let Some(sending) = &region.sending {
        told.extend(sending::told(region, sending, here));
    }
    if let Some(expected) = &region.expected {
        told.extend(of_identities_declared(region, expected, here));
    }
    told.extend(judged::told(region, here));
    told.extend(of_the_rest(region, here));
    told
}

/// Of what is known; the one that may be older, of two of one time.
fn earliest(all: impl IntoIterator<Item = Option<Since>>) -> Option<Since> {
    all.into_iter().flatten().min_by_key(|since| (since.since, !since.since_at_least))
}

/// Since when the first of these identities is not verified.
fn since(region: &Region, names: &[String]) -> Option<Since> {
    let known = &region.identities.as_ref()?.since;
    earliest(names.iter().map(|name| known.get(name).copied()))
}

fn of_identities_declared(region: &Region, expected: &Expected, here: Here<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if !expected.missing.is_empty() {
        let what = format!("declared, but missing or not verified: {}", names(&expected.missing));
        let since = since(region, &expected.missing);
        let verify = verify(region, &expected.missing, here);
        told.push(Told::new(Severity::CanNotSend, what).since(since).mended_by(verify));
    }
    if !expected.unknown.is_empty() {
        let what = format!("SES does not say whether verified: {}", names(&expected.unknown));
        told.push(Told::new(Severity::CouldNotTell, what));
    }
    if !expected.unexpected.is_empty() {
        let what = format!("there, but not declared: {}", names(&expected.unexpected));
        told.push(Told::new(Severity::Warning, what));
    }
    told
}

fn of_the_rest(region: &Region, here: Here<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    let told_already = |name: &&String| {
        region.expected.as_ref().is_some_and(|all| all.missing.contains(name) || all.unexpected.contains(name))
    };
    let unable = region.identities.iter().flat_map(|identities| &identities.can_not_send);
    let unable: Vec<String> = unable.filter(|name| !told_already(name)).cloned().collect();
    if !unable.is_empty() {
        let what = format!("not verified: {}", names(&unable));
        let since = since(region, &unable);
        told.push(Told::new(Severity::Warning, what).since(since).mended_by(verify_again(region, &unable, here)));
    }
    if let Some(dns) = region.dns.as_ref().filter(|dns| !dns.wrong.is_empty()) {
        let since = earliest(dns.wrong.iter().map(|wrong| wrong.since));
        let publish = vec![publish(&dns.wrong)];
        told.push(Told::new(Severity::Warning, of_dns(&dns.wrong)).since(since).mended_by(publish));
    }
    if let Some(calls) = region.calls_per_hour.filter(|calls| *calls > region.budget_per_hour) {
        let (calls, budget) = (thousands(calls), thousands(region.budget_per_hour));
        let what = format!("{calls} calls an hour are more than the budget of {budget}");
        told.push(Told::new(Severity::Warning, what));
    }
    told
}

/// The records that are wrong, by identity.
fn of_dns(wrong: &[Wrong]) -> String {
    let mut identities: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Wrong { identity, record, reason, .. } in wrong {
        let why = reason.as_ref().map(|reason| format!(" {}", reason.replace('_', " "))).unwrap_or_default();
        identities.entry(identity).or_default().push(format!("{record}{why}"));
    }
    let told: Vec<String> =
        identities.iter().map(|(identity, records)| format!("{identity} ({})", records.join(", "))).collect();
    let doubt = if wrong.iter().any(|wrong| wrong.reason.is_none()) {
        "; seen wrong once, which proves little: look again with --wait"
    } else {
        ""
    };
    format!("DNS records wrong: {}{doubt}", names(&told))
}

/// The first few, and how many there are beside them.
fn names(all: &[String]) -> String {
    let some = all.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_NAMES) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::region::{Counted, Sending, SendingSince};
    use super::*;

    fn sending(production: bool, enabled: bool, enforcement: &str, sent: f64) -> Sending {
        Sending {
            production,
            enabled,
            enforcement: enforcement.to_owned(),
            review: None,
            case_id: None,
            sent_24h: sent,
            quota_24h: Some(200.0),
            quota_used: Some(sent / 200.0),
            since: None,
        }
    }

    fn region(sending: Sending, identities: usize) -> Region {
        let identities = Counted { all: identities, verified: identities, ..Counted::default() };
        Region { sending: Some(sending), identities: Some(identities), budget_per_hour: 1800.0, ..Region::default() }
    }

    fn expected(state: &'static str, as_expected: Option<bool>) -> Expected {
        let (missing, unknown, unexpected) = (Vec::new(), Vec::new(), Vec::new());
        Expected { state: state.into(), as_expected, minimum_quota: None, missing, unknown, unexpected }
    }

    fn worst(region: &Region) -> Severity {
        of_region(region, None).iter().map(|told| told.severity).max().unwrap_or(Severity::AllWell)
    }

    #[test]
    fn what_is_not_used_may_be_in_the_sandbox_or_paused() {
        for (seen, identities, weight) in [
            (sending(true, true, "HEALTHY", 0.0), 1, Severity::AllWell),
            (sending(false, true, "HEALTHY", 0.0), 0, Severity::AllWell),
            (sending(false, true, "HEALTHY", 0.0), 1, Severity::Warning),
            (sending(true, false, "HEALTHY", 0.0), 0, Severity::AllWell),
            (sending(true, false, "HEALTHY", 0.0), 1, Severity::CanNotSend),
            (sending(true, true, "SHUTDOWN", 0.0), 1, Severity::CanNotSend),
            (sending(true, true, "PROBATION", 0.0), 1, Severity::Warning),
            (sending(true, true, "HEALTHY", 160.0), 1, Severity::AllWell),
            (sending(true, true, "HEALTHY", 161.0), 1, Severity::Warning),
            (sending(true, true, "HEALTHY", 200.0), 1, Severity::CanNotSend),
        ] {
            let words = format!("{seen:?} {identities}");
            assert_eq!(worst(&region(seen, identities)), weight, "{words}");
        }
    }

    #[test]
    fn a_declaration_that_holds_settles_the_sandbox_and_one_that_does_not_says_why() {
        let mut here = region(sending(false, true, "HEALTHY", 3.0), 1);
        here.expected = Some(expected("sandbox", Some(true)));
        let told = |region: &Region| of_region(region, None);
        assert_eq!(told(&here), []);
        here.expected = Some(expected("production", Some(false)));
        let sandbox = Told::new(Severity::CanNotSend, "declared production, but in the sandbox");
        let access = Scope { region: Some(""), ..Scope::default() };
        assert_eq!(told(&here), [sandbox.mended_by(vec![remedy(Need::RequestProductionAccess, access)])]);
        here.expected = Some(expected("unused", Some(false)));
        assert_eq!(told(&here), [Told::new(Severity::NotAsDeclared, "declared unused, but 3 sent in 24 hours")]);
        here.expected = Some(expected("production", None));
        assert_eq!(worst(&here), Severity::CouldNotTell);
    }

    #[test]
    fn what_is_the_same_everywhere_is_told_once_and_the_worst_first() {
        let at = |name: &str, sending| Region { region: name.to_owned(), ..region(sending, 1) };
        let regions = vec![
            at("a", sending(false, true, "HEALTHY", 0.0)),
            at("b", sending(false, true, "HEALTHY", 0.0)),
            at("c", sending(true, true, "SHUTDOWN", 0.0)),
        ];
        let account_id = Some("111111111111".to_owned());
        let account = Account { account: None, account_id, caller: None, role: None, regions };
        let told: Vec<_> = of(&[account], true).into_iter().map(|one| (one.severity, one.regions.join(" "))).collect();
        assert_eq!(told, [(Severity::CanNotSend, "c".to_owned()), (Severity::Warning, "a b".to_owned())]);
    }

    #[test]
    fn ses_is_told_to_look_again_at_domains_that_it_has_given_up() {
        let mut region = Region { region: "eu-west-1".to_owned(), ..region(sending(true, true, "HEALTHY", 0.0), 2) };
        if let Some(identities) = &mut region.identities {
            identities.can_not_send = ["failed.example", "pending.example"].map(str::to_owned).to_vec();
            identities.given_up = ["failed.example".to_owned()].into();
        }
        let remedies: Vec<Remedy> = of_region(&region, None).into_iter().flat_map(|told| told.remedies).collect();
        let expected = [(Need::RestartVerification, "failed.example"), (Need::ShowDkimRecords, "pending.example")];
        let scope = |name| Scope { region: Some("eu-west-1"), name: Some(name), ..Scope::default() };
        assert_eq!(remedies, expected.map(|(need, name)| remedy(need, scope(name))));
    }

    #[test]
    fn no_command_names_an_address_that_is_not_shown() {
        let commands = |plain_addresses| -> Vec<Option<String>> {
            let mut region = region(sending(true, true, "HEALTHY", 0.0), 1);
            let missing = ["0123456789abcdef@shop.example", "gone.example"].map(str::to_owned).to_vec();
            region.expected = Some(Expected { missing, ..expected("production", Some(true)) });
            region.region = "eu-west-1".to_owned();
            region.judged.unheard = vec!["0123456789abcdef@shop.example".to_owned()];
            let account_id = Some("111111111111".to_owned());
            let account = Account { account: None, account_id, caller: None, role: None, regions: vec![region] };
            let remedies = of(&[account], plain_addresses).into_iter().flat_map(|finding| finding.remedies);
            remedies.map(|remedy| remedy.command).collect()
        };
        let (plain, hashed) = (commands(true), commands(false));
        assert_eq!(plain.iter().flatten().count(), 3, "{plain:?}");
        assert_eq!((hashed.len(), hashed.iter().flatten().count()), (3, 1), "the steps stay: {hashed:?}");
        assert!(hashed.iter().flatten().all(|command| command.contains("gone.example")), "{hashed:?}");
    }

    fn at(time: &str, since_at_least: bool) -> Since {
        Since { since: serde_json::from_value(time.into()).expect("a time"), since_at_least }
    }

    #[test]
    fn a_finding_is_as_old_as_the_first_of_what_it_tells() {
        let (noon, one, two) = ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z");
        let region = |name: &str, since: Since| {
            let (enforcement, review) = (Some(at(noon, true)), None);
            let since = SendingSince { production: Some(since), enabled: Some(since), enforcement, review };
            let seen = Sending { since: Some(since), ..sending(false, true, "HEALTHY", 0.0) };
            Region { region: name.to_owned(), ..region(seen, 1) }
        };
        let regions = vec![region("a", at(two, false)), region("b", at(one, false)), region("c", at(one, true))];
        let account_id = Some("111111111111".to_owned());
        let found = of(&[Account { account: None, account_id, caller: None, role: None, regions }], true);
        let [sandbox] = &*found else { panic!("{found:?}") };
        assert_eq!((sandbox.regions.len(), sandbox.since), (3, Some(at(one, true))), "the one that may be older");

        let mut missing = region("a", at(two, false));
        let names = ["gone.example", "shop.example"].map(str::to_owned).to_vec();
        missing.expected = Some(Expected { missing: names, ..expected("production", Some(false)) });
        if let Some(identities) = &mut missing.identities {
            identities.since.insert("shop.example".to_owned(), at(noon, false));
        }
        let ages: Vec<_> = of_region(&missing, None).into_iter().map(|told| (told.what, told.since)).collect();
        let sandbox = ("declared production, but in the sandbox".to_owned(), Some(at(two, false)));
        let names = "declared, but missing or not verified: gone.example, shop.example".to_owned();
        assert_eq!(ages, [sandbox, (names, Some(at(noon, false)))]);
    }
}
