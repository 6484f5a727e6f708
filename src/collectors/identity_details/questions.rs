//! The questions of one slice: what is asked of SES, and what its answers mean.
//!
//! A question about many that AWS refuses for good is left out for a while, and told as what the reading lacks. So is an
//! identity that can't be described: the others do not wait for it. Any other failure fails the slice, and nothing of it
//! counts.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use aws_sdk_sesv2::types::MailFromAttributes;
use aws_smithy_types::DateTime;

use super::details::{Described, Dkim, MailFrom, Topics, known, spelled_for_v2};
use super::reading::Reading;
use crate::aws::{
    Aws, Failure, FailureKind, Operation, SES_GET_IDENTITY_DKIM_ATTRIBUTES,
    SES_GET_IDENTITY_MAIL_FROM_DOMAIN_ATTRIBUTES, SES_GET_IDENTITY_NOTIFICATION_ATTRIBUTES,
    SES_GET_IDENTITY_VERIFICATION_ATTRIBUTES, SESV2_GET_EMAIL_IDENTITY,
};
use crate::collector::slices::{CALLS, of_one_thing};

/// So many in a row that may not be described: then it is not about single ones, and the others are not even tried.
const DENIED_TO_ALL: u32 = 3;

/// One slice while it is asked.
pub(super) struct Slice<'a> {
    pub(super) aws: &'a Aws,
    pub(super) now: SystemTime,
    pub(super) tags: &'a [String],
    pub(super) reading: Reading,
    /// Questions asked so far.
    pub(super) asked: u32,
}

impl<'a> Slice<'a> {
    pub(super) fn new(aws: &'a Aws, now: SystemTime, tags: &'a [String], reading: Reading) -> Self {
        Self { aws, now, tags, reading, asked: 0 }
    }

    /// Asks the questions that are for a hundred identities at once.
    pub(super) async fn batch(&mut self, names: &[Arc<str>]) -> Result<(), Failure> {
        let plain: Vec<String> = names.iter().filter(|name| fits_xml(name)).map(ToString::to_string).collect();
        if plain.is_empty() {
            return Ok(());
        }
        self.dkim(&plain).await?;
        self.mail_from(&plain).await?;
        self.notifications(&plain).await?;
        let lives_by_txt =
            |name: &&String| self.reading.identities.get(name.as_str()).is_some_and(|details| details.lives_by_txt());
        let by_txt: Vec<String> = plain.iter().filter(lives_by_txt).cloned().collect();
        if by_txt.is_empty() { Ok(()) } else { self.legacy_tokens(&by_txt).await }
    }

    async fn dkim(&mut self, names: &[String]) -> Result<(), Failure> {
        let names = Some(names.to_vec());
        let request = || self.aws.ses().get_identity_dkim_attributes().set_identities(names.clone()).send();
        let answer = self.aws.call(SES_GET_IDENTITY_DKIM_ATTRIBUTES, request);
        let Some(answer) = self.unless_refused(SES_GET_IDENTITY_DKIM_ATTRIBUTES, answer).await? else { return Ok(()) };
        for (name, attributes) in answer.dkim_attributes {
            let status = spelled_for_v2(attributes.dkim_verification_status.as_str());
            let dkim = dkim(status, attributes.dkim_enabled, attributes.dkim_tokens.unwrap_or_default());
            self.reading.update(&name, |details| details.hear_dkim(dkim, self.now));
        }
        Ok(())
    }

    async fn mail_from(&mut self, names: &[String]) -> Result<(), Failure> {
        let names = Some(names.to_vec());
        let request = || self.aws.ses().get_identity_mail_from_domain_attributes().set_identities(names.clone()).send();
        let answer = self.aws.call(SES_GET_IDENTITY_MAIL_FROM_DOMAIN_ATTRIBUTES, request);
        let answer = self.unless_refused(SES_GET_IDENTITY_MAIL_FROM_DOMAIN_ATTRIBUTES, answer).await?;
        for (name, attributes) in answer.into_iter().flat_map(|answer| answer.mail_from_domain_attributes) {
            let mail_from = MailFrom {
                domain: attributes.mail_from_domain.into(),
                status: spelled_for_v2(attributes.mail_from_domain_status.as_str()),
                rejects: attributes.behavior_on_mx_failure.as_str() == "RejectMessage",
            };
            self.reading.update(&name, |details| details.hear_mail_from(mail_from, self.now));
        }
        Ok(())
    }

