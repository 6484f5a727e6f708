//! The files of `deploy/compose`: Docker Compose's own reader takes them, and the programs that they name start with them, without
//! containers.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::prometheus::{ask, demo, series};
use crate::support::programs::{Program, installed, linter};
use crate::support::{command, eventually, repository, run};

/// The project as Docker Compose sees it, with every service and without the network and volumes that it adds.
fn composed(files: &[&str]) -> Value {
    // Paths are relative to the folder of the first file. Variables stay as they are written: this reader looks for none of them.
    let mut reader = linter("compose-spec");
    let said = run(reader.args(["--format", "json", "--no-interpolation"]).args(files).current_dir(folder()));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn folder() -> PathBuf {
    repository("deploy/compose")
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().map(|text| text.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Files and folders of this repository in a container: where from, and where to.
fn mounts(service: &Value) -> Vec<(PathBuf, &str)> {
    let volumes = service["volumes"].as_array().into_iter().flatten();
    let bound = volumes.filter(|volume| volume["type"] == "bind");
    bound.map(|volume| (volume["source"].as_str().unwrap().into(), volume["target"].as_str().unwrap())).collect()
}

#[test]
fn every_container_is_denied_what_it_does_not_need() {
    for files in [&["compose.yaml"][..], &["compose.yaml", "aws.yaml"]] {
        let project = composed(files);
        for (name, service) in project["services"].as_object().unwrap() {
            assert_eq!(service["read_only"], true, "{name}");
            assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
            assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
            assert!(service["privileged"].is_null() && service["cap_add"].is_null(), "{name}");
            assert!(!service["mem_limit"].is_null() && !service["pids_limit"].is_null(), "{name} has no limits");
            let user = service["user"].as_str().and_then(|user| user.split(':').next()).unwrap_or("0");
            assert!(user.parse::<u32>().is_ok_and(|user| user > 0), "{name} runs as {user}");
            for port in service["ports"].as_array().unwrap() {
                assert_eq!(port["host_ip"], "127.0.0.1", "{name} is open to others: {port}");
            }
            let tag = service["image"].as_str().unwrap().split_once(':').map(|(_, tag)| tag);
            assert!(tag.is_some_and(|tag| tag != "latest"), "{name} has no fixed version");
        }
    }
}

#[test]
fn what_is_mounted_is_there_and_cannot_be_written() {
    for (name, service) in composed(&["compose.yaml", "aws.yaml"])["services"].as_object().unwrap() {
        for (source, _) in mounts(service) {
            assert!(source.exists(), "{name} wants {}", source.display());
        }
        let bound = service["volumes"].as_array().into_iter().flatten().filter(|volume| volume["type"] == "bind");
        for volume in bound {
            assert_eq!(volume["read_only"], true, "{name}: {volume}");
        }
    }
}

#[test]
fn grafana_finds_its_dashboards_and_its_prometheus() {
    let project = composed(&["compose.yaml"]);
    let grafana = &project["services"]["grafana"];
    let target = |source: &str| {
        let found = mounts(grafana).into_iter().find(|(from, _)| *from == repository(source));
        found.unwrap_or_else(|| panic!("{source} is not mounted")).1
    };
    let dashboards = target("dashboards");
    let provider = std::fs::read_to_string(folder().join("grafana/dashboards.yaml")).unwrap();
    assert!(provider.contains(&format!("      path: {dashboards}\n")), "{provider}");
    let home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    let home = Path::new(home).strip_prefix(dashboards).expect("among the dashboards");
    assert!(repository("dashboards").join(home).is_file(), "{}", home.display());
    for part in ["datasources", "dashboards"] {
        let file = target(&format!("deploy/compose/grafana/{part}.yaml"));
        assert!(file.starts_with(&format!("/etc/grafana/provisioning/{part}/")), "{file}");
    }
    let setting = |name: &str| grafana["environment"][name].as_str();
    let closed = ["AUTH_DISABLE_LOGIN_FORM", "SECURITY_DISABLE_INITIAL_ADMIN_CREATION"];
    assert!(closed.iter().all(|name| setting(&format!("GF_{name}")) == Some("true")), "somebody can log in");
    assert_eq!(setting("GF_AUTH_BASIC_ENABLED"), Some("false"), "somebody can log in with a password in a header");
    let source = std::fs::read_to_string(folder().join("grafana/datasources.yaml")).unwrap();
    let port = &project["services"]["prometheus"]["ports"][0]["target"];
    assert!(source.contains(&format!("    url: http://prometheus:{port}\n")), "{source}");
}

#[test]
fn the_agent_takes_its_command_and_environment() {
    for files in [&["compose.yaml"][..], &["compose.yaml", "aws.yaml"]] {
        let project = composed(files);
        let service = &project["services"]["ses-exporter"];
        let mut agent = command(&texts(&service["command"]));
        let given = service["environment"].as_object().into_iter().flatten();
        for (name, value) in given.filter_map(|(name, value)| Some((name, value.as_str()?))) {
            let mounted = mounts(service).into_iter().find(|(_, target)| *target == value);
            let value = if value.starts_with("${SES_EXPORTER_REGIONS:") { "eu-west-1" } else { value };
            agent.env(name, mounted.map_or_else(|| value.into(), |(source, _)| source));
        }
        let said = run(agent.arg("--config.check"));
        assert_eq!(said.code, 0, "{files:?}: {}{}", said.out, said.err);
    }
}

#[test]
fn without_regions_the_real_aws_is_not_started_and_no_mistake_is_started_for_ever() {
    let mut reader = linter("compose-spec");
    let said = run(reader.args(["compose.yaml", "aws.yaml"]).current_dir(folder()).env_remove("SES_EXPORTER_REGIONS"));
    assert!(said.code != 0 && said.err.contains("name regions, or all"), "{}{}", said.out, said.err);
    let project = composed(&["compose.yaml", "aws.yaml"]);
    assert_eq!(project["services"]["ses-exporter"]["restart"], "on-failure:5");
}

/// Lays what a container sees into a folder, and makes its command there, with addresses of other containers replaced.
fn uncontained(service: &Value, root: &Path, program: &str, addresses: &[(&str, &str)]) -> Command {
    let mut inside = Vec::new();
    for (source, target) in mounts(service) {
        let file = root.join(target.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = std::fs::read_to_string(source).unwrap();
        let text = addresses.iter().fold(text, |text, (name, address)| text.replace(name, address));
        // Nobody here has a minute for a scrape, and a group with an interval of its own would first be evaluated after that long.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("interval:"));
        let text = lines.collect::<Vec<_>>().join("\n").replace("_interval: 1m", "_interval: 1s");
        std::fs::write(file, text.replace("_interval: 15s", "_interval: 1s")).unwrap();
        inside.push(target);
    }
    let mut command = installed(program);
    for argument in texts(&service["command"]) {
        command.arg(argument.replace("=/", &format!("={}/", root.display())));
    }
    assert!(!inside.is_empty(), "{program} has no configuration");
    command
}

#[test]
fn the_programs_start_with_these_files_and_find_one_another() {
    let project = composed(&["compose.yaml"]);
    let (agent, _) = demo();
    let alertmanager = Program::start("alertmanager", "/-/ready", |address, directory| {
        let mut command = uncontained(&project["services"]["alertmanager"], directory, "prometheus-alertmanager", &[]);
        command.arg(format!("--web.listen-address={address}"));
        command
    });
    let (agent, told) = (agent.address.to_string(), alertmanager.address.to_string());
    let prometheus = Program::start("prometheus", "/-/ready", |address, directory| {
        let addresses = [("ses-exporter:10060", agent.as_str()), ("alertmanager:9093", told.as_str())];
        let mut command = uncontained(&project["services"]["prometheus"], directory, "prometheus", &addresses);
        command.arg(format!("--web.listen-address={address}"));
        command
    });

    eventually("a scrape", || (series(&prometheus, "up{job=\"ses-exporter\"} == 1").len() == 1).then_some(()));
    eventually("every rule is evaluated and healthy", || {
        let answer = ask(&prometheus, "/api/v1/rules");
        let groups = answer["groups"].as_array().unwrap();
        let mut rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        (groups.len() > 5 && rules.all(|rule| rule["health"] == "ok")).then_some(())
    });
    eventually("Prometheus has its Alertmanager", || {
        let answer = ask(&prometheus, "/api/v1/alertmanagers");
        let url = answer["activeAlertmanagers"][0]["url"].as_str()?.to_owned();
        url.contains(&told).then_some(())
    });
    let log = prometheus.log().to_lowercase(); // older ones write "warn", newer ones "WARN"
    assert!(!log.contains("level=warn"), "Prometheus warns:\n{log}");
}
