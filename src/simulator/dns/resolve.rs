//! From a question to what is answered, as a recursive resolver would that has asked everyone already.
//!
//! It follows aliases, tells a name that does not exist from one without such a record, and lets the faults of answering happen. It
//! knows neither the wire nor a socket.

use super::record::{Data, DnsType, Record, is_within, zone_of};
use super::{DnsFaultKind, Transport, zone};
use crate::simulator::world::World;

/// Which records are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Those of one type.
    Only(DnsType),
    /// All there are (ANY).
    All,
    /// A type that no simulated zone holds.
    Foreign,
}

/// What becomes of a question.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Silence,
    Truncated,
    Answer(Answer),
}

/// The parts of an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: Code,
    pub(super) answers: Vec<Record>,
    /// The SOA of a negative answer.
    pub(super) authority: Option<Record>,
}

/// The response codes that occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    NoError,
    NoSuchName,
    ServerFailure,
}

/// As many aliases as resolvers commonly follow.
const LONGEST_CHAIN: usize = 8;

/// Answers a question; the name is in lower case and without the dot at the end.
pub(super) fn resolve(world: &World, name: &str, asked: Asked, transport: Transport) -> Reply {
    let kind = if let Asked::Only(kind) = asked { Some(kind) } else { None };
    let met = |wanted| world.dns.faults.iter().any(|fault| fault.kind == wanted && fault.meets(name, kind));
    if met(DnsFaultKind::Silence) {
        return Reply::Silence;
    }
    if met(DnsFaultKind::Servfail) {
        return Reply::Answer(failure(Vec::new()));
    }
    if met(DnsFaultKind::Truncated) && transport == Transport::Udp {
        return Reply::Truncated;
    }
    Reply::Answer(match zone::records(world, zone_of(name)) {
        Some(records) => follow(&records, name, asked),
        // The root knows no such domain.
        None => Answer { code: Code::NoSuchName, answers: Vec::new(), authority: Some(zone::authority("")) },
    })
}

fn follow(records: &[Record], name: &str, asked: Asked) -> Answer {
    let mut answers: Vec<Record> = Vec::new();
    let mut name = name.to_owned();
    while answers.len() < LONGEST_CHAIN {
        let here = || records.iter().filter(|record| record.owner == name);
        let found: Vec<Record> = here().filter(|record| asked.includes(record)).cloned().collect();
        if !found.is_empty() {
            answers.extend(found);
            return Answer { code: Code::NoError, answers, authority: None };
        }
        let Some((alias, target)) = here().find_map(alias) else {
            let code = if exists(records, &name) { Code::NoError } else { Code::NoSuchName };
            return Answer { code, answers, authority: Some(authority(records, &name)) };
        };
        answers.push(alias);
        name = target;
    }
    failure(answers)
}

fn alias(record: &Record) -> Option<(Record, String)> {
    match &record.data {
        Data::Cname(target) => Some((record.clone(), target.clone())),
        _ => None,
    }
}

/// A name exists when it, or a name below it, has any record (RFC 8020).
fn exists(records: &[Record], name: &str) -> bool {
    records.iter().any(|record| is_within(&record.owner, name))
}

fn authority(records: &[Record], name: &str) -> Record {
    let zone = zone_of(name);
    let start = records.iter().find(|record| record.kind() == DnsType::Soa && record.owner == zone);
    start.cloned().unwrap_or_else(|| zone::authority(zone))
}

fn failure(answers: Vec<Record>) -> Answer {
    Answer { code: Code::ServerFailure, answers, authority: None }
}

impl Asked {
    fn includes(self, record: &Record) -> bool {
        match self {
            Asked::Only(kind) => record.kind() == kind,
            Asked::All => true,
            Asked::Foreign => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            zone::authority("shop.example"),
            Record::new("t._domainkey.shop.example", Data::Cname("t.dkim.amazonses.com".to_owned())),
            Record::new("t.dkim.amazonses.com", Data::Txt("p=1".to_owned())),
            Record::new("lost.shop.example", Data::Cname("nowhere.amazonses.com".to_owned())),
            Record::new("a.shop.example", Data::Cname("b.shop.example".to_owned())),
            Record::new("b.shop.example", Data::Cname("a.shop.example".to_owned())),
        ]
    }

    fn told(name: &str, asked: Asked) -> (Code, Vec<String>, Option<String>) {
        let Answer { code, answers, authority } = follow(&records(), name, asked);
        let answers = answers.iter().map(|record| record.data.to_string()).collect();
        (code, answers, authority.map(|record| record.owner))
    }

    #[test]
    fn aliases_are_followed_unless_they_are_asked_for() {
        let (alias, key) = ("t.dkim.amazonses.com".to_owned(), "p=1".to_owned());
        let name = "t._domainkey.shop.example";
        assert_eq!(told(name, Asked::Only(DnsType::Txt)), (Code::NoError, vec![alias.clone(), key], None));
        assert_eq!(told(name, Asked::Only(DnsType::Cname)), (Code::NoError, vec![alias.clone()], None));
        assert_eq!(told(name, Asked::All), (Code::NoError, vec![alias.clone()], None));
        let nothing = told(name, Asked::Foreign);
        assert_eq!(nothing, (Code::NoError, vec![alias], Some("amazonses.com".to_owned())));
    }

    #[test]
    fn names_that_are_not_there_are_told_from_names_without_the_record() {
        let zone = || Some("shop.example".to_owned());
        assert_eq!(told("x.shop.example", Asked::All), (Code::NoSuchName, vec![], zone()));
        assert_eq!(told("_domainkey.shop.example", Asked::All), (Code::NoError, vec![], zone()));
        assert_eq!(told("shop.example", Asked::Only(DnsType::Mx)), (Code::NoError, vec![], zone()));
        let (code, answers, _) = told("lost.shop.example", Asked::Only(DnsType::Txt));
        assert_eq!((code, answers.len()), (Code::NoSuchName, 1));
    }

    #[test]
    fn a_loop_is_a_failure() {
        assert_eq!(told("a.shop.example", Asked::Only(DnsType::Txt)).0, Code::ServerFailure);
    }
}
