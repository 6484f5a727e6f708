//! The golden scrape: what a small world looks like on the page, so that a reviewer sees what a change exposes.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ses_exporter::simulator::{
    Account, Bucket, ConfigurationSet, Destination, EventDestination, Identity, Region, Role, World,
};

use crate::support::{Aws, Page, Said, ask_dns_at, command, golden, run};

/// Values that differ from run to run.
const VOLATILE: &[&str] = &[
    "_timestamp_seconds",
    "_duration_seconds",
    "process_",
    "_start_time_seconds",
    "build_info",
    "aws_request_duration",
];

const CONFIG: &str = r#"
[aws]
regions = ["ap-south-1", "eu-central-1", "eu-west-1", "me-south-1", "us-east-1"]

[budget]
requests_per_second = 1

[identities]
tags = ["owner"]

[[accounts]]
name = "shop"

[[accounts]]
name = "labs \"quoted\""
role_arn = "arn:aws:iam::222222222222:role/ses-exporter"

[[expect]]
accounts = ["shop"]
regions = ["us-east-1"]
state = "production"
identities = ["gone.example", "noreply@shop.example", "quantum.example", "shop.example"]
exhaustive = true
minimum_quota = 100000

[[expect]]
accounts = ["111111111111"]
regions = ["eu-central-1", "eu-west-1"]
state = "production"

[[expect]]
accounts = ["222222222222"]
regions = ["ap-south-1", "us-east-1"]
state = "unused"

[[send_paths]]
name = "orders"
from = "orders@shop.example"
to = "any"
accounts = ["shop"]
regions = ["eu-west-1", "us-east-1"]
daily_messages = 20000

[[failover]]
accounts = ["shop"]
primary = "us-east-1"
standby = "eu-west-1"
"#;

/// Two accounts in five regions, with one of each state.
fn world() -> World {
    let bucket = |ago: u64, attempts: u64, bounces: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let start = UNIX_EPOCH + Duration::from_secs(now - now % 900 - ago);
        Bucket { start, delivery_attempts: attempts, bounces, complaints: 1, rejects: 0 }
    };
    let shop = Identity::domain("shop.example")
        .mail_from("bounce.shop.example", "SUCCESS", "REJECT_MESSAGE")
        .topics(Some("arn:aws:sns:us-east-1:111111111111:bounces"), None)
        .forwarding(false)
        .configuration_set("main")
        .tag("owner", "platform")
        .tag("hidden", "by the allow-list");
    let events =
        EventDestination::new("feed", &["COMPLAINT"], Destination::sns("arn:aws:sns:us-east-1:111111111111:x"));
    let main =
        ConfigurationSet::new("main").event_destination(events).suppressed_reasons(&["BOUNCE"]).tls_policy("REQUIRE");
    let busy = Region::production("us-east-1", 50_000.0, 14.0)
        .sent(1234.0)
        .sent_exactly(vec![bucket(900, 450, 3), bucket(7200, 100, 5)])
        .identity(shop)
        .identity(Identity::email_address("noreply@shop.example").status("PENDING"))
        .identity(
            Identity::domain("quantum.example")
                .status("QUANTUM")
                .verification_error("TYPE_NOT_FOUND", "ns1.old.example"),
        )
        .configuration_set(main)
        .identity(Identity::managed_domain("managed.example"));
    let paused = Region::production("eu-central-1", -1.0, 500.0).enforcement("SHUTDOWN").paused();
    let waiting = Region::fresh("eu-west-1").review("PENDING", Some("17000000001"));
    let shop = Account::new("111111111111", "shop").access_key("AKIAGOLDEN0000000001", "golden").region(busy);
    let filling = Region::fresh("ap-south-1").sent(150.0).sent_exactly(vec![bucket(900, 150, 0)]);
    let shop = shop.region(paused).region(waiting).region(filling);
    let labs = Account::new("222222222222", "labs").role(Role::trusting("ses-exporter", "111111111111"));
    let used_up = Region::production("us-east-1", 200.0, 1.0).sent(250.0).sent_exactly(vec![bucket(7200, 250, 0)]);
    let labs = labs.region(used_up.enforcement("PROBATION"));
    World::empty().with_rate(None).with_account(shop).with_account(labs)
}

