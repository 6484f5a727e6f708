//! `check send`: each reason why SES would refuse a mail, what people and programs see of it, and how it ends.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::Value;

use ses_exporter::judgements::send_path::Reason;
use ses_exporter::simulator::{
    Account, ConfigurationSet, Fault, Identity, LoggedRequest, Profile, Region, Trouble, World,
};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, OTHER_ACCOUNT, SECRET, production, quick, world};
use crate::support::{Aws, Said, ask_dns_at, asked, command, eventually, golden, repository, run, send};

const SHOP: &str = "orders@shop.example";
const EVE: &str = "eve@customer.test";

fn account() -> Account {
    Account::new(MAIN, "main").access_key(KEY, SECRET)
}

fn aws(regions: Vec<Region>) -> Aws {
    let account = regions.into_iter().fold(account(), Account::region);
    Aws::start(World::empty().with_rate(None).with_account(account))
}

fn sandbox(name: &str) -> Region {
    Region::fresh(name).identity(Identity::domain("shop.example"))
}

/// A region for each thing that can be wrong.
fn troubled() -> Vec<Region> {
    let of = |name, identity: Identity| Region::production(name, 50_000.0, 14.0).identity(identity);
    let shop = || Identity::domain("shop.example");
    let rejects = shop().mail_from("bounce.shop.example", "PENDING", "REJECT_MESSAGE");
    let falls_back = shop().mail_from("bounce.shop.example", "FAILED", "USE_DEFAULT_VALUE");
    let off = ConfigurationSet::new("off").sending_disabled();
    vec![
        production("us-east-1").configuration_set(off).configuration_set(ConfigurationSet::new("main")),
        production("us-east-2").enforcement("SHUTDOWN").paused(),
        production("us-west-1").paused(),
        production("us-west-2").sent(49_999.0),
        production("eu-west-1").sent(50_000.0).sending(Profile::healthy(2_000.0)),
        of("eu-west-2", shop().configuration_set("gone")),
        of("eu-west-3", Identity::email_address("ann@other.test")),
        of("eu-central-1", shop().status("PENDING")),
        of("eu-north-1", Identity::email_address(SHOP).status("FAILED")),
        of("ca-central-1", rejects),
        sandbox("sa-east-1"),
        sandbox("ap-south-1").review("PENDING", Some("172000000000042")),
        sandbox("ap-southeast-1").review("DENIED", Some("172000000000043")),
        sandbox("ap-southeast-2").review("FAILED", None),
        sandbox("ap-northeast-1").review("GRANTED", None).identity(Identity::email_address(EVE).status("PENDING")),
        of("ap-northeast-2", falls_back).enforcement("PROBATION"),
        production("ap-northeast-3"),
    ]
}

fn check(aws: &Aws, config: &str, arguments: &[&str]) -> Said {
    check_with(aws, config, arguments, &[])
}

fn check_with(aws: &Aws, config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    asked(aws, &["check", "send"], config, arguments, environment)
}

fn config(aws: &Aws) -> String {
    quick(aws, &["us-east-1", "ap-northeast-3"], "5s", "1h") + MAIN_ACCOUNT
}

fn json(said: &Said) -> Value {
    assert_eq!(said.err, "");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["version"], &report["exit_code"]), (&1.into(), &said.code.into()));
    report
}

/// The words of `list` in a region of the report.
fn words<'a>(region: &'a Value, list: &str, word: &str) -> Vec<&'a str> {
    region[list].as_array().into_iter().flatten().map(|one| one[word].as_str().unwrap()).collect()
}

