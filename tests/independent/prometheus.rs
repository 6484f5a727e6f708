//! Prometheus scrapes the demo, and is asked for what the catalogue of metrics promises.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::support::programs::{Program, free_port, installed};
use crate::support::{Agent, command, eventually, get, repository, run, send};

/// The demo, and where its simulated AWS takes orders.
pub(super) fn demo() -> (Agent, SocketAddr) {
    demo_of("1")
}

/// The demo of another world.
pub(super) fn demo_of(seed: &str) -> (Agent, SocketAddr) {
    let simulator = free_port();
    let at = simulator.to_string();
    let arguments = ["demo", "--simulator.listen-address", &at, "--simulator.seed", seed];
    let agent = Agent::start_with(&[], "", &arguments);
    agent.wait_ready();
    (agent, simulator)
}

/// Stands between Prometheus and the agent, and notes which formats went through. Prometheus prefers OpenMetrics; here it can be
/// made to ask as one that knows only text.
struct Relay {
    address: SocketAddr,
    formats: Arc<Mutex<BTreeSet<String>>>,
}

impl Relay {
    fn start(agent: SocketAddr, accept: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let formats = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&formats);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                // Prometheus hangs up while a test ends.
                let _ = relay(socket, agent, accept, &seen);
            }
        });
        Self { address, formats }
    }
}

fn relay(
    mut socket: TcpStream,
    agent: SocketAddr,
    accept: Option<&str>,
    seen: &Mutex<BTreeSet<String>>,
) -> std::io::Result<()> {
    let mut asked = String::new();
    for line in BufReader::new(&socket).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            value.1.clone_into(&mut asked);
        }
    }
    let answer = get(agent, "/metrics", &[("Accept", accept.unwrap_or(&asked))]);
    let format = &answer.headers["content-type"];
    seen.lock().unwrap().insert(format.clone());
    let (status, length) = (answer.status, answer.body.len());
    write!(
        socket,
        "HTTP/1.1 {status} Relayed\r\nContent-Type: {format}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    socket.write_all(&answer.body)
}

/// Prometheus with these jobs, one target each, and the rules of `deploy/`.
pub(super) fn prometheus(jobs: &[(&str, SocketAddr)]) -> Program {
    Program::start("prometheus", "/-/ready", |address, directory| {
        let job = |(job, target): &(&str, SocketAddr)| {
            format!("{{job_name: {job}, static_configs: [{{targets: ['{target}']}}]}}")
        };
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['*.rules']\nscrape_configs: [{}]\n",
            jobs.iter().map(job).collect::<Vec<_>>().join(", ")
        );
        let file = directory.join("prometheus.yaml");
        std::fs::write(&file, config).unwrap();
        for rules in ["ses-exporter.rules", "ses-exporter.alerts"] {
            let text = std::fs::read_to_string(repository(&format!("deploy/prometheus/{rules}.yaml"))).unwrap();
            // A group with an interval of its own would be evaluated for the first time only after that long.
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("interval:"));
            let text = lines.collect::<Vec<_>>().join("\n");
            std::fs::write(directory.join(format!("{rules}.rules")), text).unwrap();
        }
        let mut command = installed("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        command
    })
}

