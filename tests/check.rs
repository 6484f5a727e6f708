//! `check`: what people, programs and monitoring see of it, word for word, and how it ends.

use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use ses_exporter::simulator::{
    Account, Campaign, ConfigurationSet, DnsFault, DnsFaultKind, Fault, Identity, Profile, Region, Trouble, World,
};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, OTHER_ACCOUNT, SECRET, production, quick, world};
use crate::support::{Aws, Said, ask_dns_at, asked, command, eventually, golden, repository, run};

const REGIONS: &[&str] = &["eu-central-1", "eu-west-1", "us-east-1"];

const DECLARED: &str = r#"
[[expect]]
regions = ["eu-west-1", "us-east-1"]
state = "production"
identities = ["gone.example", "shop.example"]
exhaustive = true
minimum_quota = 50000

[[expect]]
regions = ["eu-central-1"]
state = "unused"
"#;

/// One account, and nothing in it.
fn empty() -> World {
    World::empty().with_rate(None)
}

fn account() -> Account {
    Account::new(MAIN, "main").access_key(KEY, SECRET)
}

/// A region in which everything that can be told about sending is wrong.
fn troubled() -> World {
    let pending = Identity::email_address("news@brand.example").status("PENDING");
    let ireland = production("eu-west-1").identity(pending).enforcement("SHUTDOWN").paused();
    let virginia = Region::fresh("us-east-1").identity(Identity::domain("shop.example")).review("PENDING", None);
    let account = account().region(ireland).region(virginia.sent(170.0));
    empty().with_account(account).with_dns_fault(DnsFault::new(DnsFaultKind::Removed).name("_dmarc.shop.example"))
}

fn check(aws: &Aws, config: &str, arguments: &[&str]) -> Said {
    check_with(aws, config, arguments, &[])
}

fn check_with(aws: &Aws, config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    asked(aws, &["check"], config, arguments, environment)
}

/// Nothing is read twice within a minute, so there is one look at each DNS record.
fn config(aws: &Aws, accounts: &str) -> String {
    quick(aws, REGIONS, "1m", "1h").replace("requests_per_second = 200", "requests_per_second = 0.5") + accounts
}

/// Both forms, held to their golden files. The resolver's port is another one each time.
fn shown(name: &str, aws: &Aws, accounts: &str, code: i32) {
    let steady = |text: &str| text.replace(&aws.simulator.dns_address().to_string(), "192.0.2.53:53");
    let config = config(aws, accounts);
    let people = check(aws, &config, &[]);
    assert_eq!((people.code, people.err.as_str()), (code, ""), "{}", people.out);
    assert!(people.out.lines().all(|line| line.chars().count() <= 100 || is_copied(line)), "{}", people.out);
    assert!(!people.out.contains('\u{1b}'), "{name}: no colour off a terminal");
    golden(&format!("tests/golden/check/{name}.txt"), &steady(&people.out));
    let painted = check_with(aws, &config, &[], &[("CLICOLOR_FORCE", "1")]);
    assert_eq!(plain(&painted.out), people.out, "{name}: colour changes no word");
    golden(&format!("tests/golden/check/{name}.ansi"), &steady(&painted.out));
    let programs = check(aws, &config, &["--json"]);
    assert_eq!((programs.code, programs.err.as_str()), (code, ""), "{}", programs.out);
    let report: serde_json::Value = serde_json::from_str(&programs.out).unwrap();
    assert_eq!((&report["version"], &report["exit_code"]), (&1.into(), &code.into()));
    golden(&format!("tests/golden/check/{name}.json"), &steady(&programs.out));
}

/// Declared paths and a failover, and what a region can have that no judgement likes.
const PATHS: &str = r#"
[[send_paths]]
name = "orders"
from = "orders@shop.example"
regions = ["eu-west-1", "us-east-1"]
configuration_set = "main"
daily_messages = 100000
peak_messages_per_second = 20.5

[[send_paths]]
name = "reports"
from = "reports@office.example"
to = ["ann@office.example"]
regions = ["us-east-1"]

[[failover]]
primary = "eu-west-1"
standby = "us-east-1"
"#;

#[test]
fn declared_mail_that_ses_would_refuse_is_told_with_what_mends_it() {
    let main = || ConfigurationSet::new("main");
    let silent = Identity::domain("shop.example").forwarding(false);
    let paused = ConfigurationSet::new("old").sending_disabled();
    let ireland = Region::production("eu-west-1", 50_000.0, 14.0).identity(silent);
    let ireland = ireland.configuration_set(main().sending_disabled()).configuration_set(paused);
    let office = Identity::domain("office.example").mail_from("bounce.office.example", "FAILED", "REJECT_MESSAGE");
    let virginia = Region::fresh("us-east-1").review("DENIED", Some("172000000000042")).identity(office);
    let aws = Aws::start(empty().with_account(account().region(ireland).region(virginia.configuration_set(main()))));
    shown("paths", &aws, &format!("{MAIN_ACCOUNT}{PATHS}"), 2);
}

