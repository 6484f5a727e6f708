//! The agent over time: memory, threads and descriptors must not grow, whatever AWS does and whether anybody scrapes.
//!
//! Half a minute here; ten minutes each with `tests/run --long`, where the slope of the memory is held to a limit too.

use std::fs;
use std::time::{Duration, Instant};

use ses_exporter::simulator::{Fault, Trouble, World};

use crate::support::{Agent, Aws, ask_dns_at};

/// Four of twenty regions are in trouble, each in its own.
const TROUBLES: &[Trouble] =
    &[Trouble::Hang, Trouble::Reset, Trouble::ServerError { status: 500 }, Trouble::HangInBody];

/// Whether tests may take minutes.
pub(crate) fn long() -> bool {
    std::env::var_os("SES_EXPORTER_LONG").is_some()
}

fn duration() -> Duration {
    if long() { Duration::from_mins(10) } else { Duration::from_secs(30) }
}

fn config(aws: &Aws) -> String {
    let regions: Vec<String> =
        aws.world.change(|world| world.accounts().next().unwrap().regions.keys().cloned().collect());
    let dns = ask_dns_at(aws.simulator.dns_address());
    format!(
        "{dns}[aws]\nregions = {regions:?}\nendpoint_url = \"{}\"\n[budget]\nrequests_per_second = 20\n\
         [poll]\nattempt_timeout = \"1s\"\nconnect_timeout = \"500ms\"\nread_timeout = \"2s\"\nstale_after = \"1m\"\n\
         [collectors.account]\ninterval = \"1s\"\n[collectors.sending]\ninterval = \"2s\"\n[collectors.identities]\ninterval = \"2s\"\n\
         [collectors.identity_details]\ninterval = \"2s\"\n[collectors.configuration_sets]\ninterval = \"2s\"\n\
         [collectors.dns]\ninterval = \"2s\"\n",
        aws.simulator.url()
    )
}

/// What the process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    at: f64,
    pub(crate) mebibytes: f64,
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

pub(crate) fn held(agent: &Agent, began: Instant) -> Held {
    let process = format!("/proc/{}", agent.child.id());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let field = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let threads = field("Threads:") as usize;
    Held {
        at: began.elapsed().as_secs_f64(),
        mebibytes: field("VmRSS:") / 1024.0,
        threads,
        descriptors: fs::read_dir(format!("{process}/fd")).unwrap().count(),
    }
}

/// Lets the agent run, scraped ten times a second or not at all, and looks at it every second.
fn watch(agent: &Agent, scrape: bool) -> Vec<Held> {
    let began = Instant::now();
    let mut seen = Vec::new();
    while began.elapsed() < duration() {
        for _ in 0..10 {
            if scrape {
                assert_eq!(agent.get("/metrics").status, 200);
            }
            std::thread::sleep(Duration::from_millis(100)); // the pace of the scrapes
        }
        seen.push(held(agent, began));
    }
    seen
}

/// Least-squares slope of the memory in MiB an hour.
fn slope(held: &[Held]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let count = held.len() as f64;
    let (x, y) =
        (held.iter().map(|h| h.at).sum::<f64>() / count, held.iter().map(|h| h.mebibytes).sum::<f64>() / count);
    let above: f64 = held.iter().map(|h| (h.at - x) * (h.mebibytes - y)).sum();
    let below: f64 = held.iter().map(|h| (h.at - x).powi(2)).sum();
    above / below * 3600.0
}

/// The second half must look like the first.
fn hold(what: &str, seen: &[Held]) {
    let (warm_up, rest) = seen.split_at(seen.len() / 2);
    let most = |held: &[Held], field: fn(&Held) -> usize| held.iter().map(field).max().unwrap();
    let (before, after) = (most(warm_up, |h| h.threads), most(rest, |h| h.threads));
    assert!(after <= before.max(20) + 2, "{what}: {before} threads became {after}");
    let (before, after) = (most(warm_up, |h| h.descriptors), most(rest, |h| h.descriptors));
    assert!(after <= before + 10, "{what}: {before} descriptors became {after}");
    let mut slopes: Vec<f64> = rest.chunks(60).filter(|minute| minute.len() >= 10).map(slope).collect();
    slopes.sort_by(f64::total_cmp);
    let median = f64::midpoint(slopes[(slopes.len() - 1) / 2], slopes[slopes.len() / 2]);
    let last = rest.last().unwrap();
    println!("{what}: {last:?}, median of the slopes {slopes:.1?} is {median:.1} MiB/h");
    if long() {
        assert!(median <= 15.0, "{what}: memory grows by {median:.1} MiB an hour");
    }
}

fn start(troubles: impl Fn(usize) -> Option<Trouble>) -> (Aws, Agent) {
    let aws = Aws::start(World::uniform(1, 20, 50));
    let regions: Vec<String> =
        aws.world.change(|world| world.accounts().next().unwrap().regions.keys().cloned().collect());
    for (number, region) in regions.iter().enumerate() {
        if let Some(trouble) = troubles(number) {
            aws.world.inject(Fault::new(trouble).region(region));
        }
    }
    let agent = Agent::start(&aws, &config(&aws));
    (aws, agent)
}

#[test]
fn a_fifth_of_the_regions_in_trouble_and_many_scrapes() {
    let (_aws, agent) = start(|number| TROUBLES.get(number).cloned());
    agent.wait_ready();
    hold("a fifth in trouble, scraped", &watch(&agent, true));
    let page = agent.page();
    assert_eq!(page.find("ses_production_access_enabled", &[]).count(), 16, "the healthy ones are all there");
}

#[test]
fn every_region_in_trouble() {
    let (_aws, agent) = start(|number| Some(TROUBLES[number % TROUBLES.len()].clone()));
    hold("all in trouble", &watch(&agent, true));
}

#[test]
fn nobody_scrapes() {
    let (_aws, agent) = start(|_| None);
    agent.wait_ready();
    hold("nobody scrapes", &watch(&agent, false));
}
