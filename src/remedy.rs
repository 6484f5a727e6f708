//! What mends it: a need, an account, a region and an identity made into one sentence and one command.
//!
//! Pure: it runs nothing and asks nobody. A command is for a shell, and every value in it is quoted. A value that the `aws`
//! program could take for something else than a value (an option, a file, a URL) makes no command. What is not known stands
//! in the command as a word in capitals.

use std::fmt;

mod provider;

pub use provider::domain_of_ones_own;

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Leave the sandbox. (SES v2 PutAccountDetails)
    RequestProductionAccess,
    /// See how the request for production access stands, and who paused what. (SES v2 GetAccount)
    LookAtAccount,
    /// Answer the case that AWS has opened: nothing but that goes on. (SES v2 GetAccount)
    AnswerCase,
    /// Wait until AWS has decided about production access. (SES v2 GetAccount)
    AwaitReview,
    /// Verify an e-mail address. (SES v2 CreateEmailIdentity)
    VerifyAddress,
    /// Send the mail with the link anew. (SES v1 VerifyEmailIdentity)
    SendLinkAgain,
    /// Verify a domain, which covers all its addresses and subdomains. (SES v2 CreateEmailIdentity)
    VerifyDomain,
    /// Let SES look for the records of a domain again, once it has given up. (SES v1 VerifyDomainDkim)
    RestartVerification,
    /// See whether an identity is verified in a region. (SES v2 GetEmailIdentity)
    LookAtIdentity,
    /// See the MAIL FROM domain of an identity and its status. (SES v2 GetEmailIdentity)
    LookAtMailFrom,
    /// See the default configuration set of an identity. (SES v2 GetEmailIdentity)
    LookAtDefaultSet,
    /// Call SES in the region in which the identity is verified.
    UseRegion,
    /// Switch sending of the account on again. (SES v2 PutAccountSendingAttributes)
    ResumeSending,
    /// Switch sending with a configuration set on again. (SES v2 PutConfigurationSetSendingOptions)
    ResumeConfigurationSet,
    /// See which configuration sets there are. (SES v2 ListConfigurationSets)
    ListConfigurationSets,
    /// Make a configuration set. (SES v2 CreateConfigurationSet)
    CreateConfigurationSet,
    /// Send without the custom MAIL FROM domain rather than not at all. (SES v2 PutEmailIdentityMailFromAttributes)
    SendWithoutMailFrom,
    /// Ask for more messages a day or a second. (Service Quotas)
    RaiseQuota,
    /// See the quota and how much of it is used. (SES v2 GetAccount)
    LookAtQuota,
    /// See which DKIM records have to be in the DNS. (SES v2 GetEmailIdentity)
    ShowDkimRecords,
    /// Let SES sign mail of an identity with DKIM. (SES v2 PutEmailIdentityDkimAttributes)
    SwitchDkimOn,
    /// Let SES forward bounces and complaints by e-mail. (SES v1 SetIdentityFeedbackForwardingEnabled)
    ForwardFeedback,
    /// Take an address off the account's suppression list. (SES v2 DeleteSuppressedDestination)
    Unsuppress,
    /// See whether the account has switched a region on. (Account Management GetRegionOptStatus)
    LookAtRegion,
    /// See whose credentials are used. (STS GetCallerIdentity)
    LookAtCaller,
}

/// For whom and where. What is not known is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The account as the configuration calls it, or its twelve digits; for the sentence only.
    pub account: Option<&'a str>,
    /// Such as `eu-west-1`.
    pub region: Option<&'a str>,
    /// The address, domain, configuration set or support case that it is about.
    pub name: Option<&'a str>,
    /// The custom MAIL FROM domain of the identity, where the command names it.
    pub mail_from: Option<&'a str>,
}

/// One sentence, and one command where a command does it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remedy {
    /// What to do, for people: begins in lower case and has no full stop.
    pub sentence: String,
    /// For a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The DNS records that have to be published, such as `NAME CNAME TARGET`; empty where they are not known or not needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
}

