//! The DNS of the simulated world, asked by the resolver of hickory and with bare packets.

use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use serde_json::json;
use ses_exporter::simulator::{DnsFault, DnsFaultKind, DnsType, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;

const BOTH: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// One domain with everything in two regions, which want the same MAIL FROM domain; one with a key of its own; one that is proven by
/// the legacy record; one that is not verified.
fn shop() -> World {
    let mail_from =
        json!({ "MailFromAttributes": { "MailFromDomain": "bounce.shop.example", "MailFromDomainStatus": "SUCCESS" } });
    let own_key = json!({ "DkimAttributes": { "SigningAttributesOrigin": "EXTERNAL", "Tokens": ["s2026"] } });
    let legacy = json!({ "DkimAttributes": { "Status": "NOT_STARTED", "Tokens": null } });
    let ireland = Region::fresh("eu-west-1")
        .identity(Identity::domain("shop.example").details(&mail_from))
        .identity(Identity::domain("own.example").details(&own_key))
        .identity(Identity::domain("legacy.example").details(&legacy))
        .identity(Identity::domain("new.example").status("PENDING"));
    let virginia = Region::fresh("us-east-1").identity(Identity::domain("shop.example").details(&mail_from));
    let account = Account::new(MAIN, "main").access_key(KEY, "secret").region(ireland).region(virginia);
    World::empty().with_rate(None).with_account(account)
}

async fn described(simulator: &Simulator, region: &str, name: &str) -> GetEmailIdentityOutput {
    sesv2(simulator, region).get_email_identity().email_identity(name).send().await.expect("an identity")
}

/// The DKIM tokens as SES tells them.
async fn tokens(simulator: &Simulator, region: &str, name: &str) -> Vec<String> {
    described(simulator, region, name).await.dkim_attributes().expect("DKIM").tokens().to_vec()
}

fn resolver(simulator: &Simulator, transports: &[Transport]) -> TokioResolver {
    let address = simulator.dns_address();
    let connections = transports.iter().map(|transport| {
        let mut connection = match transport {
            Transport::Udp => ConnectionConfig::udp(),
            Transport::Tcp => ConnectionConfig::tcp(),
        };
        connection.port = address.port();
        connection
    });
    let server = NameServerConfig::new(address.ip(), true, connections.collect());
    let config = ResolverConfig::from_name_servers(vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().expect("a resolver")
}

fn question(name: &str, record_type: RecordType) -> Message {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(Name::from_ascii(format!("{name}.")).expect("a name"), record_type));
    question
}

async fn udp(simulator: &Simulator) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(simulator.dns_address()).await.expect("an address");
    socket
}

async fn receive(socket: &UdpSocket) -> Message {
    let mut buffer = [0; 4096];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("in time").expect("an answer");
    Message::from_vec(&buffer[..length]).expect("a message")
}

async fn receive_framed(stream: &mut TcpStream) -> Message {
    let length = timeout(PATIENCE, stream.read_u16()).await.expect("in time").expect("a length");
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.expect("an answer");
    Message::from_vec(&answer).expect("a message")
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [u16::try_from(bytes.len()).expect("short").to_be_bytes().as_slice(), bytes].concat()
}

/// Asks with one packet.
async fn ask(simulator: &Simulator, transport: Transport, name: &str, record_type: RecordType) -> Message {
    let question = question(name, record_type).to_vec().expect("bytes");
    match transport {
        Transport::Udp => {
            let socket = udp(simulator).await;
            socket.send(&question).await.expect("sent");
            receive(&socket).await
        }
        Transport::Tcp => {
            let mut stream = TcpStream::connect(simulator.dns_address()).await.expect("a connection");
            stream.write_all(&framed(&question)).await.expect("sent");
            receive_framed(&mut stream).await
        }
    }
}

fn shown(data: &RData) -> String {
    match data {
        RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().concat(),
        RData::SOA(start) => start.mname.to_ascii(),
        other => other.to_string(),
    }
}

