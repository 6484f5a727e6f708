//! Words of a report for people, the same on the page of `check` and on the status page. Pure; no colour, no layout.

use super::region::{Region, Sending};
use super::tried::{Outcome, Tried};
use crate::reference::thousands;

/// Where something is not known.
pub(crate) const NOT_KNOWN: &str = "?";
/// Where there is nothing to tell.
pub(crate) const NOTHING: &str = "-";

/// `1 region`, `2 regions`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// As AWS hands it out, with nothing declared, and read in full: there is nothing to tell of it.
pub(crate) fn is_idle(region: &Region) -> bool {
    let untouched = region.sending.as_ref().is_some_and(|sending| state(sending) == "sandbox");
    let read = region.collectors.iter().all(|tried| tried.outcome == Outcome::Ok);
    untouched && read && !region.in_use() && region.expected.is_none()
}

/// In words: the worst that is so.
pub(crate) fn state(sending: &Sending) -> String {
    let base = if sending.production { "production" } else { "sandbox" };
    if sending.enforcement == "SHUTDOWN" || !sending.enabled {
        return sending.paused_by().to_owned();
    }
    if sending.enforcement != "HEALTHY" {
        return format!("{base}, {}", sending.enforcement.to_lowercase());
    }
    match sending.review.as_deref().filter(|_| !sending.production) {
        None | Some("NOT_REQUESTED") => base.to_owned(),
        Some(review) => format!("{base} ({})", review.to_lowercase()),
    }
}

/// Sent of what may be sent in 24 hours.
pub(crate) fn quota(sending: &Sending) -> String {
    let sent = thousands(sending.sent_24h);
    match sending.quota_24h {
        None => format!("{sent} of ?"),
        Some(quota) if quota.is_infinite() => format!("{sent}, no limit"),
        Some(quota) => format!("{sent} of {}", thousands(quota)),
    }
}

/// How many records are right or wrong.
pub(crate) fn dns(region: &Region) -> String {
    let asked = region.collectors.iter().any(|tried| tried.collector == "dns");
    let Some(dns) = &region.dns else { return if asked { NOT_KNOWN } else { NOTHING }.to_owned() };
    match (dns.wrong.len(), dns.right, dns.not_known) {
        (0, 0, 0) => NOTHING.to_owned(),
        (0, 0, _) => NOT_KNOWN.to_owned(),
        (0, right, _) => format!("{right} right"),
        (wrong, ..) => format!("{wrong} wrong"),
    }
}

/// What became of what is declared.
pub(crate) fn expected(region: &Region) -> String {
    let Some(expected) = &region.expected else { return NOTHING.to_owned() };
    match expected.as_expected {
        None => NOT_KNOWN.to_owned(),
        Some(false) => "no".to_owned(),
        Some(true) if !expected.missing.is_empty() => format!("{} missing", expected.missing.len()),
        Some(true) if !expected.unexpected.is_empty() => format!("{} more", expected.unexpected.len()),
        Some(true) => "yes".to_owned(),
    }
}

/// In a few words: the findings have the whole failure.
pub(crate) fn outcome(tried: &Tried) -> Option<String> {
    let kind = || tried.kind.as_deref().unwrap_or_default().replace('_', " ");
    match tried.outcome {
        Outcome::Ok | Outcome::Skipped => None,
        Outcome::Denied => Some(format!("{} is denied", tried.denied.as_deref().unwrap_or("what it asks"))),
        Outcome::Partly => Some(format!("read in part ({})", kind())),
        Outcome::Failed => Some(format!("failed ({})", kind())),
        Outcome::BuildsOn => Some(format!("builds on {}", tried.builds_on.as_deref().unwrap_or_default())),
        Outcome::NotTried => Some("not tried yet".to_owned()),
    }
}
