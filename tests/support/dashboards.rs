//! The dashboards, as far as tests have to know them.

use serde_json::Value;

use super::repository;

/// Every dashboard of `dashboards/`, as text and as JSON.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let folder = std::fs::read_dir(repository("dashboards")).expect("the dashboards");
    let files = folder.map(|file| file.expect("a file").path());
    let read = files.filter(|file| file.extension().is_some_and(|extension| extension == "json")).map(|file| {
        let text = std::fs::read_to_string(&file).expect("a dashboard");
        let dashboard = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (text, dashboard)
    });
    read.collect()
}

/// The panels of a dashboard that are not rows.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row").collect()
}
