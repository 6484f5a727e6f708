//! The errors that are not about who is verified, with the facts: pauses, configuration sets, MAIL FROM domains, quotas, reviews.

use std::sync::Arc;

use super::here::{Here, OF_SENDER, Standing};
use super::{Found, moment};
use crate::cli::explain::asked::Told;
use crate::collectors::account;
use crate::collectors::configuration_sets::ConfigurationSets;
use crate::judgement::Judgement;
use crate::judgements::forecast::Forecast;
use crate::judgements::send_path::{About, Block, Reason as Refusal};
use crate::reference::thousands;
use crate::rejection::Reason;

pub(super) fn found(here: &Here<'_>, reason: &Reason, told: &Told) -> Found {
    // Without the first there is nothing to say; the others add to it.
    let decisive = match reason {
        Reason::ConfigurationSetPaused { .. } | Reason::ConfigurationSetMissing { .. } => &["configuration_sets"][..],
        Reason::MailFromNotVerified => &["identities", "identity_details"][..],
        Reason::AlreadyExists { .. } => &["identities"][..],
        _ => &["account"][..],
    };
    if let Some(why) = here.unread(decisive) {
        return Found::unread(here, &why);
    }
    let found = match (reason, here.known.account) {
        (Reason::AccountPaused, _) => {
            of_mail(here, told, &[Refusal::AccountShutDown, Refusal::SendingPaused], "Sending is not paused")
        }
        (Reason::DailyQuota, Some(account)) => of_quota(here, account, told),
        (Reason::SendRate, Some(account)) => of_rate(here, account),
        (Reason::ReviewConflict, Some(account)) => of_review(here, account),
        (Reason::ConfigurationSetPaused { name } | Reason::ConfigurationSetMissing { name }, _) => {
            of_set(here, name.as_deref(), told)
        }
        (Reason::MailFromNotVerified, _) => of_mail_from(here, told),
        (Reason::AlreadyExists { identity }, _) => of_identity(here, identity.as_deref()),
        _ => of_mail(here, told, &[], "SES would take the message"),
    };
    found.tidied()
}

/// Mail and what SES refuses it for.
struct Refused<'a> {
    from: &'a str,
    /// The configuration set that the error names.
    set: Option<&'a str>,
    blocks: Vec<Block>,
}

impl Refused<'_> {
    /// The verdict of the first refusal; without any, the other one.
    fn or(&self, here: &Here<'_>, still_so: Option<bool>, verdict: &str) -> Found {
        let mut found = Found::new(here, still_so, verdict.to_owned());
        let words = found.mend(here, self.from, self.set, &self.blocks);
        if let Some((first, others)) = words.split_first() {
            found.still_so = Some(true);
            found.verdict = format!("SES refuses the message in {}: {first}.", here.name());
            found.more.extend(others.iter().map(|what| format!("Besides, {what}.")));
        }
        found
    }
}

/// The mail that the arguments tell, weighed: what of these reasons refuses it; without reasons, all of them.
fn of_mail(here: &Here<'_>, told: &Told, reasons: &[Refusal], well: &str) -> Found {
    let from = told.from.as_deref().unwrap_or_default();
    let weighed = here.weigh(from, &told.to, None);
    let about_nobody = |block: &Block| told.from.is_none() && OF_SENDER.contains(&block.reason);
    let of_these = |block: &Block| reasons.is_empty() || reasons.contains(&block.reason);
    let blocks = weighed.blocks.into_iter().filter(|block| of_these(block) && !about_nobody(block)).collect();
    let open = reasons.is_empty() && weighed.open;
    let well = if open { "Nothing that could be read says that SES would refuse the message" } else { well };
    Refused { from, set: None, blocks }.or(here, (!open).then_some(false), &format!("{well} in {} now.", here.name()))
}

fn of_quota(here: &Here<'_>, account: &account::Reading, told: &Told) -> Found {
    let used = match account.max_24h {
        Some(most) if most.is_finite() => format!("{} of {} used", thousands(account.sent_24h), thousands(most)),
        Some(_) => format!("{} used, and there is no limit", thousands(account.sent_24h)),
        None => format!("{} used", thousands(account.sent_24h)),
    };
    let mut found = of_mail(here, told, &[Refusal::QuotaExhausted], "");
    found.verdict = match found.still_so {
        Some(true) => format!("The quota of 24 hours is used up in {}: {used}.", here.name()),
        _ => format!("There is room in {} now, and SES would take the message: {used}.", here.name()),
    };
    let forecast = Judgement::judge(&Forecast, &here.seen);
    if let Some(at) = forecast.and_then(|verdict| verdict.exhaustion()) {
        found.more.push(format!("As mail goes out now, the quota is used up at {}.", moment(at)));
    }
    found
}

/// Too many in one second passes by itself, so it is never so any more; what stays is the limit.
fn of_rate(here: &Here<'_>, account: &account::Reading) -> Found {
    let rate = account.max_per_second.map_or_else(|| "?".to_owned(), thousands);
    let sandbox = if account.production_access { "" } else { ", as in every sandbox" };
    let verdict = format!(
        "In {} SES takes {rate} messages a second{sandbox}: send more slowly, and again what was refused.",
        here.name()
    );
    let mut found = Found::new(here, None, verdict);
    found.mend(here, "", None, &[Block { reason: Refusal::RateTooLow, about: About::Account }]);
    found
}