/// What meets a need.
pub fn remedy(need: Need, scope: Scope<'_>) -> Remedy {
    let place = Place(scope);
    let name = scope.name.unwrap_or(need.placeholder());
    let sentence = match need {
        Need::RequestProductionAccess => {
            format!(
                "request production access{place}; AWS answers within a day as a rule, and asks how you handle bounces"
            )
        }
        Need::LookAtAccount => format!(
            "see the state of the account{place}: ProductionAccessEnabled false is the sandbox, EnforcementStatus SHUTDOWN is a pause \
             by AWS, SendingEnabled false with HEALTHY is a pause by yourself"
        ),
        Need::AnswerCase => {
            let case = scope.name.map(|case| format!(", case {case},")).unwrap_or_default();
            format!("answer AWS in the Support Center{case} about sending{place}: nobody but AWS can end this")
        }
        Need::AwaitReview => {
            let case = scope.name.map(|case| format!(" (case {case})")).unwrap_or_default();
            format!(
                "wait until AWS has decided about production access{place}{case}, within a day as a rule; asking again is refused \
                 meanwhile"
            )
        }
        Need::VerifyAddress => {
            format!("verify {name}{place}: SES sends a mail with a link, which has to be clicked within 24 hours")
        }
        Need::SendLinkAgain => format!("let SES send the mail with the link to {name} again{place}"),
        Need::VerifyDomain => format!(
            "verify the domain {name}{place}, which covers every address of it: SES answers three DKIM tokens, each a CNAME record \
             for your DNS"
        ),
        Need::RestartVerification => format!(
            "let SES look for the DKIM records of {name} again{place}, once they are in your DNS: it has given up, and finds nothing by \
             itself"
        ),
        Need::LookAtIdentity => format!("see whether {name} is verified{place}: VerificationStatus has to be SUCCESS"),
        Need::LookAtMailFrom => format!(
            "see the MAIL FROM domain of {name}{place}: MailFromDomainStatus has to be SUCCESS, or BehaviorOnMxFailure USE_DEFAULT_VALUE"
        ),
        Need::LookAtDefaultSet => format!("see the default configuration set of {name}{place}"),
        Need::UseRegion => format!(
            "call SES in {}, where {name} is verified: AWS_REGION, region_name in the code, or the host of that region",
            scope.region.unwrap_or(REGION)
        ),
        Need::ResumeSending => {
            format!(
                "switch sending on again{place}, if it was you who switched it off; a pause by AWS stays until AWS ends it"
            )
        }
        Need::ResumeConfigurationSet => format!("switch sending with the configuration set {name} on again{place}"),
        Need::ListConfigurationSets => format!("see which configuration sets there are{place}"),
        Need::CreateConfigurationSet => {
            format!("create the configuration set {name}{place}, or let your program name one that is there")
        }
        Need::SendWithoutMailFrom => {
            format!("let {name} send with the MAIL FROM domain of SES until the MX record of its own is found{place}")
        }
        Need::RaiseQuota => {
            format!("see the quotas of SES and their codes{place}; request-service-quota-increase takes the code")
        }
        Need::LookAtQuota => {
            format!("see the quota{place}: messages in 24 hours, messages a second, messages sent in the last 24 hours")
        }
        Need::ShowDkimRecords => {
            format!(
                "see the DKIM tokens of {name}{place}: each is a CNAME record TOKEN._domainkey.{name} to TOKEN.SigningHostedZone"
            )
        }
        Need::SwitchDkimOn => format!("let SES sign mail of {name} with DKIM{place}"),
        Need::ForwardFeedback => format!(
            "let SES forward bounces and complaints of {name} by e-mail{place}, or have an event destination take them"
        ),
        Need::Unsuppress => {
            format!("take {name} off the suppression list of the account{place}, if it accepts mail again")
        }
        Need::LookAtRegion => {
            format!("see whether the account has switched {} on", scope.region.unwrap_or(REGION))
        }
        Need::LookAtCaller => "see whose credentials these are; run it where your program runs".to_owned(),
    };
    Remedy { sentence, command: need.command(scope), records: Vec::new() }
}

const REGION: &str = "REGION";

