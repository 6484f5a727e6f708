//! `deploy/kubernetes`: what is generated is up to date, and the published schemas of Kubernetes and of the Prometheus Operator take it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::dashboards::dashboards;
use crate::support::programs::python;
use crate::support::rules::deployed;
use crate::support::{golden, repository, run};

/// Prints a file's objects as JSON.
const OBJECTS: &str = "
import json, sys, yaml
print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))
";

/// Prints what the schema of a custom resource says against the objects of a file. A Kubernetes server drops fields that the schema does
/// not know without a word, so here they are mistakes.
const VALIDATE: &str = "
import sys, yaml
from jsonschema import Draft202012Validator
def close(schema):
    if 'properties' in schema:
        schema.setdefault('additionalProperties', False)
    for part in [*schema.get('properties', {}).values(), schema.get('items'), schema.get('additionalProperties')]:
        if isinstance(part, dict):
            close(part)
definition = yaml.safe_load(open(sys.argv[1]))
for document in yaml.safe_load_all(open(sys.argv[2])):
    version = document['apiVersion'].split('/')[1]
    schema = next(v for v in definition['spec']['versions'] if v['name'] == version)['schema']['openAPIV3Schema']
    close(schema)
    schema['properties']['metadata'] = {'type': 'object'}
    if document['kind'] != definition['spec']['names']['kind']:
        print('this is a', document['kind'])
    for error in Draft202012Validator(schema).iter_errors(document):
        print(error.json_path, error.message)
";

fn folder(file: &str) -> String {
    repository("deploy/kubernetes").join(file).display().to_string()
}

/// The objects of a file.
fn objects(file: &str) -> Vec<Value> {
    let said = run(python("python3").args(["-c", OBJECTS, &folder(file)]));
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// The head of an object.
fn head(api: &str, kind: &str, name: &str, label: &str) -> String {
    let labels = format!("  labels:\n    app.kubernetes.io/name: ses-exporter\n{label}");
    format!("apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{labels}")
}

/// The text with every line moved to the right.
fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") }).collect()
}

const WRITTEN: &str = "# Written out of the files in deploy/prometheus and dashboards: change those, then BLESS=1 cargo test --test main kubernetes::\n";

#[test]
fn the_rules_stand_in_objects_of_the_operator() {
    let rule = |what: &str| {
        let name = format!("ses-exporter-{what}");
        let spec = indented(&deployed(&format!("ses-exporter.{what}.yaml")), "  ");
        head("monitoring.coreos.com/v1", "PrometheusRule", &name, "") + "spec:\n" + &spec
    };
    golden("deploy/kubernetes/prometheusrule.yaml", &[WRITTEN, &rule("rules"), "---\n", &rule("alerts")].concat());
}

#[test]
fn the_dashboards_stand_in_objects_that_grafana_finds() {
    let mut dashboards = dashboards();
    dashboards.sort_by_key(|(_, dashboard)| dashboard["uid"].to_string());
    let mut made = WRITTEN.to_owned();
    for (at, (_, dashboard)) in dashboards.iter().enumerate() {
        let uid = dashboard["uid"].as_str().unwrap();
        let label = "    grafana_dashboard: \"1\" # what the sidecar of Grafana's chart looks for\n";
        made.push_str(if at == 0 { "" } else { "---\n" });
        made.push_str(&head("v1", "ConfigMap", uid, label));
        // In one line: beside the original nobody reads it, and an object must not be larger than 1 MiB.
        let _ = write!(made, "data:\n  {uid}.json: |-\n    {dashboard}\n");
    }
    golden("deploy/kubernetes/dashboards.yaml", &made);
}

#[test]
fn the_schemas_of_kubernetes_and_of_the_operator_take_every_object() {
    for file in ["ses-exporter.yaml", "dashboards.yaml"] {
        let said = run(python("kubernetes-validate").args(["--strict", "--quiet", &folder(file)]));
        assert_eq!(said.code, 0, "{file}: {}{}", said.out, said.err);
    }
    for (file, plural) in [("servicemonitor.yaml", "servicemonitors"), ("prometheusrule.yaml", "prometheusrules")] {
        let definition = repository("target/linters/crds").join(format!("monitoring.coreos.com_{plural}.yaml"));
        assert!(definition.is_file(), "{} is missing; tests/run installs it", definition.display());
        let said = run(python("python3").args(["-c", VALIDATE]).arg(definition).arg(folder(file)));
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{file}: {}", said.err);
    }
}

