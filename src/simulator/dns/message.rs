//! DNS messages on the wire: a packet is read, its question answered from the world, and the answer written.
//!
//! Any bytes may come. What is no message is not answered, what is no question that a resolver understands is refused with the code
//! that says why.

use hickory_resolver::proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TXT};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record as WireRecord, RecordType};
use tokio::time::Instant;

use super::record::{Data, DnsType, Record};
use super::resolve::{Answer, Asked, Code, Reply, resolve};
use super::{DnsQuery, Transport};
use crate::simulator::shared::SharedWorld;

/// The header of a message, without which there is nobody to answer.
const HEADER: usize = 12;
/// The most bytes over UDP to a client that does not say how many it takes (RFC 1035, 4.2.1).
const SMALLEST_LIMIT: u16 = 512;
/// What fits into one packet everywhere (the recommendation of the DNS flag day of 2020).
const LARGEST_LIMIT: u16 = 1232;
/// One string of a TXT record.
const LONGEST_STRING: usize = 255;
/// There are no secondary servers that would look whether it grew, so it stands still.
const SERIAL: u32 = 2_026_112_201;

/// The answer to a packet; none where silence is the answer.
pub(super) fn answer(world: &SharedWorld, packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let Ok(request) = Message::from_vec(packet) else { return malformed(packet) };
    if request.metadata.message_type != MessageType::Query {
        // Two servers that answered each other's answers would never end.
        return None;
    }
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata = Metadata::response_from_request(&request.metadata);
    response.metadata.recursion_available = true;
    response.queries.clone_from(&request.queries);
    response.edns = request.edns.as_ref().map(edns);
    match question(&request) {
        Ok(query) => fill(&mut response, world, query, transport)?,
        Err(code) => response.metadata.response_code = code,
    }
    encoded(&response, limit(&request, transport))
}

fn edns(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST_LIMIT).set_version(0).set_dnssec_ok(asked.flags().dnssec_ok);
    edns
}

fn question(request: &Message) -> Result<&Query, ResponseCode> {
    if request.metadata.op_code != OpCode::Query {
        return Err(ResponseCode::NotImp);
    }
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Err(ResponseCode::BADVERS);
    }
    match request.queries.as_slice() {
        [query] if query.query_class() == DNSClass::IN => Ok(query),
        [_] => Err(ResponseCode::Refused),
        _ => Err(ResponseCode::FormErr),
    }
}

/// Notes the question and fills in the answer; `None` is silence.
fn fill(response: &mut Message, world: &SharedWorld, query: &Query, transport: Transport) -> Option<()> {
    let name = query.name().to_lowercase().to_ascii();
    let name = name.trim_end_matches('.');
    let mut world = world.lock();
    let record_type = query.query_type().to_string();
    let time = world.clock.wall();
    world.dns.note(DnsQuery { name: name.to_owned(), record_type, transport, time, at: Instant::now() });
    let reply = resolve(&world, name, asked(query.query_type()), transport);
    let ttl = world.dns.ttl_seconds();
    drop(world);
    let Answer { code, answers, authority } = match reply {
        Reply::Silence => return None,
        Reply::Truncated => {
            response.metadata.truncation = true;
            return Some(());
        }
        Reply::Answer(answer) => answer,
    };
    response.metadata.response_code = match code {
        Code::NoError => ResponseCode::NoError,
        Code::NoSuchName => ResponseCode::NXDomain,
        Code::ServerFailure => ResponseCode::ServFail,
    };
    response.answers = answers.iter().filter_map(|record| written(record, ttl)).collect();
    response.authorities = authority.iter().filter_map(|record| written(record, ttl)).collect();
    Some(())
}

fn asked(record_type: RecordType) -> Asked {
    match record_type {
        RecordType::A => Asked::Only(DnsType::A),
        RecordType::CNAME => Asked::Only(DnsType::Cname),
        RecordType::MX => Asked::Only(DnsType::Mx),
        RecordType::NS => Asked::Only(DnsType::Ns),
        RecordType::SOA => Asked::Only(DnsType::Soa),
        RecordType::TXT => Asked::Only(DnsType::Txt),
        RecordType::ANY => Asked::All,
        _ => Asked::Foreign,
    }
}

