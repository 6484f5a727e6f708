//! dnspython, which reads packets more strictly than most, asks the simulated DNS: every record of the demo's world, and every fault.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use ses_exporter::simulator::{Account, DnsFault, DnsFaultKind, Identity, Region, World};

use crate::support::Aws;
use crate::support::programs::python;

/// Asks each question in each way and prints what came: `udp` alone, `tcp` alone, or `both`, which is UDP and then TCP if truncated.
const ASK: &str = r#"
import json, sys
import dns.exception, dns.flags, dns.message, dns.query, dns.rcode, dns.rdatatype

def values(section):
    return sorted([r.name.to_text(), dns.rdatatype.to_text(r.rdtype), text(i), r.ttl] for r in section for i in r)

def text(item):
    return b"".join(item.strings).decode() if item.rdtype == dns.rdatatype.TXT else item.to_text()

def ask(address, port, name, kind, way):
    question = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    try:
        if way == "both":
            answer, tcp = dns.query.udp_with_fallback(question, address, port=port, timeout=30)
        else:
            limit = 1 if way == "silent" else 30
            send = dns.query.tcp if way == "tcp" else dns.query.udp
            answer, tcp = send(question, address, port=port, timeout=limit), way == "tcp"
    except dns.exception.Timeout:
        return "timeout"
    flags = dns.flags.to_text(answer.flags)
    return {"code": dns.rcode.to_text(answer.rcode()), "answers": values(answer.answer), "flags": flags,
            "authority": values(answer.authority), "tcp": tcp, "edns": answer.edns}

asked = json.load(sys.stdin)
print(json.dumps([ask(asked["address"], asked["port"], *question) for question in asked["questions"]]))
"#;

