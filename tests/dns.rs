//! Collector `dns` and its agent: a DNS that is healthy, broken in every known way, slow to agree with SES, or asked too much.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ses_exporter::simulator::{DnsFault, DnsFaultKind, DnsType, Identity, Transport, World};
use tokio::time::Instant;

use crate::support::stage::{MAIN, MAIN_ACCOUNT, all_succeed, last_success, quick, success, world};
use crate::support::{Agent, Aws, Page, ask_dns_at, eventually};

mod dead;
mod hostile;
mod resolver;

const REGION: &str = "eu-west-1";
const OK: &str = "ses_identity_dns_record_ok";

/// An agent that reads these regions every second and has a fast look-up.
fn start(aws: &Aws, regions: &[&str]) -> Agent {
    start_asking(aws, regions, aws.simulator.dns_address(), 500)
}

/// The same that asks this resolver, so many queries a second.
fn start_asking(aws: &Aws, regions: &[&str], resolver: SocketAddr, queries_per_second: u32) -> Agent {
    let dns = format!("[dns]\nresolvers = [\"{resolver}\"]\nqueries_per_second = {queries_per_second}\n");
    let config = quick(aws, regions, "1s", "1h").replace(&ask_dns_at(aws.simulator.dns_address()), &dns);
    Agent::start_with(&aws.environment(), &(config + MAIN_ACCOUNT), &[])
}

/// A world with these identities in [`REGION`], beside `shop.example`.
fn with(identities: impl IntoIterator<Item = Identity>) -> World {
    let mut world = world(&[REGION]);
    for identity in identities {
        world.put_identity(MAIN, REGION, identity).unwrap();
    }
    world
}

/// A verified domain with a verified MAIL FROM domain `bounce.<domain>`.
fn with_mail_from(domain: &str) -> Identity {
    Identity::domain(domain).mail_from(&format!("bounce.{domain}"), "SUCCESS", "USE_DEFAULT_VALUE")
}

fn ok(page: &Page, identity: &str, record: &str) -> Option<f64> {
    page.value(OK, &[("aws_region", REGION), ("identity", identity), ("record", record)])
}

/// The records that have a verdict, by region and identity.
fn records(page: &Page) -> BTreeMap<String, BTreeSet<String>> {
    let mut records: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in page.find(OK, &[]) {
        records.entry(sample.labels["identity"].clone()).or_default().insert(sample.labels["record"].clone());
    }
    records
}

/// Region, identity, record and reason of everything that is wrong.
fn problems(page: &Page) -> BTreeSet<[String; 4]> {
    let labels = ["aws_region", "identity", "record", "reason"];
    page.find("ses_identity_dns_record_problem", &[])
        .map(|sample| labels.map(|label| sample.labels[label].clone()))
        .collect()
}

fn wrong(page: &Page) -> usize {
    page.find(OK, &[]).filter(|sample| sample.value == 0.0).count()
}

/// The moment at which the last good reading of the collector began.
fn looked(page: &Page) -> f64 {
    last_success(page, "main", REGION, "dns").unwrap_or_default()
}

fn unix_time() -> f64 {
    since_epoch(SystemTime::now())
}

fn since_epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Where the DKIM records of an identity stand, in the order of the label `record`.
fn dkim_owners(aws: &Aws, domain: &str) -> Vec<String> {
    let mut owners = aws.world.change(|world| world.dkim_owners(MAIN, REGION, domain));
    owners.sort();
    owners
}