/// The code and the values of an answer.
async fn told(simulator: &Simulator, name: &str, record_type: RecordType) -> (ResponseCode, Vec<String>) {
    let answer = ask(simulator, Transport::Tcp, name, record_type).await;
    (answer.metadata.response_code, answer.answers.iter().map(|record| shown(&record.data)).collect())
}

async fn values(resolver: &TokioResolver, name: &str, record_type: RecordType) -> Vec<String> {
    let answer = resolver.lookup(format!("{name}."), record_type).await;
    let answer = answer.unwrap_or_else(|error| panic!("{name} {record_type}: {error}"));
    answer
        .answers()
        .iter()
        .filter(|record| record.record_type() == record_type)
        .map(|record| shown(&record.data))
        .collect()
}

#[tokio::test]
async fn a_resolver_finds_everything_that_ses_demands() {
    let simulator = start(shop()).await;
    for transport in BOTH {
        let resolver = resolver(&simulator, &[transport]);
        for region in ["eu-west-1", "us-east-1"] {
            let tokens = tokens(&simulator, region, "shop.example").await;
            assert_eq!(tokens.len(), 3);
            for token in tokens {
                let owner = format!("{token}._domainkey.shop.example");
                let alias = values(&resolver, &owner, RecordType::CNAME).await;
                assert_eq!(alias, [format!("{token}.dkim.amazonses.com.")]);
                let key = values(&resolver, &owner, RecordType::TXT).await;
                assert!(key.len() == 1 && key[0].starts_with("v=DKIM1; k=rsa; p=MII"), "{key:?}");
                assert_eq!(values(&resolver, &format!("{token}.dkim.amazonses.com"), RecordType::TXT).await, key);
            }
        }
        let mx = values(&resolver, "bounce.shop.example", RecordType::MX).await;
        assert_eq!(mx, ["10 feedback-smtp.eu-west-1.amazonses.com."], "of the first region alone");
        let spf = values(&resolver, "bounce.shop.example", RecordType::TXT).await;
        assert_eq!(spf, ["v=spf1 include:amazonses.com ~all"]);
        let own = values(&resolver, "s2026._domainkey.own.example", RecordType::TXT).await;
        assert!(own.len() == 1 && own[0].starts_with("p=MII"), "{own:?}");
        assert_eq!(values(&resolver, "shop.example", RecordType::NS).await, ["ns1.dns.example."]);
        assert_eq!(values(&resolver, "shop.example", RecordType::SOA).await, ["ns1.dns.example."]);
        assert_eq!(values(&resolver, "shop.example", RecordType::A).await, ["192.0.2.80"]);
        let policy = values(&resolver, "_dmarc.shop.example", RecordType::TXT).await;
        assert!(["none", "quarantine", "reject"].map(|word| format!("v=DMARC1; p={word}")).contains(&policy[0]));
    }
}

#[tokio::test]
async fn the_legacy_record_holds_the_token_of_ses_v1() {
    let simulator = start(shop()).await;
    let ses = ses(&simulator, "eu-west-1");
    let answer =
        ses.get_identity_verification_attributes().identities("legacy.example").send().await.expect("an answer");
    let token = answer.verification_attributes()["legacy.example"].verification_token().expect("a token").to_owned();
    assert_eq!(
        told(&simulator, "_amazonses.legacy.example", RecordType::TXT).await,
        (ResponseCode::NoError, vec![token])
    );
}

