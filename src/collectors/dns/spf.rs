//! SPF records, as far as they decide whether a receiver lets SES send for the domain (RFC 7208). Pure.
//!
//! Only terms that can take in SES by name are read. Addresses are not: SES tells nobody to write them down.

/// What one SPF record says about mail that SES sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Says<'a> {
    /// It may come from SES.
    Yes,
    /// It may not, or nothing is said before the record ends.
    No,
    /// The records of these domains decide, in this order.
    Ask(Vec<&'a str>),
}

/// A term of a record, as far as it matters here.
enum Term<'a> {
    /// What it judges ends here.
    All,
    /// Whom this domain lets send is let, or kept out.
    Include { domain: &'a str, out: bool },
    /// Without `all`, the record of this domain is used.
    Redirect(&'a str),
}

/// What SES publishes its senders under.
const SES: &str = "amazonses.com";

/// Whether a text is an SPF record (RFC 7208, 4.5).
pub(super) fn is_policy(text: &str) -> bool {
    text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

/// What a record says. The include of SES itself goes before all others: it is what SES asks for, and asks nobody.
pub(super) fn says(record: &str) -> Says<'_> {
    let mut redirect = None;
    let mut elsewhere = Vec::new();
    for term in record.split_ascii_whitespace().filter_map(term) {
        match term {
            Term::All => {
                redirect = None;
                break;
            }
            Term::Include { domain, out } if is_ses(domain) => return if out { Says::No } else { Says::Yes },
            Term::Include { out: true, .. } => {}
            Term::Include { domain, out: false } => elsewhere.push(domain),
            Term::Redirect(domain) => redirect = Some(domain),
        }
    }
    match redirect {
        Some(domain) if is_ses(domain) => return Says::Yes,
        Some(domain) => elsewhere.push(domain),
        None => {}
    }
    if elsewhere.is_empty() { Says::No } else { Says::Ask(elsewhere) }
}

fn term(text: &str) -> Option<Term<'_>> {
    if let Some(domain) = after("redirect=", text) {
        return Some(Term::Redirect(domain));
    }
    let bare = text.strip_prefix(['+', '-', '~', '?']).unwrap_or(text);
    if bare.eq_ignore_ascii_case("all") {
        return Some(Term::All);
    }
    after("include:", bare).map(|domain| Term::Include { domain, out: text.starts_with('-') })
}

fn after<'a>(word: &str, text: &'a str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

fn is_ses(domain: &str) -> bool {
    domain.strip_suffix('.').unwrap_or(domain).eq_ignore_ascii_case(SES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_and_a_space_make_a_policy() {
        for (text, expected) in [
            ("v=spf1", true),
            ("V=SPF1 -all", true),
            ("v=spf10 include:amazonses.com", false),
            (" v=spf1 include:amazonses.com", false),
            ("", false),
        ] {
            assert_eq!(is_policy(text), expected, "{text}");
        }
    }

    #[test]
    fn the_include_of_ses() {
        for (record, expected) in [
            ("v=spf1 include:amazonses.com ~all", Says::Yes),
            ("v=spf1 ?Include:AmazonSES.com. -all", Says::Yes),
            ("v=spf1 +include:amazonses.com", Says::Yes),
            ("v=spf1 ~include:amazonses.com", Says::Yes),
            ("v=spf1   a  -include:amazonses.com", Says::No),
            ("v=spf1 -all include:amazonses.com", Says::No),
            ("v=spf1 ALL include:amazonses.com", Says::No),
            ("v=spf1", Says::No),
            ("v=spf1 xinclude:amazonses.com", Says::No),
            ("v=spf1 exp=all.example include:amazonses.com", Says::Yes),
            ("v=spf1 ip4:192.0.2.1 redirect=amazonses.com", Says::Yes),
            ("v=spf1 include:_spf.example include:amazonses.com", Says::Yes),
            ("v=spf1 é include:amazonses.com", Says::Yes),
        ] {
            assert_eq!(says(record), expected, "{record}");
        }
    }

    #[test]
    fn others_that_may_lead_there() {
        for (record, expected) in [
            ("v=spf1 include:amazonses.com.example ~all", vec!["amazonses.com.example"]),
            (
                "v=spf1 redirect=c.example include:a.example ~include:b.example",
                vec!["a.example", "b.example", "c.example"],
            ),
            ("v=spf1 include:a.example redirect=c.example ~all", vec!["a.example"]),
            ("v=spf1 -include:b.example REDIRECT=c.example", vec!["c.example"]),
        ] {
            assert_eq!(says(record), Says::Ask(expected), "{record}");
        }
    }
}
