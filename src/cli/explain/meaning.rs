//! The table of meanings: each reason as a verdict, what it means, what to look at, and which needs mend it.
//!
//! Only what follows from the text: where an error can mean two things, both are said.

use super::explanation::Explanation;
use crate::rejection::{Reason, Receiver, Rejection};
use crate::remedy::{Need, Scope, remedy};
use crate::target::ses_region;

impl Explanation {
    /// What a rejection means.
    pub(super) fn of(rejection: &Rejection) -> Self {
        let place = rejection.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
        let draft = match &rejection.reason {
            Reason::Unverified { identities, cut } => {
                return super::unverified::explanation(rejection, identities, *cut);
            }
            Reason::MailFromNotVerified | Reason::AlreadyExists { .. } => of_an_identity(&rejection.reason, &place),
            Reason::AccountPaused
            | Reason::ConfigurationSetPaused { .. }
            | Reason::ConfigurationSetMissing { .. }
            | Reason::ReviewConflict
            | Reason::NotSubscribed => of_the_account(&rejection.reason, &place),
            Reason::DailyQuota | Reason::SendRate | Reason::ApiRate | Reason::Connections | Reason::Temporary => {
                of_a_limit(&rejection.reason, &place)
            }
            Reason::UnknownKey
            | Reason::WrongSignature
            | Reason::ExpiredToken
            | Reason::AccessDenied { .. }
            | Reason::SmtpCredentials
            | Reason::SmtpLogin => of_credentials(&rejection.reason, &place),
            Reason::MalformedAddress { .. }
            | Reason::TooManyRecipients
            | Reason::TooLong
            | Reason::Suppressed
            | Reason::Unauthenticated { .. }
            | Reason::Other => of_the_message(&rejection.reason, &place),
            Reason::NoSuchHost { host } => no_such_host(host, rejection.region.as_deref()),
            Reason::Unreachable { host, port } => unreachable(host, *port),
        };
        draft.finish(rejection)
    }
}

/// An explanation before its commands know where.
struct Draft<'a> {
    verdict: String,
    meaning: String,
    look_at: &'a [&'a str],
    /// What mends it, each with the name that it is about.
    needs: Vec<(Need, Option<&'a str>)>,
}

impl Draft<'_> {
    fn finish(self, rejection: &Rejection) -> Explanation {
        let mut explanation = Explanation::new(rejection, self.verdict);
        explanation.means(&self.meaning);
        explanation.look_at = self.look_at.iter().map(|&words| words.to_owned()).collect();
        let scope = |name| Scope { region: rejection.region.as_deref(), name, ..Scope::default() };
        explanation.remedies = self.needs.into_iter().map(|(need, name)| remedy(need, scope(name))).collect();
        explanation
    }
}

fn of_an_identity<'a>(reason: &'a Reason, place: &str) -> Draft<'a> {
    if let Reason::AlreadyExists { identity } = reason {
        let name = identity.as_deref();
        let subject = name.unwrap_or("it");
        let is_address = name.is_some_and(|name| name.contains('@'));
        let again = if is_address { Need::SendLinkAgain } else { Need::ShowDkimRecords };
        return Draft {
            verdict: format!("Nothing was made, because {subject} is an identity already{place}."),
            meaning: "An identity that exists need not be verified: look at its status. For an address, the mail with the link can be sent \
                      again; for a domain, its DKIM records have to be in the DNS. It can have been made by hand, by another stack, or \
                      by another tool."
                .to_owned(),
            look_at: &[],
            needs: vec![(Need::LookAtIdentity, name), (again, name)],
        };
    }
    Draft {
        verdict: format!("SES refused the message, because the MAIL FROM domain of the sender is not set up{place}."),
        meaning: "The sender's identity has a MAIL FROM domain of its own, SES does not find its MX record, and the identity is set to \
                  reject mail then (REJECT_MESSAGE). That holds while SES is still looking, too. SES gives the same name to the error \
                  that a sender is not verified at all."
            .to_owned(),
        look_at: &[
            "the MX record of the MAIL FROM domain: exactly one, 10 feedback-smtp.REGION.amazonses.com, with the region of SES in it",
            "its TXT record: v=spf1 include:amazonses.com ~all",
        ],
        needs: vec![(Need::LookAtMailFrom, None), (Need::SendWithoutMailFrom, None)],
    }
}