impl Need {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::RequestProductionAccess,
        Self::LookAtAccount,
        Self::AnswerCase,
        Self::AwaitReview,
        Self::VerifyAddress,
        Self::SendLinkAgain,
        Self::VerifyDomain,
        Self::RestartVerification,
        Self::LookAtIdentity,
        Self::LookAtMailFrom,
        Self::LookAtDefaultSet,
        Self::UseRegion,
        Self::ResumeSending,
        Self::ResumeConfigurationSet,
        Self::ListConfigurationSets,
        Self::CreateConfigurationSet,
        Self::SendWithoutMailFrom,
        Self::RaiseQuota,
        Self::LookAtQuota,
        Self::ShowDkimRecords,
        Self::SwitchDkimOn,
        Self::ForwardFeedback,
        Self::Unsuppress,
        Self::LookAtRegion,
        Self::LookAtCaller,
    ];

    /// The command, unless a value could be taken for something else.
    fn command(self, scope: Scope<'_>) -> Option<String> {
        let region = scope.region.unwrap_or(REGION);
        let name = scope.name.unwrap_or(self.placeholder());
        let mail_from = scope.mail_from.unwrap_or("MAIL_FROM_DOMAIN");
        if ![region, name, mail_from].into_iter().all(is_plain) {
            return None;
        }
        let (operation, options) = self.words();
        let mut command = format!("aws {operation}");
        for (option, value) in options {
            let value = match value {
                Value::Name => quoted(name),
                Value::MailFrom => quoted(mail_from),
                Value::Word(word) => quoted(word),
                Value::None => String::new(),
            };
            command.push_str(" --");
            command.push_str(option);
            if !value.is_empty() {
                command.push(' ');
                command.push_str(&value);
            }
        }
        let place = match self {
            Self::LookAtCaller => String::new(),
            Self::LookAtRegion => format!(" --region-name {}", quoted(region)),
            _ => format!(" --region {}", quoted(region)),
        };
        Some(command + &place)
    }

    /// The operation, and its options with where their values come from.
    const fn words(self) -> (&'static str, &'static [(&'static str, Value)]) {
        match self {
            Self::RequestProductionAccess => ("sesv2 put-account-details", ACCESS),
            Self::LookAtAccount => ("sesv2 get-account", &[]),
            Self::AnswerCase | Self::AwaitReview => {
                ("sesv2 get-account", &[("query", Value::Word("Details.ReviewDetails"))])
            }
            Self::VerifyAddress | Self::VerifyDomain => {
                ("sesv2 create-email-identity", &[("email-identity", Value::Name)])
            }
            Self::SendLinkAgain => ("ses verify-email-identity", &[("email-address", Value::Name)]),
            Self::RestartVerification => ("ses verify-domain-dkim", &[("domain", Value::Name)]),
            Self::LookAtIdentity | Self::UseRegion => ("sesv2 get-email-identity", &[("email-identity", Value::Name)]),
            Self::ResumeSending => ("sesv2 put-account-sending-attributes", &[("sending-enabled", Value::None)]),
            Self::ResumeConfigurationSet => (
                "sesv2 put-configuration-set-sending-options",
                &[("configuration-set-name", Value::Name), ("sending-enabled", Value::None)],
            ),
            Self::LookAtMailFrom => (
                "sesv2 get-email-identity",
                &[("email-identity", Value::Name), ("query", Value::Word("MailFromAttributes"))],
            ),
            Self::LookAtDefaultSet => (
                "sesv2 get-email-identity",
                &[("email-identity", Value::Name), ("query", Value::Word("ConfigurationSetName"))],
            ),
            Self::ListConfigurationSets => ("sesv2 list-configuration-sets", &[]),
            Self::CreateConfigurationSet => {
                ("sesv2 create-configuration-set", &[("configuration-set-name", Value::Name)])
            }
            Self::SendWithoutMailFrom => ("sesv2 put-email-identity-mail-from-attributes", MAIL_FROM),
            Self::RaiseQuota => ("service-quotas list-service-quotas", &[("service-code", Value::Word("ses"))]),
            Self::LookAtQuota => ("sesv2 get-account", &[("query", Value::Word("SendQuota"))]),
            Self::ShowDkimRecords => (
                "sesv2 get-email-identity",
                &[("email-identity", Value::Name), ("query", Value::Word("DkimAttributes"))],
            ),
            Self::SwitchDkimOn => (
                "sesv2 put-email-identity-dkim-attributes",
                &[("email-identity", Value::Name), ("signing-enabled", Value::None)],
            ),
            Self::ForwardFeedback => (
                "ses set-identity-feedback-forwarding-enabled",
                &[("identity", Value::Name), ("forwarding-enabled", Value::None)],
            ),
            Self::Unsuppress => ("sesv2 delete-suppressed-destination", &[("email-address", Value::Name)]),
            Self::LookAtRegion => ("account get-region-opt-status", &[]),
            Self::LookAtCaller => ("sts get-caller-identity", &[]),
        }
    }

    /// What stands for a name that is not known.
    const fn placeholder(self) -> &'static str {
        match self {
            Self::VerifyDomain | Self::RestartVerification | Self::ShowDkimRecords | Self::SendWithoutMailFrom => {
                "DOMAIN"
            }
            Self::ResumeConfigurationSet | Self::CreateConfigurationSet => "CONFIGURATION_SET",
            Self::LookAtIdentity | Self::LookAtMailFrom | Self::LookAtDefaultSet | Self::UseRegion => {
                "ADDRESS_OR_DOMAIN"
            }
            _ => "ADDRESS",
        }
    }
}

