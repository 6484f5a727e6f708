//! Whose domain an address is at: one's own, for which one can publish DNS records, or that of a mail provider. Pure.

/// Domains of mail providers: nobody but them can put records into their DNS.
const PROVIDERS: &[&str] = &[
    "aol.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.ru",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "web.de",
    "yahoo.com",
    "163.com",
];

/// SES takes mail to these in the sandbox too, and nobody can verify it. (Developer guide, "Using the mailbox simulator")
const SIMULATOR: &str = "simulator.amazonses.com";

/// The domain of an address, or a domain as it is, unless only a mail provider or AWS could verify it.
pub fn domain_of_ones_own(name: &str) -> Option<&str> {
    let domain = name.rsplit_once('@').map_or(name, |(_, domain)| domain);
    let theirs = PROVIDERS.iter().chain([&SIMULATOR]).any(|known| known.eq_ignore_ascii_case(domain));
    (!theirs).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_verifies_a_mail_provider() {
        for (name, domain) in [
            ("ann@shop.example", Some("shop.example")),
            ("shop.example", Some("shop.example")),
            ("ann@GMail.com", None),
            ("gmail.com", None),
            ("ann@mail.gmail.com.example", Some("mail.gmail.com.example")),
            ("success@simulator.amazonses.com", None),
        ] {
            assert_eq!(domain_of_ones_own(name), domain, "{name}");
        }
    }
}
