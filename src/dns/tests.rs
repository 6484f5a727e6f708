//! The door against a server in the test: answers, refusals, silence, nonsense.

use std::net::Ipv4Addr;
use std::time::Instant;

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SOA, TXT};
use hickory_resolver::proto::rr::{RData, Record, RecordType as WireType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::*;

/// How the server of a test behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It answers from its zone.
    Knows,
    /// It answers this code to everything.
    Refuses(ResponseCode),
    /// It never answers.
    Silent,
    /// Over UDP it says no more than that there is more.
    CutsShort,
    /// The right id, and then nothing that is DNS.
    Babbles,
    /// A good answer to another query.
    WrongId,
}

/// A server on a free port of its own, over UDP and TCP. It ends with the test.
struct Responder {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Responder {
    async fn start(manner: Manner) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
                if let Some(answer) = answer(&bytes[..length], manner, true) {
                    udp.send_to(&answer, from).await.expect("sent");
                }
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = usize::from(stream.read_u16().await.expect("a length"));
                let mut bytes = vec![0; length];
                stream.read_exact(&mut bytes).await.expect("a query");
                if let Some(answer) = answer(&bytes, manner, false) {
                    stream.write_u16(answer.len().try_into().expect("short")).await.expect("sent");
                    stream.write_all(&answer).await.expect("sent");
                }
            }
        });
        Self { address, _tasks: tasks }
    }
}

/// A port that is free for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")).await {
            return (udp, tcp);
        }
    }
}

fn answer(query: &[u8], manner: Manner, over_udp: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).expect("a query");
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_queries(query.queries.clone());
    match manner {
        Manner::Silent => return None,
        Manner::Babbles => return Some([&query.metadata.id.to_be_bytes()[..], b"\xff\xff\xffnonsense"].concat()),
        Manner::Refuses(code) => answer.metadata.response_code = code,
        Manner::CutsShort if over_udp => answer.metadata.truncation = true,
        Manner::WrongId => {
            answer.metadata.id = query.metadata.id.wrapping_add(1);
            know(&mut answer, &query);
        }
        Manner::Knows | Manner::CutsShort => know(&mut answer, &query),
    }
    Some(answer.to_vec().expect("bytes"))
}

