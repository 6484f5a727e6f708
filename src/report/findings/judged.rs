//! Findings from verdicts: declared paths that SES refuses, standbys that could not take over, and what is in sight.

use super::steps::Here;
use super::{Severity, Told, names};
use crate::judgements::failover::Reason;
use crate::remedy::Need;
use crate::report::judged::{Path, Standby};
use crate::report::region::Region;

/// Everything that the judgements have found in a region.
pub(super) fn told(region: &Region, here: Here<'_>) -> Vec<Told> {
    let judged = &region.judged;
    let mut told: Vec<Told> = judged.send_paths.iter().filter_map(path).collect();
    told.extend(judged.failovers.iter().filter_map(|standby| failover(standby, region, here)));
    if let (Some(at), Some(sending)) = (&judged.quota_exhausted_at, &region.sending) {
        let what = format!("as mail goes out now, the quota will be used up at {at}");
        told.push(Told::new(Severity::Warning, what).mended_by(vec![here.more_quota(sending)]));
    }
    if !judged.unheard.is_empty() {
        let what = format!("nobody hears of bounces or complaints of {}", names(&judged.unheard));
        told.push(Told::new(Severity::Warning, what).mended_by(here.each(Need::ForwardFeedback, &judged.unheard)));
    }
    if !judged.paused_sets.is_empty() {
        let what = format!("sending is switched off for the configuration sets {}", names(&judged.paused_sets));
        let resume = here.each(Need::ResumeConfigurationSet, &judged.paused_sets);
        told.push(Told::new(Severity::Warning, what).mended_by(resume));
    }
    told
}

/// With the first remedy of each reason: one step a reason.
fn path(path: &Path) -> Option<Told> {
    match path.ready {
        Some(true) => None,
        Some(false) => {
            let reasons: Vec<&str> = path.reasons.iter().map(|reason| &*reason.what).collect();
            let what = format!("SES refuses mail of the send path {}: {}", path.path, reasons.join("; "));
            let first = path.reasons.iter().filter_map(|reason| reason.remedies.first().cloned());
            Some(Told::new(Severity::CanNotSend, what).mended_by(first.collect()))
        }
        None => {
            let what = format!(
                "not all is read that could refuse mail of the send path {}: look again with --wait",
                path.path
            );
            Some(Told::new(Severity::CouldNotTell, what))
        }
    }
}

/// What stands by refuses nobody yet; nobody knows it ready before all is read.
fn failover(standby: &Standby, region: &Region, here: Here<'_>) -> Option<Told> {
    match standby.ready {
        Some(true) => return None,
        Some(false) => {}
        None => {
            let what = format!(
                "not all is read that could keep it from taking over from {}: look again with --wait",
                standby.primary
            );
            return Some(Told::new(Severity::CouldNotTell, what));
        }
    }
    let reasons: Vec<String> = standby.reasons.iter().map(|reason| reason.as_str().replace('_', " ")).collect();
    let what = format!("could not take over from {}: {}", standby.primary, reasons.join(", "));
    let sending = region.sending.as_ref();
    let step = sending.and_then(|sending| match standby.reasons.first() {
        Some(Reason::Sandbox) => Some(here.leave_sandbox(sending)),
        Some(Reason::SendingPaused) => Some(here.resume(sending)),
        Some(Reason::QuotaTooSmall) => Some(here.more_quota(sending)),
        _ => None,
    });
    Some(Told::new(Severity::Warning, what).mended_by(step.into_iter().collect()))
}
