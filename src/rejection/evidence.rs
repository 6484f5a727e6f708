//! What a text says beside the error itself: which hosts of AWS it names, and which regions.

use std::collections::BTreeMap;

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
    /// Hosts of AWS that are not SES: what all of AWS says was probably said by them.
    elsewhere: bool,
}

/// What the names of SES' own hosts begin with.
const OURS: &[&str] = &["email", "email-fips", "email-smtp", "email-smtp-fips"];
const DOMAIN: &str = ".amazonaws.com";
/// The end of what a request is signed for; the region stands in front.
const SCOPE: &str = "/ses/aws4_request";
/// Longer than any name of a host, or a region.
const FAR: usize = 255;

impl Evidence {
    pub(super) fn of(plain: &Plain) -> Self {
        let mut evidence = Self::default();
        for (at, _) in plain.lower.match_indices(DOMAIN) {
            evidence.see_host(plain, at);
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

    fn see_host(&mut self, plain: &Plain, at: usize) {
        let front = last_word(&plain.lower, at, |c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        let mut labels = front.split('.');
        let service = labels.next().unwrap_or_default();
        if !OURS.contains(&service) {
            self.elsewhere = true;
            return;
        }
        let (begin, end, line) = (at - front.len(), at + DOMAIN.len(), plain.line(at));
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

    /// Whether the text names services of AWS, and SES is none of them.
    pub(super) fn is_of_another_service(&self) -> bool {
        self.elsewhere && self.hosts.is_empty()
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
        assert_eq!(of("→email.amazonaws.com").host(0).and_then(|host| host.region.clone()), None);
    }

    #[test]
    fn other_services_are_told_apart() {
        assert!(of("https://cognito-idp.us-east-1.amazonaws.com").is_of_another_service());
        assert!(!of("https://sts.amazonaws.com https://email.us-east-1.amazonaws.com").is_of_another_service());
        assert!(!of("nothing").is_of_another_service());
        assert!(of("https://webemail.us-east-1.amazonaws.com").is_of_another_service());
    }
}