#[test]
fn in_a_healthy_world_every_record_is_right() {
    let aws = Aws::start(with([
        with_mail_from("shop.example"),
        Identity::domain("own.example").byodkim("s2026"),
        Identity::domain("legacy.example").legacy_txt(),
        Identity::domain("mail.deep.example"), // without a DMARC record of its own
        Identity::email_address("ann@shop.example"),
        Identity::managed_domain("managed.example"),
        Identity::domain("zone.example").signing_hosted_zone("dkim.eu-west-1.amazonses.com"),
        Identity::domain("new.example").status("PENDING"),
    ]));
    let agent = start(&aws, &[REGION]);
    let easy = "dkim_1 dkim_2 dkim_3 dmarc";
    let expected = [
        ("shop.example", "dkim_1 dkim_2 dkim_3 dmarc mail_from_mx mail_from_spf"),
        ("own.example", "dkim_selector dmarc"),
        ("legacy.example", "amazonses_txt dmarc"),
        ("mail.deep.example", easy),
        ("managed.example", easy),
        ("zone.example", easy),
        ("new.example", easy),
    ];
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let expected: BTreeMap<_, _> = expected.map(|(name, all)| (name.to_owned(), words(all))).into();
    let page = agent.page_where("all records were looked up", |page| records(page) == expected);
    for sample in page.find(OK, &[]) {
        // Nobody has published yet what a new domain needs, but for the policy.
        let published = sample.labels["identity"] != "new.example" || sample.labels["record"] == "dmarc";
        assert_eq!(sample.value > 0.0, published, "{sample:?}");
        let kind = if sample.labels["identity"] == "managed.example" { "managed_domain" } else { "domain" };
        assert_eq!(sample.labels["identity_type"], kind);
    }
    let missing = |record: &str| [REGION, "new.example", record, "missing"].map(str::to_owned);
    assert_eq!(problems(&page), ["dkim_1", "dkim_2", "dkim_3"].map(missing).into());
    for domain in expected.keys() {
        let zone = domain.strip_prefix("mail.").unwrap_or(domain);
        let published = aws.world.change(|world| world.dns_records(zone)).unwrap();
        let (.., text) = published.iter().find(|(owner, ..)| *owner == format!("_dmarc.{zone}")).unwrap();
        let label = [("identity", domain.as_str())];
        let policies: Vec<_> = page.find("ses_identity_dmarc_policy", &label).collect();
        assert_eq!(policies.len(), 1, "{domain}");
        assert_eq!(*text, format!("v=DMARC1; p={}", policies[0].labels["policy"]), "{domain}");
    }
    assert!(all_succeed(&page, "main", REGION));
}

#[test]
fn a_record_that_is_gone_is_told_at_the_second_look_and_long_before_ses_notices() {
    let aws = Aws::start(world(&[REGION]).with_dns_ttl(Duration::ZERO)); // every reading looks
    let agent = start(&aws, &[REGION]);
    let told = |page: &Page| ok(page, "shop.example", "dkim_2");
    agent.page_where("all is well", |page| told(page) == Some(1.0));

    let owner = dkim_owners(&aws, "shop.example").remove(1);
    let well = unix_time();
    let fault = aws.world.inject_dns(DnsFault::new(DnsFaultKind::Removed).name(&owner));
    let broken = unix_time();
    let mut patient = Vec::new();
    let page = eventually("it is told", || {
        let page = agent.page();
        if told(&page) == Some(1.0) {
            patient.push(looked(&page));
        }
        (told(&page) == Some(0.0)).then_some(page)
    });
    patient.retain(|looked| *looked > broken);
    patient.dedup();
    assert!(patient.len() <= 1, "right although looked at {} times", patient.len());
    let queries = aws.world.dns_queries();
    let before =
        queries.iter().filter(|query| query.name == owner && (well..looked(&page)).contains(&since_epoch(query.time)));
    assert!(before.count() >= 1, "told at the first look");
    assert_eq!(problems(&page), [[REGION, "shop.example", "dkim_2", "missing"].map(str::to_owned)].into());
    assert_eq!(ok(&page, "shop.example", "dkim_1"), Some(1.0));
    let dkim = |page: &Page, status| page.value("ses_identity_dkim_status", &[("status", status)]);
    let verified = |page: &Page| page.value("ses_identity_verified", &[]);
    assert_eq!((dkim(&page, "SUCCESS"), verified(&page)), (Some(1.0), Some(1.0)));

    for status in ["TEMPORARY_FAILURE", "FAILED"] {
        aws.world.advance(Duration::from_hours(72));
        let page = agent.page_where("SES notices", |page| dkim(page, status).is_some() && verified(page) == Some(0.0));
        assert_eq!(page.value("ses_identity_verification_error", &[("error_type", "HOST_NOT_FOUND")]), Some(1.0));
    }

    aws.world.remove_dns_fault(fault);
    let mended = unix_time();
    let page = agent.page_where("somebody has looked again", |page| looked(page) > mended);
    assert_eq!(told(&page), Some(1.0), "the first right look is enough");
    let page = agent.page_where("SES notices", |page| dkim(page, "SUCCESS").is_some() && verified(page) == Some(1.0));
    assert_eq!((wrong(&page), problems(&page).len()), (0, 0));
}

/// What is done to one record of a domain, and what is then said about it.
struct Broken {
    domain: &'static str,
    kind: DnsFaultKind,
    record: &'static str,
    reason: &'static str,
}

const fn broken(domain: &'static str, kind: DnsFaultKind, record: &'static str, reason: &'static str) -> Broken {
    Broken { domain, kind, record, reason }
}

