//! What the operator declared, seen from outside: what differs is told, also where AWS tells nothing.

use ses_exporter::simulator::Identity;

use crate::support::stage::{MAIN, MAIN_ACCOUNT, production, quick, success, world};
use crate::support::{Agent, Aws, Page};

const DECLARED: &str = r#"
[[expect]]
regions = ["us-east-1"]
state = "production"
identities = ["gone.example", "declared.example", "ann@declared.example"]
exhaustive = true
minimum_quota = 1000000

[[expect]]
accounts = ["111111111111"]
regions = ["me-south-1"]
state = "production"

[[expect]]
accounts = ["main"]
regions = ["eu-west-1"]
state = "unused"
"#;

fn expected(page: &Page, region: &str, state: &str) -> Option<f64> {
    page.value("ses_region_expectation", &[("account", "main"), ("aws_region", region), ("expected", state)])
}

fn as_expected(page: &Page, region: &str) -> Option<f64> {
    page.value("ses_region_as_expected", &[("account", "main"), ("aws_region", region)])
}

#[test]
fn what_differs_from_the_declaration_is_told() {
    let mut world = world(&["us-east-1"]);
    let region = production("us-east-1").identity(Identity::domain("declared.example"));
    *world.region_mut(MAIN, "us-east-1").unwrap() = region.identity(Identity::domain("stranger.example"));
    *world.region_mut(MAIN, "me-south-1").unwrap() = production("me-south-1").disabled();
    *world.region_mut(MAIN, "eu-west-1").unwrap() = production("eu-west-1");
    let aws = Aws::start(world);
    let regions = ["us-east-1", "me-south-1", "eu-west-1"];
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT + DECLARED));
    let page = agent.page_where("all that can be read is read", |page| {
        page.find("ses_expected_identity_verified", &[]).count() == 3 && as_expected(page, "eu-west-1").is_some()
    });
    assert_eq!(expected(&page, "us-east-1", "production"), Some(1.0));
    assert_eq!(expected(&page, "us-east-1", "unused"), Some(0.0));
    assert_eq!(as_expected(&page, "us-east-1"), Some(0.0), "the quota is too small");
    assert_eq!(page.value("ses_region_minimum_quota_messages", &[("aws_region", "us-east-1")]), Some(1_000_000.0));
    let verified = |identity| page.value("ses_expected_identity_verified", &[("identity", identity)]);
    assert_eq!(
        ["gone.example", "declared.example", "ann@declared.example"].map(verified),
        [Some(0.0), Some(1.0), Some(1.0)]
    );
    assert_eq!(page.value("ses_unexpected_identity", &[("identity", "stranger.example")]), Some(1.0));
    assert_eq!(page.value("ses_unexpected_identity", &[("identity", "declared.example")]), None);
    assert_eq!((expected(&page, "eu-west-1", "unused"), as_expected(&page, "eu-west-1")), (Some(1.0), Some(0.0)));
}

/// An undeclared region that is switched off is skipped, see `calls`. Nobody declares one by mistake.
#[test]
fn a_declared_region_that_does_not_answer_is_a_failure_and_never_skipped() {
    let mut world = world(&["us-east-1"]);
    *world.region_mut(MAIN, "me-south-1").unwrap() = production("me-south-1").disabled();
    let aws = Aws::start(world);
    let declared = "[[expect]]\nregions = [\"me-south-1\"]\nstate = \"production\"\n";
    let config = quick(&aws, &["us-east-1", "me-south-1"], "1s", "1h") + MAIN_ACCOUNT + declared;
    let agent = Agent::start(&aws, &config);
    let page = agent.page_where("three failures are told", |page| {
        let labels = [("aws_region", "me-south-1"), ("collector", "account")];
        page.value("ses_exporter_collector_failures_total", &labels) >= Some(3.0)
    });
    assert_eq!(success(&page, "main", "me-south-1", "account"), Some(0.0));
    assert_eq!(page.find("ses_exporter_target_skipped", &[]).count(), 0);
    assert_eq!((expected(&page, "me-south-1", "production"), as_expected(&page, "me-south-1")), (Some(1.0), None));
    assert_eq!(expected(&page, "us-east-1", "production"), None, "nothing is declared there");
}

const PATH: &str = r#"
[[send_paths]]
name = "orders"
from = "orders@shop.example"
to = "any"
regions = ["us-east-1"]

[[failover]]
primary = "us-east-1"
standby = "eu-west-1"
"#;

#[test]
fn mail_that_must_get_through_is_told_when_it_does_not_and_a_standby_when_it_is_ready() {
    let mut world = world(&["us-east-1"]);
    for region in ["us-east-1", "eu-west-1"] {
        *world.region_mut(MAIN, region).unwrap() = production(region).identity(Identity::domain("shop.example"));
    }
    let aws = Aws::start(world);
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1", "eu-west-1"], "1s", "1h") + MAIN_ACCOUNT + PATH));
    let ready = |page: &Page| page.value("ses_send_path_ready", &[("aws_region", "us-east-1"), ("path", "orders")]);
    let standby = [("aws_region", "eu-west-1"), ("primary_aws_region", "us-east-1")];
    let page = agent.page_where("the path and the standby are ready", |page| {
        ready(page) == Some(1.0) && page.value("ses_failover_ready", &standby) == Some(1.0)
    });
    assert_eq!(page.find("ses_send_path_blocked", &[]).count() + page.find("ses_failover_blocked", &[]).count(), 0);
    assert_eq!(page.find("ses_failover_ready", &[]).count(), 1, "on the standby alone");

    aws.world.patch_region(MAIN, "us-east-1", &serde_json::json!({ "SendingEnabled": false })).unwrap();
    let page = agent.page_where("the path is blocked", |page| ready(page) == Some(0.0));
    assert_eq!(page.value("ses_send_path_blocked", &[("path", "orders"), ("reason", "sending_paused")]), Some(1.0));
    assert_eq!(page.value("ses_failover_ready", &standby), Some(1.0), "a primary that is paused is why there is one");
}