fn of_the_account<'a>(reason: &'a Reason, place: &str) -> Draft<'a> {
    match reason {
        Reason::ConfigurationSetPaused { name } => Draft {
            verdict: format!("SES refused the message, because sending is switched off for its configuration set{place}."),
            meaning: "The account may send; mail through this configuration set may not. Somebody switched it off, or an alarm did."
                .to_owned(),
            look_at: &["why it was switched off: bounces and complaints of this set, an automatic pause by an alarm"],
            needs: vec![(Need::ResumeConfigurationSet, name.as_deref())],
        },
        Reason::ConfigurationSetMissing { name } => Draft {
            verdict: match name {
                Some(name) => format!("SES refused the message, because there is no configuration set {name}{place}."),
                None => format!("SES refused the message, because its configuration set does not exist{place}."),
            },
            meaning: "Configuration sets belong to one account and one region, and the name counts letter for letter. The message names \
                      the set, or the sender's identity has it as its default: then the set was deleted and the identity still \
                      points to it."
                .to_owned(),
            look_at: &["the region that your program calls", "the default configuration set of the sender's identity"],
            needs: vec![(Need::ListConfigurationSets, None), (Need::LookAtDefaultSet, None)],
        },
        Reason::ReviewConflict => Draft {
            verdict: format!("The request for production access was not taken{place}, because there is one already."),
            meaning: "An earlier request is being reviewed, or was denied. While it is, the details can't be changed by a call. ReviewDetails \
                      has the status and the number of the support case; after DENIED, the way on is a reply in that case."
                .to_owned(),
            look_at: &["the mail of the account's owner: AWS asks back there"],
            needs: vec![(Need::LookAtAccount, None)],
        },
        Reason::NotSubscribed => Draft {
            verdict: "The SMTP credentials belong to an account that has no SES.".to_owned(),
            meaning: "SES knows the credentials, and the account behind them is not signed up for SES, or was closed.".to_owned(),
            look_at: &["whether the credentials are of the account that you mean"],
            needs: vec![(Need::LookAtAccount, None)],
        },
        _ => Draft {
            verdict: format!("SES refused the message, because sending is paused for the account{place}."),
            meaning: "Either AWS paused it, for bounces, complaints or abuse, and has written to the address of the account; or somebody of \
                      yours did. Nothing is sent from this account and region until it is resumed, and nothing is kept for later: send \
                      again afterwards."
                .to_owned(),
            look_at: &["the inbox of the account's e-mail address, and the support cases of the account"],
            needs: vec![(Need::LookAtAccount, None), (Need::ResumeSending, None)],
        },
    }
}

fn of_a_limit<'a>(reason: &Reason, place: &str) -> Draft<'a> {
    match reason {
        Reason::DailyQuota => Draft {
            verdict: format!("SES refused the message, because the quota of 24 hours is used up{place}."),
            meaning: "Recipients are counted, not messages, over the last 24 hours: room comes back bit by bit, not at midnight. A quota of \
                      200 is the sandbox. What was refused is lost unless your program sends it again."
                .to_owned(),
            look_at: &["who sent so much: the quota is one for everything in this account and region"],
            needs: vec![(Need::LookAtQuota, None), (Need::RaiseQuota, None), (Need::RequestProductionAccess, None)],
        },
        Reason::SendRate => Draft {
            verdict: format!("SES refused the message, because too many were sent in one second{place}."),
            meaning: "Recipients are counted, so one message to 14 people is 14. SES allows short bursts, not lasting ones. Waiting and sending \
                      again is right here: 1 message a second is the sandbox."
                .to_owned(),
            look_at: &["whether your program waits and tries again; over SMTP the answer is 454, which means later"],
            needs: vec![(Need::LookAtQuota, None), (Need::RaiseQuota, None)],
        },
        Reason::ApiRate => Draft {
            verdict: format!("Too many questions were asked of the SES API{place}; this is not about messages."),
            meaning: "Everything but sending is limited to about one call a second for the account and region, over all programs together. It \
                      cannot be raised. Wait and ask again, more slowly."
                .to_owned(),
            look_at: &["programs that ask GetSendQuota, GetAccount or ListIdentities before every message"],
            needs: Vec::new(),
        },
        Reason::Connections => Draft {
            verdict: "SES has too many SMTP connections of yours at once.".to_owned(),
            meaning: "Use fewer connections, send several messages through each, and close them. Trying again later is right here.".to_owned(),
            look_at: &["how many workers hold a connection each, and whether they close it"],
            needs: Vec::new(),
        },
        _ => Draft {
            verdict: "SES could not take the message at that moment.".to_owned(),
            meaning: "That is trouble of SES, not of yours. Send again, waiting longer each time.".to_owned(),
            look_at: &["the AWS health page, if it stays"],
            needs: Vec::new(),
        },
    }
}