#[test]
fn what_is_in_an_object_is_what_stands_in_the_files() {
    let kept: Vec<Value> = objects("dashboards.yaml")
        .iter()
        .map(|object| {
            let (_, text) = object["data"].as_object().unwrap().iter().next().unwrap();
            serde_json::from_str(text.as_str().unwrap()).unwrap()
        })
        .collect();
    let files = dashboards();
    assert!(kept.len() == files.len() && files.iter().all(|(_, dashboard)| kept.contains(dashboard)));
    for (object, file) in objects("prometheusrule.yaml").iter().zip(["rules", "alerts"]) {
        let path = repository(&format!("deploy/prometheus/ses-exporter.{file}.yaml")).display().to_string();
        let said = run(python("python3").args(["-c", OBJECTS, &path]));
        let rules: Vec<Value> = serde_json::from_str(&said.out).unwrap();
        assert_eq!(rules, [object["spec"].clone()], "{file}");
    }
}

/// What the profile "restricted" of the Pod Security Standards asks for, and what finds the agent.
#[test]
fn the_pod_is_restricted_and_prometheus_finds_it() {
    let objects = objects("ses-exporter.yaml");
    let of = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let pod = &of("Deployment")["spec"]["template"];
    let spec = &pod["spec"];
    assert!(["hostNetwork", "hostPID", "hostIPC", "initContainers"].iter().all(|key| spec[key].is_null()), "{spec}");
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert!(spec["securityContext"]["runAsUser"].as_u64().is_some_and(|user| user > 0));
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for volume in spec["volumes"].as_array().unwrap() {
        assert!(volume["configMap"].is_object(), "{volume}");
    }
    for container in spec["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"], serde_json::json!({ "drop": ["ALL"] }));
        assert!(context["privileged"].is_null());
    }
    // The environment of a Service called ses-exporter would be taken for settings.
    assert_eq!(spec["enableServiceLinks"], false);

    let labels = |value: &Value| value.as_object().cloned().unwrap();
    let within = |selector: &Value, of: &Value| {
        let of = labels(of);
        labels(selector).iter().all(|(name, value)| of.get(name) == Some(value))
    };
    let service = of("Service");
    assert!(within(&of("Deployment")["spec"]["selector"]["matchLabels"], &pod["metadata"]["labels"]));
    assert!(within(&service["spec"]["selector"], &pod["metadata"]["labels"]));
    let monitors = self::objects("servicemonitor.yaml");
    let monitor = &monitors[0]["spec"];
    assert!(within(&monitor["selector"]["matchLabels"], &service["metadata"]["labels"]));
    assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], spec["containers"][0]["ports"][0]["name"]);
    let job = monitor["jobLabel"].as_str().unwrap();
    assert_eq!(service["metadata"]["labels"][job], "ses-exporter");
}

/// What the operator gives to every target of a ServiceMonitor. A metric's own label of the same name would be moved to `exported_…`.
const OF_TARGETS: [&str; 8] = ["job", "instance", "namespace", "service", "pod", "container", "endpoint", "node"];

#[test]
fn no_label_of_a_metric_is_hidden_by_one_of_the_operator() {
    let monitor = &objects("servicemonitor.yaml")[0]["spec"];
    let rules = monitor["endpoints"][0]["relabelings"].as_array().unwrap();
    let drops = rules.iter().filter(|rule| rule["action"] == "labeldrop");
    let dropped: Vec<&str> = drops.flat_map(|rule| rule["regex"].as_str().unwrap().split('|')).collect();
    for (name, labels) in crate::deploy::families() {
        let hidden = labels.iter().find(|label| OF_TARGETS.contains(label) && !dropped.contains(label));
        assert!(hidden.is_none(), "{name} loses its label {hidden:?}");
    }
}

/// The configuration in the ConfigMap is one that the agent takes.
#[test]
fn the_agent_takes_the_configuration_of_the_object() {
    let objects = objects("ses-exporter.yaml");
    let map = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), map["data"]["ses-exporter.toml"].as_str().unwrap()).unwrap();
    let said = run(crate::support::command(&["--config.check", "--config.file"]).arg(file.path()));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}
