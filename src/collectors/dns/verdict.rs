//! What can be said about a DNS record, and why it is wrong. Words only; [`super::judge`] comes to the verdicts.

use std::time::Duration;

/// What is said about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It says what SES needs.
    Ok,
    /// It does not.
    Wrong(Reason),
}

/// Why a record is wrong: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing there.
    Missing,
    /// Alias or MX of somebody else.
    PointsElsewhere,
    /// MX of another region.
    WrongRegion,
    /// TXT without what it needs.
    WrongValue,
    /// The domain was appended once too often.
    DoubledSuffix,
    /// Nothing there, in a zone that is served from elsewhere than SES saw.
    OtherNameServers,
    /// Addresses in place of an alias.
    Proxied,
    /// Aliases without end.
    CnameLoop,
    /// TXT without a public key.
    SelectorWithoutKey,
    /// More than one where there may be one.
    SeveralRecords,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Missing,
        Self::PointsElsewhere,
        Self::WrongRegion,
        Self::WrongValue,
        Self::DoubledSuffix,
        Self::OtherNameServers,
        Self::Proxied,
        Self::CnameLoop,
        Self::SelectorWithoutKey,
        Self::SeveralRecords,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::PointsElsewhere => "points_elsewhere",
            Self::WrongRegion => "wrong_region",
            Self::WrongValue => "wrong_value",
            Self::DoubledSuffix => "doubled_suffix",
            Self::OtherNameServers => "other_name_servers",
            Self::Proxied => "proxied",
            Self::CnameLoop => "cname_loop",
            Self::SelectorWithoutKey => "selector_without_key",
            Self::SeveralRecords => "several_records",
        }
    }

    /// What it means and what to do, in one line for the documentation.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Missing => "There is no such record; create it.",
            Self::PointsElsewhere => {
                "The CNAME or MX leads to another host than the one SES needs; replace its target."
            }
            Self::WrongRegion => {
                "The MX is the one of another region of SES; each region needs a MAIL FROM domain of its own."
            }
            Self::WrongValue => {
                "The TXT record lacks what SES needs: the token, include:amazonses.com, or a DMARC policy."
            }
            Self::DoubledSuffix => {
                "The domain was appended twice, to the record's name or to its target; enter it without the domain, or \
                 end it with a dot."
            }
            Self::OtherNameServers => {
                "There is no such record, and other name servers serve the zone than when SES looked: the domain has \
                 moved."
            }
            Self::Proxied => {
                "The name has addresses in place of a CNAME: a provider proxies it; switch that off for this record."
            }
            Self::CnameLoop => {
                "The CNAME leads through aliases that lead nowhere, in a circle or over more than 8 of them."
            }
            Self::SelectorWithoutKey => {
                "The TXT record of the selector holds no public key (p=), or an empty one, which revokes it."
            }
            Self::SeveralRecords => {
                "There is more than one MX, SPF or DMARC record where only one may be; then none counts."
            }
        }
    }
}

/// What a DMARC record asks receivers to do with mail that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// Treat it as suspicious.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// The word of the record, in upper or lower case.
    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(word))
    }

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// What one look at a record saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// What follows from it.
    pub(super) outcome: Outcome,
    /// What stands there, in one line for people.
    pub(super) found: String,
}

/// What follows from one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The record is right.
    Right {
        /// How long it stays so at least.
        ttl: Duration,
        /// What a DMARC record asks for.
        policy: Option<Policy>,
    },
    /// The record is wrong.
    Wrong(Reason),
    /// Nobody has answered.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_and_a_line_of_its_own() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 10);
        assert!(Reason::ALL.iter().all(|reason| reason.about().ends_with('.') && !reason.about().contains('\n')));
    }
}
