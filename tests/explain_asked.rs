//! `explain` with AWS at hand: what it finds out about each error, word for word, and that it asks no more than it has to.

use std::time::{Duration, Instant};

use ses_exporter::simulator::{
    Account, ConfigurationSet, DnsFault, DnsFaultKind, Fault, Identity, Region, Role, Trouble, World,
};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, OTHER, OTHER_ACCOUNT, SECRET, production, quick};
use crate::support::{Aws, Said, command, golden, repository, run};

const REGIONS: &[&str] = &["eu-central-1", "eu-west-1", "us-east-1"];

fn unverified(region: &str, identities: &str) -> String {
    format!(
        "MessageRejected: Email address is not verified. The following identities failed the check in region {region}: {identities}"
    )
}

/// Two accounts; the first has, region by region, everything for which SES refuses mail.
fn estate() -> World {
    let virginia = production("us-east-1")
        .identity(Identity::domain("example.com"))
        .configuration_set(ConfigurationSet::new("main"))
        .configuration_set(ConfigurationSet::new("old").sending_disabled());
    let lost = Identity::domain("lost.example").status("FAILED");
    let ireland = production("eu-west-1")
        .identity(Identity::email_address("news@brand.example").status("PENDING"))
        .identity(lost.verification_error("TYPE_NOT_FOUND", "ns1.old-host.example"));
    let bounces = Identity::domain("mf.example").mail_from("bounce.mf.example", "PENDING", "REJECT_MESSAGE");
    let frankfurt = Region::fresh("eu-central-1")
        .identity(Identity::domain("shop.example"))
        .identity(Identity::email_address("tester@brand.example").status("PENDING"));
    let main = Account::new(MAIN, "main")
        .access_key(KEY, SECRET)
        .region(virginia)
        .region(ireland)
        .region(frankfurt)
        .region(Region::fresh("eu-west-2").review("PENDING", Some("172000000000042")).identity(bounces))
        .region(Region::fresh("eu-west-3").review("DENIED", Some("171999999999917")))
        .region(production("eu-north-1").enforcement("SHUTDOWN"))
        .region(production("eu-south-1").paused())
        .region(Region::fresh("us-west-2").sent(200.0));
    let other = Account::new(OTHER, "other").role(Role::trusting("ses-exporter", MAIN));
    let other =
        other.region(Region::production("eu-west-1", 50_000.0, 14.0).identity(Identity::domain("other.example")));
    let gone = |name: &str| DnsFault::new(DnsFaultKind::Removed).name(name);
    let world = World::empty().with_rate(None).with_account(main).with_account(other);
    world.with_dns_fault(gone("bounce.mf.example")).with_dns_fault(gone("_domainkey.lost.example"))
}

fn ask(aws: &Aws, config: &str, arguments: &[&str]) -> Said {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, config).unwrap();
    let mut child = command(&["explain"]);
    let said = run(child.args(arguments).envs(aws.environment()).env("SES_EXPORTER_CONFIG_FILE", &file));
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{said:?}");
    said
}

fn config(aws: &Aws, accounts: &str) -> String {
    quick(aws, REGIONS, "1m", "1h") + accounts
}

fn commands(page: &str) -> Vec<&str> {
    page.lines().map(str::trim_start).filter(|line| line.starts_with("aws ")).collect()
}

/// The first place of the only explanation.
fn place(said: &Said) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!((&report["version"], &report["asked"]), (&1.into(), &true.into()), "{}", said.out);
    report["explanations"][0]["places"][0].clone()
}