fn of_review(here: &Here<'_>, account: &account::Reading) -> Found {
    let place = here.name();
    let case = account.review_case_id.as_deref().map(|case| format!(" (case {case})")).unwrap_or_default();
    let refusal = Refusal::of_sandbox(account.review_status.as_deref());
    let (still_so, verdict) = match refusal {
        _ if account.production_access => {
            (Some(false), format!("{place} has production access already: there is nothing to request."))
        }
        Refusal::SandboxPending => (
            Some(true),
            format!("AWS is deciding about production access in {place}{case}: a second request is not taken."),
        ),
        Refusal::SandboxDenied => (
            Some(true),
            format!("AWS has denied production access in {place}{case}: the way on is an answer in that case."),
        ),
        Refusal::SandboxFailed => (
            Some(false),
            format!("The request for production access in {place} got lost at AWS{case}: it can be made again."),
        ),
        _ => (None, format!("SES tells of no request for production access in {place}.")),
    };
    let mut found = Found::new(here, still_so, verdict);
    if !account.production_access {
        found.mend(here, "", None, &[Block { reason: refusal, about: About::Account }]);
    }
    found
}

/// The set that the error names; else the one that the mail of the arguments goes through.
fn of_set(here: &Here<'_>, name: Option<&str>, told: &Told) -> Found {
    const OF_SETS: &[Refusal] = &[Refusal::ConfigurationSetMissing, Refusal::ConfigurationSetPaused];
    let place = here.name();
    let weighed = here.weigh(told.from.as_deref().unwrap_or_default(), &[], name);
    let blocks = weighed.blocks.into_iter().filter(|block| OF_SETS.contains(&block.reason)).collect();
    let refused = Refused { from: told.from.as_deref().unwrap_or_default(), set: name, blocks };
    let Some(name) = name else {
        return match &told.from {
            None => refused.or(
                here,
                None,
                &format!(
                    "The error does not name the set, so it can't be looked up in {place}: --from tells whose it is."
                ),
            ),
            Some(_) if weighed.open => {
                refused.or(here, None, &format!("The set of the sender could not be read in {place}."))
            }
            Some(from) => refused.or(
                here,
                Some(false),
                &format!("Mail of {from} goes through no set in {place} that is missing or switched off."),
            ),
        };
    };
    let set = here.known.sets.as_ref().and_then(|sets| sets.all.get(name)?.as_ref()?.sending_enabled);
    let well = set.map(|_| false);
    let words =
        if set.is_some() { "sends: SES would take the message now" } else { "whether it sends could not be read" };
    let mut found = refused.or(here, well, &format!("The configuration set {name} is there in {place}, and {words}."));
    let there = here.seen.elsewhere().filter(|other| has_set(other, name)).map(|other| &*other.target().region);
    let there: Vec<&str> = there.collect();
    if found.still_so == Some(true) && !there.is_empty() {
        found.more.push(format!("There is one of that name in {}.", there.join(", ")));
    }
    found
}

fn has_set(seen: &crate::judgement::Seen<'_>, name: &str) -> bool {
    seen.reading::<ConfigurationSets>().is_some_and(|reading| reading.sets.contains_key(name))
}

/// Every identity, or the sender's, that rejects mail for its MAIL FROM domain.
fn of_mail_from(here: &Here<'_>, told: &Told) -> Found {
    let place = here.name();
    let details = here.known.details;
    let theirs: Vec<Arc<str>> = match (&told.from, details) {
        (Some(from), _) => {
            here.known.identities.as_ref().and_then(|all| all.verified.closest(from)).into_iter().cloned().collect()
        }
        (None, Some(all)) => all.keys().cloned().collect(),
        (None, None) => Vec::new(),
    };
    let blocks = theirs.iter().flat_map(|name| here.weigh(name, &[], None).blocks);
    let mut blocks: Vec<Block> = blocks.filter(|block| block.reason == Refusal::MailFromRejects).collect();
    blocks.dedup();
    let read =
        |name: &Arc<str>| here.details(name).is_some_and(|one| one.mail_from.is_some() || one.described.is_some());
    let whole = theirs.iter().all(read);
    let well = format!(
        "No identity in {place} rejects mail for its MAIL FROM domain now. SES gives that name to the error too where a sender is not verified."
    );
    let refused = Refused { from: told.from.as_deref().unwrap_or_default(), set: None, blocks };
    let mut found = refused.or(here, whole.then_some(false), &well);
    for identity in refused.blocks.iter().filter_map(|block| block.about.name()) {
        found.wrong_records(here, identity, true);
    }
    found.knows = !theirs.is_empty();
    found
}

fn of_identity(here: &Here<'_>, identity: Option<&str>) -> Found {
    let place = here.name();
    let Some(name) = identity else {
        return Found::new(
            here,
            None,
            format!("The error does not name the identity, so it can't be looked up in {place}."),
        );
    };
    let (knows, so, verdict) = match here.standing(name) {
        Standing::Verified { by } if *by == *name => {
            (true, Some(true), format!("{name} is verified in {place}: there is nothing to make."))
        }
        Standing::Pending { identity } | Standing::Failed { identity } if *identity == *name => {
            (true, Some(true), format!("{name} is there in {place}, and not verified yet."))
        }
        Standing::Unknown => (false, None, format!("SES does not tell how {name} stands in {place}.")),
        _ => (false, Some(false), format!("There is no identity {name} in {place} now.")),
    };
    let mut found = Found::new(here, so, verdict);
    let blocks: Vec<Block> =
        here.weigh(name, &[], None).blocks.into_iter().filter(|block| OF_SENDER.contains(&block.reason)).collect();
    found.mend(here, name, None, &blocks);
    if knows {
        found.wrong_records(here, name, false);
    }
    found.knows = knows;
    found
}
