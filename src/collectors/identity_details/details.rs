//! What SES says of one identity beyond its verification status. Words are spelled as SES v2 spells them.

use std::sync::Arc;
use std::time::SystemTime;

use crate::aws::Failure;

/// One identity, as far as it has been read. What is `None` was not read yet, or SES has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// `IdentityType` as the list has it: `domain`, `email_address`, `managed_domain`.
    pub identity_type: Arc<str>,
    /// `VerificationStatus` as the list had it last.
    pub status: Option<Arc<str>>,
    /// DKIM, for domains and for addresses that have their own.
    pub dkim: Option<Dkim>,
    /// The custom MAIL FROM domain, where one is configured.
    pub mail_from: Option<MailFrom>,
    /// `ForwardingEnabled` (v1), `FeedbackForwardingStatus` (v2): bounces and complaints come by e-mail.
    pub forwarding: Option<bool>,
    /// Which events go to an SNS topic.
    pub topics: Option<Topics>,
    /// `VerificationToken` of the legacy TXT record, read only where DKIM does not verify the domain.
    pub legacy_token: Option<Arc<str>>,
    /// What only GetEmailIdentity tells.
    pub described: Option<Described>,
    /// Something has changed since it was described.
    pub(super) changed: bool,
    /// What the batches said last.
    pub(super) heard: Heard,
    /// When its description could not be read last, and why; no reason where SES does not know it any more.
    pub(super) unreadable: Option<(SystemTime, Option<Failure>)>,
}

/// GetIdentityDkimAttributes, or `DkimAttributes` of GetEmailIdentity.
#[derive(Clone, Debug, PartialEq)]
pub struct Dkim {
    /// `DkimVerificationStatus`, `Status`.
    pub status: Arc<str>,
    /// `DkimEnabled`, `SigningEnabled`.
    pub signing_enabled: bool,
    /// The names of the CNAME records, or the selector of a key of one's own; sorted.
    pub tokens: Vec<Arc<str>>,
}

/// GetIdentityMailFromDomainAttributes, or `MailFromAttributes` of GetEmailIdentity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFrom {
    /// `MailFromDomain`.
    pub domain: Arc<str>,
    /// `MailFromDomainStatus`.
    pub status: Arc<str>,
    /// `BehaviorOnMXFailure` is REJECT_MESSAGE.
    pub rejects: bool,
}

impl MailFrom {
    /// This, unless SES names no domain: of an identity without one it tells the behaviour alone.
    pub(super) fn configured(self) -> Option<Self> {
        Some(self).filter(|mail_from| !mail_from.domain.is_empty())
    }
}

/// GetIdentityNotificationAttributes: whether a topic is named. The topics' names are nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics {
    /// `BounceTopic`.
    pub bounce: bool,
    /// `ComplaintTopic`.
    pub complaint: bool,
}

/// GetEmailIdentity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// When it was asked.
    pub at: SystemTime,
    /// `DkimAttributes.SigningAttributesOrigin`: AWS_SES, EXTERNAL, or AWS_SES_<REGION> of a replica.
    pub dkim_origin: Option<Arc<str>>,
    /// `DkimAttributes.CurrentSigningKeyLength`.
    pub dkim_key_length: Option<Arc<str>>,
    /// `DkimAttributes.SigningHostedZone`, where the CNAME records lead to.
    pub dkim_hosted_zone: Option<Arc<str>>,
    /// `ConfigurationSetName`, the default for mail of this identity.
    pub configuration_set: Option<Arc<str>>,
    /// When it was first heard that this set, or none, is the default.
    pub set_since: SystemTime,
    /// `Tags`, as far as the configuration asks for them.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
    /// `VerificationInfo.ErrorType`.
    pub error_type: Option<Arc<str>>,
    /// `VerificationInfo.LastCheckedTimestamp`.
    pub last_checked: Option<SystemTime>,
    /// `VerificationInfo.LastSuccessTimestamp`.
    pub last_success: Option<SystemTime>,
    /// `VerificationInfo.SOARecord.PrimaryNameServer`: whom SES asked.
    pub primary_name_server: Option<Arc<str>>,
}

/// The last answers of batches and their times. A batch counts where it says something new; else the description, which
/// tells more, and at times other words of the same thing, stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Heard {
    dkim: Option<(SystemTime, Dkim)>,
    /// An empty domain where none is configured.
    mail_from: Option<(SystemTime, MailFrom)>,
    notifications: Option<SystemTime>,
}

/// What is older than this is not known any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oldest {
    /// Of what batches say.
    pub(super) heard: SystemTime,
    /// Of a description.
    pub(super) described: SystemTime,
}

