//! Judgement `drift`: are the declared identities there and verified, and are there others?
//!
//! An identity that nobody created in a region leaves no trace in SES, so only a declaration can tell that it is
//! missing. One that nobody declared is how the owner of a stolen key begins.

use std::collections::HashSet;
use std::sync::Arc;

use super::coverage::{Verified, folded, usable};
use crate::collectors::identities::{Identities, Reading};
use crate::expectations::Declared;
use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, flag, gauge};

/// The judgement.
pub struct Drift;

/// Both sides of the difference, by the value of the label `identity`.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Each declared identity and whether it can send; unknown where SES left out a status that could tell.
    pub expected: Vec<(String, Option<bool>)>,
    /// Those that bear series and that nobody declared.
    pub unexpected: Vec<Arc<str>>,
}

impl Judgement for Drift {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "drift",
        about: "Which of the identities that `[[expect]]` declares can't send, and which are there that it does not \
                declare.",
        from: &["identities"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[
        &gauge(
            "ses_expected_identity_verified",
            "Whether the declared identity can send: 1 if it is verified or a verified domain covers it, 0 also if it is not there at all (judged from ListEmailIdentities and [[expect]] identities).",
            ["identity"],
            |verdict: &Verdict, out| {
                for (label, verified) in &verdict.expected {
                    out.push_known([label], verified.map(flag));
                }
            },
        ),
        &gauge(
            "ses_unexpected_identity",
            "Always 1, for each identity that is not declared in a region whose identities are declared exhaustively (judged from ListEmailIdentities and [[expect]] exhaustive).",
            ["identity"],
            |verdict: &Verdict, out| verdict.unexpected.iter().for_each(|label| out.push([label], 1.0)),
        ),
    ];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        let declared = seen.declared();
        declared.state?;
        Some(judge(&declared, seen.reading::<Identities>()?))
    }
}

fn judge(declared: &Declared<'_>, reading: &Reading) -> Verdict {
    Verdict { expected: expected(declared, reading), unexpected: unexpected(declared, reading) }
}

fn expected(declared: &Declared<'_>, reading: &Reading) -> Vec<(String, Option<bool>)> {
    if declared.identities.is_empty() {
        return Vec::new(); // most regions, which may hold thousands of identities
    }
    let (verified, perhaps) = (Verified::of(&reading.identities), Verified::perhaps(&reading.identities));
    let can_send = |name: &str| usable(name, &verified, &perhaps);
    let labelled = |label: &Option<String>, name: &str| label.clone().map(|label| (label, can_send(name)));
    let mut taken = HashSet::new();
    let named = declared.identities.iter().filter_map(|identity| labelled(&identity.label, &identity.name));
    // Two addresses with one hash: the first speaks, as a page has no series twice.
    named.filter(|(label, _)| taken.insert(label.clone())).collect()
}

fn unexpected(declared: &Declared<'_>, reading: &Reading) -> Vec<Arc<str>> {
    if !declared.exhaustive {
        return Vec::new();
    }
    let known: HashSet<&str> = declared.identities.iter().map(|identity| identity.name.as_str()).collect();
    let strangers = reading.shown().filter(|(_, identity)| !known.contains(folded(&identity.name).as_str()));
    strangers.map(|(label, _)| Arc::clone(label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::identities::{EmailAddresses, HashKey, Identity, Settings};
    use crate::expectations::ExpectedIdentity;

    fn reading(identities: &[(&str, Option<&str>)], settings: &Settings) -> Reading {
        let identity = |(name, status): &(&str, Option<&str>)| Identity {
            name: Arc::from(*name),
            identity_type: Arc::from(if name.contains('@') { "email_address" } else { "domain" }),
            status: status.map(Arc::from),
            sending_enabled: *status == Some("SUCCESS"),
        };
        Reading::new(identities.iter().map(identity).collect(), settings)
    }

    fn verdict(names: &[&str], exhaustive: bool, identities: &[(&str, Option<&str>)], settings: &Settings) -> Verdict {
        let identity = |name: &&str| ExpectedIdentity { name: (*name).to_owned(), label: settings.label_of(name) };
        let identities_declared: Vec<_> = names.iter().map(identity).collect();
        let declared = Declared { identities: identities_declared.iter().collect(), exhaustive, ..Declared::default() };
        judge(&declared, &reading(identities, settings))
    }

    fn pairs(expected: &[(&str, Option<bool>)]) -> Vec<(String, Option<bool>)> {
        expected.iter().map(|(label, verified)| ((*label).to_owned(), *verified)).collect()
    }

    #[test]
    fn a_declared_identity_can_send_or_is_told_even_if_it_is_missing() {
        let there = [
            ("shop.example", Some("SUCCESS")),
            ("ann@shop.example", Some("FAILED")),
            ("pending.example", Some("PENDING")),
            ("silent.example", None),
        ];
        let declared = [
            "ann@shop.example",
            "bob@shop.example",
            "gone.example",
            "mail.silent.example",
            "pending.example",
            "shop.example",
            "silent.example",
        ];
        let found = verdict(&declared, false, &there, &Settings::default());
        let expected = [
            ("ann@shop.example", Some(true)),
            ("bob@shop.example", Some(true)),
            ("gone.example", Some(false)),
            ("mail.silent.example", None),
            ("pending.example", Some(false)),
            ("shop.example", Some(true)),
            ("silent.example", None),
        ];
        assert_eq!(found.expected, pairs(&expected));
        assert_eq!(found.unexpected, Vec::<Arc<str>>::new(), "the list was not declared to be the whole");
    }

    #[test]
    fn an_exhaustive_list_makes_the_rest_unexpected() {
        let there = [("Shop.example", Some("SUCCESS")), ("ann@shop.example", None), ("evil.example", Some("PENDING"))];
        let found = verdict(&["shop.example"], true, &there, &Settings::default());
        assert_eq!(found.unexpected, [Arc::from("ann@shop.example"), Arc::from("evil.example")]);
        let found = verdict(&[], true, &there[..1], &Settings::default());
        assert_eq!(found.unexpected, [Arc::from("Shop.example")], "an empty list is a list");
    }

    #[test]
    fn addresses_appear_as_everywhere() {
        let there = [("ann@shop.example", Some("SUCCESS")), ("eve@shop.example", Some("SUCCESS"))];
        let key = HashKey::new(b"sixteen bytes ok".to_vec());
        let hashed = Settings { email_addresses: EmailAddresses::Hashed(key), ..Settings::default() };
        let found = verdict(&["ann@shop.example"], true, &there, &hashed);
        let shown: Vec<_> = reading(&there, &hashed).shown().map(|(label, _)| label.to_string()).collect();
        let mut told = vec![found.expected[0].0.clone(), found.unexpected[0].to_string()];
        told.sort();
        assert_eq!(told, shown, "the labels of ses_identity_verified");
        assert!(told.iter().all(|label| !label.starts_with("ann") && !label.starts_with("eve")));
        let hidden = Settings { email_addresses: EmailAddresses::None, ..Settings::default() };
        let found = verdict(&["ann@shop.example"], true, &there, &hidden);
        assert_eq!((found.expected.len(), found.unexpected.len()), (0, 0));
    }
}
