//! Resolvers that are gone, silent or liars: nothing is called wrong because of them, and the agent does not suffer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ses_exporter::simulator::{Identity, World};

use super::resolver::{Manner, Resolver};
use super::{OK, REGION, ok, problems, records, start_asking, with, wrong};
use crate::soak::{held, long};
use crate::support::stage::{failures, success, took};
use crate::support::{Agent, Aws, Page, eventually};

/// So many accounts with so many regions, each with one domain of its own that needs two records.
fn estate() -> World {
    let (accounts, regions) = if long() { (50, 30) } else { (1, 24) };
    let mut world = World::uniform(accounts, regions, 1).with_dns_ttl(Duration::ZERO);
    for (account, region) in places(&world) {
        let own = Identity::domain(format!("{region}-{account}.example")).legacy_txt();
        world.remove_identity(&account, &region, "domain-00000.test").unwrap();
        world.put_identity(&account, &region, own).unwrap();
    }
    world
}

/// Account and region of every target; an account has other regions too, which it does not use.
fn places(world: &World) -> Vec<(String, String)> {
    let regions =
        world.accounts().flat_map(|account| account.regions.values().map(|region| (account.id.clone(), region)));
    regions
        .filter(|(_, region)| !region.all_identities().is_empty())
        .map(|(account, region)| (account, region.name.clone()))
        .collect()
}

/// Looks at DNS all the time, at AWS at the usual intervals.
fn config(aws: &Aws, resolver: &Resolver) -> String {
    let entrances = aws.world.entrances();
    let regions: BTreeSet<String> =
        aws.world.change(|world| places(world)).into_iter().map(|(_, region)| region).collect();
    let accounts = entrances.iter().map(|entrance| {
        let role = entrance.role_arn.as_ref().map(|arn| format!("role_arn = \"{arn}\"\n")).unwrap_or_default();
        format!("[[accounts]]\nname = \"{}\"\n{role}", entrance.name)
    });
    format!(
        "[aws]\nregions = {:?}\nendpoint_url = \"{}\"\n[budget]\nrequests_per_second = 20\n\
         [poll]\nattempt_timeout = \"2s\"\nconnect_timeout = \"1s\"\nread_timeout = \"4s\"\n\
         [collectors]\ndns.interval = \"1s\"\n[dns]\nresolvers = [\"{}\"]\nqueries_per_second = 500\n{}",
        regions.iter().collect::<Vec<_>>(),
        aws.simulator.url(),
        resolver.address,
        accounts.collect::<String>(),
    )
}

/// A look-up that nobody answers takes some seconds, and few are on their way at once.
fn longest() -> Duration {
    if long() { Duration::from_mins(10) } else { Duration::from_secs(90) }
}

/// How long a scrape takes.
fn scrape(agent: &Agent) -> Duration {
    std::thread::sleep(Duration::from_millis(20)); // the pace of the scrapes
    let began = Instant::now();
    assert_eq!(agent.get("/metrics").status, 200);
    began.elapsed()
}

/// Scrapes until `holds`, and says how long each scrape took.
fn scrape_until(agent: &Agent, what: &str, holds: impl Fn(&Page) -> bool) -> (Page, Vec<Duration>) {
    let (began, mut scrapes) = (Instant::now(), Vec::new());
    loop {
        scrapes.extend((0..10).map(|_| scrape(agent)));
        let page = agent.page();
        if holds(&page) {
            return (page, scrapes);
        }
        assert!(began.elapsed() < longest(), "not in time: {what}\n{}\n{}", page.text, agent.log());
    }
}

fn p99(mut scrapes: Vec<Duration>) -> Duration {
    scrapes.sort();
    scrapes[scrapes.len() * 99 / 100]
}