const BROKEN: &[Broken] = &[
    broken("a.example", DnsFaultKind::Removed, "dkim_1", "missing"),
    broken("b.example", DnsFaultKind::WrongValue, "dkim_2", "points_elsewhere"),
    broken("c.example", DnsFaultKind::DoubledSuffix, "dkim_3", "doubled_suffix"),
    broken("d.example", DnsFaultKind::Proxied, "dkim_1", "proxied"),
    broken("e.example", DnsFaultKind::CnameLoop, "dkim_1", "cname_loop"),
    broken("f.example", DnsFaultKind::Removed, "mail_from_mx", "missing"),
    broken("g.example", DnsFaultKind::WrongValue, "mail_from_mx", "points_elsewhere"),
    broken("h.example", DnsFaultKind::DoubledSuffix, "mail_from_mx", "doubled_suffix"),
    broken("i.example", DnsFaultKind::SeveralMx, "mail_from_mx", "several_records"),
    broken("j.example", DnsFaultKind::Removed, "mail_from_spf", "missing"),
    broken("k.example", DnsFaultKind::WrongValue, "mail_from_spf", "wrong_value"),
    broken("l.example", DnsFaultKind::Removed, "dmarc", "missing"),
    broken("m.example", DnsFaultKind::WrongValue, "dmarc", "wrong_value"),
    broken("n.example", DnsFaultKind::DoubledSuffix, "dmarc", "doubled_suffix"),
    broken("own-a.example", DnsFaultKind::WrongValue, "dkim_selector", "selector_without_key"),
    broken("own-b.example", DnsFaultKind::Removed, "dkim_selector", "missing"),
    broken("legacy-a.example", DnsFaultKind::WrongValue, "amazonses_txt", "wrong_value"),
    broken("legacy-b.example", DnsFaultKind::Removed, "amazonses_txt", "missing"),
];

impl Broken {
    fn identity(&self) -> Identity {
        match self.record {
            "dkim_selector" => Identity::domain(self.domain).byodkim("s2026"),
            "amazonses_txt" => Identity::domain(self.domain).legacy_txt(),
            _ => with_mail_from(self.domain),
        }
    }

    fn fault(&self, aws: &Aws) -> DnsFault {
        let Self { domain, kind, record, .. } = self;
        let fault = DnsFault::new(*kind);
        match *record {
            "mail_from_mx" => fault.name(&format!("bounce.{domain}")).record_type(DnsType::Mx),
            "mail_from_spf" => fault.name(&format!("bounce.{domain}")).record_type(DnsType::Txt),
            "dmarc" => fault.name(&format!("_dmarc.{domain}")),
            "amazonses_txt" => fault.name(&format!("_amazonses.{domain}")),
            "dkim_2" => fault.name(&dkim_owners(aws, domain)[1]),
            "dkim_3" => fault.name(&dkim_owners(aws, domain)[2]),
            _ => fault.name(&dkim_owners(aws, domain)[0]),
        }
    }

    fn told(&self) -> [String; 4] {
        [REGION, self.domain, self.record, self.reason].map(str::to_owned)
    }
}

#[test]
fn each_way_to_break_a_record_has_its_reason() {
    const OTHER_REGION: &str = "us-east-1";
    let mut world = world(&[REGION, OTHER_REGION]);
    let shared = ["shared.example", "moved.example"].map(with_mail_from);
    for identity in BROKEN.iter().map(Broken::identity).chain(shared.clone()) {
        world.put_identity(MAIN, REGION, identity).unwrap();
    }
    // A name has one MX record: that of the first region.
    world.put_identity(MAIN, OTHER_REGION, shared[0].clone()).unwrap();
    let aws = Aws::start(world);
    for broken in BROKEN {
        aws.world.inject_dns(broken.fault(&aws));
    }
    aws.world.inject_dns(DnsFault::new(DnsFaultKind::LameDelegation).name("moved.example"));
    let agent = start(&aws, &[REGION, OTHER_REGION]);

    let foreign = [OTHER_REGION, "shared.example", "mail_from_mx", "wrong_region"].map(str::to_owned);
    let mut expected: BTreeSet<_> = BROKEN.iter().map(Broken::told).chain([foreign.clone()]).collect();
    for record in ["dkim_1", "dkim_2", "dkim_3", "mail_from_mx", "mail_from_spf", "dmarc"] {
        expected.insert([REGION, "moved.example", record, "other_name_servers"].map(str::to_owned));
    }
    let page = agent.page_where("everything wrong is told", |page| problems(page).len() >= expected.len());
    assert_eq!(problems(&page), expected);
    assert_eq!(wrong(&page), expected.len(), "what has a reason is wrong, and the other way round");
    assert!(page.find("ses_identity_verified", &[]).all(|sample| sample.value > 0.0), "SES has not noticed");

    aws.world.clear_dns_faults();
    let page = agent.page_where("all are mended", |page| problems(page).len() <= 1);
    assert_eq!(problems(&page), [foreign].into());
    assert_eq!(wrong(&page), 1);
}