    async fn notifications(&mut self, names: &[String]) -> Result<(), Failure> {
        let names = Some(names.to_vec());
        let request = || self.aws.ses().get_identity_notification_attributes().set_identities(names.clone()).send();
        let answer = self.aws.call(SES_GET_IDENTITY_NOTIFICATION_ATTRIBUTES, request);
        let answer = self.unless_refused(SES_GET_IDENTITY_NOTIFICATION_ATTRIBUTES, answer).await?;
        for (name, attributes) in answer.into_iter().flat_map(|answer| answer.notification_attributes) {
            let (bounce, complaint) = (&attributes.bounce_topic, &attributes.complaint_topic);
            let topics = Topics { bounce: !bounce.is_empty(), complaint: !complaint.is_empty() };
            let forwarding = attributes.forwarding_enabled;
            self.reading.update(&name, |details| details.hear_notifications(forwarding, topics, self.now));
        }
        Ok(())
    }

    async fn legacy_tokens(&mut self, names: &[String]) -> Result<(), Failure> {
        let names = Some(names.to_vec());
        let request = || self.aws.ses().get_identity_verification_attributes().set_identities(names.clone()).send();
        let answer = self.aws.call(SES_GET_IDENTITY_VERIFICATION_ATTRIBUTES, request);
        let answer = self.unless_refused(SES_GET_IDENTITY_VERIFICATION_ATTRIBUTES, answer).await?;
        for (name, attributes) in answer.into_iter().flat_map(|answer| answer.verification_attributes) {
            self.reading.update(&name, |details| details.legacy_token = attributes.verification_token.map(Arc::from));
        }
        Ok(())
    }