fn of_credentials<'a>(reason: &'a Reason, place: &str) -> Draft<'a> {
    match reason {
        Reason::AccessDenied { .. } => access_denied(reason, place),
        Reason::SmtpCredentials => Draft {
            verdict: format!("SES does not know this SMTP user name and password{place}."),
            meaning: "SMTP credentials are no access keys: the password is made from the secret key, for one region. So a secret key as \
                      password, a password made for another region, or one of a deleted user all end here. Make SMTP credentials in \
                      the SES console of the region that your program calls."
                .to_owned(),
            look_at: &["the region in the host, and in which region the password was made", "spaces around the password"],
            needs: Vec::new(),
        },
        Reason::SmtpLogin => Draft {
            verdict: format!("Your program did not log in to the SMTP server of SES{place}."),
            meaning: "It sent the message without a user name and password, or before switching to TLS, and then most programs leave the login \
                      out."
                .to_owned(),
            look_at: &["whether user name and password reach the program", "STARTTLS on port 587, or TLS on port 465"],
            needs: Vec::new(),
        },
        Reason::ExpiredToken => Draft {
            verdict: "The temporary credentials have ended.".to_owned(),
            meaning: "They were taken once and kept. A program that takes them from the SDK gets new ones in time.".to_owned(),
            look_at: &["AWS_SESSION_TOKEN in the environment", "the clock of the machine"],
            needs: vec![(Need::LookAtCaller, None)],
        },
        Reason::WrongSignature => Draft {
            verdict: "The access key is known, and its secret is another.".to_owned(),
            meaning: "Most often an SMTP password is used where the API wants the secret access key: both come with a user name that looks \
                      like an access key. Else it was copied with a space, or a special character in it was changed on the way."
                .to_owned(),
            look_at: &["where the secret comes from, and its first and last character", "the clock of the machine"],
            needs: vec![(Need::LookAtCaller, None)],
        },
        _ => Draft {
            verdict: format!("AWS does not know the access key{place}."),
            meaning: "The key was deleted or mistyped; or it is a temporary one without its session token; or the account has not switched \
                      this region on. In the last case the same key works in other regions."
                .to_owned(),
            look_at: &["whether the same credentials work in us-east-1", "AWS_SESSION_TOKEN, if the key begins with ASIA"],
            needs: vec![(Need::LookAtCaller, None), (Need::LookAtRegion, None)],
        },
    }
}

fn access_denied<'a>(reason: &'a Reason, place: &str) -> Draft<'a> {
    let Reason::AccessDenied { action, principal, resource, by_organisation, explicit } = reason else {
        return of_the_message(reason, place);
    };
    let action = action.as_deref().unwrap_or("this action");
    let who = principal.as_deref().map_or(String::new(), |arn| format!(" {arn}"));
    let mut meaning = if *by_organisation {
        format!(
            "A policy of the organisation forbids {action}. No policy of the account can allow it: its administrators have to."
        )
    } else if *explicit {
        format!(
            "A policy of the caller{who}, of its boundary or of the identity denies {action}. Allowing it elsewhere changes nothing: the \
             statement that denies it has to go, or its condition."
        )
    } else {
        format!("A policy of the caller{who} has to allow {action}.")
    };
    if let Some(resource) = resource {
        meaning = format!(
            "{meaning} The error names {resource}. That can be a recipient's: in the sandbox people see SES ask for those too, and \
             then a policy that names only your own domain is too narrow."
        );
    }
    Draft {
        verdict: format!("IAM does not allow {action}{place}."),
        meaning,
        look_at: &[
            "the policies of the caller, of the identity, and of the organisation",
            "whether your program runs as who you think",
        ],
        needs: vec![(Need::LookAtCaller, None)],
    }
}

