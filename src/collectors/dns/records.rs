//! Which DNS records one domain identity needs, from what SES says about it. Pure: nothing here looks anything up.

use std::sync::Arc;

use crate::collectors::identity_details::{Details, Dkim};
use crate::dns::{can_be_asked_for, normal};

/// What SES says about one domain identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainFacts {
    /// Value of the label `identity`.
    pub identity: Arc<str>,
    /// Value of the label `identity_type`.
    pub identity_type: Arc<str>,
    /// The domain itself.
    pub domain: String,
    /// How its mail is signed. (GetEmailIdentity DkimAttributes)
    pub dkim: DkimFacts,
    /// Its MAIL FROM domain. (GetEmailIdentity MailFromAttributes MailFromDomain)
    pub mail_from: Option<String>,
    /// The TXT value of domains verified the old way. (SES v1 GetIdentityVerificationAttributes VerificationToken)
    pub verification_token: Option<String>,
    /// The zone's primary name server as SES saw it last.
    /// (GetEmailIdentity VerificationInfo SOARecord PrimaryNameServer)
    pub primary_name_server: Option<String>,
}

impl DomainFacts {
    /// What is known of an identity; none of an address, whose records are those of its domain, nor of a name that DNS
    /// does not know the like of. The DKIM records are known once the identity was described: what it shares with
    /// others does not tell whose key it is. They are needed where SES signs or has found them: a domain that was
    /// verified by its TXT record has tokens too, and nobody misses them.
    pub fn of(label: &Arc<str>, details: &Details) -> Option<Self> {
        if details.is_address() || !can_be_asked_for(label) {
            return None;
        }
        let described = details.described.as_ref();
        let needed =
            |dkim: &&Dkim| &*dkim.status != "NOT_STARTED" && (dkim.signing_enabled || &*dkim.status == "SUCCESS");
        let dkim = details.dkim.as_ref().filter(needed).zip(described);
        let dkim = dkim.map(|(dkim, described)| DkimFacts {
            external: described.dkim_origin.as_deref() == Some("EXTERNAL"),
            tokens: dkim.tokens.iter().map(ToString::to_string).collect(),
            hosted_zone: described.dkim_hosted_zone.as_deref().map(str::to_owned),
        });
        let token = details.legacy_token.as_deref().filter(|_| details.lives_by_txt());
        let name_server = described.and_then(|described| described.primary_name_server.as_deref());
        Some(Self {
            identity: Arc::clone(label),
            identity_type: Arc::clone(&details.identity_type),
            domain: label.to_string(), // a domain's label is its name
            dkim: dkim.unwrap_or_default(),
            mail_from: details.mail_from.as_ref().map(|mail_from| mail_from.domain.to_string()),
            verification_token: token.map(str::to_owned),
            primary_name_server: name_server.map(str::to_owned),
        })
    }
}

/// How mail of a domain is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DkimFacts {
    /// SigningAttributesOrigin is EXTERNAL: the key is the user's own and the only token is its selector.
    pub external: bool,
    /// Tokens, in any order.
    pub tokens: Vec<String>,
    /// SigningHostedZone: the zone that the aliases lead to.
    pub hosted_zone: Option<String>,
}

/// A record that an identity needs, as the label `record` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// The alias of the first DKIM token in alphabetical order.
    Dkim1,
    /// The alias of the second.
    Dkim2,
    /// The alias of the third.
    Dkim3,
    /// The public key of a signing key that SES did not make.
    DkimSelector,
    /// The MX record of the MAIL FROM domain, where bounces go.
    MailFromMx,
    /// The SPF record of the MAIL FROM domain.
    MailFromSpf,
    /// The DMARC record of the domain or of a domain above it.
    Dmarc,
    /// The TXT record of domains verified the old way.
    AmazonsesTxt,
}

impl Label {
    /// Every record, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Dkim1,
        Self::Dkim2,
        Self::Dkim3,
        Self::DkimSelector,
        Self::MailFromMx,
        Self::MailFromSpf,
        Self::Dmarc,
        Self::AmazonsesTxt,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkim1 => "dkim_1",
            Self::Dkim2 => "dkim_2",
            Self::Dkim3 => "dkim_3",
            Self::DkimSelector => "dkim_selector",
            Self::MailFromMx => "mail_from_mx",
            Self::MailFromSpf => "mail_from_spf",
            Self::Dmarc => "dmarc",
            Self::AmazonsesTxt => "amazonses_txt",
        }
    }

    /// When it is needed and what is right, in one line for the documentation.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Dkim1 => {
                "Easy DKIM: the CNAME of the first of three tokens, in alphabetical order. It leads to the name at SES, \
                 over other CNAMEs or not."
            }
            Self::Dkim2 => "Easy DKIM: that of the second.",
            Self::Dkim3 => "Easy DKIM: that of the third.",
            Self::DkimSelector => "A DKIM key of your own: a TXT record at the selector with a public key.",
            Self::MailFromMx => {
                "A custom MAIL FROM domain: one MX record, the bounce host of this very region, and no other."
            }
            Self::MailFromSpf => {
                "A custom MAIL FROM domain: one SPF record, with include:amazonses.com before its all, or with an include \
                 or redirect that leads there."
            }
            Self::Dmarc => {
                "Every domain: one DMARC record with a policy, its own, else that of its organisation: the highest domain \
                 above that has one. SES does not ask for it; receivers do."
            }
            Self::AmazonsesTxt => {
                "Verified domains without DKIM: a TXT record with the token of SES at _amazonses or at the domain itself."
            }
        }
    }
}

