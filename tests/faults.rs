//! Everything that AWS and the network may do wrong, and what the agent then says: on the page, at `/-/ready`, in the log.

use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::{BehaviorVersion, Region as AwsRegion};
use serde_json::json;
use ses_exporter::simulator::{Account, Fault, Identity, Region, Role, Service, Trouble, World};

use crate::support::stage::{
    KEY, MAIN, MAIN_ACCOUNT, OTHER, OTHER_ACCOUNT, ROLE, SECRET, all_succeed, configured, failures, hasty, operations,
    production, series_of_ses, success, to_ses, took, warnings, world,
};
use crate::support::{Agent, Aws, Page, command, eventually, run};

/// What one region suffers, and what is then said about its collector `account`.
struct Row {
    region: &'static str,
    trouble: Trouble,
    kind: &'static str,
    /// What the line in the log holds.
    said: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |region, trouble, kind, said| Row { region, trouble, kind, said };
    let server_error = |status| Trouble::ServerError { status };
    vec![
        row("ap-northeast-1", Trouble::Throttle, "throttled", "GetAccount: TooManyRequestsException: Rate exceeded"),
        row("ap-northeast-2", Trouble::Deny, "access_denied", "is not authorized to perform: ses:GetAccount"),
        row("ap-northeast-3", Trouble::ExpiredToken, "credentials", "GetAccount: ExpiredTokenException: "),
        row("ap-south-1", Trouble::RegionDisabled, "credentials", "GetAccount: UnrecognizedClientException: "),
        row("ap-southeast-1", server_error(500), "unexpected", "GetAccount: HTTP status 500"),
        row("ap-southeast-2", server_error(503), "unexpected", "GetAccount: HTTP status 503"),
        row(
            "ca-central-1",
            Trouble::Html,
            "unexpected",
            "GetAccount: an answer with HTTP status 200 that is not of AWS",
        ),
        row(
            "eu-central-1",
            Trouble::InvalidJson,
            "unexpected",
            "GetAccount: an answer with HTTP status 200 that is not of AWS",
        ),
        row("eu-north-1", Trouble::EmptyObject, "unexpected", "GetAccount answered without SendQuota"),
        row("eu-west-1", Trouble::Hang, "timeout", "GetAccount: no answer within 1s"),
        row("eu-west-2", Trouble::HangInBody, "timeout", "GetAccount: no answer within 1s"),
        row("eu-west-3", Trouble::Drip { bytes_per_second: 5 }, "timeout", "GetAccount: no answer within 1s"),
        row("sa-east-1", Trouble::Reset, "unreachable", "GetAccount: "),
        row(
            "us-east-2",
            Trouble::Slow { delay: Duration::from_millis(1_500) },
            "timeout",
            "GetAccount: no answer within 1s",
        ),
        row("us-west-1", Trouble::HugeBody { bytes: 64 << 20 }, "unexpected", "length limit exceeded"),
        row("us-west-2", Trouble::RequestTimeTooSkewed, "credentials", "GetAccount: RequestTimeTooSkewed: "),
    ]
}

/// One region that is switched off, one that an organisation denies, one that the account was never subscribed to.
const SKIPPED: [(&str, &str); 3] =
    [("me-south-1", "region_disabled"), ("eu-west-4", "service_control_policy"), ("af-south-1", "region_disabled")];
/// A region as AWS opens them every year, which the agent's table does not know.
const NEW_REGION: &str = "eu-west-4";
const HEALTHY: [&str; 2] = ["us-east-1", "eu-central-2"];

