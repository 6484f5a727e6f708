//! What one look at DNS can answer. Words only: nothing here asks.

use std::time::Duration;

/// The types of records that the agent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Alias, of the name itself: never followed.
    Cname,
    /// Mail exchanger.
    Mx,
    /// Name server of a zone.
    Ns,
    /// Start of the zone that the name lies in, whichever name it has.
    Soa,
    /// Text.
    Txt,
}

/// What a look found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The records are there.
    Found {
        /// One for each record, in the server's order; never empty.
        values: Vec<Value>,
        /// How long the shortest-lived of them may be kept.
        ttl: Duration,
    },
    /// A server has answered that there is no such name, or no such record at it.
    Nothing {
        /// How long this may be believed; zero where the server did not say.
        ttl: Duration,
    },
    /// A resolver has answered that it does not know: an error code such as SERVFAIL, which one broken zone brings
    /// about; or the name is none that can be asked for. It says nothing about the record. One line for people.
    Unknown(String),
    /// No resolver has answered: silence, nothing that is DNS, or a server that is no resolver. It says nothing about
    /// the record, nor about its zone. One line for people.
    Unanswered(String),
}

/// One record's content. Names are in lower case and without the last dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Target of a CNAME, or host of an NS.
    Name(String),
    /// MX.
    Mail {
        /// The lowest is tried first.
        preference: u16,
        /// Where the mail goes.
        host: String,
    },
    /// SOA.
    Zone {
        /// The name of the zone.
        name: String,
        /// Its primary name server (MNAME).
        primary: String,
    },
    /// TXT: its strings joined, in bytes that anybody may have chosen. What is not UTF-8 is replaced.
    Text(String),
    /// A or AAAA: that there is one.
    Address,
}

/// A name as this crate compares them: in lower case and without the last dot. The root remains a dot.
pub fn normal(name: &str) -> String {
    let name = name.trim();
    let bare = name.strip_suffix('.').filter(|bare| !bare.is_empty()).unwrap_or(name);
    bare.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_neither_by_case_nor_by_the_last_dot() {
        for (name, expected) in [("Example.COM.", "example.com"), ("example.com", "example.com"), (".", "."), ("", "")]
        {
            assert_eq!(normal(name), expected);
        }
    }
}