/// Where the value of an option comes from.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// The name in the scope.
    Name,
    /// The MAIL FROM domain in the scope.
    MailFrom,
    /// Always this.
    Word(&'static str),
    /// The option is a switch.
    None,
}

/// Nobody but the user can say what is sent, and why. (SES v2 PutAccountDetails; MailType can be MARKETING)
const ACCESS: &[(&str, Value)] = &[
    ("production-access-enabled", Value::None),
    ("mail-type", Value::Word("TRANSACTIONAL")),
    ("website-url", Value::Word("WEBSITE")),
    ("use-case-description", Value::Word("WHAT_YOU_SEND_TO_WHOM_AND_HOW_BOUNCES_ARE_HANDLED")),
    ("additional-contact-email-addresses", Value::Word("ADDRESS")),
    ("contact-language", Value::Word("EN")),
];

/// Leaving the MAIL FROM domain out would take it away.
const MAIL_FROM: &[(&str, Value)] = &[
    ("email-identity", Value::Name),
    ("mail-from-domain", Value::MailFrom),
    ("behavior-on-mx-failure", Value::Word("USE_DEFAULT_VALUE")),
];

/// Where, as the end of a clause: ` in eu-west-1 of shop`.
struct Place<'a>(Scope<'a>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(region) = self.0.region {
            write!(f, " in {region}")?;
        }
        match self.0.account {
            Some(account) => write!(f, " of {account}"),
            None => Ok(()),
        }
    }
}

/// Longest address that there can be.
const LONGEST: usize = 320;

/// Whether a value can only be a value. The `aws` program takes `-x` for an option, and reads what begins with `file://` or
/// `http://`.
fn is_plain(value: &str) -> bool {
    let fits = !value.is_empty() && value.len() <= LONGEST;
    let printable = value.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"<>(),;:\\\"[]|".contains(c));
    fits && printable && !value.starts_with(['-', '@'])
}

/// A word for a POSIX shell.
pub(crate) fn quoted(value: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&b);
    if value.bytes().all(safe) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(region: &'a str, name: &'a str) -> Scope<'a> {
        Scope { region: Some(region), name: Some(name), ..Scope::default() }
    }

    #[test]
    fn commands_are_whole() {
        let command = |need, scope| remedy(need, scope).command.unwrap();
        let rows = [
            (
                command(Need::VerifyDomain, at("eu-west-1", "shop.example")),
                "aws sesv2 create-email-identity --email-identity shop.example --region eu-west-1",
            ),
            (
                command(Need::ResumeConfigurationSet, at("eu-west-1", "main")),
                "aws sesv2 put-configuration-set-sending-options --configuration-set-name main --sending-enabled --region eu-west-1",
            ),
            (command(Need::LookAtCaller, Scope::default()), "aws sts get-caller-identity"),
            (
                command(Need::LookAtRegion, at("me-south-1", "x")),
                "aws account get-region-opt-status --region-name me-south-1",
            ),
            (
                command(Need::VerifyAddress, Scope::default()),
                "aws sesv2 create-email-identity --email-identity ADDRESS --region REGION",
            ),
        ];
        for (command, expected) in rows {
            assert_eq!(command, expected);
        }
    }

    #[test]
    fn values_are_quoted_for_a_shell() {
        let address = |name| remedy(Need::VerifyAddress, at("eu-west-1", name)).command.unwrap();
        assert!(address("o'neil@shop.example").contains(r"--email-identity 'o'\''neil@shop.example' "));
        assert!(address("a$HOME@shop.example").contains("'a$HOME@shop.example'"));
        assert!(address("a`b&c*?!~#{}@x").contains("'a`b&c*?!~#{}@x'"));
    }

    #[test]
    fn what_could_be_something_else_makes_no_command() {
        let long = "a".repeat(LONGEST + 1);
        for name in [
            "--endpoint-url=x",
            "-x",
            "file:///etc/passwd",
            "http://x",
            "@x",
            "a b",
            "a\u{1b}[31m",
            "$(reboot)",
            "",
            &long,
        ] {
            assert_eq!(remedy(Need::VerifyAddress, at("eu-west-1", name)).command, None, "{name}");
            assert_eq!(remedy(Need::VerifyAddress, at(name, "a@shop.example")).command, None, "{name}");
        }
    }

    #[test]
    fn the_account_stands_in_the_sentence() {
        let scope = Scope { account: Some("shop"), ..at("eu-west-1", "a@shop.example") };
        assert!(remedy(Need::SendLinkAgain, scope).sentence.ends_with("again in eu-west-1 of shop"));
    }
}
