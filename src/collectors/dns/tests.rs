//! Sweeps against a resolver in the test, whose zone and manner can change between two readings.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record as WireRecord};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::*;
use crate::dns::Settings;
use crate::metric::Sink;

/// What the resolver knows: text by name, with `CNAME ` in front where it is an alias. With a name `fails`
/// every answer is SERVFAIL, with a name `silent` there is none.
type Zone = Arc<Mutex<BTreeMap<String, &'static str>>>;

struct Responder {
    zone: Zone,
    asked: Arc<AtomicUsize>,
    resolver: Resolver,
    _task: JoinSet<()>,
}

impl Responder {
    async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let resolvers: Vec<SocketAddr> = vec![socket.local_addr().expect("an address")];
        let resolver = Resolver::new(&Settings { resolvers, queries_per_second: 1000 });
        let (zone, asked) = (Zone::default(), Arc::new(AtomicUsize::new(0)));
        let mut task = JoinSet::new();
        let (known, count) = (Arc::clone(&zone), Arc::clone(&asked));
        task.spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = answer(&bytes[..length], &known.lock().expect("a zone"));
                if let Some(answer) = answer {
                    socket.send_to(&answer, from).await.expect("sent");
                }
            }
        });
        Self { zone, asked, resolver, _task: task }
    }

    fn set(&self, name: &str, text: &'static str) {
        self.zone.lock().expect("a zone").insert(format!("{name}."), text);
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    async fn sweep(&self, previous: Option<&Reading>, domains: &[&str], minutes: u64) -> Result<Reading, Failure> {
        let facts = domains.iter().map(|domain| facts(domain)).collect();
        Reading::sweep(previous, facts, "eu-west-1", at(minutes), &self.resolver).await
    }
}

fn answer(query: &[u8], zone: &BTreeMap<String, &'static str>) -> Option<Vec<u8>> {
    if zone.contains_key("silent.") {
        return None;
    }
    let query = Message::from_vec(query).expect("a query");
    let asked = query.queries[0].clone();
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(asked.clone());
    match zone.get(&asked.name().to_ascii()) {
        _ if zone.contains_key("fails.") => answer.metadata.response_code = ResponseCode::ServFail,
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(text) => {
            let data = match text.strip_prefix("CNAME ") {
                Some(target) => RData::CNAME(CNAME(Name::from_ascii(target).expect("a name"))),
                None => RData::TXT(TXT::new(vec![(*text).to_owned()])),
            };
            if data.record_type() == asked.query_type() {
                answer.add_answer(WireRecord::from_rdata(asked.name().clone(), 900, data));
            }
        }
    }
    Some(answer.to_vec().expect("bytes"))
}

fn at(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_mins(minutes)
}