/// As a newcomer has it: nothing but the variables of AWS, and the region of the error in none of them.
#[test]
fn the_region_in_which_it_is_verified_is_named_with_one_command() {
    let aws = Aws::start(estate());
    let text = unverified("EU-WEST-1", "billing@example.com");
    let said = run(command(&["explain", &text]).envs(aws.environment()));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("billing@example.com is verified in us-east-1, and not there"), "{words}");
    assert_eq!(commands(&said.out), ["aws sesv2 get-email-identity --email-identity example.com --region us-east-1"]);
    golden("tests/golden/explain/asked/elsewhere.txt", &said.out);
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    assert!(readme.contains(&said.out), "README.md shows another page:\n{}", said.out);
    let log = aws.world.requests();
    let asked: std::collections::BTreeSet<&str> = log.iter().map(|entry| entry.region.as_str()).collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    let reads = |operation: &str| operation.starts_with("Get") || operation.starts_with("List");
    assert!(log.iter().all(|entry| reads(&entry.operation)), "it only reads");

    let colours = run(command(&["explain", &text]).envs(aws.environment()).env("CLICOLOR_FORCE", "1"));
    golden("tests/golden/explain/asked/elsewhere.ansi", &colours.out);
    let grey =
        run(command(&["explain", &text]).envs(aws.environment()).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert_eq!(grey.out, said.out);
    let json = run(command(&["explain", "--json", &text]).envs(aws.environment()));
    golden("tests/golden/explain/asked/elsewhere.json", &json.out);
}

/// Golden file, text, further arguments, and whether it is still so.
fn cases() -> Vec<(&'static str, String, Vec<&'static str>, Option<bool>)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("mended_by_the_parent", unverified("EU-WEST-1", "x@mail.shop.example"), vec![], Some(false)),
        ("verified_and_paused", unverified("EU-SOUTH-1", "a@shop.example"), vec![], Some(false)),
        ("pending_address", unverified("EU-WEST-1", "news@brand.example"), vec![], Some(true)),
        ("failed_domain", unverified("EU-WEST-1", "Lost <a@lost.example>"), vec![], Some(true)),
        ("missing_in_production", unverified("EU-WEST-1", "a@new.example"), vec![], Some(true)),
        ("recipient_in_the_sandbox", unverified("EU-CENTRAL-1", "tom@customer.test"), vec![], Some(true)),
        ("recipient_while_pending", unverified("EU-WEST-2", "tom@customer.test"), vec![], Some(true)),
        ("recipient_after_denied", unverified("EU-WEST-3", "tom@customer.test"), vec![], Some(true)),
        ("either_in_the_sandbox", unverified("EU-CENTRAL-1", "tester@brand.example"), vec![], Some(true)),
        ("sender_and_recipient", unverified("EU-CENTRAL-1", "a@example.com, tom@customer.test"), vec![], Some(true)),
        ("cut", unverified("EU-WEST-1", "a@shop.example..."), vec![], None),
        (
            "cut_and_told",
            unverified("EU-CENTRAL-1", "a@shop.example..."),
            vec!["--to", "tom@customer.test"],
            Some(true),
        ),
        (
            "told",
            text("Email address is not verified."),
            vec!["--region", "eu-west-1", "--from", "a@example.com"],
            Some(true),
        ),
        ("paused_by_aws", text("Sending paused for this account."), vec!["--region", "eu-north-1"], Some(true)),
        ("paused_by_the_account", text("Sending paused for this account."), vec!["--region", "eu-south-1"], Some(true)),
        ("not_paused", text("Sending paused for this account."), vec!["--region", "us-east-1"], Some(false)),
        (
            "set_paused",
            text("Email sending for the configuration set old is paused."),
            vec!["--region", "us-east-1"],
            Some(true),
        ),
        ("set_missing", text("Configuration set <main> does not exist."), vec!["--region", "eu-west-1"], Some(true)),
        ("set_there", text("Configuration set <main> does not exist."), vec!["--region", "us-east-1"], Some(false)),
        ("quota_used_up", text("Daily message quota exceeded."), vec!["--region", "us-west-2"], Some(true)),
        ("quota_with_room", text("Daily message quota exceeded."), vec!["--region", "us-east-1"], Some(false)),
        ("send_rate", text("Maximum sending rate exceeded."), vec!["--region", "eu-west-1"], None),
        ("mail_from", text("MailFromDomainNotVerifiedException"), vec!["--region", "eu-west-2"], Some(true)),
        ("mail_from_is_well", text("MailFromDomainNotVerifiedException"), vec!["--region", "us-east-1"], Some(false)),
        (
            "review_pending",
            text("ConflictException when calling the PutAccountDetails"),
            vec!["--region", "eu-west-2"],
            Some(true),
        ),
        (
            "review_denied",
            text("ConflictException when calling the PutAccountDetails"),
            vec!["--region", "eu-west-3"],
            Some(true),
        ),
        (
            "already_pending",
            text("Email identity news@brand.example already exist."),
            vec!["--region", "eu-west-1"],
            Some(true),
        ),
        (
            "other_with_a_sender",
            text("554 Message rejected: no"),
            vec!["--region", "eu-west-2", "--from", "a@mf.example"],
            Some(true),
        ),
    ]
}

