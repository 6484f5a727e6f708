//! What the agent asks of AWS: never more than it must, never faster than it may, read off the simulator's own log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ses_exporter::simulator::{ConfigurationSet, Fault, Identity, LoggedRequest, Service, Trouble, World};

use crate::support::stage::{
    MAIN, MAIN_ACCOUNT, OTHER, OTHER_ACCOUNT, all_succeed, operations, production, quick, to_ses, took, world,
};
use crate::support::{Agent, Aws, Page, command, eventually, run};

/// The times of one operation, grouped into readings: what follows within half an interval is the same reading.
fn readings(log: &[LoggedRequest], operation: &str, interval: Duration) -> Vec<(tokio::time::Instant, usize)> {
    let mut readings: Vec<(tokio::time::Instant, usize)> = Vec::new();
    for entry in log.iter().filter(|entry| entry.operation == operation) {
        match readings.last_mut() {
            Some((began, pages)) if entry.at - *began < interval / 2 => *pages += 1,
            _ => readings.push((entry.at, 1)),
        }
    }
    readings
}

#[test]
fn an_interval_costs_one_call_for_each_question_and_a_thousand_identities() {
    let sizes = [("us-east-1", 0, 1), ("eu-west-1", 1_000, 1), ("eu-west-2", 1_001, 2), ("eu-west-3", 2_500, 3)];
    let regions = sizes.map(|(region, ..)| region);
    let mut world = world(&[]);
    for account in [MAIN, OTHER] {
        for (region, identities, _) in sizes {
            let fresh = ses_exporter::simulator::Region::production(region, 1.0, 1.0);
            *world.region_mut(account, region).unwrap() = fresh.identities(identities);
        }
    }
    let aws = Aws::start(world);
    let interval = Duration::from_secs(4);
    // Those that read in slices have tests of their own.
    let config = ["identity_details", "configuration_sets", "dns"]
        .iter()
        .fold(quick(&aws, &regions, "4s", "1h"), |config, name| {
            config.replace(&format!("{name}.interval = \"4s\""), &format!("{name}.enabled = false"))
        });
    let agent = Agent::start(&aws, &(config + MAIN_ACCOUNT + OTHER_ACCOUNT));
    let enough = |log: &[LoggedRequest]| {
        let targets = [MAIN, OTHER].into_iter().flat_map(|account| regions.map(|region| (account, region)));
        targets.into_iter().all(|(account, region)| {
            let log = to_ses(log, account, region);
            ["GetAccount", "GetSendStatistics", "ListEmailIdentities"]
                .iter()
                .all(|operation| readings(&log, operation, interval).len() >= 4)
        })
    };
    eventually("four readings of everything", || enough(&aws.world.requests()).then_some(()));
    drop(agent);
    let log = aws.world.requests();
    for account in [MAIN, OTHER] {
        for (region, _, pages) in sizes {
            let log = to_ses(&log, account, region);
            for (operation, pages) in [("GetAccount", 1), ("GetSendStatistics", 1), ("ListEmailIdentities", pages)] {
                let readings = readings(&log, operation, interval);
                for (_, calls) in &readings[..3] {
                    assert_eq!(*calls, pages, "{operation} of {account} {region}: {readings:?}");
                }
                for pair in readings.windows(2) {
                    let pause = pair[1].0 - pair[0].0;
                    assert!(pause > interval * 5 / 8, "{operation} of {region} again after {pause:?}");
                }
            }
        }
    }
    assert_eq!(aws.world.most_in_flight(), 1, "never two for one account and region");
    let sts: Vec<_> = log.iter().filter(|entry| entry.service == Service::Sts).cloned().collect();
    let expected = BTreeMap::from([("AssumeRole".to_owned(), 1), ("GetCallerIdentity".to_owned(), 2)]);
    assert_eq!(operations(&sts), expected, "one for each account, whatever the number of regions");
}