/// One question to the HTTP API of Prometheus.
#[track_caller]
pub(super) fn ask(prometheus: &Program, path: &str) -> Value {
    let answer = get(prometheus.address, path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_str::<Value>(&answer.text()).unwrap()["data"].clone()
}

/// The label sets that a PromQL expression answers, without the job and the instance, and with bounds as numbers: OpenMetrics
/// writes 1.0 where text writes 1.
pub(super) fn series(prometheus: &Program, promql: &str) -> BTreeSet<String> {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", promql).finish();
    let answer = ask(prometheus, &format!("/api/v1/query?{query}"));
    let metrics = answer["result"].as_array().unwrap().iter().map(|sample| {
        let mut labels = sample["metric"].clone();
        labels.as_object_mut().unwrap().retain(|name, _| name != "job" && name != "instance");
        if let Some(bound) = labels["le"].as_str().and_then(|bound| bound.parse::<f64>().ok()) {
            labels["le"] = bound.to_string().into();
        }
        labels.to_string()
    });
    metrics.collect()
}

/// What the demo can't show: it has no `--web.config.file`.
const NOT_IN_THE_DEMO: &str = "ses_exporter_web_c";

/// Name and kind of every family, as `ses-exporter print metrics` tells them.
fn catalogue() -> Vec<(String, String)> {
    let printed = run(&mut command(&["print", "metrics"]));
    assert_eq!(printed.code, 0, "{}", printed.err);
    let rows = printed.out.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let families: Vec<_> =
        rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned())).collect();
    let declared: usize = ses_exporter::collectors::ALL.iter().map(|row| (row.families)().len()).sum();
    assert!(families.len() > declared, "the agent's own metrics are missing in:\n{}", printed.out);
    families
}

#[test]
fn every_metric_of_the_catalogue_answers_in_promql_whether_scraped_as_openmetrics_or_as_text() {
    let (agent, simulator) = demo();
    // In the demo nothing fails by itself. No other series depends on what is denied: eu-west-1 has the forecast.
    let fault = r#"{"kind":"deny","operation":"GetSendStatistics","region":"ap-southeast-2"}"#;
    let ordered = send(simulator, "POST", "/_simulator/faults", &[], fault.as_bytes());
    assert_eq!(ordered.status, 200, "{}", ordered.text());
    let own = Relay::start(agent.address, None);
    let text = Relay::start(agent.address, Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"));
    let prometheus = prometheus(&[("openmetrics", own.address), ("text", text.address)]);

    for (name, kind) in catalogue().into_iter().filter(|(name, _)| !name.starts_with(NOT_IN_THE_DEMO)) {
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for suffix in suffixes {
            for job in ["openmetrics", "text"] {
                let promql = format!("{name}{suffix}{{job=\"{job}\"}}");
                eventually(&format!("an answer to {promql}"), || {
                    Some(series(&prometheus, &promql)).filter(|found| !found.is_empty())
                });
            }
        }
    }
    eventually("the same series by both formats", || {
        let by = |job| series(&prometheus, &format!("{{job=\"{job}\", __name__!~\"scrape_.*|up\"}}"));
        (by("openmetrics") == by("text")).then_some(())
    });
    for (relay, expected) in
        [(text, "text/plain; version=0.0.4;"), (own, "application/openmetrics-text; version=1.0.0;")]
    {
        let formats = relay.formats.lock().unwrap().clone();
        assert!(formats.len() == 1 && formats.iter().all(|format| format.starts_with(expected)), "{formats:?}");
    }
}

#[test]
fn the_rules_of_deploy_are_loaded_and_evaluated_over_a_live_agent() {
    let (agent, _) = demo();
    let prometheus = prometheus(&[("ses-exporter", agent.address)]);
    let rules = eventually("every rule is evaluated", || {
        let answer = ask(&prometheus, "/api/v1/rules");
        let groups = answer["groups"].as_array().unwrap().clone();
        let rules: Vec<Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    });
    assert!(
        rules.iter().any(|rule| rule["type"] == "alerting") && rules.iter().any(|rule| rule["type"] == "recording")
    );
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule:#}");
    }
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let name = rule["name"].as_str().unwrap();
        eventually(&format!("a value of {name}"), || (!series(&prometheus, name).is_empty()).then_some(()));
    }
    assert!(!prometheus.log().contains("level=warn"), "Prometheus warns:\n{}", prometheus.log());
}

#[test]
fn promtool_finds_no_fault_in_a_live_page() {
    let (agent, _) = demo();
    let page = agent.get("/metrics").text();
    let mut promtool = installed("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn promtool_takes_the_configuration_of_deploy() {
    let file = repository("deploy/prometheus/prometheus.yaml");
    let said = run(installed("promtool").args(["check", "config"]).arg(file));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}
