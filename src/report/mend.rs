//! What mends a refusal: a reason, and all that is known of the region, made into remedies. The only place that says which need
//! a reason has.
//!
//! Pure: it asks nobody. The first remedy is the one to do; others are ways round it, or have to be done beside it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use crate::collectors::account;
use crate::collectors::dns::{self, DomainFacts, Label};
use crate::collectors::identity_details::Details;
use crate::judgement::{Judgement, Seen};
use crate::judgements::coverage::folded;
use crate::judgements::forecast::Forecast;
use crate::judgements::send_path::{About, Known, Mail, Reason};
use crate::remedy::{Need, Remedy, Scope, domain_of_ones_own, remedy};

/// So many recipients get commands of their own; the others are mended alike.
const MOST_RECIPIENTS: usize = 5;
/// So many configuration sets are named beside one that is missing.
const MOST_SETS: usize = 5;

/// The DNS records that make SES verify a domain.
const OF_VERIFICATION: &[Label] = &[Label::Dkim1, Label::Dkim2, Label::Dkim3, Label::DkimSelector, Label::AmazonsesTxt];
/// The DNS records of a custom MAIL FROM domain.
const OF_MAIL_FROM: &[Label] = &[Label::MailFromMx, Label::MailFromSpf];

/// Where mail was weighed, and what is known there.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The account as people call it, for sentences.
    pub(crate) account: Option<&'a str>,
    pub(crate) region: &'a str,
    pub(crate) known: &'a Known<'a>,
    pub(crate) mail: &'a Mail<'a>,
    /// When the quota that is used up has room again.
    pub(crate) room_at: Option<SystemTime>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(seen: &Seen<'a>, known: &'a Known<'a>, mail: &'a Mail<'a>) -> Self {
        let forecast = Judgement::judge(&Forecast, seen);
        Self {
            account: seen.account(),
            region: &seen.target().region,
            known,
            mail,
            room_at: forecast.and_then(|verdict| verdict.recovery()),
        }
    }

    /// What mends one reason, with everything that it is about.
    pub(crate) fn remedies(&self, reason: Reason, about: &[&About]) -> Vec<Remedy> {
        match reason {
            Reason::AccountShutDown => vec![self.named(Need::AnswerCase, self.case())],
            Reason::SendingPaused => vec![self.named(Need::ResumeSending, None)],
            Reason::QuotaExhausted => vec![self.room(), self.more()],
            Reason::QuotaTooSmall | Reason::RateTooLow => vec![self.more()],
            Reason::ConfigurationSetMissing | Reason::ConfigurationSetPaused => self.of_set(reason, about),
            Reason::IdentityMissing
            | Reason::IdentityInOtherRegion
            | Reason::IdentityPending
            | Reason::IdentityFailed
            | Reason::MailFromRejects => about.iter().flat_map(|about| self.of_sender(reason, about)).collect(),
            Reason::SandboxNotRequested
            | Reason::SandboxPending
            | Reason::SandboxDenied
            | Reason::SandboxFailed
            | Reason::Sandbox => {
                let recipients = about.iter().filter_map(|about| about.name()).take(MOST_RECIPIENTS);
                [self.access(reason)].into_iter().chain(recipients.map(|name| self.verify_as_it_is(name))).collect()
            }
        }
    }

    pub(super) fn named(&self, need: Need, name: Option<&str>) -> Remedy {
        remedy(need, Scope { account: self.account, region: Some(self.region), name, mail_from: None })
    }

    fn of_set(&self, reason: Reason, about: &[&About]) -> Vec<Remedy> {
        let name = about.iter().find_map(|about| about.name());
        if reason == Reason::ConfigurationSetPaused {
            return vec![self.named(Need::ResumeConfigurationSet, name)];
        }
        let mut create = self.named(Need::CreateConfigurationSet, name);
        let there: Vec<&str> =
            self.known.sets.iter().flat_map(|sets| sets.all.keys()).map(|name| &**name).take(MOST_SETS).collect();
        if !there.is_empty() {
            let _ = write!(create.sentence, ", such as {}", there.join(", "));
        }
        vec![create]
    }

    fn of_sender(&self, reason: Reason, about: &About) -> Vec<Remedy> {
        let from = self.mail.from;
        match (reason, about) {
            (_, About::SenderElsewhere { identity, regions }) => {
                let there =
                    Scope { region: regions.first().map(|region| &**region), name: Some(identity), ..Scope::default() };
                vec![remedy(Need::UseRegion, there), self.verify(from)]
            }
            (Reason::MailFromRejects, About::Sender(identity)) => vec![self.without_mail_from(identity)],
            (Reason::IdentityPending | Reason::IdentityFailed, About::Sender(identity)) => {
                vec![self.verify_as_it_is(identity)]
            }
            _ => vec![self.verify(from)],
        }
    }

    /// What takes the account out of the sandbox, by the state of its request.
    pub(super) fn leave_sandbox(&self, account: &account::Reading) -> Remedy {
        self.access(Reason::of_sandbox(account.review_status.as_deref()))
    }

    fn access(&self, reason: Reason) -> Remedy {
        match reason {
            Reason::SandboxPending => self.named(Need::AwaitReview, self.case()),
            Reason::SandboxDenied => self.named(Need::AnswerCase, self.case()),
            _ => self.named(Need::RequestProductionAccess, None),
        }
    }

    /// A larger quota, which the sandbox does not have.
    pub(super) fn more(&self) -> Remedy {
        match self.known.account.filter(|account| !account.production_access) {
            Some(account) => self.leave_sandbox(account),
            None => self.named(Need::RaiseQuota, None),
        }
    }

    fn room(&self) -> Remedy {
        let mut look = self.named(Need::LookAtQuota, None);
        let _ = match self.room_at.map(humantime::format_rfc3339_seconds) {
            Some(at) => write!(look.sentence, "; as things look, there is room again at {at}"),
            None => write!(look.sentence, "; room comes back bit by bit, 24 hours after each mail"),
        };
        look
    }

    /// A new identity: the domain, which covers every address at it, unless it is somebody else's.
    fn verify(&self, sender: &str) -> Remedy {
        match domain_of_ones_own(sender) {
            Some(domain) => self.named(Need::VerifyDomain, Some(domain)),
            None => self.named(Need::VerifyAddress, Some(sender)),
        }
    }

    /// This very identity: what is there already can't be made a second time.
    fn verify_as_it_is(&self, name: &str) -> Remedy {
        let all = self.known.identities.iter().flat_map(|senders| senders.all);
        let there = all.into_iter().any(|identity| folded(&identity.name) == folded(name));
        match (name.contains('@'), there) {
            (true, true) => self.named(Need::SendLinkAgain, Some(name)),
            (true, false) => self.named(Need::VerifyAddress, Some(name)),
            (false, true) => self.with_records(self.named(Need::ShowDkimRecords, Some(name)), name, OF_VERIFICATION),
            (false, false) => self.named(Need::VerifyDomain, Some(name)),
        }
    }

    fn without_mail_from(&self, identity: &str) -> Remedy {
        let mail_from = self.details(identity).and_then(|details| details.mail_from.as_ref());
        let mail_from = mail_from.map(|mail_from| &*mail_from.domain);
        let scope = Scope { account: self.account, region: Some(self.region), name: Some(identity), mail_from };
        self.with_records(remedy(Need::SendWithoutMailFrom, scope), identity, OF_MAIL_FROM)
    }

    /// The records of a MAIL FROM domain that is not verified.
    pub(super) fn mail_from(&self, identity: &str) -> Remedy {
        self.with_records(self.named(Need::LookAtMailFrom, Some(identity)), identity, OF_MAIL_FROM)
    }

    /// What makes SES sign mail of an identity.
    pub(super) fn dkim(&self, identity: &str) -> Remedy {
        let signs = self.details(identity).and_then(|details| details.dkim.as_ref()).map(|dkim| dkim.signing_enabled);
        if signs == Some(false) {
            return self.named(Need::SwitchDkimOn, Some(identity));
        }
        self.with_records(self.named(Need::ShowDkimRecords, Some(identity)), identity, OF_VERIFICATION)
    }

    /// Adds the records of an identity that has been read.
    fn with_records(&self, remedy: Remedy, identity: &str, labels: &[Label]) -> Remedy {
        let facts = self.details(identity).and_then(|details| DomainFacts::of(&Arc::from(identity), details));
        let expected = facts.iter().flat_map(|facts| dns::expected(facts, self.region));
        let records = expected.filter(|record| labels.contains(&record.label)).map(|record| record.text()).collect();
        Remedy { records, ..remedy }
    }

    pub(super) fn details(&self, identity: &str) -> Option<&'a Details> {
        self.known.details?.get(identity).map(|details| &**details)
    }

    /// The support case that GetAccount names.
    fn case(&self) -> Option<&'a str> {
        self.known.account?.review_case_id.as_deref()
    }
}