#[tokio::test]
async fn what_is_not_there_is_denied_with_the_right_authority() {
    let simulator = start(shop()).await;
    let unverified = tokens(&simulator, "eu-west-1", "new.example").await.remove(0);
    let cases = [
        ("nothing.shop.example", RecordType::TXT, ResponseCode::NXDomain, "shop.example."),
        ("_domainkey.shop.example", RecordType::TXT, ResponseCode::NoError, "shop.example."),
        ("shop.example", RecordType::AAAA, ResponseCode::NoError, "shop.example."),
        ("_dmarc.bounce.shop.example", RecordType::TXT, ResponseCode::NXDomain, "shop.example."),
        (&format!("{unverified}._domainkey.new.example"), RecordType::CNAME, ResponseCode::NXDomain, "new.example."),
        ("example.org", RecordType::A, ResponseCode::NXDomain, "."),
        ("stranger.dkim.amazonses.com", RecordType::TXT, ResponseCode::NXDomain, "amazonses.com."),
    ];
    for (name, record_type, code, authority) in cases {
        let answer = ask(&simulator, Transport::Udp, name, record_type).await;
        assert_eq!(answer.metadata.response_code, code, "{name} {record_type}");
        assert!(answer.answers.is_empty(), "{name} {record_type}");
        let owners: Vec<String> = answer.authorities.iter().map(|record| record.name.to_ascii()).collect();
        assert_eq!(owners, [authority], "{name} {record_type}");
    }
}

#[tokio::test]
async fn every_answer_may_be_remembered_as_long_as_the_world_says() {
    let simulator = start(shop().with_dns_ttl(Duration::from_secs(77))).await;
    let yes = ask(&simulator, Transport::Udp, "shop.example", RecordType::A).await;
    let no = ask(&simulator, Transport::Udp, "nothing.shop.example", RecordType::A).await;
    assert_eq!((yes.answers[0].ttl, no.authorities[0].ttl), (77, 77));
    let RData::SOA(start) = &no.authorities[0].data else { panic!("{no}") };
    assert_eq!(start.minimum, 77);
}

#[tokio::test]
async fn each_fault_shows_and_is_gone_when_it_is_removed() {
    let simulator = start(shop()).await;
    let token = tokens(&simulator, "eu-west-1", "shop.example").await.remove(0);
    let owner = format!("{token}._domainkey.shop.example");
    let target = format!("{token}.dkim.amazonses.com.");
    let unverified = format!("{}._domainkey.new.example", tokens(&simulator, "eu-west-1", "new.example").await[0]);
    let (bounce, mx) = ("bounce.shop.example", "10 feedback-smtp.eu-west-1.amazonses.com.".to_owned());
    let found = |values: &[&str]| (ResponseCode::NoError, values.iter().map(ToString::to_string).collect::<Vec<_>>());
    let nothing = |code| (code, Vec::<String>::new());
    let doubled = format!("{owner}.shop.example");
    let (parking, old) = (found(&["ns1.parking.example."]), format!("old.{target}"));
    let cases = [
        (DnsFaultKind::Removed, owner.as_str(), RecordType::CNAME, nothing(ResponseCode::NXDomain)),
        (DnsFaultKind::WrongValue, &owner, RecordType::CNAME, found(&[&old])),
        (DnsFaultKind::WrongValue, &owner, RecordType::TXT, (ResponseCode::NXDomain, vec![old.clone()])),
        (DnsFaultKind::WrongValue, bounce, RecordType::TXT, found(&["v=spf1 -all"])),
        (DnsFaultKind::DoubledSuffix, &doubled, RecordType::CNAME, found(&[&target])),
        (DnsFaultKind::DoubledSuffix, &owner, RecordType::CNAME, nothing(ResponseCode::NXDomain)),
        (DnsFaultKind::LameDelegation, "shop.example", RecordType::NS, parking.clone()),
        (DnsFaultKind::LameDelegation, "shop.example", RecordType::SOA, parking),
        (DnsFaultKind::LameDelegation, &owner, RecordType::CNAME, nothing(ResponseCode::NXDomain)),
        (DnsFaultKind::Servfail, &owner, RecordType::CNAME, nothing(ResponseCode::ServFail)),
        (DnsFaultKind::Proxied, &owner, RecordType::A, found(&["203.0.113.7"])),
        (DnsFaultKind::Proxied, &owner, RecordType::CNAME, nothing(ResponseCode::NoError)),
        (DnsFaultKind::SeveralMx, bounce, RecordType::MX, found(&[&mx, "20 inbound.shop.example."])),
        (DnsFaultKind::Present, &unverified, RecordType::CNAME, (ResponseCode::NoError, vec![])),
    ];
    for (kind, name, record_type, mut expected) in cases {
        if kind == DnsFaultKind::Present {
            expected.1.push(format!("{}.dkim.amazonses.com.", name.split('.').next().expect("a token")));
        }
        let healthy = told(&simulator, name, record_type).await;
        let zone = if name.ends_with("new.example") { "new.example" } else { "shop.example" };
        let id = simulator.world().inject_dns(DnsFault::new(kind).name(zone));
        assert_eq!(told(&simulator, name, record_type).await, expected, "{kind:?} {name} {record_type}");
        assert_ne!(healthy, expected, "{kind:?} {name} {record_type} tells nothing");
        assert!(simulator.world().remove_dns_fault(id));
        assert_eq!(told(&simulator, name, record_type).await, healthy, "{kind:?} {name} {record_type}");
    }
}

