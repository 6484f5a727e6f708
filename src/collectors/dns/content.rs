//! What stands in a record: hosts of SES, DMARC and DKIM keys, read as receivers of mail read them. Pure.

use super::verdict::Policy;

/// The domain and those above it, the nearest first, down to two labels.
pub(super) fn enclosing(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| domain.split_once('.').map(|(_, above)| above))
        .filter(|domain| domain.contains('.'))
}

/// The name without the zone's name that an editor may have appended to it, for each zone that `record` may lie in.
pub(super) fn undoubled<'a>(name: &'a str, record: &'a str) -> impl Iterator<Item = &'a str> {
    enclosing(record).filter_map(|zone| name.strip_suffix(zone)?.strip_suffix('.'))
}

/// The region of a host that takes bounces: `feedback-smtp.<region>.amazonses.com`. The European cloud has an end of its
/// own, which AWS does not document.
pub(super) fn bounce_region(host: &str) -> Option<&str> {
    let (region, end) = host.strip_prefix("feedback-smtp.")?.split_once(".amazonses.")?;
    let ends_right = end == "com" || (region.starts_with("eusc-") && !end.is_empty());
    (!region.is_empty() && !region.contains('.') && ends_right).then_some(region)
}

/// Whether a host takes bounces but for a name behind it, of whatever zone.
pub(super) fn is_bounce_host_with_more(host: &str) -> bool {
    const END: &str = ".amazonses.com";
    host.match_indices(END)
        .filter_map(|(at, _)| host.split_at_checked(at + END.len()))
        .any(|(bare, more)| more.starts_with('.') && bounce_region(bare).is_some())
}

/// Whether a DKIM record holds a key; an empty one revokes it (RFC 6376, 3.6.1).
pub(super) fn has_public_key(text: &str) -> bool {
    tags(text).any(|(name, value)| name == "p" && !value.is_empty())
}

/// Tags as DKIM and DMARC write them: `name=value; name=value`.
fn tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|tag| tag.split_once('=')).map(|(name, value)| (name.trim(), value.trim()))
}

/// Whether a DMARC record says that its domain is one under which strangers register theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublicSuffix {
    /// `psd=y`: the domains below belong to others.
    Yes,
    /// `psd=n`: it is the domain of an organisation, and nothing above counts.
    No,
    /// It does not say.
    Unsaid,
}

/// A DMARC record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dmarc<'a>(&'a str);

impl<'a> Dmarc<'a> {
    /// The text as a DMARC record, if its first tag says that it is one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (first, _) = text.split_once(';').unwrap_or((text, ""));
        (tags(first).next()? == ("v", "DMARC1")).then_some(Self(text))
    }

    /// What it asks for; from a domain above, `sp` goes before `p`. A record that only wants
    /// reports asks for nothing else (RFC 7489, 6.6.3).
    pub(super) fn policy(&self, from_above: bool) -> Option<Policy> {
        let policy = |name| self.tag(name).and_then(Policy::parse);
        policy("sp")
            .filter(|_| from_above)
            .or_else(|| policy("p"))
            .or_else(|| self.tag("rua").filter(|to| !to.is_empty()).map(|_| Policy::None))
    }

    /// What its tag `psd` says (RFC 9989, 4.7).
    pub(super) fn public_suffix(&self) -> PublicSuffix {
        match self.tag("psd") {
            Some("y" | "Y") => PublicSuffix::Yes,
            Some("n" | "N") => PublicSuffix::No,
            _ => PublicSuffix::Unsaid,
        }
    }

    fn tag(&self, wanted: &str) -> Option<&'a str> {
        tags(self.0).find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_above() {
        let above = |domain| enclosing(domain).collect::<Vec<_>>().join(" ");
        assert_eq!(above("a.b.example.com"), "a.b.example.com b.example.com example.com");
        assert_eq!(above("example.com"), "example.com");
        assert_eq!(above("com"), "");
    }

    #[test]
    fn an_appended_zone_is_taken_off() {
        let bare = |name, record| undoubled(name, record).collect::<Vec<_>>().join(" ");
        assert_eq!(bare("t.dkim.amazonses.com.shop.example", "t._domainkey.shop.example"), "t.dkim.amazonses.com");
        assert_eq!(bare("x.amazonses.com.shop.example", "mail.eu.shop.example"), "x.amazonses.com");
        assert_eq!(bare("x.amazonses.com", "mail.shop.com"), "", "the top-level domain is no zone of the user");
        assert_eq!(bare("x.bookshop.example", "shop.example"), "", "labels are compared whole");
    }

    #[test]
    fn regions_of_bounce_hosts() {
        for (host, region) in [
            ("feedback-smtp.eu-west-1.amazonses.com", Some("eu-west-1")),
            ("feedback-smtp.eu-west-1.amazonses.com.example.com", None),
            ("feedback-smtp.eu-west-1.amazonses.eu", None),
            ("feedback-smtp.eusc-de-east-1.amazonses.eu", Some("eusc-de-east-1")),
            ("feedback-smtp.eusc-de-east-1.amazonses.com", Some("eusc-de-east-1")),
            ("feedback-smtp.eusc-de-east-1.amazonses.", None),
            ("feedback-smtp.a.b.amazonses.com", None),
            ("feedback-smtp..amazonses.com", None),
            ("feedback-smtp.eu-west-1.amazonses.", None),
            ("inbound-smtp.eu-west-1.amazonaws.com", None),
            ("xfeedback-smtp.eu-west-1.amazonses.com", None),
        ] {
            assert_eq!(bounce_region(host), region, "{host}");
        }
    }

    #[test]
    fn keys() {
        for (text, key) in [
            ("p=MIGf", true),
            ("v=DKIM1; k=rsa; p = MIGf", true),
            ("v=DKIM1; p=", false),
            ("v=DKIM1; p= ;", false),
            ("v=DKIM1; sp=MIGf", false),
            ("", false),
        ] {
            assert_eq!(has_public_key(text), key, "{text}");
        }
    }

    #[test]
    fn policies() {
        for (text, own, from_above) in [
            ("v=DMARC1; p=none", Some("none"), Some("none")),
            ("v=DMARC1;p=REJECT;sp=quarantine", Some("reject"), Some("quarantine")),
            ("v=DMARC1; p=reject; sp=nonsense", Some("reject"), Some("reject")),
            ("v = DMARC1 ; p = quarantine ;", Some("quarantine"), Some("quarantine")),
            ("v=DMARC1; rua=mailto:a@b.example", Some("none"), Some("none")),
            ("v=DMARC1; p=rejekt", None, None),
            ("v=DMARC1; rua=", None, None),
            ("v=DMARC1", None, None),
        ] {
            let record = Dmarc::parse(text).expect(text);
            assert_eq!(record.policy(false).map(Policy::as_str), own, "{text}");
            assert_eq!(record.policy(true).map(Policy::as_str), from_above, "{text}");
        }
        for text in ["", "p=none; v=DMARC1", "v=DMARC2; p=none", "v=spf1 -all", "v=DMARC1 p=none", "DMARC1"] {
            assert_eq!(Dmarc::parse(text), None, "{text}");
        }
    }
}