impl Described {
    /// The same with what an older description knows: since when the set has been the default.
    pub(super) fn after(self, older: Option<&Self>) -> Self {
        let same = older.filter(|older| older.configuration_set == self.configuration_set);
        Self { set_since: same.map_or(self.set_since, |older| older.set_since), ..self }
    }

    /// A description that says nothing yet.
    pub fn at(at: SystemTime) -> Self {
        Self {
            at,
            dkim_origin: None,
            dkim_key_length: None,
            dkim_hosted_zone: None,
            configuration_set: None,
            set_since: at,
            tags: Vec::new(),
            error_type: None,
            last_checked: None,
            last_success: None,
            primary_name_server: None,
        }
    }
}

/// The state in which nothing is to be done.
const SUCCESS: &str = "SUCCESS";

impl Details {
    /// An address, whose DKIM and DNS are those of its domain.
    pub fn is_address(&self) -> bool {
        &*self.identity_type == "email_address"
    }

    /// Whether everything that SES checks is as it should be.
    pub fn healthy(&self) -> bool {
        let dkim = self.dkim.as_ref().is_none_or(|dkim| !dkim.signing_enabled || &*dkim.status == SUCCESS);
        let mail_from = self.mail_from.as_ref().is_none_or(|mail_from| &*mail_from.status == SUCCESS);
        self.status.as_deref() == Some(SUCCESS) && dkim && mail_from
    }

    /// A verified domain that DKIM does not verify: its legacy TXT record must do so.
    pub fn lives_by_txt(&self) -> bool {
        let dkim = self.dkim.as_ref().is_some_and(|dkim| &*dkim.status == "NOT_STARTED");
        !self.is_address() && self.status.as_deref() == Some(SUCCESS) && dkim
    }

    /// Takes what the list says now.
    pub(super) fn listed(&mut self, identity_type: &Arc<str>, status: Option<&Arc<str>>) {
        self.changed |= self.status.as_ref() != status;
        self.identity_type = Arc::clone(identity_type);
        self.status = status.cloned();
    }

    /// Takes what a batch says of DKIM.
    pub(super) fn hear_dkim(&mut self, dkim: Dkim, now: SystemTime) {
        let before = self.heard.dkim.replace((now, dkim.clone()));
        if self.is_news(before.map(|(_, before)| before == dkim)) {
            self.take_dkim(dkim);
        }
    }

    /// Takes what a batch says of the MAIL FROM domain.
    pub(super) fn hear_mail_from(&mut self, mail_from: MailFrom, now: SystemTime) {
        let before = self.heard.mail_from.replace((now, mail_from.clone()));
        if self.is_news(before.map(|(_, before)| before == mail_from)) {
            self.mail_from = mail_from.configured();
        }
    }

    /// Takes what a batch says of notifications.
    pub(super) fn hear_notifications(&mut self, forwarding: bool, topics: Topics, now: SystemTime) {
        self.heard.notifications = Some(now);
        self.forwarding = Some(forwarding);
        self.topics = Some(topics);
    }

    /// Whether something is older than that.
    pub(super) fn is_outdated(&self, oldest: Oldest) -> bool {
        let Heard { dkim, mail_from, notifications } = &self.heard;
        let heard = [dkim.as_ref().map(|(at, _)| *at), mail_from.as_ref().map(|(at, _)| *at), *notifications];
        let described = self.described.as_ref().map(|described| described.at);
        heard.into_iter().flatten().any(|at| at < oldest.heard) || described.is_some_and(|at| at < oldest.described)
    }

    /// Forgets what is older than that: a question that is refused for long must not show yesterday's answer for ever.
    pub(super) fn forget(&mut self, oldest: Oldest) {
        self.described.take_if(|described| described.at < oldest.described);
        self.heard.dkim.take_if(|(at, _)| *at < oldest.heard);
        self.heard.mail_from.take_if(|(at, _)| *at < oldest.heard);
        if self.heard.notifications.take_if(|at| *at < oldest.heard).is_some() {
            self.topics = None;
        }
        let described = self.described.is_some();
        self.dkim.take_if(|_| !described && self.heard.dkim.is_none());
        self.mail_from.take_if(|_| !described && self.heard.mail_from.is_none());
        self.forwarding.take_if(|_| !described && self.heard.notifications.is_none());
    }

    /// Whether a batch knows better than the description: it has changed its mind, or there is no description.
    /// `same` is whether it says what it said before, if it ever did.
    fn is_news(&mut self, same: Option<bool>) -> bool {
        self.changed |= same == Some(false);
        same == Some(false) || self.described.is_none()
    }

    /// Takes a newer answer about DKIM. SES answers for addresses as well, where it means nothing as long as they
    /// have no keys of their own.
    pub(super) fn take_dkim(&mut self, dkim: Dkim) {
        let unused = self.is_address() && !dkim.signing_enabled && dkim.tokens.is_empty();
        self.dkim = (!unused).then_some(dkim);
    }
}

