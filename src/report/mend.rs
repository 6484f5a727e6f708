//! What mends a refusal: a reason, and all that is known of the region, made into remedies. The only place that says which need
//! a reason has.
//!
//! Pure: it asks nobody. The first remedy is the one to do; others are ways round it, or have to be done beside it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

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

/// What takes an account out of the sandbox, by the reason why it is in there and its support case.
pub(crate) fn leave_sandbox(reason: Reason, case: Option<&str>, account: Option<&str>, region: &str) -> Remedy {
    let (need, name) = match reason {
        Reason::SandboxPending => (Need::AwaitReview, case),
        Reason::SandboxDenied => (Need::AnswerCase, case),
        // It was granted, and the sandbox is still there: SES refuses another request, and AWS has to explain.
        Reason::Sandbox if case.is_some() => (Need::AnswerCase, case),
        _ => (Need::RequestProductionAccess, None),
    };
    remedy(need, Scope { account, region: Some(region), name, mail_from: None })
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

    /// What takes the account out of the sandbox.
    pub(super) fn leave_sandbox(&self) -> Remedy {
        let review = self.known.account.and_then(|account| account.review_status.as_deref());
        self.access(Reason::of_sandbox(review))
    }

    fn access(&self, reason: Reason) -> Remedy {
        leave_sandbox(reason, self.case(), self.account, self.region)
    }

    /// A larger quota, which the sandbox does not have.
    pub(super) fn more(&self) -> Remedy {
        let sandbox = self.known.account.is_some_and(|account| !account.production_access);
        if sandbox { self.leave_sandbox() } else { self.named(Need::RaiseQuota, None) }
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
        let mut all = self.known.identities.iter().flat_map(|senders| senders.all);
        let there = all.find(|identity| folded(&identity.name) == folded(name));
        match (name.contains('@'), there) {
            (true, Some(_)) => self.named(Need::SendLinkAgain, Some(name)),
            (true, None) => self.named(Need::VerifyAddress, Some(name)),
            (false, Some(identity)) => self.find_records(name, identity.status.as_deref().unwrap_or_default()),
            (false, None) => self.named(Need::VerifyDomain, Some(name)),
        }
    }

    /// What makes SES find the records of a domain. It looks for them by itself for 72 hours ("PENDING"), and not again after that
    /// (GetIdentityVerificationAttributes). A key of one's own is not started anew: that would put one of SES in its place.
    fn find_records(&self, name: &str, status: &str) -> Remedy {
        let described = self.details(name).and_then(|details| details.described.as_ref());
        let own_key = described.is_some_and(|described| described.dkim_origin.as_deref() == Some("EXTERNAL"));
        let need = match status {
            "FAILED" | "NOT_STARTED" if !own_key => Need::RestartVerification,
            _ => Need::ShowDkimRecords,
        };
        self.with_records(self.named(need, Some(name)), name, OF_VERIFICATION)
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
        match self.details(identity).and_then(|details| details.dkim.as_ref()) {
            Some(dkim) if !dkim.signing_enabled => self.named(Need::SwitchDkimOn, Some(identity)),
            dkim => self.find_records(identity, dkim.map_or("", |dkim| &dkim.status)),
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::collectors::account;
    use crate::collectors::identities::Identity;
    use crate::collectors::identity_details::{Described, Dkim, MailFrom};
    use crate::expectations::Recipients;
    use crate::judgements::send_path::Senders;

    fn account(production_access: bool, review: &str) -> account::Reading {
        account::Reading {
            production_access,
            sending_enabled: true,
            enforcement_status: "HEALTHY".to_owned(),
            review_status: Some(review.to_owned()),
            review_case_id: Some("17".to_owned()),
            max_24h: Some(200.0),
            sent_24h: 200.0,
            max_per_second: Some(1.0),
            suppressed_reasons: None,
            vdm_enabled: None,
            auto_warmup: false,
        }
    }

    fn known(account: &account::Reading) -> Known<'_> {
        Known { account: Some(account), identities: None, details: None, sets: None, elsewhere: Vec::new() }
    }

    fn mail(from: &str) -> Mail<'_> {
        let (configuration_set, daily_messages, peak_messages_per_second) = (None, None, None);
        let to = &Recipients::Any;
        Mail { from, to, configuration_set, recipients: 1, daily_messages, peak_messages_per_second }
    }

    fn remedies(known: &Known<'_>, from: &str, reason: Reason, about: &[About]) -> Vec<Remedy> {
        let place = Place { account: Some("shop"), region: "eu-west-1", known, mail: &mail(from), room_at: None };
        place.remedies(reason, &about.iter().collect::<Vec<_>>())
    }

    /// The operations of the commands, and what they are about.
    fn steps(remedies: &[Remedy]) -> String {
        let command = |remedy: &Remedy| {
            let words: Vec<&str> = remedy.command.as_deref().unwrap_or("-").split(' ').collect();
            let after = |option: &str| words.iter().skip_while(|word| **word != option).nth(1).copied();
            let about =
                ["--email-identity", "--email-address", "--configuration-set-name"].iter().find_map(|one| after(one));
            let place = after("--region").filter(|region| *region != "eu-west-1");
            [words.get(2).copied(), about, place].into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        remedies.iter().map(command).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_reason_has_a_first_step() {
        let sender = |name: &str| vec![About::Sender(name.into())];
        let set = || vec![About::ConfigurationSet("main".into())];
        let elsewhere = About::SenderElsewhere { identity: "shop.example".into(), regions: vec!["us-east-1".into()] };
        let eve = || vec![About::Recipient("eve@customer.test".into()), About::Recipient("office.test".into())];
        let (verify_eve, shop) =
            ("create-email-identity eve@customer.test, create-email-identity office.test", "a@shop.example");
        let access = format!("put-account-details, {verify_eve}");
        let look = format!("get-account, {verify_eve}");
        let rows: Vec<(Reason, Vec<About>, &str, &str)> = vec![
            (Reason::AccountShutDown, vec![About::Account], shop, "get-account"),
            (Reason::SendingPaused, vec![About::Account], shop, "put-account-sending-attributes"),
            (Reason::ConfigurationSetMissing, set(), shop, "create-configuration-set main"),
            (Reason::ConfigurationSetPaused, set(), shop, "put-configuration-set-sending-options main"),
            (Reason::QuotaExhausted, vec![About::Account], shop, "get-account, list-service-quotas"),
            (Reason::QuotaTooSmall, vec![About::Account], shop, "list-service-quotas"),
            (Reason::RateTooLow, vec![About::Account], shop, "list-service-quotas"),
            (Reason::IdentityMissing, sender(shop), shop, "create-email-identity shop.example"),
            (Reason::IdentityMissing, sender("a@gmail.com"), "a@gmail.com", "create-email-identity a@gmail.com"),
            (
                Reason::IdentityInOtherRegion,
                vec![elsewhere],
                shop,
                "get-email-identity shop.example us-east-1, create-email-identity shop.example",
            ),
            (Reason::SandboxNotRequested, eve(), shop, &access),
            (Reason::SandboxPending, eve(), shop, &look),
            (Reason::SandboxDenied, eve(), shop, &look),
            (Reason::SandboxFailed, eve(), shop, &access),
            (Reason::Sandbox, eve(), shop, &look),
            (Reason::Sandbox, vec![About::Account], shop, "get-account"),
        ];
        let production = account(true, "GRANTED");
        for (reason, about, from, expected) in rows {
            assert_eq!(steps(&remedies(&known(&production), from, reason, &about)), expected, "{reason:?}");
        }
    }

    #[test]
    fn a_domain_that_ses_has_given_up_is_started_again_unless_its_key_is_ones_own() {
        let production = account(true, "GRANTED");
        for (status, origin, operation) in [
            ("PENDING", "AWS_SES", "get-email-identity"),
            ("TEMPORARY_FAILURE", "AWS_SES", "get-email-identity"),
            ("FAILED", "AWS_SES", "verify-domain-dkim"),
            ("NOT_STARTED", "AWS_SES", "verify-domain-dkim"),
            ("FAILED", "EXTERNAL", "get-email-identity"),
        ] {
            let (mut domain, mut details) = listed("shop.example", "domain");
            domain.status = Some(status.into());
            details.described.as_mut().expect("described").dkim_origin = Some(origin.into());
            let (identities, details) = ([domain], BTreeMap::from([(Arc::from("shop.example"), Arc::new(details))]));
            let senders = Some(Senders::of(&identities));
            let known = Known { identities: senders, details: Some(&details), ..known(&production) };
            let about = [About::Sender("shop.example".into())];
            let told = remedies(&known, "shop.example", Reason::IdentityFailed, &about);
            assert!(told[0].command.as_deref().expect("a command").contains(operation), "{status} {origin}: {told:?}");
            assert_eq!(told[0].records.len(), 1, "{status} {origin}");
        }
    }

    #[test]
    fn the_sandbox_has_no_larger_quota() {
        for (review, expected) in [("NOT_REQUESTED", "put-account-details"), ("DENIED", "get-account")] {
            let sandbox = account(false, review);
            assert_eq!(steps(&remedies(&known(&sandbox), "x.test", Reason::RateTooLow, &[About::Account])), expected);
        }
        let denied = remedies(&known(&account(false, "DENIED")), "x.test", Reason::SandboxDenied, &[]);
        assert!(denied.iter().any(|remedy| remedy.sentence.contains("case 17")), "{denied:?}");
    }

    #[test]
    fn room_comes_back_when_the_forecast_says_so() {
        let production = account(true, "GRANTED");
        let known = known(&production);
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        let mail = mail("x.test");
        let room = |room_at| {
            let place = Place { account: None, region: "eu-west-1", known: &known, mail: &mail, room_at };
            place.remedies(Reason::QuotaExhausted, &[&About::Account]).swap_remove(0).sentence
        };
        assert!(room(Some(at)).ends_with("there is room again at 1970-01-02T00:00:00Z"));
        assert!(room(None).ends_with("room comes back bit by bit, 24 hours after each mail"));
    }

    /// An identity of the list with a MAIL FROM domain, one token and a zone for it.
    fn listed(name: &str, identity_type: &str) -> (Identity, Details) {
        let status = Some("PENDING".into());
        let identity =
            Identity { name: name.into(), identity_type: identity_type.into(), status, sending_enabled: false };
        let mut details = Details::default();
        details.identity_type = identity_type.into();
        details.dkim = Some(Dkim { status: "PENDING".into(), signing_enabled: true, tokens: vec!["tok".into()] });
        let zone = Some("dkim.amazonses.com".into());
        details.described = Some(Described { dkim_hosted_zone: zone, ..Described::at(SystemTime::UNIX_EPOCH) });
        let (domain, status) = ("bounce.shop.example".into(), "FAILED".into());
        details.mail_from = Some(MailFrom { domain, status, rejects: true });
        (identity, details)
    }

    #[test]
    fn what_is_there_is_not_made_a_second_time() {
        let (domain, of_domain) = listed("shop.example", "domain");
        let (address, _) = listed("ann@other.test", "email_address");
        let identities = [domain, address];
        let details = BTreeMap::from([(Arc::from("shop.example"), Arc::new(of_domain))]);
        let production = account(true, "GRANTED");
        let known = Known { identities: Some(Senders::of(&identities)), details: Some(&details), ..known(&production) };
        let sender = |name: &str| [About::Sender(name.into())];
        let of = |reason, name: &str| remedies(&known, name, reason, &sender(name));
        assert_eq!(steps(&of(Reason::IdentityPending, "ann@other.test")), "verify-email-identity ann@other.test");
        let domain = of(Reason::IdentityPending, "shop.example");
        assert_eq!(steps(&domain), "get-email-identity shop.example");
        assert_eq!(domain[0].records, ["tok._domainkey.shop.example CNAME tok.dkim.amazonses.com"]);
        let rejects = of(Reason::MailFromRejects, "shop.example");
        assert_eq!(steps(&rejects), "put-email-identity-mail-from-attributes shop.example");
        let command = rejects[0].command.as_deref().expect("a command");
        assert!(command.contains("--mail-from-domain bounce.shop.example "), "{command}");
        assert_eq!(rejects[0].records.len(), 2, "MX and SPF");
        let recipient = remedies(&known, "x.test", Reason::Sandbox, &[About::Recipient("ann@other.test".into())]);
        assert_eq!(steps(&recipient), "get-account, verify-email-identity ann@other.test");
    }
}
