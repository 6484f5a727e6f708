//! Against `moto`: its STS hands out credentials for other accounts, and it lacks GetAccount.

use super::aws::{CommandLine, OFTEN, environment};
use super::ministack::ministack;
use crate::support::programs::{Program, python};
use crate::support::{Agent, Page};

const SHOP: &str = "222222222222";
const NEWS: &str = "333333333333";

/// Two accounts behind roles, one of them with a name.
const TWO_ACCOUNTS: &str = "
[[accounts]]
role_arn = \"arn:aws:iam::222222222222:role/ses-exporter\"
[[accounts]]
name = \"news\"
role_arn = \"arn:aws:iam::333333333333:role/ses-exporter\"
";

/// SES and STS as `moto` sees them.
pub(super) fn moto() -> Program {
    Program::start("moto_server", "/moto-api/", |address, directory| {
        let mut command = python("moto_server");
        command.args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()]).current_dir(directory);
        command
    })
}

fn success(page: &Page, account: &str, collector: &str) -> Option<f64> {
    page.value("ses_exporter_collector_success", &[("account", account), ("collector", collector)])
}

#[test]
fn accounts_behind_roles_are_told_apart() {
    let server = moto();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    let role = format!("sts assume-role --role-arn arn:aws:iam::{SHOP}:role/ses-exporter --role-session-name test");
    let keys = aws.ask(&role)["Credentials"].clone();
    let word = |name: &str| keys[name].as_str().unwrap().to_owned();
    let shop = aws.with(&[
        ("AWS_ACCESS_KEY_ID", word("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", word("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", word("SessionToken")),
    ]);
    assert_eq!(shop.ask("sts get-caller-identity")["Account"], SHOP);
    shop.ask("sesv2 create-email-identity --email-identity shop.example");
    shop.ask("sesv2 create-email-identity --email-identity orders@shop.example");

    let agent = Agent::start_with(&environment, &format!("{OFTEN}{TWO_ACCOUNTS}"), &[]);
    let page = agent.page_where("the identities of both accounts are read", |page| {
        [SHOP, "news"].iter().all(|account| success(page, account, "identities") == Some(1.0))
    });
    for (account, id) in [(SHOP, SHOP), ("news", NEWS)] {
        let labels = [("account", account), ("aws_region", "us-east-1")];
        let info: Vec<_> = page.find("ses_exporter_target_info", &labels).collect();
        let [info] = info.as_slice() else { panic!("{account}: {info:?}") };
        assert_eq!((info.labels["aws_account_id"].as_str(), info.labels["partition"].as_str()), (id, "aws"));
    }
    let (of_shop, of_news) = ([("account", SHOP)], [("account", "news")]);
    let mut shown: Vec<_> =
        page.find("ses_identity_verified", &of_shop).map(|sample| &sample.labels["identity"]).collect();
    shown.sort();
    assert_eq!(shown, ["orders@shop.example", "shop.example"]);
    assert_eq!(page.find("ses_identity_verified", &of_news).count(), 0, "{}", page.text);
    let counted: f64 = page.find("ses_identities", &of_news).map(|sample| sample.value).sum();
    assert_eq!(counted, 0.0);
    assert!(
        page.samples
            .iter()
            .all(|sample| sample.labels.get("account").is_none_or(|name| name == SHOP || name == "news"))
    );
    for account in [SHOP, "news"] {
        let asked = [("account", account), ("operation", "AssumeRole")];
        assert_eq!(page.value("ses_exporter_aws_requests_total", &asked), Some(1.0), "one role, one AssumeRole");
    }
}

#[test]
fn an_operation_that_a_server_lacks_is_shown_as_rejected_and_the_rest_goes_on() {
    let server = moto();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    aws.ask("sesv2 create-email-identity --email-identity shop.example");
    let account = aws.ask("sts get-caller-identity")["Account"].as_str().unwrap().to_owned();
    let agent = Agent::start_with(&environment, OFTEN, &[]);
    let rejected = [("account", account.as_str()), ("collector", "account"), ("kind", "rejected")];
    let page = agent.page_where("GetAccount was refused twice, and the rest is read", |page| {
        page.value("ses_exporter_collector_failures_total", &rejected) >= Some(2.0)
            && success(page, &account, "sending") == Some(1.0)
            && success(page, &account, "identities") == Some(1.0)
    });
    assert_eq!(success(&page, &account, "account"), Some(0.0));
    // There is no DNS in these tests.
    let others = page.find("ses_exporter_collector_failures_total", &[]).filter(|one| one.labels["collector"] != "dns");
    let kinds: Vec<_> = others.collect();
    assert_eq!(kinds.len(), 1, "no other failure, and none of another kind: {kinds:?}");
    for family in [
        "ses_production_access_enabled",
        "ses_sending_enabled",
        "ses_enforcement_status",
        "ses_send_quota_max_24h_messages",
    ] {
        assert_eq!(page.find(family, &[]).count(), 0, "{family}: what is not known is absent");
    }
    let labels = [("collector", "account")];
    assert_eq!(page.find("ses_exporter_collector_last_success_timestamp_seconds", &labels).count(), 0);
    assert_eq!(
        page.find("ses_exporter_target_skipped", &[]).count(),
        0,
        "it is a failure, not a region to leave alone"
    );
    assert_eq!(page.find("ses_identity_verified", &[("identity", "shop.example")]).count(), 1);
    assert_eq!(agent.get("/-/ready").status, 200);
    assert!(agent.log().contains("GetAccount: HTTP status 404"), "{}", agent.log());
}

#[test]
fn a_profile_that_assumes_a_role_is_followed_with_one_endpoint_per_service() {
    let (sts, ses) = (moto(), ministack());
    CommandLine::new(&environment(&ses.url())).ask("sesv2 create-email-identity --email-identity shop.example");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let profiles = format!(
        "[profile mail]\nregion = us-east-1\nrole_arn = arn:aws:iam::{SHOP}:role/mail\nsource_profile = desk\n\n\
         [profile desk]\naws_access_key_id = test\naws_secret_access_key = test\n"
    );
    std::fs::write(&file, profiles).unwrap();
    let environment = [
        ("AWS_CONFIG_FILE", file.to_str().unwrap().to_owned()),
        ("AWS_ENDPOINT_URL_STS", sts.url()),
        ("AWS_ENDPOINT_URL_SES", ses.url()),
        ("AWS_ENDPOINT_URL_SESV2", ses.url()),
    ];
    let agent = Agent::start_with(&environment, &format!("{OFTEN}[aws]\nprofile = \"mail\"\n"), &[]);
    let page = agent.page_where("everything is read", |page| {
        ["account", "sending", "identities"].iter().all(|collector| success(page, SHOP, collector) == Some(1.0))
    });
    let labels = [("account", SHOP), ("aws_region", "us-east-1"), ("aws_account_id", SHOP)];
    assert_eq!(page.value("ses_exporter_target_info", &labels), Some(1.0));
    assert_eq!(page.find("ses_identity_verified", &[("account", SHOP), ("identity", "shop.example")]).count(), 1);
    assert!(sts.log().contains("POST"), "the role was assumed at moto");
}