    /// Describes those that are due, as many as the slice has calls left.
    pub(super) async fn descriptions(&mut self, only: Option<&[String]>) -> Result<(), Failure> {
        let operation = SESV2_GET_EMAIL_IDENTITY;
        if self.reading.refusals.hold(operation, self.now, self.reading.interval) {
            return Ok(());
        }
        let mut denied = 0;
        for name in self.reading.due(self.now, only, CALLS.saturating_sub(self.asked)) {
            match self.description(&name).await {
                Ok(answer) => {
                    self.reading.refusals.answered(operation);
                    denied = 0;
                    self.take(&name, &answer);
                }
                Err(failure) if of_one_thing(&failure) => {
                    denied += u32::from(failure.kind == FailureKind::AccessDenied);
                    let failure = without_address(failure, &name);
                    if denied >= DENIED_TO_ALL {
                        self.reading.refusals.refused(operation, self.now, failure);
                        break;
                    }
                    // One that has been deleted since the list was read is nobody's trouble.
                    let gone = failure.code.as_deref() == Some("NotFoundException");
                    let unreadable = Some((self.now, (!gone).then_some(failure)));
                    self.reading.update(&name, |details| details.unreadable = unreadable);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn description(&mut self, name: &str) -> Result<GetEmailIdentityOutput, Failure> {
        self.asked += 1;
        let request = || self.aws.sesv2().get_email_identity().email_identity(name).send();
        let answer = self.aws.call(SESV2_GET_EMAIL_IDENTITY, request).await?;
        // The SDK makes a false of every boolean that an answer lacks.
        let whole = answer.identity_type.is_some();
        whole.then_some(answer).ok_or_else(|| Failure::unexpected("GetEmailIdentity answered without IdentityType"))
    }

    fn take(&mut self, name: &str, answer: &GetEmailIdentityOutput) {
        let (now, tags) = (self.now, self.tags);
        self.reading.update(name, |details| {
            details.forwarding = Some(answer.feedback_forwarding_status);
            if let Some(attributes) = &answer.dkim_attributes {
                let status =
                    attributes.status.as_ref().map_or_else(|| known("NOT_STARTED"), |word| known(word.as_str()));
                details.take_dkim(dkim(status, attributes.signing_enabled, attributes.tokens().to_vec()));
            }
            if let Some(attributes) = &answer.mail_from_attributes {
                details.mail_from = mail_from(attributes).configured();
            }
            details.described = Some(described(answer, now, tags).after(details.described.as_ref()));
            details.changed = false;
            details.unreadable = None;
        });
    }

    /// Asks a question about many unless it was refused lately. An answer that makes no sense is passed over: the other
    /// batches do not wait for it.
    async fn unless_refused<T>(
        &mut self,
        operation: Operation,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        if self.reading.refusals.hold(operation, self.now, self.reading.interval) {
            return Ok(None);
        }
        self.asked += 1;
        match answer.await {
            Ok(answer) => {
                self.reading.refusals.answered(operation);
                Ok(Some(answer))
            }
            Err(failure) if failure.kind == FailureKind::Unexpected => {
                self.reading.odd = Some(failure);
                Ok(None)
            }
            Err(failure) if of_one_thing(&failure) => {
                self.reading.refusals.refused(operation, self.now, failure);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// AWS names in its refusal what was asked for; a person's address does not belong into a log.
fn without_address(failure: Failure, name: &str) -> Failure {
    if name.contains('@') {
        let message = failure.message.replace(name, "(address)");
        return Failure { message, ..failure };
    }
    failure
}

/// Whether SES v1 can speak of this name at all: an answer with a control character in it is no XML, and one such name
/// would hide a hundred others. (XML 1.0, 2.2)
fn fits_xml(name: &str) -> bool {
    !name.contains(|c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
}

fn dkim(status: Arc<str>, signing_enabled: bool, tokens: Vec<String>) -> Dkim {
    let mut tokens: Vec<Arc<str>> = tokens.into_iter().map(Arc::from).collect();
    tokens.sort();
    Dkim { status, signing_enabled, tokens }
}

fn mail_from(attributes: &MailFromAttributes) -> MailFrom {
    MailFrom {
        domain: Arc::from(&*attributes.mail_from_domain),
        status: known(attributes.mail_from_domain_status.as_str()),
        rejects: attributes.behavior_on_mx_failure.as_str() == "REJECT_MESSAGE",
    }
}

fn described(answer: &GetEmailIdentityOutput, now: SystemTime, wanted: &[String]) -> Described {
    let dkim = answer.dkim_attributes.as_ref();
    let info = answer.verification_info.as_ref();
    let soa = info.and_then(|info| info.soa_record.as_ref());
    let tags = answer.tags().iter().filter(|tag| wanted.iter().any(|key| key == tag.key()));
    Described {
        at: now,
        dkim_origin: dkim.and_then(|dkim| dkim.signing_attributes_origin.as_ref()).map(|origin| known(origin.as_str())),
        dkim_key_length: dkim
            .and_then(|dkim| dkim.current_signing_key_length.as_ref())
            .map(|length| Arc::from(length.as_str())),
        dkim_hosted_zone: text(dkim.and_then(|dkim| dkim.signing_hosted_zone.as_deref())),
        configuration_set: text(answer.configuration_set_name.as_deref()),
        set_since: now,
        tags: tags.map(|tag| (Arc::from(tag.key()), Arc::from(tag.value()))).collect(),
        error_type: info.and_then(|info| info.error_type.as_ref()).map(|error| Arc::from(error.as_str())),
        last_checked: info.and_then(|info| moment(info.last_checked_timestamp)),
        last_success: info.and_then(|info| moment(info.last_success_timestamp)),
        primary_name_server: text(soa.and_then(|soa| soa.primary_name_server.as_deref())),
    }
}

/// An empty text says as much as none.
fn text(text: Option<&str>) -> Option<Arc<str>> {
    text.filter(|text| !text.is_empty()).map(Arc::from)
}

fn moment(time: Option<DateTime>) -> Option<SystemTime> {
    time.and_then(|time| SystemTime::try_from(time).ok())
}