/// A record for the wire; none when a name of the world is none of the DNS, which only a made-up identity has.
fn written(record: &Record, ttl: u32) -> Option<WireRecord> {
    let data = match &record.data {
        Data::A(address) => RData::A(A(*address)),
        Data::Cname(target) => RData::CNAME(CNAME(named(target)?)),
        Data::Mx { preference, exchange } => RData::MX(MX::new(*preference, named(exchange)?)),
        Data::Ns(server) => RData::NS(NS(named(server)?)),
        // Refresh, retry and expiry are for secondary servers, which do not exist; the minimum is how long "no" is remembered.
        Data::Soa { primary, admin } => {
            RData::SOA(SOA::new(named(primary)?, named(admin)?, SERIAL, 7200, 900, 1_209_600, ttl))
        }
        text @ (Data::Txt(_) | Data::Key { .. }) => {
            RData::TXT(TXT::from_bytes(text.to_string().as_bytes().chunks(LONGEST_STRING).collect()))
        }
    };
    Some(WireRecord::from_rdata(named(&record.owner)?, ttl, data))
}

fn named(name: &str) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}

fn limit(request: &Message, transport: Transport) -> usize {
    let asked = request.edns.as_ref().map_or(SMALLEST_LIMIT, Edns::max_payload);
    match transport {
        Transport::Udp => usize::from(asked.clamp(SMALLEST_LIMIT, LARGEST_LIMIT)),
        Transport::Tcp => usize::from(u16::MAX),
    }
}

/// The bytes; where they are too many, only the word that they are.
fn encoded(response: &Message, limit: usize) -> Option<Vec<u8>> {
    let bytes = response.to_vec().ok()?;
    if bytes.len() <= limit {
        return Some(bytes);
    }
    let mut short = response.clone();
    short.answers.clear();
    short.authorities.clear();
    short.metadata.truncation = true;
    short.to_vec().ok()
}

/// FORMERR to whoever sent a header of a question and then something else.
fn malformed(packet: &[u8]) -> Option<Vec<u8>> {
    let (Some([high, low, flags, _]), true) = (packet.first_chunk::<4>(), packet.len() >= HEADER) else { return None };
    let is_answer = flags & 0x80 != 0;
    let mut refusal = Message::response(u16::from_be_bytes([*high, *low]), OpCode::Query);
    refusal.metadata.response_code = ResponseCode::FormErr;
    if is_answer { None } else { refusal.to_vec().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::World;

    fn ask(change: impl FnOnce(&mut Message), transport: Transport) -> Option<Message> {
        let world = SharedWorld::new(World::demo(1));
        let mut request = Message::query();
        request.metadata.recursion_desired = true;
        request.add_query(Query::query(named("Shop.example").expect("a name"), RecordType::SOA));
        change(&mut request);
        let bytes = answer(&world, &request.to_vec().expect("bytes"), transport)?;
        Some(Message::from_vec(&bytes).expect("a message"))
    }

    fn code(change: impl FnOnce(&mut Message)) -> Option<ResponseCode> {
        ask(change, Transport::Udp).map(|response| response.metadata.response_code)
    }

    #[test]
    fn it_answers_as_a_resolver_does() {
        let response = ask(|_| {}, Transport::Udp).expect("an answer");
        assert!(response.metadata.recursion_available && response.metadata.recursion_desired);
        assert_eq!(response.queries[0].name().to_ascii(), "Shop.example.", "the question comes back as it was spelled");
        assert_eq!(response.answers.len(), 1);
        assert!(response.edns.is_none(), "only who speaks EDNS gets EDNS");
    }

    #[test]
    fn what_it_does_not_understand_it_refuses_by_the_right_code() {
        assert_eq!(code(|_| {}), Some(ResponseCode::NoError));
        assert_eq!(code(|request| request.metadata.op_code = OpCode::Status), Some(ResponseCode::NotImp));
        assert_eq!(code(|request| request.queries.clear()), Some(ResponseCode::FormErr));
        let chaos = |request: &mut Message| {
            request.queries[0].set_query_class(DNSClass::CH);
        };
        assert_eq!(code(chaos), Some(ResponseCode::Refused));
        let future = |request: &mut Message| {
            let mut edns = Edns::new();
            edns.set_version(1);
            request.set_edns(edns);
        };
        assert_eq!(code(future).map(u16::from), Some(16), "BADVERS");
        assert_eq!(code(|request| request.metadata.message_type = MessageType::Response), None);
    }

    #[test]
    fn broken_packets_are_answered_by_their_header_or_not_at_all() {
        let world = SharedWorld::new(World::empty());
        assert_eq!(answer(&world, &[], Transport::Udp), None);
        assert_eq!(answer(&world, &[1, 2, 0, 0, 0, 1], Transport::Udp), None);
        // One question, whose name is a pointer to itself.
        let endless = [7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1];
        let refusal = answer(&world, &endless, Transport::Udp).expect("FORMERR");
        assert_eq!(refusal[..4], [7, 9, 0x80, 1]);
    }
}
