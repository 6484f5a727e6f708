//! What is shown when AWS is away or things are gone: the last good reading for a while, then nothing, and never something else.

use std::time::{Duration, Instant};

use serde_json::json;
use ses_exporter::simulator::{Bucket, Fault, Identity, Trouble};

use crate::support::stage::{MAIN, MAIN_ACCOUNT, all_succeed, production, quick, series_of_ses, success, world};
use crate::support::{Agent, Aws, Page, eventually};

const REGION: &str = "us-east-1";

fn last_success(page: &Page, collector: &str) -> Option<f64> {
    let name = "ses_exporter_collector_last_success_timestamp_seconds";
    page.value(name, &[("aws_region", REGION), ("collector", collector)])
}

#[test]
fn an_outage_keeps_the_last_readings_for_stale_after_and_ends_by_itself() {
    let aws = Aws::start(world(&[REGION]));
    let stale_after = Duration::from_secs(8);
    let config = quick(&aws, &[REGION], "1s", "8s") + MAIN_ACCOUNT;
    let agent = Agent::start(&aws, &config);
    let before = agent.page_where("it is read", |page| all_succeed(page, "main", REGION));
    let series = series_of_ses(&before, "main", REGION).join("\n");
    assert!(series.contains("ses_identity_verified"), "{series}");
    let address = aws.stop();

    let failing = |page: &Page| {
        ["account", "sending", "identities"].iter().all(|name| success(page, "main", REGION, name) == Some(0.0))
    };
    let page = agent.page_where("the failure is told", failing);
    assert_eq!(series_of_ses(&page, "main", REGION).join("\n"), series, "the last readings stay as they were");
    let stands = last_success(&page, "account").unwrap();
    let failed = |page: &Page| {
        page.value("ses_exporter_collector_failures_total", &[("collector", "account"), ("kind", "unreachable")])
    };
    let rounds = failed(&page).unwrap();
    assert_eq!(agent.get("/-/ready").status, 200, "an outage of AWS is no reason to restart the agent");
    assert_eq!(agent.get("/-/healthy").status, 200);

    let page = agent.page_where("the series go", |page| series_of_ses(page, "main", REGION).is_empty());
    let age = seconds_now() - stands;
    println!("measured: series gone {age:.1} s after the last success, stale_after 8 s");
    assert!(age >= stale_after.as_secs_f64() - 0.1, "gone too early: {age}");
    assert!(age <= 16.0, "gone too late: {age}");
    assert_eq!(last_success(&page, "account"), Some(stands), "how old the reading is stays known");
    assert_eq!(success(&page, "main", REGION, "account"), Some(0.0));
    assert!(failed(&page) > Some(rounds), "it goes on trying");
    assert!(page.value("ses_exporter_target_info", &[("aws_account_id", MAIN)]).is_some());

    let _aws = Aws::start_at(address, world(&[REGION]));
    let page = agent.page_where("it recovers", |page| all_succeed(page, "main", REGION));
    assert_eq!(series_of_ses(&page, "main", REGION).join("\n"), series);
    assert!(last_success(&page, "account") > Some(stands));
}

fn seconds_now() -> f64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

#[test]
fn the_account_is_asked_for_until_aws_answers() {
    // AWS is away when the agent starts; the account has no name, so nothing can be labelled yet.
    let aws = Aws::start(world(&[REGION]));
    let (config, environment) = (quick(&aws, &[REGION], "1s", "8s"), aws.environment());
    let address = aws.stop();
    let agent = Agent::start_with(&environment, &config, &[]);
    agent.wait_ready();
    assert!(series_of_ses(&agent.page(), MAIN, REGION).is_empty());
    assert!(agent.get("/").text().contains("not known yet"));
    let _aws = Aws::start_at(address, world(&[REGION]));
    agent.page_where("it is read", |page| all_succeed(page, MAIN, REGION));
}

#[test]
fn an_identity_goes_with_the_next_good_reading_and_not_with_a_bad_one() {
    let aws = Aws::start(world(&[REGION]));
    aws.world.put_identity(MAIN, REGION, Identity::email_address("gone@shop.example")).unwrap();
    let agent = Agent::start(&aws, &(quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT));
    let gone = [("identity", "gone@shop.example")];
    let all = ["ses_identity_verified", "ses_identity_sending_enabled", "ses_identity_verification_status"];
    agent.page_where("it is there", |page| all.iter().all(|name| page.value(name, &gone) == Some(1.0)));
    let denied = aws.world.inject(Fault::new(Trouble::Deny).operation("ListEmailIdentities"));
    aws.world.remove_identity(MAIN, REGION, "gone@shop.example").unwrap();
    let page = agent.page_where("the list fails", |page| success(page, "main", REGION, "identities") == Some(0.0));
    assert_eq!(page.value("ses_identity_verified", &gone), Some(1.0), "nobody knows that it is gone");
    aws.world.remove_fault(denied);
    let page = agent.page_where("it is gone", |page| page.value("ses_identity_verified", &gone).is_none());
    assert_eq!(page.find("ses_identity_sending_enabled", &gone).count(), 0);
    assert_eq!(page.find("ses_identity_verification_status", &gone).count(), 0);
    assert_eq!(page.value("ses_identity_verified", &[("identity", "shop.example")]), Some(1.0));
    assert_eq!(page.value("ses_identities", &[("identity_type", "email_address"), ("status", "SUCCESS")]), Some(0.0));
}

