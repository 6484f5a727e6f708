//! What a text says beside the error itself: which hosts of AWS it names, and which regions.

use std::collections::{BTreeMap, BTreeSet};

use super::plain::Plain;
use super::region_like;

/// A host of SES in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// As written, such as `email-smtp.eu-west-1.amazonaws.com`.
    pub(super) name: String,
    /// Where the name begins and ends.
    pub(super) begin: usize,
    pub(super) end: usize,
    /// The region inside the name, if there is one.
    pub(super) region: Option<String>,
}

/// Everything that a text names.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The first host of SES in each line.
    hosts: BTreeMap<usize, Host>,
    /// The first region in each line.
    regions: BTreeMap<usize, String>,
    /// The region, where the whole text names one only.
    only: Option<String>,
    /// The lines with hosts of AWS that are not SES: what all of AWS says was probably said by them.
    elsewhere: BTreeSet<usize>,
}

/// What the names of SES' own hosts begin with.
const OURS: &[&str] = &["email", "email-fips", "email-smtp", "email-smtp-fips"];
/// The first is that of nearly all; the others are those of the European partition and of dual-stack hosts.
const DOMAINS: &[&str] = &[".amazonaws.com", ".amazonaws.eu", ".api.aws", ".api.amazonwebservices.eu"];
/// The end of what a request is signed for; the region stands in front.
const SCOPE: &str = "/ses/aws4_request";
/// Longer than any name of a host, or a region.
const FAR: usize = 255;

impl Evidence {
    pub(super) fn of(plain: &Plain) -> Self {
        let mut evidence = Self::default();
        for domain in DOMAINS {
            for (at, _) in plain.lower.match_indices(domain) {
                evidence.see_host(plain, at, domain);
            }
        }
        for (at, _) in plain.lower.match_indices(SCOPE) {
            let before = last_word(&plain.lower, at, |c| c.is_ascii_alphanumeric() || c == '-');
            if let Some(region) = region_like(before) {
                evidence.regions.entry(plain.line(at)).or_insert(region);
            }
        }
        let mut all = evidence.regions.values();
        evidence.only = all.next().filter(|first| all.all(|other| other == *first)).cloned();
        evidence
    }

    fn see_host(&mut self, plain: &Plain, at: usize, domain: &str) {
        let front = last_word(&plain.lower, at, |c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        let (begin, end, line) = (at - front.len(), at + domain.len(), plain.line(at));
        // The host of a VPC endpoint has the endpoint in front: `vpce-0a1b.email-smtp.eu-west-1.vpce.amazonaws.com`.
        let mut labels = front.split('.').skip_while(|label| label.starts_with("vpce-"));
        let service = labels.next().unwrap_or_default();
        if !OURS.contains(&service) {
            self.elsewhere.insert(line);
            return;
        }
        let region = labels.next().and_then(region_like);
        if let Some(region) = &region {
            self.regions.entry(line).or_insert_with(|| region.clone());
        }
        let name = plain.lower.get(begin..end).unwrap_or_default().to_owned();
        self.hosts.entry(line).or_insert(Host { name, begin, end, region });
    }

    /// The host of SES that a line names.
    pub(super) fn host(&self, line: usize) -> Option<&Host> {
        self.hosts.get(&line)
    }

    /// The region that a line names, or the only one in the whole text.
    pub(super) fn region(&self, line: usize) -> Option<String> {
        self.regions.get(&line).or(self.only.as_ref()).cloned()
    }

    /// Whether a line names services of AWS, and SES is none of them; where it names none, whether the text does.
    pub(super) fn is_of_another_service(&self, line: usize) -> bool {
        let elsewhere = self.elsewhere.contains(&line);
        if self.hosts.is_empty() { !self.elsewhere.is_empty() } else { elsewhere && !self.hosts.contains_key(&line) }
    }
}

/// The word that ends at a place.
fn last_word(text: &str, at: usize, part: impl Fn(char) -> bool) -> &str {
    let from = text.floor_char_boundary(at.saturating_sub(FAR));
    let before = text.get(from..at).unwrap_or_default();
    let begin = before.rfind(|c| !part(c)).map_or(0, |last| before.ceil_char_boundary(last + 1));
    before.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Evidence {
        Evidence::of(&Plain::of(text))
    }

    #[test]
    fn hosts_tell_the_region() {
        let evidence =
            of("POST https://email.eu-west-1.amazonaws.com/ x\nhost email-smtp.us-east-1.amazonaws.com[1.2.3.4]:587");
        assert_eq!(evidence.host(0).map(|host| host.name.as_str()), Some("email.eu-west-1.amazonaws.com"));
        assert_eq!(
            (evidence.region(0).as_deref(), evidence.region(1).as_deref()),
            (Some("eu-west-1"), Some("us-east-1"))
        );
        assert_eq!(evidence.region(7), None);
        assert_eq!(of("x\nemail.eu-west-1.amazonaws.com").region(0).as_deref(), Some("eu-west-1"));
        assert_eq!(of("20170403/us-east-1/ses/aws4_request").region(0).as_deref(), Some("us-east-1"));
        for host in [
            "email.eu-west-1.api.aws",
            "email.eu-west-1.amazonaws.eu",
            "email.eu-west-1.api.amazonwebservices.eu",
            "vpce-0a1b-2c.email-smtp.eu-west-1.vpce.amazonaws.com",
        ] {
            let evidence = of(&format!("https://{host}:587"));
            assert_eq!(evidence.host(0).map(|found| found.name.as_str()), Some(host));
            assert_eq!(evidence.region(0).as_deref(), Some("eu-west-1"), "{host}");
            assert!(!evidence.is_of_another_service(0), "{host}");
        }
        assert_eq!(of("→email.amazonaws.com").host(0).and_then(|host| host.region.clone()), None);
    }

    #[test]
    fn other_services_are_told_apart() {
        let another = |text, line| of(text).is_of_another_service(line);
        assert!(another("https://cognito-idp.us-east-1.amazonaws.com", 0));
        assert!(another("x\nhttps://cognito-idp.us-east-1.amazonaws.com", 0));
        assert!(!another("https://sts.amazonaws.com https://email.us-east-1.amazonaws.com", 0));
        assert!(!another("nothing", 0));
        assert!(another("https://webemail.us-east-1.amazonaws.com", 0));
        let log = "https://s3.eu-west-1.amazonaws.com\nhttps://email.eu-west-1.amazonaws.com\nx";
        assert_eq!([0, 1, 2].map(|line| another(log, line)), [true, false, false]);
    }
}