#[test]
fn a_dead_resolver_costs_neither_truth_nor_scrapes_nor_memory() {
    let aws = Aws::start(estate());
    let targets = aws.world.change(|world| places(world).len());
    let resolver = Resolver::start(aws.simulator.dns_address());
    let mut agent = Agent::start_with(&aws.environment(), &config(&aws, &resolver), &[]);
    let right = |page: &Page| page.find(OK, &[]).filter(|sample| sample.value > 0.0).count();
    let succeed = |page: &Page, expected: bool| {
        let of_dns = page.find("ses_exporter_collector_success", &[("collector", "dns")]);
        of_dns.filter(|sample| (sample.value > 0.0) == expected).count() == targets
    };
    scrape_until(&agent, "all is well", |page| right(page) == 2 * targets && succeed(page, true));
    let before = (0..200).map(|_| scrape(&agent)).collect();
    let healthy = held(&agent, Instant::now());

    resolver.behave(Manner::Swallows);
    let died = Instant::now();
    let (page, during) = scrape_until(&agent, "every target says so", |page| {
        assert_eq!((wrong(page), problems(page).len()), (0, 0));
        assert_eq!(right(page), 2 * targets, "the last good reading stays");
        succeed(page, false) && (!long() || died.elapsed() > Duration::from_mins(1))
    });
    took("until all targets say that DNS is dead", died);
    for sample in page.find("ses_exporter_collector_failures_total", &[("collector", "dns")]) {
        assert_eq!(sample.labels["kind"], "timeout", "{sample:?}");
    }
    let others = page.find("ses_exporter_collector_success", &[]).filter(|sample| sample.labels["collector"] != "dns");
    let others: Vec<_> = others.collect();
    let lost: Vec<_> = others.iter().filter(|sample| sample.value == 0.0).map(|sample| &sample.labels).collect();
    assert!(lost.is_empty(), "{} of {} collectors fail too: {:?}", lost.len(), others.len(), lost.first());
    assert!(others.len() >= 5 * targets, "{} collectors of {targets} targets", others.len());

    let suffering = held(&agent, Instant::now());
    let (before, during) = (p99(before), p99(during));
    println!("measured: p99 of scrapes {before:?}, with a dead resolver {during:?}; {healthy:?}, {suffering:?}");
    assert!(suffering.threads <= healthy.threads + 2, "{} threads became {}", healthy.threads, suffering.threads);
    let grown = suffering.mebibytes - healthy.mebibytes;
    assert!(grown <= 20.0, "memory grew by {grown} MiB");
    // A machine that builds something else at the same time is slow in both.
    let most = Duration::from_millis(50).max(before * 3);
    assert!(during <= most, "{before:?} became {during:?}");

    let asked = Instant::now();
    agent.signal("TERM");
    assert!(agent.wait_end().success());
    assert!(took("the end, with look-ups on their way", asked) < Duration::from_secs(2));
}

#[test]
fn neither_nobody_nor_garbage_is_an_answer() {
    // Two records: a look-up that nobody answers takes four seconds.
    let aws = Aws::start(with([Identity::domain("shop.example").legacy_txt()]).with_dns_ttl(Duration::ZERO));
    let dns = aws.simulator.dns_address();
    let resolver = Resolver::start(dns);
    let address = resolver.address;
    let agent = start_asking(&aws, &[REGION], address, 500);
    let all_right =
        |page: &Page| records(page).get("shop.example").is_some_and(|records| records.len() == 2) && wrong(page) == 0;
    let succeeds = |page: &Page| success(page, "main", REGION, "dns");
    let is_well = |page: &Page| all_right(page) && succeeds(page) == Some(1.0);
    let is_lost = |page: &Page| {
        assert!(all_right(page), "the last good reading stays");
        succeeds(page) == Some(0.0)
    };
    agent.page_where("all is well", is_well);
    for manner in [Manner::Garbles, Manner::MistakesNumbers] {
        resolver.behave(manner);
        agent.page_where("nobody answers", is_lost);
        resolver.behave(Manner::Honest);
        agent.page_where("all is well again", is_well);
    }
    drop(resolver);
    let page = agent.page_where("nobody listens", is_lost);
    let kinds: Vec<String> = failures(&page, "main", REGION, "dns").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["timeout"]);
    let told = |log: &str| log.lines().any(|line| line.contains(" WARN ") && line.contains("answer none of"));
    assert!(told(&agent.log()), "{}", agent.log());

    let resolver = Resolver::start_at(address, dns);
    agent.page_where("somebody listens again", is_well);
    // Who answered well before and now says "no such name" is believed: that is how records go missing.
    resolver.behave(Manner::DeniesAll);
    let page = agent.page_where("all are gone", |page| wrong(page) == 2);
    assert!(problems(&page).iter().all(|[.., reason]| reason == "missing"), "{:?}", problems(&page));
    resolver.behave(Manner::Honest);
    eventually("all are back", || (ok(&agent.page(), "shop.example", "dmarc") == Some(1.0)).then_some(()));
}