#[test]
fn a_change_in_ses_is_on_the_page_an_interval_later() {
    let aws = Aws::start(world(&[REGION]));
    let agent = Agent::start(&aws, &(quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT));
    let enabled = |page: &Page| page.value("ses_sending_enabled", &[]);
    agent.page_where("it sends", |page| enabled(page) == Some(1.0));
    let paused = json!({ "EnforcementStatus": "SHUTDOWN", "SendingEnabled": false });
    aws.world.patch_region(MAIN, REGION, &paused).unwrap();
    let began = Instant::now();
    let page = agent.page_where("it is paused", |page| enabled(page) == Some(0.0));
    println!("measured: change seen on the page after {} ms, interval 1 s", began.elapsed().as_millis());
    assert_eq!(page.value("ses_enforcement_status", &[("status", "SHUTDOWN")]), Some(1.0));
    assert_eq!(page.value("ses_enforcement_status", &[("status", "HEALTHY")]), Some(0.0));
}

#[test]
fn what_is_sent_and_bounces_after_the_start_is_counted_once() {
    let start = std::time::SystemTime::now() - Duration::from_hours(2);
    let sent = |delivery_attempts, bounces| {
        let bucket = Bucket { start, delivery_attempts, bounces, complaints: 0, rejects: 0 };
        production(REGION).sent_exactly(vec![bucket])
    };
    let mut world = world(&[]);
    *world.region_mut(MAIN, REGION).unwrap() = sent(1_000, 10);
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT));
    let counters =
        |page: &Page| (page.value("ses_send_delivery_attempts_total", &[]), page.value("ses_send_bounces_total", &[]));
    agent.page_where("the first answer is the baseline", |page| counters(page) == (Some(0.0), Some(0.0)));
    aws.world.change(|world| *world.region_mut(MAIN, REGION).unwrap() = sent(1_005, 13));
    let page = agent.page_where("what came late", |page| counters(page) == (Some(5.0), Some(3.0)));
    let read = last_success(&page, "sending");
    let page = agent.page_where("two readings more", |page| last_success(page, "sending") >= read.map(|at| at + 2.0));
    assert_eq!(counters(&page), (Some(5.0), Some(3.0)));
}

#[test]
fn filters_and_the_cap_are_visible_where_series_are_missing() {
    let mut world = world(&[]);
    let region = production(REGION)
        .identities(20)
        .identity(Identity::domain("broken.test").status("FAILED"))
        .identity(Identity::email_address("me@private.example"));
    *world.region_mut(MAIN, REGION).unwrap() = region;
    let aws = Aws::start(world);
    let config = quick(&aws, &[REGION], "1s", "1h")
        + "[identities]\nexclude = [\"*.example\"]\nmax_per_region = 5\n"
        + MAIN_ACCOUNT;
    let agent = Agent::start(&aws, &config);
    let page = agent.page_where("it is read", |page| all_succeed(page, "main", REGION));
    let shown: Vec<_> =
        page.find("ses_identity_verified", &[]).map(|sample| sample.labels["identity"].clone()).collect();
    let expected = ["broken.test", "domain-00000.test", "domain-00001.test", "domain-00002.test", "domain-00003.test"];
    assert_eq!(shown, expected, "what is wrong comes first, then by name");
    assert_eq!(page.value("ses_exporter_identities_dropped", &[("reason", "max_per_region")]), Some(16.0));
    let count =
        |identity_type, status| page.value("ses_identities", &[("identity_type", identity_type), ("status", status)]);
    assert_eq!((count("domain", "SUCCESS"), count("domain", "FAILED")), (Some(21.0), Some(1.0)), "all are counted");
    assert_eq!(count("email_address", "SUCCESS"), Some(1.0));
}

#[test]
fn nothing_on_the_page_moves_while_nothing_changes() {
    let bucket = Bucket {
        start: std::time::SystemTime::now() - Duration::from_hours(26),
        delivery_attempts: 7,
        bounces: 1,
        complaints: 0,
        rejects: 0,
    };
    let regions = [REGION, "eu-west-1", "eu-central-1"];
    let mut world = world(&[]);
    for name in regions {
        *world.region_mut(MAIN, name).unwrap() = production(name).identities(30).sent_exactly(vec![bucket]);
    }
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT));
    // Four records of each domain: three of DKIM, and DMARC.
    let records = |page: &Page| page.find("ses_identity_dns_record_ok", &[]).count();
    agent.page_where("everything is read", |page| records(page) == 31 * 3 * 4);
    let about_ses = |page: &Page| {
        // SES looks at each identity itself now and then; the simulated one does so at the full hour.
        let still = |line: &&str| !line.starts_with("ses_exporter_") && !line.contains("_verification_last_");
        let lines = page.text.lines().filter(|line| line.starts_with("ses_")).filter(still);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let names = |page: &Page| {
        let lines =
            page.text.lines().map(|line| if line.starts_with('#') { line } else { line.rsplit_once(' ').unwrap().0 });
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = agent.page();
    let (values, lines) = (about_ses(&first), names(&first));
    assert!(values.len() > 3 * 30 * 3);
    let stamp = |page: &Page| last_success(page, "account");
    let mut seen = vec![stamp(&first)];
    eventually("four more pages of four more readings", || {
        let page = agent.page();
        assert_eq!(about_ses(&page), values, "every line, in its place");
        assert_eq!(names(&page), lines, "the agent's own series stay too");
        if seen.last() != Some(&stamp(&page)) {
            seen.push(stamp(&page));
        }
        (seen.len() >= 5).then_some(())
    });
}