fn facts(domain: &str) -> DomainFacts {
    DomainFacts {
        identity: Arc::from(domain),
        identity_type: Arc::from("domain"),
        domain: domain.to_owned(),
        dkim: DkimFacts { tokens: vec!["tok".to_owned()], ..DkimFacts::default() },
        ..DomainFacts::default()
    }
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Sink for Lines {
    fn sample(&mut self, label_values: &[&str], value: f64) {
        self.0.push(format!("{} {value}", label_values.join(" ")));
    }
}

fn lines(reading: &Reading) -> Vec<String> {
    let mut lines = Lines::default();
    for family in Dns::METRICS {
        family.write(reading, &mut lines);
    }
    lines.0
}

const DKIM: &str = "tok._domainkey.shop.example";
const TARGET: &str = "CNAME tok.dkim.amazonses.com.";

#[tokio::test]
async fn a_wrong_record_stays_wrong_when_ses_sees_another_name_server() {
    let dns = Responder::start().await;
    let mut facts = facts("shop.example");
    let mut reading = None;
    for minutes in [0, 10] {
        let sweep = Reading::sweep(reading.as_ref(), vec![facts.clone()], "eu-west-1", at(minutes), &dns.resolver);
        reading = Some(sweep.await.expect("a reading"));
    }
    facts.primary_name_server = Some("ns1.moved.example".to_owned());
    let after = Reading::sweep(reading.as_ref(), vec![facts], "eu-west-1", at(20), &dns.resolver).await;
    let after = after.expect("a reading");
    let wrong = after.records().filter(|(_, record)| matches!(record.verdict, Some(Verdict::Wrong(_))));
    assert_eq!(wrong.count(), 2, "{:?}", lines(&after));
    let seen = after.records().all(|(_, record)| record.expected.primary_name_server.is_some());
    assert!(seen, "the next look compares with what SES sees now");
}

#[tokio::test]
async fn right_at_once_wrong_at_the_second_look_and_right_again() {
    let dns = Responder::start().await;
    dns.set(DKIM, TARGET);
    let first = dns.sweep(None, &["shop.example"], 0).await.expect("a reading");
    assert_eq!(lines(&first), ["shop.example domain dkim_1 1"], "one look at a missing record says nothing");
    dns.asked();

    let second = dns.sweep(Some(&first), &["shop.example"], 10).await.expect("a reading");
    let missing =
        ["shop.example domain dkim_1 1", "shop.example domain dmarc 0", "shop.example domain dmarc missing 1"];
    assert_eq!(lines(&second), missing);
    assert!(dns.asked() >= 1);
    assert_eq!(second.domains[0].records[0].last_looked, Some(at(0)), "its TTL is 15 minutes");
    assert_eq!(second.domains[0].records[1].last_looked, Some(at(10)));

    dns.set("_dmarc.shop.example", "v=DMARC1; p=reject");
    dns.set(DKIM, "CNAME other.example.");
    let third = dns.sweep(Some(&second), &["shop.example"], 20).await.expect("a reading");
    let right = ["shop.example domain dkim_1 1", "shop.example domain dmarc 1", "shop.example domain reject 1"];
    assert_eq!(lines(&third), right);
    let fourth = dns.sweep(Some(&third), &["shop.example"], 30).await.expect("a reading");
    assert!(lines(&fourth).contains(&"shop.example domain dkim_1 points_elsewhere 1".to_owned()));
    assert_eq!(fourth.domains[0].records[0].found, "other.example");
}

#[tokio::test]
async fn a_record_that_should_change_is_looked_up_anew() {
    let dns = Responder::start().await;
    dns.set(DKIM, TARGET);
    let first = dns.sweep(None, &["shop.example"], 0).await.expect("a reading");
    let mut changed = facts("shop.example");
    changed.dkim.hosted_zone = Some("dkim.eu-west-1.amazonses.com".to_owned());
    let second = Reading::sweep(Some(&first), vec![changed], "eu-west-1", at(1), &dns.resolver).await;
    let record = &second.expect("a reading").domains[0].records[0];
    assert_eq!((record.verdict, record.last_looked), (None, Some(at(1))));
}

#[tokio::test]
async fn when_nobody_answers_the_reading_fails() {
    let dns = Responder::start().await;
    dns.set(DKIM, TARGET);
    dns.set("_dmarc.shop.example", "v=DMARC1; p=none");
    let first = dns.sweep(None, &["shop.example"], 0).await.expect("a reading");
    dns.set("silent", "");
    tokio::time::pause(); // nothing comes any more, so the time limits may pass at once
    let failure = dns.sweep(Some(&first), &["shop.example"], 60).await.expect_err("a failure");
    assert_eq!(failure.kind, crate::aws::FailureKind::Timeout);
    for words in ["none of 2 look-ups", "no answer in time", "which is read at start, or set [dns] resolvers"] {
        assert!(failure.message.contains(words), "{failure}");
    }
    // Another domain alone fails, while the answers about this one are still good.
    let second = dns.sweep(Some(&first), &["a.example", "shop.example"], 10).await.expect("a reading");
    assert_eq!(lines(&second), lines(&first));
    assert!(dns.sweep(None, &[], 0).await.expect("a reading").domains.is_empty(), "nothing to ask is no failure");
}

#[tokio::test]
async fn a_zone_that_is_broken_is_no_fault_of_the_resolvers() {
    let dns = Responder::start().await;
    dns.set(DKIM, TARGET);
    let first = dns.sweep(None, &["shop.example"], 0).await.expect("a reading");
    dns.set("fails", "");
    let second = dns.sweep(Some(&first), &["shop.example"], 60).await.expect("a reading");
    assert_eq!(lines(&second), lines(&first), "after one look the last verdict stays");
    let record = &second.domains[0].records[0];
    assert!(record.found.contains("Server Failure"), "{record:?}");
    let third = dns.sweep(Some(&second), &["shop.example"], 70).await.expect("a reading");
    assert!(lines(&third).is_empty(), "{:?}", lines(&third));
}

#[tokio::test]
async fn what_is_over_the_limit_has_its_turn_next_time() {
    let dns = Responder::start().await;
    let domains = ["a.example", "b.example", "c.example", "d.example", "e.example"];
    let all: Vec<DomainFacts> = domains.iter().map(|domain| facts(domain)).collect();
    for domain in domains {
        dns.set(&format!("tok._domainkey.{domain}"), TARGET);
        dns.set(&format!("_dmarc.{domain}"), "v=DMARC1; p=none");
    }
    let mut reading = None;
    let mut looked = Vec::new();
    for minutes in [0, 5, 10] {
        let looks = Looks::new(&dns.resolver, at(minutes), 4, LONGEST_SWEEP);
        let next = looks.sweep(Reading::remembered(reading.as_ref(), &all, "eu-west-1")).await.expect("a reading");
        assert!(dns.asked() <= 4);
        looked.push(next.records().filter(|(_, record)| record.verdict.is_some()).count());
        reading = Some(next);
    }
    assert_eq!(looked, [4, 8, 10]);
    let spent = Looks::new(&dns.resolver, at(100), 4, Duration::ZERO);
    let same = spent.sweep(reading.clone().expect("a reading")).await.expect("a reading");
    assert_eq!((Some(same), dns.asked()), (reading, 0), "no time is left");
}

#[tokio::test]
async fn a_domain_told_twice_is_one() {
    let dns = Responder::start().await;
    let reading = dns.sweep(None, &["b.example", "a.example", "b.example"], 0).await.expect("a reading");
    let identities: Vec<&str> = reading.domains.iter().map(|domain| &*domain.identity).collect();
    assert_eq!(identities, ["a.example", "b.example"]);
}