#[test]
fn each_way_to_fail_has_its_kind_and_hurts_only_its_own_target() {
    let rows = rows();
    let broken: Vec<&str> = rows.iter().map(|row| row.region).collect();
    let everywhere: Vec<&str> =
        broken.iter().copied().chain(SKIPPED.map(|(region, _)| region)).chain(HEALTHY).collect();
    let mut world = world(&everywhere);
    for region in ["me-south-1", "af-south-1"] {
        *world.region_mut(MAIN, region).unwrap() = production(region).disabled();
    }
    let aws = Aws::start(world);
    for row in &rows {
        aws.world.inject(Fault::new(row.trouble.clone()).region(row.region));
    }
    aws.world.inject(Fault::new(Trouble::DenyByServiceControlPolicy).region(NEW_REGION));
    let not_subscribed = "The AWS Access Key Id needs a subscription for the service";
    let refusal = Trouble::Refuse { status: 403, code: "OptInRequired".into(), message: not_subscribed.into() };
    aws.world.inject(Fault::new(refusal).region("af-south-1"));

    let config = hasty(&aws, &everywhere, "2s", "1h") + MAIN_ACCOUNT;
    let began = Instant::now();
    let agent = Agent::start(&aws, &config);
    agent.wait_ready();
    took("ready with 16 of 21 targets broken", began);
    let all_failed = |page: &Page| {
        let failed = |collector| broken.iter().all(|region| success(page, "main", region, collector) == Some(0.0));
        failed("account") && HEALTHY.iter().all(|region| all_succeed(page, "main", region))
    };
    let page = agent.page_where("every broken target says so", all_failed);

    for row in &rows {
        let kinds: Vec<_> = failures(&page, "main", row.region, "account");
        assert_eq!(kinds.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), [row.kind], "{}", row.region);
        let labels = [("aws_region", row.region), ("collector", "account")];
        assert_eq!(page.value("ses_exporter_collector_last_success_timestamp_seconds", &labels), None);
        let unknown = ["ses_production_access_enabled", "ses_sending_enabled", "ses_send_quota_max_24h_messages"];
        for name in unknown {
            assert_eq!(page.value(name, &labels[..1]), None, "{name} of {} is not known", row.region);
        }
        assert_eq!(page.value("ses_exporter_target_skipped", &labels[..1]), None, "{} is no skip", row.region);
    }
    for (region, reason) in SKIPPED {
        let labels = [("aws_region", region), ("reason", reason)];
        assert_eq!(page.value("ses_exporter_target_skipped", &labels), Some(1.0), "{region}");
        for name in ["ses_exporter_collector_success", "ses_exporter_collector_duration_seconds"] {
            assert_eq!(page.find(name, &labels[..1]).count(), 0, "{name} of {region}, which is no target");
        }
        assert!(failures(&page, "main", region, "account").is_empty());
        assert!(series_of_ses(&page, "main", region).is_empty());
    }
    for region in HEALTHY {
        assert_eq!(page.value("ses_production_access_enabled", &[("aws_region", region)]), Some(1.0));
        assert!(failures(&page, "main", region, "account").is_empty());
    }
    assert_eq!(page.find("ses_production_access_enabled", &[]).filter(|sample| sample.value == 0.0).count(), 0);
    assert!(!agent.get("/").text().contains(">sandbox<"), "nobody is in the sandbox");

    // A few rounds more: the log does not repeat itself, the healthy are polled all the time, nothing piles up.
    aws.world.clear_requests();
    let asked = |page: &Page, region| {
        let labels = [("aws_region", region), ("operation", "GetAccount")];
        page.value("ses_exporter_aws_requests_total", &labels).unwrap_or_default()
    };
    let five_more = |now: &Page| HEALTHY.iter().all(|region| asked(now, region) >= asked(&page, region) + 5.0);
    agent.page_where("five rounds more", five_more);
    let log = aws.world.requests();
    for region in HEALTHY {
        let times: Vec<_> = to_ses(&log, MAIN, region)
            .into_iter()
            .filter(|entry| entry.operation == "GetAccount")
            .map(|entry| entry.at)
            .collect();
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        println!("measured: longest pause of {region} while 16 others fail: {} ms", longest.as_millis());
        assert!(longest <= Duration::from_secs(5), "{region} was not asked for {longest:?}; its interval is 2 s");
    }
    for (region, _) in SKIPPED {
        assert_eq!(to_ses(&log, MAIN, region).len(), 0, "{region} is asked once an hour");
    }
    let said = agent.log();
    for row in &rows {
        let lines = warnings(&said, &format!("can't read account of main/{}:", row.region));
        assert_eq!(lines.len(), 1, "one warning, not one a round: {lines:#?}");
        assert!(lines[0].contains(row.said), "{} says: {}", row.region, lines[0]);
        assert!(lines[0].contains(&format!("kind=\"{}\"", row.kind)), "{}", lines[0]);
    }
    for (region, reason) in SKIPPED {
        let skipped = format!("main/{region} is skipped and asked again in an hour ({reason})");
        assert_eq!(said.matches(&skipped).count(), 1, "{skipped}\n{said}");
    }
    let memory = agent.page().value("process_resident_memory_bytes", &[]).unwrap();
    println!("measured: resident memory: {:.0} MiB", memory / 1_048_576.0);
    assert!(memory < 250e6, "a huge answer is not held in memory: {memory}");

    aws.world.clear_faults();
    let recovered = |page: &Page| broken.iter().all(|region| all_succeed(page, "main", region));
    let page = agent.page_where("everything recovers by itself", recovered);
    for row in &rows {
        assert_eq!(page.value("ses_production_access_enabled", &[("aws_region", row.region)]), Some(1.0));
        let counted: f64 = failures(&page, "main", row.region, "account").iter().map(|(_, count)| count).sum();
        assert!(counted >= 1.0, "the past is still counted");
    }
    eventually("the log tells the good news", || {
        let said = agent.log();
        broken.iter().all(|region| said.contains(&format!("account of main/{region} can be read again"))).then_some(())
    });
}