fn ask(aws: &Aws, questions: &[(&str, &str, &str)]) -> Vec<Value> {
    let address = aws.simulator.dns_address();
    let words = json!({ "address": address.ip().to_string(), "port": address.port(), "questions": questions });
    let mut child = python("python3")
        .args(["-c", ASK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(words.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "dnspython (if there is no module named dns, run tests/run once):\n{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Code and values of the first answer.
fn told(aws: &Aws, name: &str, kind: &str, way: &str) -> (String, Vec<String>) {
    let answer = ask(aws, &[(name, kind, way)]).remove(0);
    let values =
        answer["answers"].as_array().into_iter().flatten().map(|record| record[2].as_str().unwrap().to_owned());
    (answer["code"].as_str().unwrap_or("silence").to_owned(), values.collect())
}

fn shop() -> World {
    let details =
        json!({ "MailFromAttributes": { "MailFromDomain": "bounce.shop.example", "MailFromDomainStatus": "SUCCESS" } });
    let region = Region::fresh("eu-west-1").identity(Identity::domain("shop.example").details(&details));
    World::empty()
        .with_account(Account::new("111111111111", "shop").access_key("AKIAEXAMPLEEXAMPLE00", "secret").region(region))
}

fn owner(aws: &Aws) -> String {
    aws.world.change(|world| world.dkim_owners("111111111111", "eu-west-1", "shop.example").remove(0))
}

#[test]
fn every_record_of_the_demo_is_found_over_udp_and_tcp() {
    let aws = Aws::start(World::demo(1));
    let published = aws.world.change(|world| world.dns_records("shop.example")).expect("a zone");
    assert!(published.len() > 20, "three aliases for each region that has the domain");
    let questions: Vec<(&str, &str, &str)> = published
        .iter()
        .flat_map(|(name, kind, _)| ["udp", "tcp"].map(|way| (name.as_str(), kind.as_str(), way)))
        .collect();
    let answers = ask(&aws, &questions);
    for ((name, kind, way), answer) in questions.iter().zip(&answers) {
        assert_eq!(answer["code"], "NOERROR", "{name} {kind} {way}: {answer}");
        assert_eq!((&answer["flags"], &answer["edns"]), (&json!("QR RD RA"), &json!(0)), "{name} {kind} {way}");
        let found = answer["answers"].as_array().unwrap();
        let mut wanted: Vec<&str> = published
            .iter()
            .filter(|(n, k, _)| n == name && k.as_str() == *kind)
            .map(|(.., value)| value.as_str())
            .collect();
        wanted.sort_unstable();
        assert_eq!(found.len(), wanted.len(), "{name} {kind} {way}: {answer}");
        for (record, wanted) in found.iter().zip(wanted) {
            assert_eq!(record[0], format!("{name}."), "{answer}");
            // An SOA record has numbers behind its names, and names in packets end in a dot.
            let value = record[2].as_str().unwrap().replace(". ", " ");
            assert!(value.trim_end_matches('.').starts_with(wanted), "{value} is not {wanted}");
            assert_eq!(record[3], 5, "the demo's TTL");
        }
    }
}

#[test]
fn an_alias_brings_the_key_along_and_a_denial_the_authority() {
    let aws = Aws::start(shop());
    let owner = owner(&aws);
    let (code, values) = told(&aws, &owner, "TXT", "both");
    assert_eq!((code.as_str(), values.len()), ("NOERROR", 2));
    assert!(values.iter().any(|value| value.starts_with("v=DKIM1; k=rsa; p=MII") && value.len() > 400), "{values:?}");
    let denials =
        ask(&aws, &[("no.shop.example", "TXT", "udp"), ("shop.example", "AAAA", "udp"), ("a.invalid", "A", "udp")]);
    let told = denials.iter().map(|answer| [answer["code"].clone(), answer["authority"][0][0].clone()]);
    assert_eq!(
        told.collect::<Vec<_>>(),
        [["NXDOMAIN", "shop.example."], ["NOERROR", "shop.example."], ["NXDOMAIN", "."]]
            .map(|told| told.map(Value::from))
    );
}

#[test]
fn every_fault_is_seen_from_outside() {
    let aws = Aws::start(shop());
    let owner = owner(&aws);
    let doubled = format!("{owner}.shop.example");
    let target = owner.replace("._domainkey.shop.example", ".dkim.amazonses.com.");
    let (mx, bounce) = ("10 feedback-smtp.eu-west-1.amazonses.com.", "bounce.shop.example");
    let (old, back) = (format!("old.{target}"), format!("loop.{owner}."));
    let cases: [(DnsFaultKind, &str, &str, &str, &[&str]); 11] = [
        (DnsFaultKind::Removed, &owner, "CNAME", "NXDOMAIN", &[]),
        (DnsFaultKind::WrongValue, &owner, "CNAME", "NOERROR", &[&old]),
        (DnsFaultKind::DoubledSuffix, &doubled, "CNAME", "NOERROR", &[&target]),
        (DnsFaultKind::LameDelegation, "shop.example", "NS", "NOERROR", &["ns1.parking.example."]),
        (DnsFaultKind::LameDelegation, &owner, "CNAME", "NXDOMAIN", &[]),
        (DnsFaultKind::Servfail, &owner, "CNAME", "SERVFAIL", &[]),
        (DnsFaultKind::Truncated, bounce, "MX", "NOERROR", &[mx]),
        (DnsFaultKind::Proxied, &owner, "CNAME", "NOERROR", &[]),
        (DnsFaultKind::Proxied, &owner, "A", "NOERROR", &["203.0.113.7"]),
        (DnsFaultKind::CnameLoop, &owner, "CNAME", "NOERROR", &[&back]),
        (DnsFaultKind::SeveralMx, bounce, "MX", "NOERROR", &[mx, "20 inbound.shop.example."]),
    ];
    for (kind, name, record_type, code, values) in cases {
        let id = aws.world.inject_dns(DnsFault::new(kind).name("shop.example"));
        let answer = ask(&aws, &[(name, record_type, "both")]).remove(0);
        let found: Vec<&str> =
            answer["answers"].as_array().unwrap().iter().map(|record| record[2].as_str().unwrap()).collect();
        assert_eq!((&answer["code"], found.as_slice()), (&json!(code), values), "{kind:?} {name}: {answer}");
        assert_eq!(answer["tcp"], kind == DnsFaultKind::Truncated, "{kind:?} {name}: {answer}");
        aws.world.remove_dns_fault(id);
    }
}

#[test]
fn truncation_and_silence_are_what_they_are() {
    let aws = Aws::start(shop());
    let id = aws.world.inject_dns(DnsFault::new(DnsFaultKind::Truncated));
    let short = ask(&aws, &[("shop.example", "A", "udp")]).remove(0);
    assert_eq!((&short["flags"], &short["answers"]), (&json!("QR TC RD RA"), &json!([])));
    aws.world.remove_dns_fault(id);
    aws.world.inject_dns(DnsFault::new(DnsFaultKind::Silence).name("shop.example"));
    assert_eq!(ask(&aws, &[("shop.example", "A", "silent")]), ["timeout"]);
    assert_eq!(told(&aws, "amazonses.com", "NS", "udp").0, "NOERROR", "it only keeps silent about the shop");
}