#[tokio::test]
async fn a_loop_of_aliases_ends() {
    let simulator = start(shop()).await;
    let owner = format!("{}._domainkey.shop.example", tokens(&simulator, "eu-west-1", "shop.example").await[0]);
    simulator.world().inject_dns(DnsFault::new(DnsFaultKind::CnameLoop).name(&owner));
    assert_eq!(
        told(&simulator, &owner, RecordType::CNAME).await,
        (ResponseCode::NoError, vec![format!("loop.{owner}.")])
    );
    assert_eq!(told(&simulator, &owner, RecordType::TXT).await.0, ResponseCode::ServFail);
}

#[tokio::test]
async fn faults_keep_to_their_name_and_type() {
    let simulator = start(shop()).await;
    let fault = DnsFault::new(DnsFaultKind::Servfail).name("bounce.shop.example").record_type(DnsType::Mx);
    simulator.world().inject_dns(fault);
    assert_eq!(told(&simulator, "bounce.shop.example", RecordType::MX).await.0, ResponseCode::ServFail);
    assert_eq!(told(&simulator, "bounce.shop.example", RecordType::TXT).await.0, ResponseCode::NoError);
    assert_eq!(told(&simulator, "shop.example", RecordType::MX).await.0, ResponseCode::NoError);
}