#[test]
fn a_list_without_end_is_a_failure_and_loses_no_identity() {
    let aws = Aws::start(world(&["us-east-1"]));
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let labels = [("identity", "shop.example")];
    agent.page_where("the identity", |page| page.value("ses_identity_verified", &labels) == Some(1.0));
    aws.world.inject(Fault::new(Trouble::EndlessPaging));
    let failed = |page: &Page| success(page, "main", "us-east-1", "identities") == Some(0.0);
    let page = agent.page_where("the list fails", failed);
    assert_eq!(failures(&page, "main", "us-east-1", "identities")[0].0, "unexpected");
    assert_eq!(page.value("ses_identity_verified", &labels), Some(1.0), "the last good reading stays");
    assert_eq!(success(&page, "main", "us-east-1", "account"), Some(1.0));
    assert!(agent.log().contains("ListEmailIdentities answered the same NextToken twice"));
}

#[test]
fn a_skewed_clock_is_corrected_within_the_reading() {
    let aws = Aws::start(world(&["us-east-1"]));
    aws.world.inject(Fault::new(Trouble::RequestTimeTooSkewed).operation("GetAccount").times(1));
    aws.world.inject(Fault::new(Trouble::ClockSkew { seconds: 3_600 }));
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let page = agent.page_where("it is read", |page| all_succeed(page, "main", "us-east-1"));
    assert!(failures(&page, "main", "us-east-1", "account").is_empty(), "the second attempt is the same reading");
}

#[test]
fn a_target_that_has_answered_is_never_skipped() {
    let aws = Aws::start(world(&["us-east-1", "eu-central-2"]));
    let regions = ["us-east-1", "eu-central-2"];
    let agent = Agent::start(&aws, &(hasty(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT));
    agent.page_where("both are read", |page| regions.iter().all(|region| all_succeed(page, "main", region)));
    aws.world.inject(Fault::new(Trouble::DenyByServiceControlPolicy).region("us-east-1"));
    aws.world.inject(Fault::new(Trouble::RegionDisabled).region("eu-central-2"));
    let failed = |page: &Page| regions.iter().all(|region| success(page, "main", region, "account") == Some(0.0));
    let page = agent.page_where("both fail", failed);
    assert_eq!(page.find("ses_exporter_target_skipped", &[]).count(), 0, "somebody took it away: that is a failure");
    assert_eq!(failures(&page, "main", "us-east-1", "account")[0].0, "access_denied");
    assert_eq!(failures(&page, "main", "eu-central-2", "account")[0].0, "credentials");
    assert_eq!(page.find("ses_production_access_enabled", &[]).count(), 2, "the last good readings stay");
}

/// Twelve regions that every account has.
const TWELVE: [&str; 12] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-west-2",
];

