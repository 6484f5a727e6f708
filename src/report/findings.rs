//! What has to be mended, drawn from what was seen: each finding is one sentence with its places and its weight.
//!
//! Pure: it asks nobody. What could not be read is told as such, and never as good or bad.

use std::collections::BTreeMap;

use super::Account;
use super::moment::Since;
use super::region::{Expected, Outcome, Region, Sending, Tried, Wrong};
use crate::reference::thousands;

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
    /// Something that is declared or in use does not send. It outweighs what could not be told: that it is so is known.
    CanNotSend,
}

impl Severity {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::AllWell => 0,
            Self::Warning => 1,
            Self::CanNotSend => 2,
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
}

/// Above this share of the quota somebody should look.
pub(super) const MUCH: f64 = 0.8;
/// So many names are told; whoever needs all has the metrics.
const MOST_NAMES: usize = 5;

type Told = (Severity, String);
/// With the time since when it is so.
type Dated = (Told, Option<Since>);

/// Everything that has to be mended, the worst first. What is the same in several regions is told once.
pub(crate) fn of(accounts: &[Account]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for account in accounts {
        for (severity, what) in of_account(account) {
            let account = account.account.clone();
            findings.push(Finding { severity, account, regions: Vec::new(), what, since: None });
        }
        let first = findings.len();
        for region in &account.regions {
            for ((severity, what), since) in of_region(region) {
                let mut mine = findings.iter_mut().skip(first);
                match mine.find(|finding| (finding.severity, &finding.what) == (severity, &what)) {
                    Some(finding) => {
                        finding.regions.push(region.region.clone());
                        finding.since = earliest([finding.since, since]);
                    }
                    None => findings.push(Finding {
                        severity,
                        account: account.account.clone(),
                        regions: vec![region.region.clone()],
                        what,
                        since,
                    }),
                }
            }
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn of_account(account: &Account) -> Vec<Told> {
    let mut told = Vec::new();
    if account.account_id.is_none() {
        told.push((Severity::CouldNotTell, "AWS has not told whose the credentials are".to_owned()));
    }
    if account.regions.iter().all(|region| region.skipped.is_some()) {
        told.push((Severity::CouldNotTell, "every region is skipped, so nothing is known of SES".to_owned()));
    }
    told
}

fn of_region(region: &Region) -> Vec<Dated> {
    let undated = |told: Told| (told, None);
    let mut told: Vec<Dated> = unread(&region.collectors).into_iter().map(undated).collect();
    if let Some(sending) = &region.sending {
        told.extend(of_sending(region, sending));
        told.extend(of_quota(sending).map(undated));
    }
    if let Some(expected) = &region.expected {
        told.extend(of_identities_declared(region, expected));
    }
    told.extend(of_the_rest(region));
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

/// What could not be read. Failures of one kind have one cause, so the first of them speaks; denied actions are each
/// told.
pub(super) fn unread(collectors: &[Tried]) -> Vec<Told> {
    let mut told = Vec::new();
    let mut kinds = Vec::new();
    for tried in collectors {
        let Some(failure) = &tried.failure else { continue };
        match (tried.outcome, &tried.denied) {
            (Outcome::Denied, Some(action)) => {
                told.push(format!("{action} is denied, and {} needs it", tried.collector));
            }
            (Outcome::Denied | Outcome::Failed | Outcome::Partly, _) if !kinds.contains(&&tried.kind) => {
                kinds.push(&tried.kind);
                told.push(format!("can't read {}: {failure}", tried.collector));
            }
            _ => {}
        }
    }
    told.into_iter().map(|what| (Severity::CouldNotTell, what)).collect()
}

fn of_sending(region: &Region, sending: &Sending) -> Vec<Dated> {
    let mut told = Vec::new();
    let declared = region.expected.as_ref();
    let broken = declared.is_some_and(|declared| declared.as_expected == Some(false));
    if let (Some(declared), true) = (declared, broken) {
        let (what, since) = broken_expectation(declared, sending);
        told.push(((Severity::CanNotSend, what), since));
    }
    let matters = declared.map_or(region.in_use(), |declared| declared.state != "unused");
    let paused = sending.enforcement == "SHUTDOWN" || !sending.enabled;
    if paused && matters && !broken {
        told.push(((Severity::CanNotSend, format!("sending is {}", paused_by(sending))), paused_since(sending)));
    }
    if sending.enforcement != "HEALTHY" && sending.enforcement != "SHUTDOWN" {
        let what = format!("the account is under review by AWS: {}", sending.enforcement);
        told.push(((Severity::Warning, what), sending.since.and_then(|since| since.enforcement)));
    }
    if declared.is_none() && !sending.production && region.in_use() {
        let what = "in the sandbox, and in use: declare it, or ask for production access".to_owned();
        told.push(((Severity::Warning, what), sending.since.and_then(|since| since.production)));
    }
    if declared.is_some_and(|declared| !broken && declared.as_expected.is_none()) {
        told.push(((Severity::CouldNotTell, "SES does not say the quota that is declared".to_owned()), None));
    }
    told
}

/// Who has paused it, as far as SES tells: SHUTDOWN is the word for a pause by AWS.
pub(crate) fn paused_by(sending: &Sending) -> &'static str {
    if sending.enforcement == "SHUTDOWN" { "paused by AWS" } else { "paused by the account" }
}

/// Since when what [`paused_by`] names is so.
fn paused_since(sending: &Sending) -> Option<Since> {
    let since = sending.since?;
    if sending.enforcement == "SHUTDOWN" { since.enforcement } else { since.enabled }
}

/// What is not as declared, and since when the first of it.
fn broken_expectation(declared: &Expected, sending: &Sending) -> (String, Option<Since>) {
    let production = sending.since.and_then(|since| since.production);
    let mut reasons = Vec::new();
    match (&*declared.state, sending.production) {
        ("production", false) => reasons.push(("in the sandbox".to_owned(), production)),
        ("sandbox" | "unused", true) => reasons.push(("out of the sandbox".to_owned(), production)),
        _ => {}
    }
    if declared.state == "production" && (!sending.enabled || sending.enforcement == "SHUTDOWN") {
        reasons.push((paused_by(sending).to_owned(), paused_since(sending)));
    }
    if declared.state == "unused" && sending.sent_24h > 0.0 {
        reasons.push((format!("{} sent in 24 hours", thousands(sending.sent_24h)), None));
    }
    if let (Some(minimum), Some(quota)) = (declared.minimum_quota.map(f64::from), sending.quota_24h)
        && quota < minimum
    {
        reasons.push((format!("a quota of {} where {} is declared", thousands(quota), thousands(minimum)), None));
    }
    let (words, since): (Vec<String>, Vec<_>) = reasons.into_iter().unzip();
    (format!("declared {}, but {}", declared.state, words.join(", ")), earliest(since))
}

fn of_quota(sending: &Sending) -> Option<Told> {
    let (used, quota) = (sending.quota_used?, sending.quota_24h?);
    let what = format!("{} of the quota of {} used in 24 hours", thousands(sending.sent_24h), thousands(quota));
    match used {
        _ if used >= 1.0 => Some((Severity::CanNotSend, what)),
        _ if used > MUCH => Some((Severity::Warning, what)),
        _ => None,
    }
}

fn of_identities_declared(region: &Region, expected: &Expected) -> Vec<Dated> {
    let mut told = Vec::new();
    if !expected.missing.is_empty() {
        let what = format!("declared, but missing or not verified: {}", names(&expected.missing));
        told.push(((Severity::CanNotSend, what), since(region, &expected.missing)));
    }
    if !expected.unknown.is_empty() {
        let what = format!("SES does not say whether verified: {}", names(&expected.unknown));
        told.push(((Severity::CouldNotTell, what), None));
    }
    if !expected.unexpected.is_empty() {
        let what = format!("there, but not declared: {}", names(&expected.unexpected));
        told.push(((Severity::Warning, what), None));
    }
    told
}

fn of_the_rest(region: &Region) -> Vec<Dated> {
    let mut told = Vec::new();
    let told_already = |name: &&String| {
        region.expected.as_ref().is_some_and(|all| all.missing.contains(name) || all.unexpected.contains(name))
    };
    let unable = region.identities.iter().flat_map(|identities| &identities.can_not_send);
    let unable: Vec<String> = unable.filter(|name| !told_already(name)).cloned().collect();
    if !unable.is_empty() {
        told.push(((Severity::Warning, format!("not verified: {}", names(&unable))), since(region, &unable)));
    }
    if let Some(dns) = region.dns.as_ref().filter(|dns| !dns.wrong.is_empty()) {
        let since = earliest(dns.wrong.iter().map(|wrong| wrong.since));
        told.push(((Severity::Warning, of_dns(&dns.wrong)), since));
    }
    if let Some(calls) = region.calls_per_hour.filter(|calls| *calls > region.budget_per_hour) {
        let (calls, budget) = (thousands(calls), thousands(region.budget_per_hour));
        told.push(((Severity::Warning, format!("{calls} calls an hour are more than the budget of {budget}")), None));
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
    use super::super::region::Counted;
    use super::*;

    fn sending(production: bool, enabled: bool, enforcement: &str, sent: f64) -> Sending {
        Sending {
            production,
            enabled,
            enforcement: enforcement.to_owned(),
            review: None,
            sent_24h: sent,
            quota_24h: Some(200.0),
            quota_used: Some(sent / 200.0),
            since: None,
        }
    }

    fn region(sending: Sending, identities: usize) -> Region {
        let identities =
            Counted { all: identities, verified: identities, can_not_send: Vec::new(), since: BTreeMap::new() };
        Region { sending: Some(sending), identities: Some(identities), budget_per_hour: 1800.0, ..Region::default() }
    }

    fn expected(state: &'static str, as_expected: Option<bool>) -> Expected {
        let (missing, unknown, unexpected) = (Vec::new(), Vec::new(), Vec::new());
        Expected { state: state.into(), as_expected, minimum_quota: None, missing, unknown, unexpected }
    }

    fn worst(region: &Region) -> Severity {
        of_region(region).iter().map(|((severity, _), _)| *severity).max().unwrap_or(Severity::AllWell)
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
        assert_eq!(of_region(&here), []);
        here.expected = Some(expected("production", Some(false)));
        let what = "declared production, but in the sandbox".to_owned();
        assert_eq!(of_region(&here), [((Severity::CanNotSend, what), None)]);
        here.expected = Some(expected("unused", Some(false)));
        let what = "declared unused, but 3 sent in 24 hours".to_owned();
        assert_eq!(of_region(&here), [((Severity::CanNotSend, what), None)]);
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
        let told: Vec<_> = of(&[account]).into_iter().map(|one| (one.severity, one.regions.join(" "))).collect();
        assert_eq!(told, [(Severity::CanNotSend, "c".to_owned()), (Severity::Warning, "a b".to_owned())]);
    }
}