#[test]
fn every_error_that_facts_decide_is_decided() {
    let aws = Aws::start(estate());
    let config = config(&aws, MAIN_ACCOUNT);
    for (name, text, arguments, still_so) in cases() {
        let arguments: Vec<&str> = [text.as_str()].into_iter().chain(arguments).collect();
        let people = ask(&aws, &config, &arguments);
        assert_eq!((people.code, people.err.as_str()), (0, ""), "{name}: {}", people.out);
        let wide = |line: &&str| line.chars().count() > 100 && !line.trim_start().starts_with("aws ");
        assert_eq!(people.out.lines().find(wide), None, "{name}");
        golden(&format!("tests/golden/explain/asked/{name}.txt"), &people.out);
        let json = ask(&aws, &config, &[&["--json"], &*arguments].concat());
        assert_eq!(place(&json)["still_so"].as_bool(), still_so, "{name}: {}", json.out);
        if still_so == Some(true) && name != "sender_and_recipient" {
            assert!(commands(&people.out).len() <= 1, "{name}: {}", people.out);
        }
    }
    let reads = |operation: &str| operation.starts_with("Get") || operation.starts_with("List");
    assert!(aws.world.requests().iter().all(|entry| reads(&entry.operation)));
}

#[test]
fn the_account_that_knows_the_identity_comes_first() {
    let aws = Aws::start(estate());
    let config = config(&aws, &format!("{OTHER_ACCOUNT}{MAIN_ACCOUNT}"));
    let text = unverified("EU-WEST-1", "news@brand.example");
    let said = ask(&aws, &config, &[&text]);
    golden("tests/golden/explain/asked/accounts.txt", &said.out);
    assert!(said.out.ends_with("\nNothing of it in eu-west-1 of other\n"), "{}", said.out);
    for narrowed in ["other", OTHER] {
        let said = ask(&aws, &config, &["--json", "--account", narrowed, &text]);
        assert_eq!(place(&said)["account"], "other");
    }
    let nobody = ask(&aws, &config, &["--account", "nobody", &text]);
    assert!(nobody.out.contains("\nAWS was not asked: no account of the configuration"), "{}", nobody.out);
}

#[test]
fn where_the_region_is_not_known_the_one_with_the_trouble_is_told() {
    let aws = Aws::start(estate());
    let config = config(&aws, MAIN_ACCOUNT).replace("\"us-east-1\"]", "\"eu-north-1\", \"us-east-1\"]");
    let said = ask(&aws, &config, &["--json", "MessageRejected: Sending paused for this account."]);
    assert_eq!(place(&said)["region"], "eu-north-1");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let others: Vec<&str> =
        report["explanations"][0]["others"].as_array().unwrap().iter().filter_map(|one| one.as_str()).collect();
    assert_eq!(others, ["eu-central-1 of main", "eu-west-1 of main", "us-east-1 of main"]);
}