fn to_sts(aws: &Aws, operation: &str, role: &str) -> usize {
    let asked = aws.world.requests();
    let matches = |subject: &Option<String>| role.is_empty() || subject.as_deref() == Some(role);
    asked.iter().filter(|entry| entry.operation == operation && matches(&entry.subject)).count()
}

#[test]
fn one_role_costs_one_call_for_all_its_regions_and_a_refused_one_no_more() {
    let aws = Aws::start(world(&TWELVE));
    let refused = "arn:aws:iam::222222222222:role/no-such-role";
    let config = hasty(&aws, &TWELVE, "1s", "1h")
        + MAIN_ACCOUNT
        + OTHER_ACCOUNT
        + &format!("[[accounts]]\nname = \"refused\"\nrole_arn = \"{refused}\"\n");
    let agent = Agent::start(&aws, &config);
    agent.wait_ready();
    let settled = |page: &Page| {
        TWELVE.iter().all(|region| {
            all_succeed(page, "main", region)
                && all_succeed(page, "other", region)
                && success(page, "refused", region, "identities") == Some(0.0)
        })
    };
    let page = agent.page_where("all is known", settled);
    for region in TWELVE {
        assert_eq!(failures(&page, "refused", region, "account").first().unwrap().0, "credentials");
        assert!(series_of_ses(&page, "refused", region).is_empty());
    }
    let rounds = |page: &Page| failures(page, "refused", "us-east-1", "account")[0].1 >= 5.0;
    agent.page_where("five rounds", rounds);
    assert_eq!(to_sts(&aws, "AssumeRole", ROLE), 1, "one token serves all regions");
    assert_eq!(to_sts(&aws, "AssumeRole", refused), 1, "a refusal is remembered for a minute");
    let who = to_sts(&aws, "GetCallerIdentity", "");
    assert!(who <= 3, "who am I: once for each account, not {who} times");
    let said = agent.log();
    let lines = warnings(&said, "can't assume");
    let told: Vec<_> = lines.iter().filter(|line| !line.contains("can't read")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(told[0].contains(refused) && told[0].contains("asked again after 1m"), "{}", told[0]);
    assert_eq!(lines.len(), 1, "36 readings fail for this one reason: {lines:#?}");
}

#[test]
fn a_token_service_that_is_slow_is_waited_for() {
    let aws = Aws::start(world(&TWELVE));
    for operation in ["GetCallerIdentity", "AssumeRole"] {
        let slow = Trouble::Slow { delay: Duration::from_millis(700) };
        aws.world.inject(Fault::new(slow).operation(operation));
    }
    // Each answer of STS comes within attempt_timeout, which is a second; both together do not.
    let agent = Agent::start(&aws, &(hasty(&aws, &TWELVE, "1s", "1h") + OTHER_ACCOUNT));
    agent.page_where("the role is read", |page| TWELVE.iter().all(|region| all_succeed(page, "other", region)));
    assert_eq!(to_sts(&aws, "AssumeRole", ROLE), 1, "whoever waits for a token must not ask for another one");
}

#[test]
fn a_token_service_that_hangs_is_not_stormed_and_hurts_no_other_account() {
    let aws = Aws::start(world(&TWELVE));
    aws.world.inject(Fault::new(Trouble::Hang).operation("AssumeRole"));
    let agent = Agent::start(&aws, &(hasty(&aws, &TWELVE, "1s", "1h") + MAIN_ACCOUNT + OTHER_ACCOUNT));
    let failed = |page: &Page| {
        TWELVE.iter().all(|region| all_succeed(page, "main", region))
            && TWELVE.iter().all(|region| success(page, "other", region, "account") == Some(0.0))
    };
    agent.page_where("one account fails, the other does not", failed);
    agent.wait_ready();
    let first = aws.world.requests().iter().find(|entry| entry.operation == "AssumeRole").unwrap().at;
    eventually("ten seconds of it", || (first.elapsed() >= Duration::from_secs(10)).then_some(()));
    let asked = to_sts(&aws, "AssumeRole", ROLE);
    println!("measured: AssumeRole within 10 s of a hanging STS, 12 regions: {asked}");
    assert!(asked <= 5, "an attempt takes a second and the next follows five seconds later: {asked}");
    aws.world.clear_faults();
    agent.page_where("it recovers", |page| TWELVE.iter().all(|region| all_succeed(page, "other", region)));
}

#[test]
fn tokens_that_aws_ends_early_are_renewed() {
    let aws = Aws::start(world(&["us-east-1", "eu-west-1"]));
    let regions = ["us-east-1", "eu-west-1"];
    let agent = Agent::start(&aws, &(hasty(&aws, &regions, "1s", "1h") + OTHER_ACCOUNT));
    agent.page_where("it is read", |page| regions.iter().all(|region| all_succeed(page, "other", region)));
    // "Revoke active sessions" in the console of IAM.
    aws.world.expire_sessions();
    aws.world.clear_requests();
    let again = || to_sts(&aws, "AssumeRole", ROLE) > 0;
    eventually("a new token is asked for", || again().then_some(()));
    agent.page_where("it is read again", |page| regions.iter().all(|region| all_succeed(page, "other", region)));
    assert_eq!(to_sts(&aws, "AssumeRole", ROLE), 1, "one new token for all regions");
}

#[test]
fn a_role_that_the_caller_is_in_already_is_not_assumed() {
    let aws = Aws::start(world(&["us-east-1"]));
    let inside = assume(&aws, ROLE);
    aws.world.clear_requests();
    let environment = [
        ("AWS_ENDPOINT_URL", aws.simulator.url()),
        ("AWS_ACCESS_KEY_ID", inside.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", inside.secret_access_key),
        ("AWS_SESSION_TOKEN", inside.session_token),
    ];
    let config = hasty(&aws, &["us-east-1"], "1s", "1h") + OTHER_ACCOUNT;
    let agent = Agent::start_with(&environment, &config, &[]);
    agent.page_where("it is read", |page| all_succeed(page, "other", "us-east-1"));
    assert_eq!(to_sts(&aws, "AssumeRole", ""), 0, "many roles do not trust themselves");
}

/// What AssumeRole answers to the key of [`MAIN`].
fn assume(aws: &Aws, role: &str) -> aws_sdk_sts::types::Credentials {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(AwsRegion::new("us-east-1"))
        .credentials_provider(Credentials::new(KEY, SECRET, None, None, "test"))
        .endpoint_url(aws.simulator.url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let request = aws_sdk_sts::Client::from_conf(config).assume_role().role_arn(role).role_session_name("caller");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(request.send()).unwrap().credentials.unwrap()
}

#[test]
fn words_that_ses_adds_one_day_appear_under_their_own_name() {
    let mut odd = Identity::domain("odd.example").status("QUANTUM");
    odd.identity_type = "NEW_KIND".into();
    let mut world = world(&["us-east-1"]);
    world.put_identity(MAIN, "us-east-1", odd).unwrap();
    let patch = json!({
        "EnforcementStatus": "WEIRD",
        "Details": { "ReviewDetails": { "Status": "ASTONISHED", "CaseId": "17" } },
        "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "BOREDOM"] },
        "VdmAttributes": { "VdmEnabled": "HALFWAY" },
        "SomethingNew": { "Of": ["this", "year"] },
    });
    world.region_mut(MAIN, "us-east-1").unwrap().patch(&patch, std::time::SystemTime::now());
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let page = agent.page_where("it is read", |page| all_succeed(page, "main", "us-east-1"));
    let one =
        |name: &str, labels: &[(&str, &str)]| assert_eq!(page.value(name, labels), Some(1.0), "{name} {labels:?}");
    one("ses_enforcement_status", &[("status", "WEIRD")]);
    assert_eq!(page.value("ses_enforcement_status", &[("status", "HEALTHY")]), Some(0.0));
    one("ses_production_access_review_status", &[("status", "ASTONISHED")]);
    one("ses_production_access_review_info", &[("case_id", "17")]);
    one("ses_suppression_reason_enabled", &[("reason", "BOREDOM")]);
    one("ses_identities", &[("identity_type", "new_kind"), ("status", "QUANTUM")]);
    one("ses_identity_verification_status", &[("identity", "odd.example"), ("status", "QUANTUM")]);
    assert_eq!(page.value("ses_identity_verified", &[("identity", "odd.example")]), Some(0.0));
    assert_eq!(page.value("ses_vdm_enabled", &[]), None, "neither on nor off");
}

#[test]
fn a_key_that_aws_does_not_know_is_a_failure_everywhere_and_skips_nothing() {
    let regions = ["us-east-1", "me-south-1"];
    let aws = Aws::start(world(&regions));
    let mut environment = aws.environment();
    environment.retain(|(name, _)| *name != "AWS_ACCESS_KEY_ID");
    environment.push(("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000".into()));
    let agent = Agent::start_with(&environment, &(hasty(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT), &[]);
    let failed = |page: &Page| regions.iter().all(|region| success(page, "main", region, "identities") == Some(0.0));
    let page = agent.page_where("both fail", failed);
    for region in regions {
        assert_eq!(failures(&page, "main", region, "account")[0].0, "credentials", "{region}");
    }
    assert_eq!(page.find("ses_exporter_target_skipped", &[]).count(), 0);
    agent.wait_ready();
    let doubts = to_sts(&aws, "GetCallerIdentity", "");
    println!("measured: GetCallerIdentity with an unknown key: {doubts}");
}

#[test]
fn a_target_that_hangs_delays_neither_others_nor_scrapes() {
    let regions = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1"];
    let aws = Aws::start(world(&regions));
    aws.world.inject(Fault::new(Trouble::Hang).region("eu-west-1"));
    let config = configured(&aws, &regions, "1s", "1h", "attempt_timeout = \"20s\"\nread_timeout = \"1m\"");
    let agent = Agent::start(&aws, &(config + MAIN_ACCOUNT));
    let healthy = &regions[..3];
    agent.page_where("the others are read", |page| healthy.iter().all(|region| all_succeed(page, "main", region)));
    let answer = agent.get("/-/ready");
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("Not ready: waiting for the first answer of 1 target"), "{}", answer.text());
    let mut slowest = Duration::ZERO;
    let asked = |region: &str| operations(&to_ses(&aws.world.requests(), MAIN, region)).get("GetAccount").copied();
    eventually("six rounds", || {
        let began = Instant::now();
        let page = agent.page();
        slowest = slowest.max(began.elapsed());
        assert_eq!(page.find("ses_exporter_collector_success", &[("aws_region", "eu-west-1")]).count(), 0);
        healthy.iter().all(|region| asked(region) >= Some(6)).then_some(())
    });
    println!("measured: slowest scrape beside a hanging target: {} ms", slowest.as_millis());
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert_eq!(to_ses(&aws.world.requests(), MAIN, "eu-west-1").len(), 1, "one request hangs, nobody asks after it");
}

#[test]
fn an_answer_without_statistics_is_no_burst_of_mail() {
    let mut world = world(&["us-east-1"]);
    let sender = production("us-east-1").sending(ses_exporter::simulator::Profile::healthy(40_000.0));
    *world.region_mut(MAIN, "us-east-1").unwrap() = sender;
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let attempts = |page: &Page| page.value("ses_send_delivery_attempts_total", &[]);
    let last = |page: &Page| page.value("ses_send_delivery_attempts_24h", &[]);
    let page = agent.page_where("it is read", |page| last(page) > Some(30_000.0));
    assert_eq!(attempts(&page), Some(0.0), "the first answer is the baseline");
    aws.world.inject(Fault::new(Trouble::EmptyObject).operation("GetSendStatistics").times(1));
    let failed = |page: &Page| !failures(page, "main", "us-east-1", "sending").is_empty();
    let page = agent.page_where("the answer is none", failed);
    assert!(last(&page) > Some(30_000.0), "what was sent is not unsent: {:?}", last(&page));
    let page = agent.page_where("it is read again", |page| all_succeed(page, "main", "us-east-1"));
    assert!(attempts(&page) < Some(1_000.0), "two weeks of mail in a second: {:?}", attempts(&page));
}

#[test]
fn an_answer_without_a_list_takes_no_identity_away() {
    let aws = Aws::start(world(&["us-east-1"]));
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    agent.page_where("it is read", |page| all_succeed(page, "main", "us-east-1"));
    aws.world.inject(Fault::new(Trouble::EmptyObject).operation("ListEmailIdentities"));
    let failed = |page: &Page| success(page, "main", "us-east-1", "identities") == Some(0.0);
    let page = agent.page_where("the answer is none", failed);
    assert_eq!(page.value("ses_identity_verified", &[("identity", "shop.example")]), Some(1.0));
}

#[test]
fn secrets_appear_nowhere() {
    let external = "canary-external-id-of-the-role";
    let token = "canary-session-token";
    let strict = Account::new("333333333333", "strict")
        .role(Role::trusting("ses-exporter", MAIN).external_id(external))
        .region(Region::production("us-east-1", 1_000.0, 1.0));
    let aws = Aws::start(world(&["us-east-1", "us-west-2", "eu-west-1"]).with_account(strict));
    // AWS explains a wrong signature with the canonical request, and that holds the session token.
    let canonical =
        format!("The Canonical String for this request should have been\n'GET\nx-amz-security-token:{token}\n'");
    let refusal = Trouble::Refuse { status: 403, code: "SignatureDoesNotMatch".into(), message: canonical };
    aws.world.inject(Fault::new(refusal.clone()).region("us-west-2"));
    aws.world.inject(Fault::new(refusal).operation("AssumeRole").account(OTHER));
    aws.world.inject(Fault::new(Trouble::Reset).region("eu-west-1"));
    let mut environment = aws.environment();
    environment.push(("AWS_SESSION_TOKEN", token.to_owned()));
    environment.push(("RUST_LOG", "trace".to_owned()));
    let config = hasty(&aws, &["us-east-1", "us-west-2", "eu-west-1"], "1s", "1h")
        + MAIN_ACCOUNT
        + &OTHER_ACCOUNT.replace("role_arn", &format!("external_id = \"{external}\"\nrole_arn"))
        + &format!(
            "[[accounts]]\nname = \"strict\"\nrole_arn = \"arn:aws:iam::333333333333:role/ses-exporter\"\n\
             external_id = \"{external}\"\nregions = [\"us-east-1\"]\n"
        );
    let agent = Agent::start_with(&environment, &config, &["--log.level", "trace"]);
    let done = |page: &Page| {
        all_succeed(page, "strict", "us-east-1")
            && success(page, "main", "us-west-2", "identities") == Some(0.0)
            && success(page, "other", "us-west-2", "identities") == Some(0.0)
    };
    let page = agent.page_where("good and bad is known", done);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &config).unwrap();
    let path = file.path().to_str().unwrap();
    let environment = || environment.iter().map(|(name, value)| (*name, value));
    let once = run(command(&["once", "--log.level", "trace", "--config.file", path]).envs(environment()));
    let effective = run(command(&["print", "config", "--effective", "--config.file", path]).envs(environment()));
    let policy = run(command(&["print", "iam-policy", "--config.file", path]).envs(environment()));
    assert!(effective.out.contains("arn:aws:iam::333333333333:role/ses-exporter"), "{}", effective.out);
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", agent.child.id())).unwrap();
    let outputs = [
        ("the log", agent.log()),
        ("the page", page.text),
        ("the status page", agent.get("/").text()),
        ("the arguments", arguments),
        ("once", format!("{once:?}")),
        ("print config", format!("{effective:?}")),
        ("print iam-policy", format!("{policy:?}")),
    ];
    for (where_, text) in &outputs {
        assert!(text.len() > 20, "{where_} says something");
        for canary in [SECRET, token, external, "canary"] {
            assert!(!text.contains(canary), "{where_} holds {canary}:\n{text}");
        }
    }
}

#[test]
fn names_from_outside_break_neither_page_nor_log() {
    let names =
        ["quote\"quote", "back\\slash", "line\nbreak", "nul\0nul", "\u{202e}rtl", "\u{1b}[31mred", "ünïcödé.example"];
    let mut world = world(&["us-east-1"]);
    for name in names {
        world.put_identity(MAIN, "us-east-1", Identity::domain(name)).unwrap();
    }
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let page = agent.page_where("it is read", |page| all_succeed(page, "main", "us-east-1"));
    for name in names {
        assert_eq!(page.value("ses_identity_verified", &[("identity", name)]), Some(1.0), "{name:?}");
    }
    let evil = "a\nses_evil 1\n\u{1b}[31m".to_owned();
    aws.world.inject(Fault::new(Trouble::Refuse { status: 400, code: "BadRequestException".into(), message: evil }));
    agent.page_where("it fails", |page| success(page, "main", "us-east-1", "account") == Some(0.0));
    let said = agent.log();
    assert!(said.contains("BadRequestException: a ses_evil 1"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.lines().any(|line| line.starts_with("ses_evil")));
}

#[test]
fn two_accounts_that_turn_out_to_be_one_give_each_series_once() {
    let aws = Aws::start(
        World::empty()
            .with_rate(None)
            .with_account(Account::new(MAIN, "main").access_key(KEY, SECRET).region(production("us-east-1"))),
    );
    let profiles = tempfile::NamedTempFile::new().unwrap();
    let key = format!("aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n");
    std::fs::write(profiles.path(), format!("[one]\n{key}[two]\n{key}")).unwrap();
    let environment = [("AWS_SHARED_CREDENTIALS_FILE", profiles.path().display().to_string())];
    let config = hasty(&aws, &["us-east-1"], "1s", "1h")
        + "[[accounts]]\nprofile = \"one\"\n[[accounts]]\nname = \"111111111111\"\nprofile = \"two\"\n";
    let agent = Agent::start_with(&environment, &config, &[]);
    // The reader of pages panics where a series stands twice.
    agent.page_where("it is read", |page| all_succeed(page, MAIN, "us-east-1"));
    eventually("both have answered", || {
        let log = aws.world.requests();
        (operations(&log).get("GetAccount") >= Some(&4)).then_some(())
    });
    let page = agent.page();
    assert_eq!(page.find("ses_production_access_enabled", &[]).count(), 1);
    let sts = aws.world.requests().iter().filter(|entry| entry.service == Service::Sts).count();
    assert!(sts >= 1);
}

#[test]
fn a_policy_that_denies_one_action_hides_nothing_else() {
    let aws = Aws::start(world(&["us-east-1"]));
    aws.world.inject(Fault::new(Trouble::DenyByServiceControlPolicy).operation("GetAccount"));
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let others = |page: &Page| {
        ["sending", "identities"].iter().all(|collector| success(page, "main", "us-east-1", collector) == Some(1.0))
    };
    let page = agent.page_where("the others are read", others);
    assert_eq!(success(&page, "main", "us-east-1", "account"), Some(0.0));
    assert_eq!(failures(&page, "main", "us-east-1", "account")[0].0, "access_denied");
    assert_eq!(page.find("ses_exporter_target_skipped", &[]).count(), 0, "what is denied is seen, not skipped");
}

#[test]
fn a_role_that_is_refused_counts_no_request_that_was_never_sent() {
    let aws = Aws::start(world(&["us-east-1"]));
    aws.world.inject(Fault::new(Trouble::Deny).operation("AssumeRole"));
    let agent = Agent::start(&aws, &(hasty(&aws, &["us-east-1"], "1s", "1h") + OTHER_ACCOUNT));
    let tried =
        |page: &Page| failures(page, "other", "us-east-1", "account").first().is_some_and(|(_, count)| *count >= 3.0);
    let page = agent.page_where("it was tried some times", tried);
    assert_eq!(page.find("ses_exporter_aws_requests_total", &[("service", "sesv2")]).count(), 0);
}