#[test]
fn what_nobody_answers_for_is_never_called_wrong() {
    let short = with_mail_from("short.example");
    let aws = Aws::start(with(["refused.example", "silent.example"].map(with_mail_from).into_iter().chain([short])));
    aws.world.inject_dns(DnsFault::new(DnsFaultKind::Truncated).name("short.example"));
    let agent = start(&aws, &[REGION]);
    let known = |page: &Page| page.find(OK, &[]).count();
    let page = agent.page_where("all are known", |page| known(page) == 22);
    assert_eq!(wrong(&page), 0, "{:?}", problems(&page));
    let queries = aws.world.dns_queries();
    let over_tcp = |name: &str| queries.iter().any(|query| query.name == name && query.transport == Transport::Tcp);
    assert!(over_tcp("bounce.short.example") && over_tcp("_dmarc.short.example"));
    assert!(!over_tcp("_dmarc.shop.example"));

    aws.world.inject_dns(DnsFault::new(DnsFaultKind::Servfail).name("refused.example"));
    aws.world.inject_dns(DnsFault::new(DnsFaultKind::Silence).name("_dmarc.silent.example"));
    let page = agent.page_where("it is not known", |page| {
        assert_eq!(wrong(page), 0, "{:?}", problems(page));
        !records(page).contains_key("refused.example") && ok(page, "silent.example", "dmarc").is_none()
    });
    assert_eq!(page.value("ses_identity_dmarc_policy", &[("identity", "silent.example")]), None);
    let mut rest = records(&page);
    assert_eq!(rest.remove("silent.example").map(|records| records.len()), Some(5), "each record for itself");
    assert_eq!(rest.values().map(BTreeSet::len).sum::<usize>(), 10, "the other zones have all of theirs");
    assert_eq!(success(&page, "main", REGION, "dns"), Some(1.0), "somebody has answered");

    aws.world.clear_dns_faults();
    let page = agent.page_where("all are back", |page| known(page) == 22);
    assert_eq!(wrong(&page), 0);
}

#[test]
fn look_ups_are_few_and_none_is_made_before_its_time() {
    const A_SECOND: u32 = 20;
    /// As many may be on their way, and a busy machine may deliver them together.
    const IN_FLIGHT: usize = 16;
    let world = with((0..40).map(|number| Identity::domain(format!("d{number:02}.example"))));
    let aws = Aws::start(world.with_dns_ttl(Duration::from_hours(1)));
    aws.world.inject_dns(DnsFault::new(DnsFaultKind::Removed).name("_dmarc.d00.example"));
    let agent = start_asking(&aws, &[REGION], aws.simulator.dns_address(), A_SECOND);
    agent.page_where("all are known", |page| records(page).len() == 41 && wrong(page) == 1);
    let again = aws.world.dns_queries().len();
    let wrong_again = eventually("what is wrong is asked again and again", || {
        let queries = aws.world.dns_queries();
        (queries.len() >= again + 6).then_some(queries)
    });
    let mut asked: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for query in &wrong_again {
        *asked.entry((&query.name, &query.record_type)).or_default() += 1;
    }
    assert!(asked[&("_dmarc.d00.example", "TXT")] >= 3, "{asked:?}");
    let about_others = asked.iter().filter(|((name, _), _)| !name.ends_with("d00.example"));
    let early: Vec<_> = about_others.filter(|(_, count)| **count > 1).collect();
    assert!(early.is_empty(), "asked again although it may be kept for an hour: {early:?}");

    let at: Vec<Instant> = wrong_again.iter().map(|query| query.at).collect();
    let within_a_second = |began: &Instant| {
        at.iter().filter(|at| **at >= *began && at.duration_since(*began) < Duration::from_secs(1)).count()
    };
    let busiest = at.iter().map(within_a_second).max().unwrap();
    println!("measured: {busiest} queries in the busiest second");
    assert!(busiest <= A_SECOND as usize + IN_FLIGHT, "{busiest} queries within a second");
    let span = at.iter().max().unwrap().duration_since(*at.iter().min().unwrap());
    let most = u64::from(A_SECOND) * (span.as_secs() + 1) + IN_FLIGHT as u64;
    assert!(at.len() as u64 <= most, "{} queries in {span:?}", at.len());
}