/// What follows the region on the command line, the exit code, the reasons and the warnings.
type Row = (&'static str, &'static [&'static str], i32, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("ap-northeast-3", &["--to", "any"], 0, &[]),
    ("us-east-1", &["--to", "any", "--configuration-set", "main"], 0, &[]),
    ("us-east-1", &["--to", "any", "--configuration-set", "off"], 2, &["configuration_set_paused"]),
    ("us-east-2", &["--to", "any"], 2, &["account_shut_down"]),
    ("us-west-1", &["--to", "any"], 2, &["sending_paused"]),
    ("us-west-2", &["--to", "any"], 1, &["quota_nearly_used"]),
    ("us-west-2", &["--to", "any", "--recipients", "2"], 2, &["quota_exhausted"]),
    ("us-west-2", &["--to", "a@b.test,c@d.test"], 2, &["quota_exhausted"]),
    ("eu-west-1", &["--to", "any"], 2, &["quota_exhausted"]),
    ("eu-west-1", &["--to", "success@simulator.amazonses.com"], 1, &["quota_nearly_used"]),
    ("eu-west-2", &["--to", "any"], 2, &["configuration_set_missing"]),
    ("eu-west-3", &["--to", "any"], 2, &["identity_in_other_region"]),
    ("eu-central-1", &["--to", "any"], 2, &["identity_pending"]),
    ("eu-north-1", &["--to", "any"], 2, &["identity_failed"]),
    ("ca-central-1", &["--to", "any"], 2, &["mail_from_rejects"]),
    ("sa-east-1", &["--to", "any"], 2, &["sandbox_not_requested"]),
    ("sa-east-1", &["--to", "ann@shop.example"], 0, &[]),
    ("sa-east-1", &["--to", "success@simulator.amazonses.com"], 1, &["simulator_only"]),
    ("ap-south-1", &["--to", "any"], 2, &["sandbox_pending"]),
    ("ap-southeast-1", &["--to", EVE, "--to", "customer.test"], 2, &["sandbox_denied"]),
    ("ap-southeast-2", &["--to", EVE], 2, &["sandbox_failed"]),
    ("ap-northeast-1", &["--to", EVE], 2, &["sandbox"]),
    ("ap-northeast-2", &["--to", "any"], 1, &["under_review", "mail_from_falls_back"]),
];

#[test]
fn every_reason_has_its_code_and_a_first_step() {
    let aws = aws(troubled());
    let config = config(&aws);
    let mut seen = BTreeSet::new();
    for (region, arguments, code, expected) in ROWS {
        let arguments = [&["--json", "--from", SHOP, "--region", region][..], arguments].concat();
        let said = check(&aws, &config, &arguments);
        let report = json(&said);
        assert_eq!(said.code, *code, "{arguments:?}: {}", said.out);
        let region = &report["regions"][0];
        let told = [words(region, "reasons", "reason"), words(region, "warnings", "warning")].concat();
        assert_eq!(told, *expected, "{arguments:?}: {}", said.out);
        for one in ["reasons", "warnings"].iter().flat_map(|list| region[list].as_array().into_iter().flatten()) {
            assert!(one["remedies"][0]["command"].is_string(), "{arguments:?}: {one}");
        }
        seen.extend(told.into_iter().map(str::to_owned));
    }
    let missing = check(&aws, &config, &["--json", "--from", "a@nobody.test", "--to", "any", "--region", "us-east-1"]);
    seen.extend(words(&json(&missing)["regions"][0], "reasons", "reason").into_iter().map(str::to_owned));
    // How much goes out in a day, and how fast, is said by declared paths alone.
    let declared = [Reason::QuotaTooSmall, Reason::RateTooLow];
    for reason in Reason::ALL.iter().filter(|reason| !declared.contains(reason)) {
        assert!(seen.contains(reason.as_str()), "{reason:?}");
    }
}

/// With one time for all times: the window of the quota rolls.
fn steady(text: &str) -> String {
    const BEFORE: &str = "there is room again at ";
    let mut parts = text.split(BEFORE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + BEFORE + "2026-11-22T12:00:00Z" + &part["2026-11-22T12:00:00Z".len()..])
}

/// Both forms and the colours, held to their golden files.
fn shown(name: &str, aws: &Aws, arguments: &[&str], code: i32) {
    let config = config(aws);
    let people = check(aws, &config, arguments);
    assert_eq!((people.code, people.err.as_str()), (code, ""), "{}", people.out);
    assert!(!people.out.contains('\u{1b}'), "{name}: no colour off a terminal");
    golden(&format!("tests/golden/check_send/{name}.txt"), &steady(&people.out));
    let painted = check_with(aws, &config, arguments, &[("CLICOLOR_FORCE", "1")]);
    golden(&format!("tests/golden/check_send/{name}.ansi"), &steady(&painted.out));
    assert_eq!(check_with(aws, &config, arguments, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).out, people.out);
    let programs = check(aws, &config, &[arguments, &["--json"]].concat());
    let object = serde_json::to_string_pretty(&json(&programs)).unwrap();
    golden(&format!("tests/golden/check_send/{name}.json"), &steady(&object));
    assert_eq!(programs.code, code);
}

#[test]
fn the_verdict_comes_first_and_each_reason_has_its_command() {
    let aws = aws(troubled());
    let to_eve = ["--from", SHOP, "--to", EVE, "--to", "ann@shop.example"];
    shown("accepted", &aws, &[&to_eve[..], &["--region", "us-east-1"]].concat(), 0);
    shown("accepted_but", &aws, &[&to_eve[..], &["--region", "ap-northeast-2"]].concat(), 1);
    shown("refused", &aws, &[&to_eve[..], &["--region", "ap-south-1,eu-central-1,ca-central-1,eu-west-3"]].concat(), 2);
    let page = std::fs::read_to_string(repository("tests/golden/check_send/refused.txt")).unwrap();
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    assert!(readme.contains(&page), "README.md shows another page:\n{page}");
    shown("all_regions", &aws, &[&to_eve[..], &["--all-regions"]].concat(), 0);
    shown("elsewhere", &aws, &[&to_eve[..], &["--region", "us-west-1", "--all-regions"]].concat(), 2);
}

#[test]
fn what_could_not_be_read_is_told_and_not_guessed() {
    let aws = aws(troubled());
    aws.world.inject(Fault::new(Trouble::Deny).operation("ListEmailIdentities").region("us-east-1"));
    shown("denied", &aws, &["--from", SHOP, "--to", "any", "--region", "us-east-1"], 3);
}

#[test]
fn when_there_is_room_again_is_told_where_the_forecast_knows() {
    let aws = aws(troubled());
    let said = check(&aws, &config(&aws), &["--from", SHOP, "--to", "any", "--region", "eu-west-1"]);
    assert!(said.out.contains("there is room again at 20"), "{}", said.out);
}

#[test]
fn without_configuration_the_environment_is_enough() {
    let aws = aws(troubled());
    let mut command = command(&["check", "send", "--from", SHOP, "--to", "any", "--region", "us-east-1", "--json"]);
    let environment =
        aws.environment().into_iter().filter(|(name, _)| !["AWS_REGION", "SES_EXPORTER_CONFIG_FILE"].contains(name));
    let report = json(&run(command.envs(environment)));
    assert_eq!((&report["regions"][0]["account"], &report["verdict"]), (&MAIN.into(), &"accepted".into()));
}

#[test]
fn an_account_is_found_by_its_name_and_by_its_id() {
    let aws = Aws::start(world(&["us-east-1", "eu-west-1"]));
    let config = quick(&aws, &["us-east-1"], "5s", "1h") + MAIN_ACCOUNT + OTHER_ACCOUNT;
    let ask = |more: &[&str]| check(&aws, &config, &[&["--from", SHOP, "--to", "any", "--json"], more].concat());
    let accounts = |said: &Said| words(&json(said), "regions", "account").join(" ");
    assert_eq!(accounts(&ask(&[])), "main other");
    let people = check(&aws, &config, &["--from", SHOP, "--to", "any"]).out;
    assert!(people.lines().next().is_some_and(|line| line.ends_with(" to anyone (us-east-1)")), "{people}");
    assert_eq!(accounts(&ask(&["--account", "other"])), "other");
    assert_eq!(accounts(&ask(&["--account", MAIN])), "main");
    assert_eq!(accounts(&ask(&["--account", "other", "--region", "eu-west-1"])), "other");
    let several = ask(&["--region", "eu-west-1"]);
    assert_eq!((several.code, several.out.as_str()), (3, ""), "which account is meant?");
    assert!(several.err.contains("eu-west-1") && several.err.contains("--account"), "{}", several.err);
}

#[test]
fn a_question_that_is_none_is_answered_in_one_sentence() {
    let nobody = ask_dns_at("127.0.0.1:9".parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, format!("{nobody}{MAIN_ACCOUNT}")).unwrap();
    for (arguments, word) in [
        (&["--from", "nobody", "--to", "any", "--region", "us-east-1"][..], "--from"),
        (&["--from", "Ann <a@shop.example>", "--to", "any", "--region", "us-east-1"], "--from"),
        (&["--from", SHOP, "--to", "any,a@b.test", "--region", "us-east-1"], "--to"),
        (&["--from", SHOP, "--to", "@", "--region", "us-east-1"], "--to"),
        (&["--from", SHOP, "--to", "any", "--region", "eu-wset-1"], "did you mean eu-west-1"),
        (&["--from", SHOP, "--to", "any", "--region", "us-east-1", "--account", "none"], "no account is called none"),
        (&["--from", SHOP, "--to", "any", "--region", "us-east-1", "--recipients", "0"], "--recipients"),
        (&["--from", SHOP, "--to", "any", "--region", "us-east-1", "--configuration-set", ""], "--configuration-set"),
        (&["--from", SHOP, "--to", "any"], "no region"),
        (&["--from", SHOP], "--to"),
        (&["--to", "any", "--nonsense"], "--nonsense"),
    ] {
        let said = run(command(&["check", "send", "--config.file"]).arg(&file).args(arguments));
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(word), "{arguments:?}: {}", said.err);
    }
    assert_eq!(run(&mut command(&["check", "send", "--help"])).code, 0);
}

