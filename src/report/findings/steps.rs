//! The steps that mend a finding: the needs of an account in a region, and of identities and records in it.
//!
//! It judges nothing; what is wrong is told by its callers.

use super::MOST_NAMES;
use crate::judgements::send_path::Reason;
use crate::remedy::{Need, Remedy, Scope, remedy};
use crate::report::mend::leave_sandbox;
use crate::report::region::{Region, Sending, Wrong};

/// Where something is so, for the commands.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) region: &'a str,
}

impl Here<'_> {
    pub(super) fn remedy(&self, need: Need, name: Option<&str>) -> Remedy {
        remedy(need, Scope { account: self.account, region: Some(self.region), name, mail_from: None })
    }

    /// One step for each of the first few names.
    pub(super) fn each(&self, need: Need, names: &[String]) -> Vec<Remedy> {
        names.iter().take(MOST_NAMES).map(|name| self.remedy(need, Some(name))).collect()
    }

    pub(super) fn leave_sandbox(&self, sending: &Sending) -> Remedy {
        let reason = Reason::of_sandbox(sending.review.as_deref());
        leave_sandbox(reason, sending.case_id.as_deref(), self.account, self.region)
    }

    /// Who has paused it can end it.
    pub(super) fn resume(&self, sending: &Sending) -> Remedy {
        if sending.enforcement == "SHUTDOWN" {
            self.remedy(Need::AnswerCase, sending.case_id.as_deref())
        } else {
            self.remedy(Need::ResumeSending, None)
        }
    }

    pub(super) fn more_quota(&self, sending: &Sending) -> Remedy {
        if sending.production { self.remedy(Need::RaiseQuota, None) } else { self.leave_sandbox(sending) }
    }
}

pub(super) fn verify(region: &Region, names: &[String], here: Here<'_>) -> Vec<Remedy> {
    let there = |name: &String| region.identities.as_ref().is_some_and(|all| all.can_not_send.contains(name));
    let (there, gone): (Vec<String>, Vec<String>) = names.iter().cloned().partition(there);
    let (addresses, domains): (Vec<String>, Vec<String>) = gone.into_iter().partition(|name| name.contains('@'));
    let mut remedies = here.each(Need::VerifyDomain, &domains);
    remedies.extend(here.each(Need::VerifyAddress, &addresses));
    remedies.extend(verify_again(region, &there, here));
    remedies
}

/// Identities that are there can't be made a second time.
pub(super) fn verify_again(region: &Region, names: &[String], here: Here<'_>) -> Vec<Remedy> {
    let (addresses, domains): (Vec<String>, Vec<String>) = names.iter().cloned().partition(|name| name.contains('@'));
    let given_up = |name: &String| region.identities.as_ref().is_some_and(|all| all.given_up.contains(name));
    let (given_up, domains): (Vec<String>, Vec<String>) = domains.into_iter().partition(given_up);
    let mut remedies = here.each(Need::SendLinkAgain, &addresses);
    remedies.extend(here.each(Need::RestartVerification, &given_up));
    remedies.extend(here.each(Need::ShowDkimRecords, &domains));
    remedies
}

/// No command publishes a record, for SES does not have the DNS.
pub(super) fn publish(wrong: &[Wrong]) -> Remedy {
    let mut records: Vec<String> = wrong.iter().map(|wrong| wrong.expected.clone()).collect();
    records.sort();
    records.dedup();
    let sentence = "put into the DNS what SES and receivers look for".to_owned();
    Remedy { sentence, command: None, records }
}