/// One record that should be there. All names are [`normal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Which one.
    pub label: Label,
    /// Where it should stand.
    pub name: String,
    /// The domain of the identity.
    pub domain: String,
    /// What it should say.
    pub wanted: Wanted,
    /// The primary name server that SES saw.
    pub primary_name_server: Option<String>,
}

/// What a record should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// CNAME that leads to one of these.
    Alias(Vec<String>),
    /// TXT with a public key.
    PublicKey,
    /// MX: the bounce host of this region and no other.
    BounceHost(String),
    /// TXT: one SPF record that lets SES send.
    SenderPolicy,
    /// TXT: one DMARC record.
    Dmarc,
    /// TXT with this token.
    Token(String),
}

impl Expected {
    /// Whether two looks at these can be compared. Which name server SES saw tells only why a record is missing: SES
    /// learns it late, and of a domain that moves it changes while the record is wrong.
    pub(super) fn is_about_the_same_as(&self, other: &Self) -> bool {
        (self.label, &self.name, &self.domain, &self.wanted) == (other.label, &other.name, &other.domain, &other.wanted)
    }

    /// The record as one would write it, for people.
    pub fn text(&self) -> String {
        let name = &self.name;
        match &self.wanted {
            Wanted::Alias(targets) => format!("{name} CNAME {}", targets.join(" or ")),
            Wanted::PublicKey => format!("{name} TXT \"p=<public key>\""),
            Wanted::BounceHost(region) => format!("{name} MX 10 feedback-smtp.{region}.amazonses.com and no other"),
            Wanted::SenderPolicy => format!("{name} TXT \"v=spf1 include:amazonses.com ~all\""),
            Wanted::Dmarc => format!("{name} TXT \"v=DMARC1; p=none|quarantine|reject\""),
            Wanted::Token(token) => format!("{name} TXT \"{token}\""),
        }
    }
}

/// Easy DKIM gives a domain three tokens (SES developer guide, Easy DKIM in Amazon SES).
const ALIASES: [Label; 3] = [Label::Dkim1, Label::Dkim2, Label::Dkim3];

/// Every record that the domain needs in this region, in the order of the labels.
pub fn expected(facts: &DomainFacts, region: &str) -> Vec<Expected> {
    let domain = normal(&facts.domain);
    if domain.is_empty() {
        return Vec::new();
    }
    let record = |label, name, wanted| {
        let primary_name_server = facts.primary_name_server.as_deref().map(normal);
        Expected { label, name, domain: domain.clone(), wanted, primary_name_server }
    };
    let mut records: Vec<Expected> =
        dkim(&facts.dkim, region, &domain).map(|(label, name, wanted)| record(label, name, wanted)).collect();
    if let Some(mail_from) = facts.mail_from.as_deref().map(normal).filter(|name| can_be_asked_for(name)) {
        records.push(record(Label::MailFromMx, mail_from.clone(), Wanted::BounceHost(region.to_owned())));
        records.push(record(Label::MailFromSpf, mail_from, Wanted::SenderPolicy));
    }
    records.push(record(Label::Dmarc, format!("_dmarc.{domain}"), Wanted::Dmarc));
    if let Some(token) = facts.verification_token.as_deref().filter(|token| !token.is_empty()) {
        records.push(record(Label::AmazonsesTxt, format!("_amazonses.{domain}"), Wanted::Token(token.to_owned())));
    }
    records
}

fn dkim(facts: &DkimFacts, region: &str, domain: &str) -> impl Iterator<Item = (Label, String, Wanted)> {
    let mut tokens: Vec<String> = facts.tokens.iter().map(|token| normal(token)).filter(|it| !it.is_empty()).collect();
    tokens.sort();
    tokens.dedup();
    let labels: &[Label] = if facts.external { &[Label::DkimSelector] } else { &ALIASES };
    labels.iter().zip(tokens).map(move |(label, token)| {
        let wanted = if facts.external { Wanted::PublicKey } else { Wanted::Alias(targets(facts, region, &token)) };
        (*label, format!("{token}._domainkey.{domain}"), wanted)
    })
}