/// The zone shop.example: a text, an alias to it, a name without records, and nothing else.
fn know(answer: &mut Message, query: &Message) {
    let name = |text: &str| Name::from_ascii(text).expect("a name");
    let asked = &query.queries[0];
    let owner = asked.name().clone();
    let text = || RData::TXT(TXT::new(vec!["hello ".to_owned(), "there".to_owned()]));
    let soa = SOA::new(name("ns1.shop.example."), name("x."), 1, 2, 3, 4, 120);
    match (asked.name().to_ascii().to_ascii_lowercase().as_str(), asked.query_type()) {
        ("text.shop.example.", WireType::TXT) => {
            answer.add_answer(Record::from_rdata(owner, 300, text()));
        }
        ("alias.shop.example.", kind @ (WireType::CNAME | WireType::TXT)) => {
            let target = name("Text.Shop.Example.");
            answer.add_answer(Record::from_rdata(owner, 60, RData::CNAME(CNAME(target.clone()))));
            if kind == WireType::TXT {
                answer.add_answer(Record::from_rdata(target, 300, text()));
            }
        }
        ("unowned.example." | "deep.unowned.example." | "example.", _) => {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        (asked, _) => {
            if !["text.shop.example.", "alias.shop.example.", "shop.example."].contains(&asked) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            answer.add_authority(Record::from_rdata(name("shop.example."), 900, RData::SOA(soa)));
        }
    }
}

fn resolver(servers: &[&Responder], longest: Duration) -> Resolver {
    let resolvers = servers.iter().map(|server| server.address).collect();
    let settings = Settings { resolvers, ..Settings::default() };
    Resolver::over(configured(&settings), 1000, longest)
}

async fn ask(manner: Manner, name: &str, what: RecordType) -> Look {
    let server = Responder::start(manner).await;
    // Long where an answer will come, so that a busy machine does not fail the test.
    let silent = [Manner::Silent, Manner::WrongId].contains(&manner);
    let longest = if silent { Duration::from_millis(400) } else { Duration::from_secs(10) };
    resolver(&[&server], longest).look(name, what).await
}

fn hello(seconds: u64) -> Look {
    Look::Found { values: vec![Value::Text("hello there".to_owned())], ttl: Duration::from_secs(seconds) }
}

fn nothing(seconds: u64) -> Look {
    Look::Nothing { ttl: Duration::from_secs(seconds) }
}

#[tokio::test]
async fn what_is_there_is_found() {
    assert_eq!(ask(Manner::Knows, "Text.Shop.example.", RecordType::Txt).await, hello(300));
    assert_eq!(ask(Manner::Knows, "alias.shop.example", RecordType::Txt).await, hello(300));
    let values = vec![Value::Name("text.shop.example".to_owned())];
    let alias = Look::Found { values, ttl: Duration::from_mins(1) };
    assert_eq!(ask(Manner::Knows, "alias.shop.example", RecordType::Cname).await, alias);
}

#[tokio::test]
async fn what_is_not_there_is_proven() {
    assert_eq!(ask(Manner::Knows, "other.shop.example", RecordType::Txt).await, nothing(120), "no such name");
    assert_eq!(ask(Manner::Knows, "text.shop.example", RecordType::Mx).await, nothing(120), "no such record");
    assert_eq!(ask(Manner::Knows, "unowned.example", RecordType::A).await, nothing(0), "a server that gives no zone");
}

#[tokio::test]
async fn the_zone_of_a_name_is_found_from_below() {
    let value = Value::Zone { name: "shop.example".to_owned(), primary: "ns1.shop.example".to_owned() };
    let zone = Look::Found { values: vec![value], ttl: Duration::from_mins(15) };
    assert_eq!(ask(Manner::Knows, "a.b.shop.example", RecordType::Soa).await, zone);
    assert_eq!(ask(Manner::Knows, "shop.example", RecordType::Soa).await, zone);
    assert_eq!(ask(Manner::Knows, "deep.unowned.example", RecordType::Soa).await, nothing(0));
}

#[tokio::test]
async fn who_refuses_proves_nothing() {
    for (code, word) in [(ResponseCode::ServFail, "Server Failure"), (ResponseCode::Refused, "Refused")] {
        let look = ask(Manner::Refuses(code), "text.shop.example", RecordType::Txt).await;
        assert!(matches!(&look, Look::Unknown(why) if why.contains(word)), "{look:?}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_limit() {
    for manner in [Manner::Silent, Manner::WrongId] {
        let began = Instant::now();
        let look = ask(manner, "text.shop.example", RecordType::Txt).await;
        assert_eq!(look, Look::Unanswered("no answer in time".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(3), "two attempts of 400 ms took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn who_answers_is_heard_beside_one_who_is_silent() {
    let refusing = Responder::start(Manner::Refuses(ResponseCode::ServFail)).await;
    let silent = Responder::start(Manner::Silent).await;
    for servers in [[&refusing, &silent], [&silent, &refusing]] {
        let look = resolver(&servers, Duration::from_millis(400)).look("text.shop.example", RecordType::Txt).await;
        assert!(matches!(&look, Look::Unknown(why) if why.contains("Server Failure")), "{look:?}");
    }
}

#[tokio::test]
async fn nonsense_proves_nothing() {
    let look = ask(Manner::Babbles, "text.shop.example", RecordType::Txt).await;
    assert!(matches!(&look, Look::Unanswered(why) if !why.is_empty() && !why.contains('\n')), "{look:?}");
}

#[tokio::test]
async fn an_answer_cut_short_is_fetched_over_tcp() {
    assert_eq!(ask(Manner::CutsShort, "text.shop.example", RecordType::Txt).await, hello(300));
    assert_eq!(ask(Manner::CutsShort, "other.shop.example", RecordType::Txt).await, nothing(120));
}

#[tokio::test]
async fn the_resolver_that_answers_is_asked_first_from_then_on() {
    let limit = Duration::from_secs(1);
    let [silent, refusing, knowing] =
        [Manner::Silent, Manner::Refuses(ResponseCode::Refused), Manner::Knows].map(Responder::start);
    let (silent, refusing, knowing) = (silent.await, refusing.await, knowing.await);
    let resolver = resolver(&[&silent, &refusing, &knowing], limit);
    let look = || resolver.look("text.shop.example", RecordType::Txt);
    assert!(matches!(look().await, Look::Unknown(_)), "two attempts reach two resolvers");
    assert_eq!(look().await, hello(300), "the next look begins with the third");
    let began = Instant::now();
    assert_eq!(look().await, hello(300));
    assert!(began.elapsed() < limit, "the silent one was asked again");
}

#[tokio::test]
async fn many_looks_at_once_are_answered() {
    let server = Responder::start(Manner::Knows).await;
    let resolver = resolver(&[&server], Duration::from_secs(10));
    let mut looks = JoinSet::new();
    for _ in 0..100 {
        let resolver = resolver.clone();
        looks.spawn(async move { resolver.look("text.shop.example", RecordType::Txt).await });
    }
    assert_eq!(looks.join_all().await, vec![hello(300); 100]);
}

#[tokio::test]
async fn names_that_cannot_be_asked_for() {
    let long = "x".repeat(64) + ".example";
    for name in ["", ".", "a..b", long.as_str(), "with space.example", "new\nline.example"] {
        assert!(!can_be_asked_for(name), "{name:?}");
        assert!(matches!(ask(Manner::Knows, name, RecordType::Txt).await, Look::Unknown(_)), "{name:?}");
    }
}

#[test]
fn no_address_of_a_person_is_a_name() {
    for name in ["a@shop.example", "a\\@shop.example", "a\\100shop.example", "bücher@shop.example", "a＠bücher.example"]
    {
        assert_eq!(absolute(name), None, "{name:?}");
    }
}

#[test]
fn names_with_underscores_can_be_asked_for_as_they_are() {
    for (name, asked) in [
        ("my_mail.example.com", "my_mail.example.com."),
        ("s1_2024._domainkey.shop.example", "s1_2024._domainkey.shop.example."),
        ("_Dmarc.Shop.example.", "_dmarc.shop.example."),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example."),
    ] {
        assert_eq!(absolute(name).map(|name| name.to_ascii()).as_deref(), Some(asked));
    }
}

#[tokio::test]
async fn without_a_resolver_nothing_is_known_and_the_reason_is_told() {
    let no_file = std::io::Error::from(std::io::ErrorKind::NotFound);
    let resolver = Resolver::over(Err(no_file.into()), 1000, LONGEST);
    let look = resolver.look("text.shop.example", RecordType::Txt).await;
    assert!(
        matches!(&look, Look::Unanswered(why) if why.contains("/etc/resolv.conf") && why.contains("[dns]")),
        "{look:?}"
    );
    let nobody = Settings { resolvers: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 1))], ..Settings::default() };
    let resolver = Resolver::over(configured(&nobody), 1000, Duration::from_millis(400));
    assert!(matches!(resolver.look("text.shop.example", RecordType::Txt).await, Look::Unanswered(_)));
}