#[test]
fn the_policy_that_is_printed_allows_what_is_called_and_nothing_else() {
    let mut world = world(&[]);
    let region = production("us-east-1")
        .identity(Identity::domain("old.example").legacy_txt())
        .configuration_set(ConfigurationSet::new("main"));
    *world.region_mut(MAIN, "us-east-1").unwrap() = region;
    let aws = Aws::start(world);
    let once = run(command(&["once"]).envs(aws.environment()));
    assert_eq!(once.code, 0, "{}", once.err);
    let ses = |entry: &&LoggedRequest| entry.service != Service::Sts;
    let called: BTreeSet<_> =
        aws.world.requests().iter().filter(ses).map(|entry| format!("ses:{}", entry.operation)).collect();
    let policy: serde_json::Value = serde_json::from_str(&run(&mut command(&["print", "iam-policy"])).out).unwrap();
    let allowed: BTreeSet<_> = policy["Statement"][0]["Action"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(called, allowed);
    assert!(aws.world.requests().iter().all(|entry| !entry.writes), "it never changes anything and sends no mail");
    assert!(allowed.iter().all(|action| ["Get", "List", "Describe"].iter().any(|verb| action[4..].starts_with(verb))));
}

#[test]
fn the_default_budget_is_two_at_the_start_and_then_one_in_two_seconds() {
    let regions = ["us-east-1", "eu-west-1"];
    let mut world = world(&[]).with_latency(Duration::from_millis(100));
    for region in regions {
        *world.region_mut(MAIN, region).unwrap() = production(region).identities(6_000);
    }
    let aws = Aws::start(world);
    // Eight requests that all want to be first: two questions, and six pages of identities.
    let config = quick(&aws, &regions, "1m", "1h").replace("requests_per_second = 200\nburst = 100\n", "");
    let agent = Agent::start(&aws, &(config + MAIN_ACCOUNT));
    let log = |region| to_ses(&aws.world.requests(), MAIN, region);
    eventually("seven requests", || regions.iter().all(|region| log(region).len() >= 7).then_some(()));
    drop(agent);
    for region in regions {
        let at: Vec<_> = log(region).iter().map(|entry| entry.at).collect();
        let pauses: Vec<_> = at.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        println!("measured: pauses between requests to {region}: {pauses:?} ms");
        assert!(pauses[1..].iter().all(|pause| *pause >= 1_900), "{pauses:?}");
    }
    assert_eq!(aws.world.most_in_flight(), 1);
    assert!(aws.world.busiest_window(Duration::from_secs(1)) <= 2, "only at the start");
}

#[test]
fn throttling_is_no_reason_to_ask_more_often() {
    let aws = Aws::start(world(&["us-east-1"]));
    aws.world.inject(Fault::new(Trouble::Throttle));
    let config = quick(&aws, &["us-east-1"], "1s", "1h").replace("= 200\nburst = 100", "= 5\nburst = 2");
    let agent = Agent::start(&aws, &(config + MAIN_ACCOUNT));
    let log = || to_ses(&aws.world.requests(), MAIN, "us-east-1");
    eventually("twenty requests", || (log().len() >= 20).then_some(()));
    drop(agent);
    let at: Vec<_> = log().iter().map(|entry| entry.at).collect();
    let shortest = at.windows(2).skip(1).map(|pair| pair[1] - pair[0]).min().unwrap();
    assert!(shortest >= Duration::from_millis(180), "five a second, not one after {shortest:?}: {at:?}");
    assert_eq!(aws.world.most_in_flight(), 1);
    let window = aws.world.busiest_window(Duration::from_secs(1));
    assert!(window <= 7, "five a second and two at the start: {window}");
}

#[test]
fn a_scrape_asks_aws_nothing() {
    let regions = ["us-east-1", "eu-west-1"];
    let aws = Aws::start(world(&regions));
    let config = quick(&aws, &regions, "1h", "3h") + MAIN_ACCOUNT;
    let agent = Agent::start(&aws, &config);
    agent.page_where("it is read", |page| regions.iter().all(|region| all_succeed(page, "main", region)));
    let known = aws.world.requests().len();
    let mut built = BTreeSet::new();
    eventually("a page that was built anew", || {
        for path in ["/metrics", "/", "/-/ready", "/-/healthy", "/nothing"] {
            agent.get(path);
        }
        built.insert(agent.page().value("process_cpu_seconds_total", &[]).unwrap().to_bits());
        (built.len() >= 2).then_some(())
    });
    assert_eq!(aws.world.requests().len(), known);
    assert_eq!(operations(&aws.world.requests())["GetAccount"], regions.len());
}

#[test]
fn a_region_that_is_switched_off_is_asked_once() {
    let mut world = world(&["us-east-1"]);
    *world.region_mut(MAIN, "me-south-1").unwrap() = production("me-south-1").disabled();
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1", "me-south-1"], "1s", "1h") + MAIN_ACCOUNT));
    let asked =
        |region| operations(&to_ses(&aws.world.requests(), MAIN, region)).get("GetAccount").copied().unwrap_or(0);
    eventually("six rounds elsewhere", || (asked("us-east-1") >= 6).then_some(()));
    assert_eq!(to_ses(&aws.world.requests(), MAIN, "me-south-1").len(), 1, "one call for all collectors and an hour");
    let page = agent.page();
    let skipped = [("aws_region", "me-south-1"), ("reason", "region_disabled")];
    assert_eq!(page.value("ses_exporter_target_skipped", &skipped), Some(1.0));
    assert_eq!(
        page.value("ses_exporter_aws_requests_total", &[("aws_region", "me-south-1"), ("service", "sesv2")]),
        Some(1.0)
    );
    assert_eq!(agent.get("/-/ready").status, 200);
}

#[test]
#[expect(clippy::float_cmp, reason = "counts are whole")]
fn the_cost_that_is_shown_is_the_cost_that_aws_sees() {
    let regions = ["us-east-1", "eu-west-1"];
    let aws = Aws::start(world(&regions));
    aws.world.inject(Fault::new(Trouble::Throttle).region("eu-west-1"));
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1h", "3h") + MAIN_ACCOUNT + OTHER_ACCOUNT));
    let settled = |page: &Page| {
        page.find("ses_exporter_collector_success", &[]).count() == 4 * ses_exporter::collectors::ALL.len()
    };
    agent.page_where("it is read", settled);
    let page = agent.page_where("its cost is on the page", |page| {
        let shown: f64 = page.find("ses_exporter_aws_requests_total", &[]).map(|sample| sample.value).sum();
        shown == f64::from(u32::try_from(aws.world.requests().len()).unwrap())
    });
    for (account, id) in [("main", MAIN), ("other", OTHER)] {
        for region in regions {
            let labels = [("account", account), ("aws_region", region)];
            let shown = page
                .find("ses_exporter_aws_requests_total", &labels)
                .filter(|sample| sample.labels["service"] != "sts");
            let shown: f64 = shown.map(|sample| sample.value).sum();
            let seen = f64::from(u32::try_from(to_ses(&aws.world.requests(), id, region).len()).unwrap());
            assert_eq!(shown, seen, "{account} {region}");
            // Every collector that builds on none begins with one question, three attempts where AWS throttles; the one
            // identity is three batches and a description elsewhere.
            let first = ses_exporter::collectors::ALL.iter().filter(|row| row.declaration.after.is_empty()).count();
            let first = f64::from(u32::try_from(first).unwrap());
            let attempts = if region == "eu-west-1" { first * 3.0 } else { first + 4.0 };
            assert_eq!(shown, attempts, "{account} {region}");
        }
    }
}

#[test]
fn thirty_regions_are_ready_within_two_seconds() {
    let world = World::uniform(1, 30, 10).with_latency(Duration::from_millis(200));
    let caller = world.accounts().next().unwrap();
    let regions: Vec<_> =
        caller.regions.values().filter(|region| region.enabled).map(|region| region.name.clone()).collect();
    let regions: Vec<_> = regions.iter().map(String::as_str).take(30).collect();
    assert_eq!(regions.len(), 30);
    let aws = Aws::start(world);
    // As it comes: default intervals, default budget.
    let config = format!("[aws]\nregions = {regions:?}\n");
    let spawned = Instant::now();
    let agent = Agent::start(&aws, &config);
    agent.wait_ready();
    let took = took("30 regions, 200 ms latency, from spawn to ready", spawned);
    let page = agent.page();
    assert_eq!(page.find("ses_production_access_enabled", &[]).count(), 30);
    // 2 s is the goal. Were `account` not asked first, the budget would make it 3 s.
    assert!(took < Duration::from_millis(2_800), "{took:?}");
}
