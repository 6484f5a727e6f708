//! The alerts of `deploy/prometheus`, as far as tests have to know them: which there are, in which group, and how
//! grave.

use super::repository;

/// One alerting rule. An alert of two severities is two rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) severity: String,
    /// The group that it stands in, without `ses-exporter.`.
    pub(crate) group: String,
}

/// A file of `deploy/prometheus`.
pub(crate) fn deployed(file: &str) -> String {
    let path = repository("deploy/prometheus").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every alerting rule, in the order of the file.
pub(crate) fn alerts() -> Vec<Alert> {
    let mut found: Vec<Alert> = Vec::new();
    let mut group = "";
    let text = deployed("ses-exporter.alerts.yaml");
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("  - name: ses-exporter.") {
            group = name;
        } else if let Some(name) = line.strip_prefix("      - alert: ") {
            found.push(Alert { name: name.to_owned(), severity: String::new(), group: group.to_owned() });
        } else if let Some(severity) = line.strip_prefix("          severity: ") {
            severity.clone_into(&mut found.last_mut().expect("an alert before its severity").severity);
        }
    }
    assert!(found.len() > 40 && found.iter().all(|alert| !alert.severity.is_empty()), "{found:?}");
    found
}
