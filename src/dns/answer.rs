//! From a server's message to a [`Look`]: what it proves about the name that was asked for, and nothing more.
//!
//! Names and texts in it were chosen by strangers. Records of other names than the one asked for are passed over.

use std::time::Duration;

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as WireType};

use super::look::{Look, RecordType, Value, normal};

impl RecordType {
    pub(super) const fn on_the_wire(self) -> WireType {
        match self {
            Self::A => WireType::A,
            Self::Aaaa => WireType::AAAA,
            Self::Cname => WireType::CNAME,
            Self::Mx => WireType::MX,
            Self::Ns => WireType::NS,
            Self::Soa => WireType::SOA,
            Self::Txt => WireType::TXT,
        }
    }
}

/// What a message proves.
pub(super) fn read(message: &Message, name: &Name, what: RecordType) -> Look {
    let code = message.metadata.response_code;
    let owner = match what {
        RecordType::Cname | RecordType::Soa => name.clone(),
        _ => end_of_aliases(&message.answers, name),
    };
    let own =
        message.answers.iter().filter(|record| record.name == owner && record.record_type() == what.on_the_wire());
    match found(own) {
        Look::Found { values, ttl } => Look::Found { values, ttl },
        _ if ![ResponseCode::NoError, ResponseCode::NXDomain].contains(&code) => refusal(code),
        _ => negative(code, &message.authorities, name, what),
    }
}

/// What a failure of the library proves: it makes failures of negative answers.
pub(super) fn failed(error: &NetError, name: &Name, what: RecordType) -> Look {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            negative(none.response_code, none.authorities.as_deref().unwrap_or_default(), name, what)
        }
        NetError::Dns(DnsError::ResponseCode(code)) => refusal(*code),
        NetError::Timeout => Look::Unanswered("no answer in time".to_owned()),
        other => Look::Unanswered(one_line(&other.to_string())),
    }
}

fn negative(code: ResponseCode, authorities: &[Record], name: &Name, what: RecordType) -> Look {
    let of_type = |wanted| authorities.iter().filter(move |record| record.record_type() == wanted);
    let zone = of_type(WireType::SOA).find(|record| record.name.zone_of(name));
    if what == RecordType::Soa && zone.is_some() {
        return found(zone.into_iter());
    }
    // RFC 2308, 2.2: name servers without a zone are no answer but a referral. Behind an alias, the zone is another than
    // the one of the name that was asked for.
    let referral = of_type(WireType::NS).next().is_some() && of_type(WireType::SOA).next().is_none();
    if code == ResponseCode::NoError && referral {
        return Look::Unanswered("the server only names others to ask; it is no resolver".to_owned());
    }
    let ttl = zone.map_or(0, |record| match &record.data {
        RData::SOA(soa) => record.ttl.min(soa.minimum), // RFC 2308, 5
        _ => 0,
    });
    Look::Nothing { ttl: Duration::from_secs(ttl.into()) }
}

fn refusal(code: ResponseCode) -> Look {
    Look::Unknown(format!("the server answered {}", one_line(&code.to_string())))
}

/// Resolvers answer with the aliases on the way; the records stand at the last one.
fn end_of_aliases(answers: &[Record], name: &Name) -> Name {
    let mut end = name.clone();
    // Each step uses up one record, so a circle ends too.
    for _ in answers {
        let next = answers.iter().filter(|record| record.name == end).find_map(|record| match &record.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        match next {
            Some(next) => end = next,
            None => break,
        }
    }
    end
}

fn found<'a>(records: impl Iterator<Item = &'a Record>) -> Look {
    let mut shortest = u32::MAX;
    let mut values = Vec::new();
    for record in records {
        if let Some(value) = value(record) {
            shortest = shortest.min(record.ttl);
            values.push(value);
        }
    }
    let ttl = Duration::from_secs(shortest.into());
    if values.is_empty() { Look::Nothing { ttl: Duration::ZERO } } else { Look::Found { values, ttl } }
}

