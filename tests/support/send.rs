//! `check send` as the tests run it: the real command, with answers in JSON.

use serde_json::Value;

use super::stage::SECRET;
use super::{Aws, ask_dns_at, command, run};

/// What `check send` ends with and tells, asked about these regions of an account without limits.
#[track_caller]
pub(crate) fn check_send(aws: &Aws, regions: &[&str], arguments: &[String]) -> (i32, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    let (url, dns) = (aws.simulator.url(), ask_dns_at(aws.simulator.dns_address()));
    // Nothing of the budget, and no long wait for a second look: it is the rules that are looked at.
    let config = format!(
        "{dns}[aws]\nregions = {regions:?}\nendpoint_url = \"{url}\"\n[poll]\njitter = 0.0\n\
         [budget]\nrequests_per_second = 200\nburst = 100\n[collectors]\nconfiguration_sets.interval = \"1s\"\n"
    );
    std::fs::write(&file, config).unwrap();
    let mut command = command(&["check", "send", "--json", "--config.file"]);
    let said = run(command.arg(&file).args(arguments).envs(aws.environment()).env("SES_EXPORTER_CONFIG_FILE", &file));
    assert_eq!(said.err, "", "{arguments:?}");
    assert!(!said.out.contains(SECRET), "{arguments:?}");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["exit_code"], said.code, "{arguments:?}");
    (said.code, report)
}