#[tokio::test]
async fn a_truncated_answer_is_whole_over_tcp() {
    let simulator = start(shop()).await;
    simulator.world().inject_dns(DnsFault::new(DnsFaultKind::Truncated).name("bounce.shop.example"));
    let short = ask(&simulator, Transport::Udp, "bounce.shop.example", RecordType::MX).await;
    assert!(short.metadata.truncation && short.answers.is_empty());
    simulator.world().clear_dns_queries();
    let found = values(&resolver(&simulator, &BOTH), "bounce.shop.example", RecordType::MX).await;
    assert_eq!(found, ["10 feedback-smtp.eu-west-1.amazonses.com."]);
    let queries = simulator.world().dns_queries();
    let asked: Vec<_> =
        queries.iter().map(|query| (query.name.as_str(), query.record_type.as_str(), query.transport)).collect();
    let expected = BOTH.map(|transport| ("bounce.shop.example", "MX", transport));
    assert_eq!(asked, expected, "UDP, then TCP");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_says_so() {
    let simulator = start(shop()).await;
    let owner = format!("{}._domainkey.shop.example", tokens(&simulator, "eu-west-1", "shop.example").await[0]);
    let short = ask(&simulator, Transport::Udp, &owner, RecordType::TXT).await;
    assert!(
        short.metadata.truncation && short.answers.is_empty(),
        "a key of 2048 bits with its alias is over 512 bytes"
    );
    assert_eq!(ask(&simulator, Transport::Tcp, &owner, RecordType::TXT).await.answers.len(), 2);
}

#[tokio::test]
async fn silence_is_kept_on_both_transports() {
    let simulator = start(shop()).await;
    simulator.world().inject_dns(DnsFault::new(DnsFaultKind::Silence).name("own.example"));
    let (silent, heard) = (question("own.example", RecordType::A), question("shop.example", RecordType::A));
    let (first, second) = (silent.to_vec().expect("bytes"), heard.to_vec().expect("bytes"));
    let socket = udp(&simulator).await;
    socket.send(&first).await.expect("sent");
    socket.send(&second).await.expect("sent");
    assert_eq!(receive(&socket).await.metadata.id, heard.metadata.id, "the first question has no answer");
    let mut stream = TcpStream::connect(simulator.dns_address()).await.expect("a connection");
    stream.write_all(&[framed(&first), framed(&second)].concat()).await.expect("sent");
    assert_eq!(receive_framed(&mut stream).await.metadata.id, heard.metadata.id, "nor here");
    assert_eq!(simulator.world().dns_queries().len(), 4, "all of them were heard");
}

#[tokio::test]
async fn ses_follows_the_dns_after_three_days() {
    let simulator = start(shop()).await;
    let world = simulator.world();
    let owner = format!("{}._domainkey.shop.example", tokens(&simulator, "eu-west-1", "shop.example").await[1]);
    let id = world.inject_dns(DnsFault::new(DnsFaultKind::Removed).name(&owner));
    let mut seen = Vec::new();
    for hours in [71, 2, 72] {
        world.advance(Duration::from_hours(hours));
        let identity = described(&simulator, "eu-west-1", "shop.example").await;
        let dkim = identity.dkim_attributes().and_then(|dkim| dkim.status()).map(|status| status.as_str().to_owned());
        let verification = identity.verification_status().map(|status| status.as_str().to_owned());
        let error =
            identity.verification_info().and_then(|info| info.error_type()).map(|error| error.as_str().to_owned());
        assert_eq!(dkim, verification);
        seen.push((dkim.expect("a status"), error.unwrap_or_default()));
    }
    let expected = [("SUCCESS", ""), ("TEMPORARY_FAILURE", "HOST_NOT_FOUND"), ("FAILED", "HOST_NOT_FOUND")];
    assert_eq!(seen, expected.map(|(status, error)| (status.to_owned(), error.to_owned())));
    let listed = sesv2(&simulator, "eu-west-1").list_email_identities().send().await.expect("a list");
    let failed = listed
        .email_identities()
        .iter()
        .filter(|identity| identity.verification_status().is_some_and(|status| status.as_str() == "FAILED"));
    assert_eq!(failed.filter_map(|identity| identity.identity_name()).collect::<Vec<_>>(), ["shop.example"]);
    let other = described(&simulator, "us-east-1", "shop.example").await;
    assert!(other.verified_for_sending_status(), "the tokens of the other region stand");
    world.remove_dns_fault(id);
    assert!(described(&simulator, "eu-west-1", "shop.example").await.verified_for_sending_status());
}

/// Bytes that nobody sends in good faith. None may end it, and it must be of use to others meanwhile.
#[tokio::test]
async fn hostile_packets_do_no_harm() {
    let simulator = start(shop()).await;
    let mut random = fastrand::Rng::with_seed(53);
    let good = question("bounce.shop.example", RecordType::MX).to_vec().expect("bytes");
    let socket = udp(&simulator).await;
    let mut packets = vec![vec![], vec![0; 12], vec![0xff; 4096], vec![0xc0; 512]];
    // A name that is a pointer to itself, and two that point at each other.
    packets.push([&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], [0xc0, 12, 0, 16, 0, 1].as_slice()].concat());
    packets.push([&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], [0xc0, 14, 0xc0, 12, 0, 16, 0, 1].as_slice()].concat());
    packets.extend((0..300).map(|_| (0..random.usize(..600)).map(|_| random.u8(..)).collect()));
    packets.extend((0..300).map(|_| {
        let mut spoilt = good.clone();
        let at = random.usize(..spoilt.len());
        spoilt[at] = random.u8(..);
        spoilt.truncate(random.usize(1..=spoilt.len()));
        spoilt
    }));
    for (number, packet) in packets.iter().enumerate() {
        socket.send(packet).await.expect("sent");
        if number % 20 == 0 {
            // It answers meanwhile; and having answered this, it has read all before, so that no packet is lost for want of room.
            ask(&simulator, Transport::Udp, "shop.example", RecordType::A).await;
        }
        let mut stream = TcpStream::connect(simulator.dns_address()).await.expect("a connection");
        // It may hang up on us in the middle.
        let _ = stream.write_all(&framed(packet)).await;
    }
    let mut half = TcpStream::connect(simulator.dns_address()).await.expect("a connection");
    half.write_all(&[0xff, 0xff, 1, 2, 3]).await.expect("sent");
    let mut long = TcpStream::connect(simulator.dns_address()).await.expect("a connection");
    long.write_all(&framed(&vec![7; 65_535])).await.expect("sent");
    assert_eq!(receive_framed(&mut long).await.metadata.response_code, ResponseCode::FormErr);
    for transport in BOTH {
        let answer = ask(&simulator, transport, "bounce.shop.example", RecordType::MX).await;
        assert_eq!(answer.answers.len(), 1, "{transport:?}");
    }
    half.write_all(&[0]).await.expect("the half question may still become a whole one");
}