fn value(record: &Record) -> Option<Value> {
    let host = |name: &Name| normal(&name.to_ascii());
    Some(match &record.data {
        RData::CNAME(target) => Value::Name(host(&target.0)),
        RData::NS(server) => Value::Name(host(&server.0)),
        RData::MX(mx) => Value::Mail { preference: mx.preference, host: host(&mx.exchange) },
        RData::SOA(soa) => Value::Zone { name: host(&record.name), primary: host(&soa.mname) },
        RData::TXT(txt) => Value::Text(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        RData::A(_) | RData::AAAA(_) => Value::Address,
        _ => return None,
    })
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::{Message, MessageType, OpCode};
    use hickory_resolver::proto::rr::rdata::{CNAME, MX, NS, SOA, TXT};
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn message(code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record>) -> Message {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.add_answers(answers).add_authorities(authorities);
        message
    }

    fn record(owner: &str, ttl: u32, data: RData) -> Record {
        Record::from_rdata(name(owner), ttl, data)
    }

    fn alias(owner: &str, target: &str) -> Record {
        record(owner, 60, RData::CNAME(CNAME(name(target))))
    }

    fn text(owner: &str, ttl: u32, strings: &[&[u8]]) -> Record {
        record(owner, ttl, RData::TXT(TXT::from_bytes(strings.to_vec())))
    }

    fn zone(owner: &str) -> Record {
        record(owner, 900, RData::SOA(SOA::new(name("NS1.DNS.example."), name("a.b."), 1, 2, 3, 4, 120)))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn strings_of_a_text_are_joined_and_what_is_no_text_is_replaced() {
        let answers = vec![
            text("x.example.", 300, &[b"v=DKIM1; p=", &[b'A'; 255]]),
            text("X.Example.", 60, &[b"\"a\nb\xff"]),
            text("other.example.", 1, &[b"not asked for"]),
        ];
        let look = read(&message(ResponseCode::NoError, answers, vec![]), &name("x.example."), RecordType::Txt);
        let long = format!("v=DKIM1; p={}", "A".repeat(255));
        let values = vec![Value::Text(long), Value::Text("\"a\nb\u{fffd}".to_owned())];
        assert_eq!(look, Look::Found { values, ttl: seconds(60) });
    }

    #[test]
    fn texts_stand_at_the_end_of_aliases_but_an_alias_stands_at_its_name() {
        let answers = || {
            vec![
                text("c.", 300, &[b"x"]),
                alias("b.", "c."),
                alias("a.", "B."),
                record("a.", 9, RData::MX(MX::new(5, name("M.")))),
            ]
        };
        let ask = |what| read(&message(ResponseCode::NoError, answers(), vec![]), &name("a."), what);
        assert_eq!(ask(RecordType::Txt), Look::Found { values: vec![Value::Text("x".to_owned())], ttl: seconds(300) });
        assert_eq!(ask(RecordType::Cname), Look::Found { values: vec![Value::Name("b".to_owned())], ttl: seconds(60) });
    }

    #[test]
    fn a_circle_of_aliases_is_nothing() {
        let answers = vec![alias("a.", "b."), alias("b.", "a.")];
        let look = read(&message(ResponseCode::NoError, answers, vec![]), &name("a."), RecordType::Txt);
        assert_eq!(look, Look::Nothing { ttl: seconds(0) });
    }

    #[test]
    fn nothing_is_believed_for_as_long_as_the_zone_says() {
        for code in [ResponseCode::NXDomain, ResponseCode::NoError] {
            let message = message(code, vec![], vec![zone("example.")]);
            let ask = |what| read(&message, &name("x.example."), what);
            assert_eq!(ask(RecordType::Txt), Look::Nothing { ttl: seconds(120) });
            let zone = Value::Zone { name: "example".to_owned(), primary: "ns1.dns.example".to_owned() };
            assert_eq!(ask(RecordType::Soa), Look::Found { values: vec![zone], ttl: seconds(900) });
        }
    }

    #[test]
    fn who_refuses_or_sends_on_proves_nothing() {
        let read = |message: Message| read(&message, &name("x.example."), RecordType::Mx);
        for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp, ResponseCode::Unknown(99)] {
            let look = read(message(code, vec![], vec![zone("example.")]));
            assert!(matches!(look, Look::Unknown(_)), "{code}");
        }
        let referral = record("example.", 60, RData::NS(NS(name("ns1.example."))));
        let look = read(message(ResponseCode::NoError, vec![], vec![referral]));
        assert!(matches!(look, Look::Unanswered(_)), "a server that sends on is no resolver");
    }

    /// A message as a good server would send it, so that what is changed in it is understood as far as possible.
    fn good() -> Vec<u8> {
        let answers = vec![
            alias("a.example.", "b.example."),
            text("b.example.", 60, &[b"v=DKIM1; p=abc", b"\xff"]),
            record("b.example.", 60, RData::NS(NS(name("ns1.example.")))),
        ];
        message(ResponseCode::NoError, answers, vec![zone("example.")]).to_vec().unwrap()
    }

    proptest! {
        #![proptest_config(crate::tries(1_000, 250_000))]
        #[test]
        fn no_message_makes_it_panic(
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
            end in any::<proptest::sample::Index>(),
            cut in any::<bool>(),
        ) {
            let mut bytes = good();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cut {
                bytes.truncate(end.index(bytes.len()));
            }
            let Ok(message) = Message::from_vec(&bytes) else { return Ok(()) };
            for what in [RecordType::Txt, RecordType::Ns, RecordType::Cname, RecordType::Soa, RecordType::Mx] {
                match read(&message, &name("a.example."), what) {
                    Look::Found { values, .. } => prop_assert!(!values.is_empty()),
                    Look::Nothing { .. } => {}
                    Look::Unknown(line) | Look::Unanswered(line) => prop_assert!(!line.contains(char::is_control)),
                }
            }
        }
    }
}