/// Some regions have a zone of their own, and GetEmailIdentity names it in newer answers only; either is right then.
fn targets(facts: &DkimFacts, region: &str, token: &str) -> Vec<String> {
    match facts.hosted_zone.as_deref().map(normal).filter(|zone| !zone.is_empty()) {
        Some(zone) => vec![format!("{token}.{zone}")],
        None => vec![format!("{token}.dkim.amazonses.com"), format!("{token}.dkim.{region}.amazonses.com")],
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::collectors::identity_details::Described;

    fn lines(facts: &DomainFacts) -> Vec<String> {
        expected(facts, "eu-west-1").iter().map(|one| format!("{} {}", one.label.as_str(), one.text())).collect()
    }

    fn facts(domain: &str, tokens: &[&str]) -> DomainFacts {
        let tokens = tokens.iter().map(|&token| token.to_owned()).collect();
        let dkim = DkimFacts { tokens, ..DkimFacts::default() };
        DomainFacts { domain: domain.to_owned(), dkim, ..DomainFacts::default() }
    }

    #[test]
    fn every_fact_asks_for_its_records_and_tokens_are_sorted() {
        let facts = DomainFacts {
            mail_from: Some("Mail.Shop.example.".to_owned()),
            verification_token: Some("Abc=".to_owned()),
            ..facts("Shop.Example", &["b", "c", "a"])
        };
        assert_eq!(
            lines(&facts),
            [
                "dkim_1 a._domainkey.shop.example CNAME a.dkim.amazonses.com or a.dkim.eu-west-1.amazonses.com",
                "dkim_2 b._domainkey.shop.example CNAME b.dkim.amazonses.com or b.dkim.eu-west-1.amazonses.com",
                "dkim_3 c._domainkey.shop.example CNAME c.dkim.amazonses.com or c.dkim.eu-west-1.amazonses.com",
                "mail_from_mx mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com and no other",
                "mail_from_spf mail.shop.example TXT \"v=spf1 include:amazonses.com ~all\"",
                "dmarc _dmarc.shop.example TXT \"v=DMARC1; p=none|quarantine|reject\"",
                "amazonses_txt _amazonses.shop.example TXT \"Abc=\"",
            ]
        );
    }

    #[test]
    fn only_domains_that_dns_can_know_have_records() {
        let details = |identity_type: &str| {
            let mut details = Details::default();
            details.identity_type = identity_type.into();
            details
        };
        let facts = |name: &str, identity_type| DomainFacts::of(&name.into(), &details(identity_type));
        assert!(facts("shop.example", "domain").is_some());
        assert!(facts("shop.example", "managed_domain").is_some());
        assert!(facts("a@shop.example", "email_address").is_none());
        for name in ["a..b", "", &"x".repeat(64), "a@shop.example"] {
            assert!(facts(name, "domain").is_none(), "{name}");
        }
    }

    #[test]
    fn a_mail_from_domain_that_dns_cannot_know_has_none() {
        let with = |name: &str| DomainFacts { mail_from: Some(name.to_owned()), ..facts("shop.example", &[]) };
        assert_eq!(lines(&with("my_mail.shop.example")).len(), 3);
        for name in ["", "a@shop.example", "a..b"] {
            assert_eq!(lines(&with(name)).len(), 1, "{name}: DMARC alone");
        }
    }

    #[test]
    fn keys_are_needed_where_ses_signs_or_has_found_them() {
        let tokens = |status: &str, signing_enabled| {
            let mut details = Details::default();
            details.identity_type = "domain".into();
            details.dkim = Some(Dkim { status: status.into(), signing_enabled, tokens: vec!["tok".into()] });
            details.described = Some(Described::at(SystemTime::UNIX_EPOCH));
            DomainFacts::of(&"shop.example".into(), &details).expect("facts").dkim.tokens.len()
        };
        for (status, signing_enabled, expected) in [
            ("SUCCESS", true, 1),
            ("SUCCESS", false, 1),
            ("PENDING", true, 1),
            ("FAILED", true, 1),
            ("TEMPORARY_FAILURE", true, 1),
            ("FAILED", false, 0),
            ("PENDING", false, 0),
            ("NOT_STARTED", true, 0),
        ] {
            assert_eq!(tokens(status, signing_enabled), expected, "{status}, signing {signing_enabled}");
        }
    }

    #[test]
    fn a_zone_that_ses_names_is_the_only_one() {
        let mut facts = facts("shop.example", &["a", "", "a"]);
        facts.dkim.hosted_zone = Some("Dkim.af-south-1.amazonses.com.".to_owned());
        assert_eq!(lines(&facts)[0], "dkim_1 a._domainkey.shop.example CNAME a.dkim.af-south-1.amazonses.com");
        assert_eq!(lines(&facts).len(), 2, "an empty and a repeated token ask for nothing");
    }

    #[test]
    fn a_key_of_ones_own_has_one_selector() {
        let mut facts = facts("shop.example", &["key1", "key2"]);
        facts.dkim.external = true;
        assert_eq!(lines(&facts)[0], "dkim_selector key1._domainkey.shop.example TXT \"p=<public key>\"");
        assert_eq!(lines(&facts).len(), 2);
    }

    #[test]
    fn records_are_documented_once_each_and_in_the_order_in_which_they_are_asked_for() {
        assert!(Label::ALL.is_sorted_by(|a, b| a < b));
        assert!(Label::ALL.iter().all(|label| label.about().ends_with('.') && !label.about().contains(['\n', '|'])));
    }

    #[test]
    fn a_nameless_domain_needs_nothing() {
        assert!(lines(&facts("", &["a"])).is_empty());
    }
}