#[test]
fn a_quota_that_is_about_to_be_used_up_is_told_with_its_time() {
    let now = SystemTime::now();
    let (from, until) = (now - Duration::from_hours(2), now + Duration::from_hours(20));
    let campaign = Some(Campaign { from, until, per_hour: 12_000.0 });
    let profile = Profile { campaign, ..Profile::healthy(400.0) };
    let busy = production("us-east-1").quota(40_000.0, 14.0).sending(profile);
    let aws = Aws::start(empty().with_account(account().region(busy)));
    let said = check(&aws, &config(&aws, MAIN_ACCOUNT), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(report["accounts"][0]["regions"][2]["quota_exhausted_at"].is_string(), "{}", said.out);
}

/// Commands and DNS records are never broken.
fn is_copied(line: &str) -> bool {
    line.trim_start().starts_with("aws ") || [" CNAME ", " TXT ", " MX "].iter().any(|kind| line.contains(kind))
}

/// Without colour.
fn plain(painted: &str) -> String {
    let mut parts = painted.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn all_is_well() {
    let aws = Aws::start(world(REGIONS));
    shown("well", &aws, &format!("{MAIN_ACCOUNT}{OTHER_ACCOUNT}"), 0);
}

#[test]
fn a_sandbox_that_is_used_is_to_be_looked_at_until_it_is_declared() {
    let sandbox = Region::fresh("us-east-1").identity(Identity::domain("shop.example"));
    let aws = Aws::start(empty().with_account(account().region(sandbox)));
    shown("sandbox", &aws, MAIN_ACCOUNT, 1);
    let declared = format!("{MAIN_ACCOUNT}[[expect]]\nregions = [\"us-east-1\"]\nstate = \"sandbox\"\n");
    assert_eq!(check(&aws, &config(&aws, &declared), &[]).code, 0);
}

#[test]
fn what_is_declared_and_does_not_send_is_told_first() {
    let aws = Aws::start(troubled());
    shown("troubled", &aws, &format!("{MAIN_ACCOUNT}{DECLARED}"), 2);
    let (readme, page) = (repository("README.md"), repository("tests/golden/check/troubled.txt"));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(std::fs::read_to_string(readme).unwrap().contains(&page), "README.md shows another page:\n{page}");
}

#[test]
fn what_is_denied_is_told_by_its_action() {
    let aws = Aws::start(world(REGIONS));
    aws.world.inject(Fault::new(Trouble::Deny).operation("ListEmailIdentities").region("eu-west-1"));
    aws.world.inject(Fault::new(Trouble::DenyByServiceControlPolicy).region("eu-central-1"));
    shown("denied", &aws, MAIN_ACCOUNT, 3);
}

#[test]
fn without_credentials_or_configuration_nothing_can_be_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    let nobody = ask_dns_at("127.0.0.1:9".parse().unwrap());
    std::fs::write(&file, format!("{nobody}[aws]\nregions = [\"us-east-1\"]\n")).unwrap();
    let said = run(command(&["check", "--config.file"]).arg(&file));
    assert_eq!((said.code, said.err.as_str()), (3, ""), "{}", said.out);
    assert!(said.out.contains("no credentials found"), "{}", said.out);
    for arguments in [
        &["check", "--nonsense"][..],
        &["--nonsense", "check"],
        &["check", "--wait", "a while"],
        &["check", "--config.file", "/none"],
    ] {
        let said = run(&mut command(arguments));
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{arguments:?}");
        assert!(!said.err.is_empty(), "{arguments:?}");
    }
    assert_eq!(run(&mut command(&["once", "--nonsense"])).code, 2, "only a plugin's codes are a plugin's");
    assert_eq!(run(&mut command(&["check", "--help"])).code, 0);
}

#[test]
fn it_waits_until_all_is_well() {
    let aws = Aws::start(empty().with_account(account().region(production("us-east-1").paused())));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT).unwrap();
    let mut child = command(&["check", "--wait", "30s", "--config.file"]);
    let child = child.arg(&file).envs(aws.environment()).env("SES_EXPORTER_CONFIG_FILE", &file);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    eventually("it looks a second time", || {
        let asked = aws
            .world
            .requests()
            .iter()
            .filter(|entry| entry.operation == "GetAccount" && entry.region == "us-east-1")
            .count();
        (asked > 1).then_some(())
    });
    assert!(child.try_wait().unwrap().is_none(), "sending is paused");
    aws.world.change(|world| *world.region_mut(MAIN, "us-east-1").unwrap() = production("us-east-1"));
    let ended = eventually("it ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn it_waits_no_longer_than_it_was_told() {
    let aws = Aws::start(empty().with_account(account().region(production("us-east-1").paused())));
    let began = Instant::now();
    let said = check(&aws, &config(&aws, MAIN_ACCOUNT), &["--wait", "3s"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(began.elapsed() >= Duration::from_secs(3));
}

#[test]
fn it_only_reads() {
    let aws = Aws::start(world(REGIONS));
    check(&aws, &config(&aws, &format!("{MAIN_ACCOUNT}{OTHER_ACCOUNT}")), &[]);
    let log = aws.world.requests();
    let reads = |operation: &str| ["Get", "List", "AssumeRole"].iter().any(|verb| operation.starts_with(verb));
    assert!(!log.is_empty() && log.iter().all(|entry| reads(&entry.operation)));
}
