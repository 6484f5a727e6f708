//! The published JSON schemas against what the program really says, by the reference validator of JSON Schema for Python.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use ses_exporter::simulator::{
    Account, ConfigurationSet, DnsFault, DnsFaultKind, Fault, Identity, Region, Trouble, World,
};

use crate::support::programs::python;
use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, SECRET, production, quick};
use crate::support::{Agent, Aws, command, eventually, run};

const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema, document = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
for error in Draft202012Validator(schema).iter_errors(document):
    print(error.json_path, error.message)
";

/// What the validator finds wrong, a line each.
fn wrong(schema: &str, document: &Value) -> String {
    let printed = run(&mut command(&["print", "schema", schema]));
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&printed.out).unwrap();
    let mut child = python("python3")
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(json!([schema, document]).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "jsonschema can't run (run tests/run once), or the schema is none:\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A field that holds what it must not, or is missing, is found: the schema says something.
fn refuses(schema: &str, document: &Value, pointer: &str, instead: Value) {
    let mut spoiled = document.clone();
    *spoiled.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {document:#}")) = instead;
    assert_ne!(wrong(schema, &spoiled), "", "{schema} says nothing of {pointer}");
}

/// Of everything there is one: an unlimited quota, a region that is skipped, one that is denied, wrong records.
fn manifold() -> World {
    let set = ConfigurationSet::new("main").suppressed_reasons(&["BOUNCE"]);
    let unlimited = Region::production("eu-west-1", -1.0, -1.0).identity(Identity::domain("shop.example"));
    let pending =
        Identity::domain("brand.example").status("PENDING").mail_from("m.brand.example", "FAILED", "USE_DEFAULT_VALUE");
    let virginia = production("us-east-1").configuration_set(set).identity(pending).paused();
    let account = Account::new(MAIN, "main").access_key(KEY, SECRET);
    let world = World::empty().with_rate(None).with_account(account.region(unlimited).region(virginia));
    world.with_dns_fault(DnsFault::new(DnsFaultKind::Removed).name("_dmarc.shop.example"))
}

const DECLARED: &str = "[[expect]]\nregions = [\"us-east-1\"]\nstate = \"production\"\nidentities = [\"gone.example\"]\n\
     [[send_paths]]\nname = \"orders\"\nfrom = \"orders@shop.example\"\nregions = [\"us-east-1\"]\n\
     [[failover]]\nprimary = \"eu-west-1\"\nstandby = \"us-east-1\"\n";

#[test]
fn what_an_agent_and_check_say_is_what_their_schemas_describe() {
    let aws = Aws::start(manifold());
    aws.world.inject(Fault::new(Trouble::DenyByServiceControlPolicy).region("eu-central-1"));
    aws.world.inject(Fault::new(Trouble::Deny).operation("ListConfigurationSets").region("eu-west-1"));
    let config = quick(&aws, &["eu-central-1", "eu-west-1", "us-east-1"], "1s", "1h") + MAIN_ACCOUNT + DECLARED;
    let agent = Agent::start(&aws, &config);
    let asked = |path: &str| -> Value {
        let answer = eventually("an answer", || Some(agent.get(path)).filter(|answer| answer.status == 200));
        serde_json::from_slice(&answer.body).unwrap()
    };
    let report = eventually("a record is wrong", || {
        Some(asked("/api/v1/check")).filter(|report| report.to_string().contains("\"reason\":\"missing\""))
    });
    assert_eq!(wrong("check", &report), "");
    refuses("check", &report, "/verdict", json!("fine"));
    refuses("check", &report, "/accounts/0/regions/2/sending/since/enabled/since", json!(7));

    let estate = asked("/api/v1/estate");
    assert_eq!(wrong("estate", &estate), "");
    let page = asked("/api/v1/estate?limit=1");
    assert!(page["next"].is_string());
    assert_eq!(wrong("estate", &page), "");
    refuses("estate", &estate, "/targets/2/identities/0/dns", json!("none"));
    refuses("estate", &estate, "/targets/1/collectors/0", json!({}));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, config).unwrap();
    let said = run(command(&["check", "--json", "--config.file"]).arg(&file).envs(aws.environment()));
    assert_eq!(wrong("check", &serde_json::from_str(&said.out).unwrap()), "");
}

#[test]
fn what_check_send_says_is_what_its_schema_describes() {
    let aws = Aws::start(manifold());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, quick(&aws, &["eu-west-1", "us-east-1"], "1m", "1h") + MAIN_ACCOUNT).unwrap();
    for (from, code) in [("ann@shop.example", 0), ("ann@nobody.example", 2)] {
        let mut command =
            command(&["check", "send", "--json", "--region", "eu-west-1", "--all-regions", "--from", from]);
        let command = command.args(["--to", "bob@far.example", "--config.file"]).arg(&file).envs(aws.environment());
        let said = run(command.env("SES_EXPORTER_AGENT_URL", "http://127.0.0.1:9"));
        assert_eq!(said.code, code, "{said:?}");
        let document: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(wrong("send", &document), "", "{document:#}");
        refuses("send", &document, "/regions/0/verdict", json!("perhaps"));
    }
}

#[test]
fn what_explain_says_is_what_its_schema_describes() {
    let rejected = "MessageRejected: Email address is not verified. The following identities failed the check in region \
                    EU-WEST-1: ann@shop.example";
    for text in [rejected, "Throttling: Maximum sending rate exceeded", "nothing that is known"] {
        let said = run(&mut command(&["explain", "--json", text]));
        let document: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(wrong("explain", &document), "", "{text}");
        refuses("explain", &document, "/understood", json!("yes"));
    }
}