/// `TemporaryFailure` of SES v1 as SES v2 spells it: `TEMPORARY_FAILURE`.
pub(super) fn spelled_for_v2(word: &str) -> Arc<str> {
    let mut spelled = String::new();
    for (place, c) in word.chars().enumerate() {
        if c.is_ascii_uppercase() && place > 0 {
            spelled.push('_');
        }
        spelled.push(c.to_ascii_uppercase());
    }
    known(&spelled)
}

/// A few words stand for almost all states, so identities share them.
pub(super) fn known(word: &str) -> Arc<str> {
    const WORDS: &[&str] = &["PENDING", SUCCESS, "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED", "AWS_SES", "EXTERNAL"];
    WORDS.iter().find(|known| **known == word).map_or_else(|| Arc::from(word), |known| Arc::from(*known))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_default_set_is_known_since_it_was_first_heard_of() {
        let named = |name: &str, at| Described { configuration_set: Some(name.into()), ..Described::at(at) };
        let (begin, later) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_mins(1));
        let first = named("main", begin).after(None);
        assert_eq!(named("main", later).after(Some(&first)).set_since, begin);
        assert_eq!(named("other", later).after(Some(&first)).set_since, later);
        assert_eq!(Described::at(later).after(Some(&first)).set_since, later);
    }

    #[test]
    fn words_of_v1_are_spelled_as_v2_spells_them() {
        let words = ["Success", "TemporaryFailure", "NotStarted", "Quantum"].map(spelled_for_v2);
        assert_eq!(words.map(|word| word.to_string()), ["SUCCESS", "TEMPORARY_FAILURE", "NOT_STARTED", "QUANTUM"]);
    }

    #[test]
    fn a_batch_counts_where_it_says_something_new() {
        let dkim =
            |token: &str| Dkim { status: Arc::from("SUCCESS"), signing_enabled: true, tokens: vec![token.into()] };
        let mut details = Details::default();
        let at = SystemTime::UNIX_EPOCH;
        details.hear_dkim(dkim("of v1"), at);
        assert_eq!((&details.dkim, details.changed), (&Some(dkim("of v1")), false));
        details.take_dkim(dkim("of v2"));
        details.described = Some(Described::at(SystemTime::UNIX_EPOCH));
        details.hear_dkim(dkim("of v1"), at);
        assert_eq!((&details.dkim, details.changed), (&Some(dkim("of v2")), false), "it repeats itself");
        details.hear_dkim(dkim("new"), at);
        assert_eq!((&details.dkim, details.changed), (&Some(dkim("new")), true));
    }

    #[test]
    fn what_nobody_has_said_for_long_is_not_known_any_more() {
        let at = |hour| SystemTime::UNIX_EPOCH + Duration::from_hours(hour);
        let dkim = Dkim { status: Arc::from("SUCCESS"), signing_enabled: true, tokens: vec![] };
        let mut details = Details::default();
        details.hear_dkim(dkim, at(1));
        details.hear_notifications(true, Topics { bounce: true, complaint: true }, at(2));
        details.described = Some(Described::at(at(1)));
        let oldest = |heard, described| Oldest { heard: at(heard), described: at(described) };
        assert!(!details.is_outdated(oldest(1, 1)));
        details.forget(oldest(2, 1));
        assert!(details.dkim.is_some(), "the description tells it too");
        details.forget(oldest(2, 2));
        assert_eq!((&details.dkim, &details.described), (&None, &None));
        assert!(details.topics.is_some());
        details.forget(oldest(3, 3));
        assert_eq!((details.topics, details.forwarding), (None, None));
    }

    #[test]
    fn a_domain_whose_dkim_was_not_read_does_not_live_by_txt() {
        let mut details =
            Details { identity_type: Arc::from("domain"), status: Some(Arc::from("SUCCESS")), ..Details::default() };
        assert!(!details.lives_by_txt());
        details.take_dkim(Dkim { status: Arc::from("NOT_STARTED"), signing_enabled: false, tokens: vec![] });
        assert!(details.lives_by_txt());
    }

    #[test]
    fn dkim_of_an_address_counts_only_where_it_has_keys() {
        let none = Dkim { status: Arc::from("NOT_STARTED"), signing_enabled: false, tokens: vec![] };
        let mut details = Details { identity_type: Arc::from("email_address"), ..Details::default() };
        details.take_dkim(none.clone());
        assert_eq!(details.dkim, None);
        details.take_dkim(Dkim { signing_enabled: true, ..none });
        assert!(details.dkim.is_some());
    }
}