fn of_the_message<'a>(reason: &'a Reason, place: &str) -> Draft<'a> {
    match reason {
        Reason::MalformedAddress { complaint } => Draft {
            verdict: format!("SES refused the message, because an address in it is not one: {complaint}."),
            meaning: "SES does not say which. It can be any of From, Reply-To, To, Cc, Bcc and Return-Path. A display name with a comma or a \
                      letter outside ASCII has to be quoted or encoded, the address itself must not be."
                .to_owned(),
            look_at: &["white space at the ends, line feeds inside, several addresses in one string, an empty address"],
            needs: Vec::new(),
        },
        Reason::TooManyRecipients => Draft {
            verdict: "SES refused the message, because it has more than 50 recipients.".to_owned(),
            meaning: "To, Cc and Bcc together. The limit can't be raised: send one message to each.".to_owned(),
            look_at: &[],
            needs: Vec::new(),
        },
        Reason::TooLong => Draft {
            verdict: "SES refused the message, because it is too long.".to_owned(),
            meaning: "The whole message counts, with attachments as base64, which adds a third: 10 MB over the v1 API, 40 MB over the v2 API and \
                      SMTP."
                .to_owned(),
            look_at: &["whether a link to the file would do"],
            needs: Vec::new(),
        },
        Reason::Suppressed => Draft {
            verdict: format!("SES did not send the message to a recipient that is on a suppression list{place}."),
            meaning: "Mail to it bounced before, or somebody complained, so SES does not try again. Taking it off the list without knowing \
                      why costs reputation. One list is the account's; another is that of SES itself, which the account's own replaces."
                .to_owned(),
            look_at: &["why it is there: a bounce or a complaint"],
            needs: vec![(Need::Unsuppress, None)],
        },
        Reason::Unauthenticated { receiver, domain } => unauthenticated(*receiver, domain.as_deref()),
        _ => Draft {
            verdict: format!("SES refused a message{place}, with a sentence that is not known here."),
            meaning: "The text has the name of the error, and not the sentence that says why; or the sentence is new.".to_owned(),
            look_at: &["the whole error, with the message of the exception"],
            needs: vec![(Need::LookAtAccount, None)],
        },
    }
}

fn unauthenticated(receiver: Receiver, domain: Option<&str>) -> Draft<'_> {
    let receiver = match receiver {
        Receiver::Google => "Google",
        Receiver::Microsoft => "Microsoft",
        Receiver::Yahoo => "Yahoo",
    };
    let domain_words = domain.unwrap_or("the domain of the From address");
    Draft {
        verdict: format!("{receiver} refused the message, not SES: it was not authenticated as mail of {domain_words}."),
        meaning: "The receiver wants DKIM or SPF for the domain of the From address itself. Mail of an identity that is only an address is signed \
                  as amazonses.com, which does not count under DMARC. Verify the domain, with its DKIM records; a MAIL FROM domain of its \
                  own adds SPF."
            .to_owned(),
        look_at: &["whether the DKIM records are still in the DNS: they are lost when a zone moves", "the DMARC record of the domain"],
        needs: vec![(Need::VerifyDomain, domain), (Need::ShowDkimRecords, domain)],
    }
}

fn no_such_host<'a>(host: &str, region: Option<&str>) -> Draft<'a> {
    let known = region.is_some_and(|region| ses_region(region).is_some());
    Draft {
        verdict: if known {
            format!("There is no way to SES: {host} was not looked up, or not reached.")
        } else {
            format!("There is no way to SES: the name {host} could not be looked up.")
        },
        meaning: match region {
            Some(region) if known => {
                format!("SES exists in {region}, so the name is right: the name server of the machine is not reached or answers wrongly, or nothing goes out to SES.")
            }
            Some(region) => format!("No region with SES is called {region}. It is mistyped, or SES is not in that region."),
            None => "The host has no region in it: hosts of SES are email.REGION.amazonaws.com and email-smtp.REGION.amazonaws.com.".to_owned(),
        },
        look_at: if known {
            &["DNS and network of the machine, container or function: one inside a VPC without a way out ends here too"]
        } else {
            &["the region in your settings, letter by letter", "a setting of the host that has a region's long name in it"]
        },
        needs: Vec::new(),
    }
}

fn unreachable<'a>(host: &str, port: Option<u16>) -> Draft<'a> {
    let smtp = host.starts_with("email-smtp");
    let meaning = match port {
        Some(25) => {
            "Amazon EC2 and most providers block port 25. SES listens on 587 and 2587 (STARTTLS), and on 465 and 2465 (TLS) too."
        }
        Some(443) if smtp => {
            "This is the host for SMTP, and port 443 is for the API, which is at email.REGION.amazonaws.com: use one or the other."
        }
        _ => {
            "The name exists, and nothing answers: a firewall, a security group, a subnet without a way out, or the wrong port."
        }
    };
    let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
    Draft {
        verdict: format!("There is no way to SES: {host} does not answer{port}."),
        meaning: meaning.to_owned(),
        look_at: &[
            "outgoing rules of the machine, container or function",
            "a VPC endpoint for SES, if there is no way to the internet",
        ],
        needs: Vec::new(),
    }
}