#[tokio::test]
async fn faults_come_and_go_over_http() {
    let simulator = start(shop()).await;
    let (_, overview) = control(&simulator, "GET", "dns", Value::Null).await;
    assert_eq!(overview["address"], simulator.dns_address().to_string());
    let fault = json!({ "kind": "several_mx", "name": "bounce.shop.example", "record_type": "MX" });
    assert_eq!(control(&simulator, "POST", "dns/faults", fault).await, (200, json!({ "id": 1 })));
    let (_, listed) = control(&simulator, "GET", "dns/faults", Value::Null).await;
    let expected = json!({ "id": 1, "kind": "several_mx", "name": "bounce.shop.example", "record_type": "MX" });
    assert_eq!(listed["faults"], json!([expected]));
    assert_eq!(told(&simulator, "bounce.shop.example", RecordType::MX).await.1.len(), 2);
    let (_, queries) = control(&simulator, "GET", "dns/queries", Value::Null).await;
    let query = &queries["queries"][0];
    assert_eq!(
        (&query["name"], &query["record_type"], &query["transport"]),
        (&json!("bounce.shop.example"), &json!("MX"), &json!("tcp"))
    );
    let (_, zone) = control(&simulator, "GET", "dns/zones/shop.example", Value::Null).await;
    let second = json!({ "name": "bounce.shop.example", "record_type": "MX", "value": "20 inbound.shop.example" });
    assert!(zone["records"].as_array().expect("records").contains(&second), "{zone}");
    assert_eq!(control(&simulator, "DELETE", "dns/faults/1", Value::Null).await.0, 200);
    assert_eq!(control(&simulator, "DELETE", "dns/faults/1", Value::Null).await.0, 404);
    assert_eq!(control(&simulator, "GET", "dns/zones/other.example", Value::Null).await.0, 404);
    assert_eq!(control(&simulator, "DELETE", "dns/queries", Value::Null).await.0, 200);
    assert!(simulator.world().dns_queries().is_empty());
}

#[tokio::test]
async fn it_listens_on_the_loopback_alone_and_lets_go_of_its_port() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let error = Simulator::start_with_dns(local, everywhere, shop()).await.expect_err("a refusal");
    assert!(error.to_string().contains("loopback addresses only"), "{error}");
    let simulator = start(shop()).await;
    let address = simulator.dns_address();
    simulator.stop().await;
    let again = Simulator::start_with_dns(local, address, shop()).await.expect("the port is free again");
    assert_eq!(again.dns_address(), address);
    assert_eq!(ask(&again, Transport::Udp, "shop.example", RecordType::A).await.answers.len(), 1);
}
