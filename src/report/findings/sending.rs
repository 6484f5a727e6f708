//! Findings from what GetAccount says: paused, under review, in the sandbox, not as declared, out of quota.

use super::steps::Here;
use super::{Severity, Told, earliest};
use crate::reference::thousands;
use crate::remedy::Need;
use crate::report::moment::Since;
use crate::report::region::{Expected, Region, Sending};

/// Above this share of the quota somebody should look.
pub(crate) const MUCH: f64 = 0.8;

/// Everything that is wrong with sending itself.
pub(super) fn told(region: &Region, sending: &Sending, here: Here<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    let declared = region.expected.as_ref();
    let broken = declared.is_some_and(|declared| declared.as_expected == Some(false));
    if let (Some(declared), true) = (declared, broken) {
        told.push(broken_expectation(declared, sending, here));
    }
    let matters = declared.map_or(region.in_use(), |declared| declared.state != "unused");
    let paused = sending.enforcement == "SHUTDOWN" || !sending.enabled;
    if paused && matters && !broken {
        let what = format!("sending is {}", sending.paused_by());
        let resume = vec![here.resume(sending)];
        told.push(Told::new(Severity::CanNotSend, what).since(paused_since(sending)).mended_by(resume));
    }
    if sending.enforcement != "HEALTHY" && sending.enforcement != "SHUTDOWN" {
        let what = format!("the account is under review by AWS: {}", sending.enforcement);
        let look = vec![here.remedy(Need::LookAtAccount, None)];
        let since = sending.since.and_then(|since| since.enforcement);
        told.push(Told::new(Severity::Warning, what).since(since).mended_by(look));
    }
    if declared.is_none() && !sending.production && region.in_use() {
        let what = "in the sandbox, and in use: declare it, or ask for production access";
        let since = sending.since.and_then(|since| since.production);
        told.push(Told::new(Severity::Warning, what).since(since).mended_by(vec![here.leave_sandbox(sending)]));
    }
    if declared.is_some_and(|declared| !broken && declared.as_expected.is_none()) {
        told.push(Told::new(Severity::CouldNotTell, "SES does not say the quota that is declared"));
    }
    told.extend(of_quota(sending, here));
    told
}

/// Since when what [`Sending::paused_by`] names is so.
fn paused_since(sending: &Sending) -> Option<Since> {
    let since = sending.since?;
    if sending.enforcement == "SHUTDOWN" { since.enforcement } else { since.enabled }
}

/// What is not as declared, since when the first of it, and what mends each.
fn broken_expectation(declared: &Expected, sending: &Sending, here: Here<'_>) -> Told {
    let production = sending.since.and_then(|since| since.production);
    let mut severity = Severity::NotAsDeclared;
    let mut reasons = Vec::new();
    let mut remedies = Vec::new();
    match (&*declared.state, sending.production) {
        ("production", false) => {
            severity = Severity::CanNotSend;
            reasons.push(("in the sandbox".to_owned(), production));
            remedies.push(here.leave_sandbox(sending));
        }
        ("sandbox" | "unused", true) => reasons.push(("out of the sandbox".to_owned(), production)),
        _ => {}
    }
    if declared.state == "production" && (!sending.enabled || sending.enforcement == "SHUTDOWN") {
        severity = Severity::CanNotSend;
        reasons.push((sending.paused_by().to_owned(), paused_since(sending)));
        remedies.push(here.resume(sending));
    }
    if declared.state == "unused" && sending.sent_24h > 0.0 {
        reasons.push((format!("{} sent in 24 hours", thousands(sending.sent_24h)), None));
    }
    if let (Some(minimum), Some(quota)) = (declared.minimum_quota.map(f64::from), sending.quota_24h)
        && quota < minimum
    {
        reasons.push((format!("a quota of {} where {} is declared", thousands(quota), thousands(minimum)), None));
        // Leaving the sandbox brings a quota of its own.
        remedies.extend(sending.production.then(|| here.more_quota(sending)));
    }
    let (words, since): (Vec<String>, Vec<_>) = reasons.into_iter().unzip();
    let what = format!("declared {}, but {}", declared.state, words.join(", "));
    Told::new(severity, what).since(earliest(since)).mended_by(remedies)
}

fn of_quota(sending: &Sending, here: Here<'_>) -> Option<Told> {
    let (used, quota) = (sending.quota_used?, sending.quota_24h?);
    let what = format!("{} of the quota of {} used in 24 hours", thousands(sending.sent_24h), thousands(quota));
    let severity = match used {
        _ if used >= 1.0 => Severity::CanNotSend,
        _ if used > MUCH => Severity::Warning,
        _ => return None,
    };
    Some(Told::new(severity, what).mended_by(vec![here.more_quota(sending)]))
}