fn once() -> (Said, Page) {
    let aws = Aws::start(world());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    std::fs::write(&file, format!("{CONFIG}\n{}", ask_dns_at(aws.simulator.dns_address()))).unwrap();
    let said = run(command(&["once", "--config.file"]).arg(&file).envs(aws.environment()));
    let page = Page::parse(&said.out);
    (said, page)
}

/// The page with volatile values, and the descriptors' numbers, written as `…`.
fn stable(page: &str) -> String {
    let line = |line: &str| {
        let volatile = !line.starts_with('#') && VOLATILE.iter().any(|word| line.contains(word));
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        // Which of the collectors finds out that a region is off is chance.
        if line.contains("me-south-1") && name == "ses_exporter_aws_requests_total" {
            return String::new();
        }
        let settled = name.ends_with("_bucket") || line.contains("build_info");
        match line.rsplit_once(' ') {
            // How many requests fell into which bucket is chance, how many buckets there are is not.
            Some((series, _)) if volatile || settled => format!("{series} …\n"),
            _ => format!("{line}\n"),
        }
    };
    page.lines().map(line).collect()
}

#[test]
fn a_small_world_looks_like_this() {
    let (said, _) = once();
    assert_eq!((said.code, said.err.lines().filter(|line| line.contains("can't")).count()), (0, 0), "{}", said.err);
    golden("tests/golden/scrape.prom", &stable(&said.out));
}

#[test]
fn promtool_has_nothing_to_say_about_it() {
    let (said, _) = once();
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = promtool.expect("promtool (Debian package prometheus; tests/run installs it)");
    promtool.stdin.take().unwrap().write_all(said.out.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_metric_of_the_tables_is_in_the_demo_or_known_to_be_absent() {
    let (_, page) = once();
    let collected = ses_exporter::collectors::ALL.iter().flat_map(|row| (row.families)());
    let judged = ses_exporter::judgements::ALL.iter().flat_map(|judgement| judgement.families());
    let agent = ses_exporter::estate::METRICS.iter().map(|family| family.about());
    // Nothing failed, so nothing was counted as failed; nothing was built before the only page.
    // One look at DNS proves no fault.
    let absent = [
        "ses_exporter_collector_failures_total",
        "ses_exporter_series",
        "ses_exporter_page_build_duration_seconds",
        "ses_identity_dns_record_problem",
        // No web configuration; `web::rotation` sees these.
        "ses_exporter_web_config_last_reload_successful",
        "ses_exporter_web_config_last_reload_success_timestamp_seconds",
        "ses_exporter_web_certificate_expiry_timestamp_seconds",
    ];
    for about in collected.chain(judged).chain(agent).chain(ses_exporter::telemetry::METRICS.iter().copied()) {
        if about.name.starts_with("process_") {
            continue; // about the process that `once` was; `serve` shows them, see `web`
        }
        let seen = page.types.contains_key(about.name);
        assert_eq!(seen, !absent.contains(&about.name), "{}", about.name);
    }
}

#[test]
fn a_region_that_is_not_switched_on_is_skipped_and_shows_nothing_else() {
    let (_, page) = once();
    for account in ["shop", "labs \"quoted\""] {
        let labels = [("account", account), ("aws_region", "me-south-1")];
        let names: Vec<&str> = page
            .samples
            .iter()
            .filter(|s| s.labels.get("account").is_some_and(|a| a == account) && s.labels["aws_region"] == "me-south-1")
            .map(|s| s.name.as_str())
            .collect();
        assert!(page.value("ses_exporter_target_skipped", &labels).is_some(), "{names:?}");
        assert!(
            names.iter().all(|name| [
                "ses_exporter_target_skipped",
                "ses_exporter_target_info",
                "ses_exporter_aws_requests_total"
            ]
            .contains(name)),
            "{names:?}"
        );
    }
}