#[test]
fn it_waits_until_the_identity_is_verified() {
    let pending = Identity::email_address(SHOP).status("PENDING");
    let aws = aws(vec![Region::production("us-east-1", 50_000.0, 14.0).identity(pending)]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, quick(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT).unwrap();
    let mut child = command(&["check", "send", "--from", SHOP, "--to", "any", "--wait", "30s", "--config.file"]);
    let child = child.arg(&file).envs(aws.environment()).env("SES_EXPORTER_CONFIG_FILE", &file);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    eventually("it looks a second time", || {
        let listed = |entry: &&LoggedRequest| entry.operation == "ListEmailIdentities";
        (aws.world.requests().iter().filter(listed).count() > 1).then_some(())
    });
    assert!(child.try_wait().unwrap().is_none(), "nobody has clicked");
    let clicked = format!("/_simulator/accounts/{MAIN}/regions/us-east-1/identities/{SHOP}/clicked");
    assert!(send(aws.simulator.address(), "POST", &clicked, &[], b"").status < 300);
    let ended = eventually("it ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn it_only_reads_and_asks_of_few() {
    let many = (0..40).map(|number| Identity::domain(format!("domain-{number}.test")));
    let region = many.fold(production("us-east-1"), Region::identity);
    let aws = aws(vec![region]);
    let said = check(&aws, &config(&aws), &["--from", SHOP, "--to", "any", "--region", "us-east-1"]);
    assert_eq!(said.code, 0, "{}", said.out);
    let log = aws.world.requests();
    assert!(log.iter().all(|entry| ["Get", "List"].iter().any(|verb| entry.operation.starts_with(verb))));
    let described = log.iter().filter(|entry| entry.operation == "GetEmailIdentity" && entry.region == "us-east-1");
    assert_eq!(described.count(), 1, "nobody but the sender");
}
