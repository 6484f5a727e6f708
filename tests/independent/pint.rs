//! pint asks a Prometheus that scrapes the demo whether every rule can ever be true: whether its series are there, with the labels that it
//! selects and joins by. `tests/run` has it read the rules alone, too.

use std::time::{Duration, Instant};

use super::prometheus::{demo_of, prometheus};
use crate::support::programs::linter;
use crate::support::{repository, run, send};

/// It looks back by seconds, because this Prometheus is not older. The demo has no web configuration, and so no series of one.
const SERIES: &str = "check \"promql/series\" {
  lookbackRange = \"10m\"
  lookbackStep  = \"1s\"
  ignoreMetrics = [\"ses_exporter_web_.+\"]
}
";
/// How long the demo may need until it has all series: details come in slices, and DNS at its own pace.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
fn every_rule_finds_its_series_and_labels_in_a_live_prometheus() {
    // A world in which domains ask for different treatments of what is not authenticated. Nothing fails in it by itself.
    let (agent, simulator) = demo_of("4");
    let fault = r#"{"kind":"deny","operation":"GetSendStatistics","region":"ap-southeast-2"}"#;
    let ordered = send(simulator, "POST", "/_simulator/faults", &[], fault.as_bytes());
    assert_eq!(ordered.status, 200, "{}", ordered.text());
    let prometheus = prometheus(&[("ses-exporter", agent.address)]);

    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("pint.hcl");
    let server = format!("prometheus \"demo\" {{\n  uri = \"{}\"\n  required = true\n}}\n", prometheus.url());
    let ours = std::fs::read_to_string(repository("tests/linters/pint.hcl")).unwrap();
    std::fs::write(&config, [server.as_str(), SERIES, &ours].concat()).unwrap();
    let rules = ["rules", "alerts"].map(|what| repository(&format!("deploy/prometheus/ses-exporter.{what}.yaml")));
    let end = Instant::now() + PATIENCE;
    loop {
        let mut pint = linter("pint");
        pint.args(["--no-color", "--log-level", "error", "--config"]).arg(&config);
        // What is ignored is still a warning.
        let said = run(pint.args(["lint", "--min-severity", "bug", "--fail-on", "bug"]).args(&rules));
        if said.code == 0 {
            break;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}:\n{}{}", said.out, said.err);
        std::thread::sleep(Duration::from_secs(1)); // the pause between two looks, not the condition
    }
}
