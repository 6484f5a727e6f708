//! The DNS records that SES demands of an identity's owner, read off the identity's own description.
//!
//! What GetEmailIdentity tells (tokens, hosted zone, MAIL FROM domain, statuses) is the only source, so that the DNS and SES cannot
//! disagree by mistake. It decides nothing about what is published or broken.

use std::time::SystemTime;

use serde_json::Value;

use super::record::{Data, Record};
use crate::simulator::identity::Identity;

/// What a record is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Easy DKIM or BYODKIM; also what proves the domain.
    Dkim,
    /// The custom MAIL FROM domain; SES looks at its MX record.
    MailFrom,
    /// The SPF record of the MAIL FROM domain. SES asks for it and does not look at it.
    Spf,
    /// The legacy `_amazonses` record, which proves a domain without DKIM.
    Verification,
}

/// One record that the owner of a domain was told to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    pub(super) purpose: Purpose,
    pub(super) record: Record,
    /// SES has found it: the owner did publish it.
    pub(super) met: bool,
    /// What the record leads to in a zone of SES, which is always there.
    pub(super) beyond: Option<Record>,
}

/// The domain of an identity: its name, or what follows the `@`.
pub(super) fn host(identity: &Identity) -> String {
    identity.name.rsplit('@').next().unwrap_or_default().to_lowercase()
}

/// What SES demands for one identity, and what it knows of its zone.
#[derive(Debug)]
pub(super) struct Demands {
    /// All records.
    pub(super) all: Vec<Demand>,
    /// VerificationInfo.SOARecord.PrimaryNameServer, where SES has looked.
    pub(super) primary_name_server: Option<String>,
}

/// All that SES demands for this identity of this region.
pub(super) fn demands(identity: &Identity, key: u64, region: &str, now: SystemTime) -> Demands {
    let described = identity.described(key, now);
    let mut all = dkim(&host(identity), &described);
    all.extend(mail_from(region, &described));
    all.extend(verification(identity, key, &described));
    Demands { all, primary_name_server: text(&described, "/VerificationInfo/SOARecord/PrimaryNameServer").map(lower) }
}

fn dkim(host: &str, described: &Value) -> Vec<Demand> {
    let met = verified(described, "/DkimAttributes/Status");
    let external = text(described, "/DkimAttributes/SigningAttributesOrigin") == Some("EXTERNAL");
    // SES names the hosted zone for Easy DKIM since 2025; before, it was this one almost everywhere.
    let zone = text(described, "/DkimAttributes/SigningHostedZone").unwrap_or("dkim.amazonses.com");
    let tokens = described.pointer("/DkimAttributes/Tokens").and_then(Value::as_array).into_iter().flatten();
    tokens
        .filter_map(Value::as_str)
        .map(|token| {
            let owner = lower(&format!("{token}._domainkey.{host}"));
            let (data, beyond) = if external {
                (Data::Key { tags: "", name: owner.clone() }, None)
            } else {
                let target = lower(&format!("{token}.{zone}"));
                let key = Data::Key { tags: "v=DKIM1; k=rsa; ", name: target.clone() };
                (Data::Cname(target.clone()), Some(Record::new(target, key)))
            };
            Demand { purpose: Purpose::Dkim, record: Record::new(owner, data), met, beyond }
        })
        .collect()
}

fn mail_from(region: &str, described: &Value) -> Vec<Demand> {
    let Some(domain) = text(described, "/MailFromAttributes/MailFromDomain").map(lower) else { return Vec::new() };
    let met = verified(described, "/MailFromAttributes/MailFromDomainStatus");
    let exchange = Data::Mx { preference: 10, exchange: format!("feedback-smtp.{region}.amazonses.com") };
    let policy = Data::Txt("v=spf1 include:amazonses.com ~all".to_owned());
    [(Purpose::MailFrom, exchange), (Purpose::Spf, policy)]
        .map(|(purpose, data)| Demand { purpose, record: Record::new(domain.clone(), data), met, beyond: None })
        .into()
}

fn verification(identity: &Identity, key: u64, described: &Value) -> Option<Demand> {
    if text(described, "/DkimAttributes/Status") != Some("NOT_STARTED") {
        return None;
    }
    let token = identity.verification_token(key)?;
    let record = Record::new(format!("_amazonses.{}", host(identity)), Data::Txt(token));
    let met = verified(described, "/VerificationStatus");
    Some(Demand { purpose: Purpose::Verification, record, met, beyond: None })
}

/// A temporary failure is one of looking: what was published is thought to be there still.
fn verified(described: &Value, pointer: &str) -> bool {
    matches!(text(described, pointer), Some("SUCCESS" | "TEMPORARY_FAILURE"))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn lower(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(identity: &Identity) -> Vec<(String, String, bool)> {
        let demands = demands(identity, 7, "eu-west-1", SystemTime::UNIX_EPOCH).all;
        let shown = demands.iter().map(|demand| {
            let Record { owner, data } = &demand.record;
            (owner.clone(), format!("{} {data}", demand.record.kind().as_str()), demand.met)
        });
        shown.collect()
    }

    #[test]
    fn easy_dkim_demands_three_aliases_into_the_hosted_zone() {
        let identity = Identity::domain("Shop.example")
            .details(&json!({ "DkimAttributes": { "SigningHostedZone": "dkim.x.example" } }));
        let demands = demands(&identity, 7, "eu-west-1", SystemTime::UNIX_EPOCH).all;
        assert_eq!(demands.len(), 3);
        for demand in &demands {
            let token = demand.record.owner.strip_suffix("._domainkey.shop.example").expect("an owner name");
            assert_eq!(demand.record.data, Data::Cname(format!("{token}.dkim.x.example")));
            let beyond = demand.beyond.as_ref().expect("the key that the alias leads to");
            assert_eq!(beyond.owner, format!("{token}.dkim.x.example"));
            assert!(beyond.data.to_string().starts_with("v=DKIM1; k=rsa; p=MII"), "{beyond:?}");
        }
    }

    #[test]
    fn an_own_key_demands_a_text_at_its_selector() {
        let details = json!({ "DkimAttributes": { "SigningAttributesOrigin": "EXTERNAL", "Tokens": ["s1"] } });
        let told = told(&Identity::domain("shop.example").details(&details));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "s1._domainkey.shop.example");
        assert!(told[0].1.starts_with("TXT p=MII"), "{told:?}");
    }

    #[test]
    fn a_mail_from_domain_demands_mx_and_spf() {
        let details =
            json!({ "MailFromAttributes": { "MailFromDomain": "b.shop.example", "MailFromDomainStatus": "PENDING" } });
        let mut told = told(&Identity::domain("shop.example").details(&details));
        let mx = "MX 10 feedback-smtp.eu-west-1.amazonses.com".to_owned();
        let spf = "TXT v=spf1 include:amazonses.com ~all".to_owned();
        let owner = "b.shop.example".to_owned();
        assert_eq!(told.split_off(3), [(owner.clone(), mx, false), (owner, spf, false)]);
    }

    #[test]
    fn a_domain_without_dkim_demands_the_legacy_record() {
        let identity = Identity::domain("shop.example")
            .details(&json!({ "DkimAttributes": { "Status": "NOT_STARTED", "Tokens": null } }));
        let expected = format!("TXT {}", identity.verification_token(7).expect("a token"));
        assert_eq!(told(&identity), [("_amazonses.shop.example".to_owned(), expected, true)]);
        assert_eq!(told(&Identity::email_address("a@shop.example")), []);
    }
}