#[test]
fn a_region_without_the_account_is_told_only_to_who_names_it() {
    let aws = Aws::start(estate());
    aws.world.change(|world| *world.region_mut(MAIN, "eu-south-1").unwrap() = Region::fresh("eu-south-1").disabled());
    let config = config(&aws, MAIN_ACCOUNT).replace("\"eu-west-1\"", "\"eu-south-1\", \"eu-west-1\"");
    let text = "MessageRejected: Sending paused for this account.";
    let anywhere = ask(&aws, &config, &[text]);
    assert!(!anywhere.out.contains("eu-south-1"), "{}", anywhere.out);
    let there = ask(&aws, &config, &["--region", "eu-south-1", text]);
    assert!(there.out.contains("has no SES"), "{}", there.out);
    let nowhere = ask(&aws, &config, &[&unverified("EU-NOWHERE-9", "a@shop.example")]);
    assert!(nowhere.out.ends_with("no account that was looked at has SES there.\n"), "{}", nowhere.out);
}

#[test]
fn what_is_denied_is_told_beside_what_the_text_says() {
    let aws = Aws::start(estate());
    aws.world.inject(Fault::new(Trouble::Deny).operation("ListEmailIdentities").region("eu-west-1"));
    let said = ask(&aws, &config(&aws, MAIN_ACCOUNT), &[&unverified("EU-WEST-1", "news@brand.example")]);
    golden("tests/golden/explain/asked/denied.txt", &said.out);
    assert!(said.out.contains("A sender has to be verified always"), "what the text says stays: {}", said.out);
}

#[test]
fn without_a_way_to_ask_the_text_is_explained_and_the_reason_told() {
    let text = unverified("EU-WEST-1", "news@brand.example");
    let offline = run(&mut command(&["explain", "--offline", &text]));
    let began = Instant::now();
    let nowhere = "MessageRejected: Sending paused for this account.";
    for (why, text, environment) in [
        ("no credentials found", text.as_str(), vec![]),
        ("no region: neither the configuration nor the AWS environment names one", nowhere, vec![]),
        ("1 mistake in the arguments", text.as_str(), vec![("SES_EXPORTER_REGIONS", "nowhere")]),
        (
            "Connection refused",
            text.as_str(),
            vec![
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
                ("AWS_ACCESS_KEY_ID", KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
            ],
        ),
    ] {
        let said = run(command(&["explain", text]).envs(environment));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
        let (explained, reason) = said.out.split_once("\nAWS was not asked: ").expect(&said.out);
        assert!(reason.split_whitespace().collect::<Vec<_>>().join(" ").contains(why), "{why}: {reason}");
        assert!(text == nowhere || explained == offline.out, "never less than the text tells: {explained}");
    }
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

#[test]
fn nobody_is_asked_who_need_not_be() {
    let aws = Aws::start(estate());
    let text = unverified("EU-WEST-1", "news@brand.example");
    for arguments in [
        &["--offline", text.as_str()][..],
        &["InvalidParameterValue: Missing final '@domain'"],
        &["connect to email-smtp.us-east-1.amazonaws.com[192.0.2.71]:25: Connection timed out"],
        &["554 Message rejected: no"],
    ] {
        let said = ask(&aws, &config(&aws, MAIN_ACCOUNT), arguments);
        assert!(said.code == 0 || said.code == 3, "{said:?}");
        assert!(!said.out.contains("AWS was not asked"), "there was nothing to ask: {}", said.out);
    }
    assert_eq!(aws.world.requests().len(), 0);
}

#[test]
fn the_text_is_in_no_log() {
    let aws = Aws::start(estate());
    let text = unverified("EU-CENTRAL-1", "tom@customer.test");
    let said = ask(&aws, &config(&aws, MAIN_ACCOUNT), &["--log.level", "info", "--to", "tom@customer.test", &text]);
    assert!(said.err.contains("polling account main"), "{}", said.err);
    assert!(!said.err.contains("customer.test"), "{}", said.err);
}

#[test]
fn arguments_that_are_none_are_refused() {
    for arguments in [&["--from", "Ann <ann@shop.example>"][..], &["--to", "a b"], &["--region", "eu-wset-1"]] {
        let said = run(command(&["explain", "x"]).args(arguments));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}: {}", said.err);
    }
}
