//! Dashboards drawn by `tests/dashboards` with Grafana's own components, and what the page says of each panel that it has drawn.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::prometheus::{demo, prometheus};
use crate::support::programs::{Program, installed};
use crate::support::{repository, send};

/// The panel of the overview that has nothing to show as early as this: an alert waits for longer.
const EMPTY: &str = "Alerts firing";
/// How long the demo may need until everything has been read, and twice scraped, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// What became of the panels of a dashboard, and whether the renderer says that all were drawn.
fn draw(prometheus: &Program, dashboard: &Path, output: &Path) -> (Vec<Value>, bool) {
    let renderer = repository("target/dashboards/renderer/draw.mjs");
    assert!(renderer.is_file(), "there is no renderer; tests/dashboards/build makes it");
    let ended = installed("node")
        .arg(renderer)
        .env("CHROMIUM", installed("chromium").get_program())
        .args(["--prometheus", &prometheus.url(), "--range", "60", "--scrape", "1", "--output"])
        .args([output, dashboard])
        .output()
        .unwrap();
    let told = std::fs::read(output.join("drawn.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ended.stderr)));
    let told: Value = serde_json::from_slice(&told).unwrap();
    let pictures = told.as_object().unwrap();
    assert_eq!(pictures.len(), 1, "{told}");
    (pictures.values().next().unwrap().as_array().unwrap().clone(), ended.status.success())
}

fn is_drawn(panel: &Value) -> bool {
    panel["marks"].as_u64().unwrap() > 0 && panel["said"].is_null() && panel["error"].is_null()
}

/// Width and height as they stand in the header of a PNG.
fn size(picture: &Path) -> (u32, u32) {
    let bytes = std::fs::read(picture).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn every_panel_of_the_overview_is_drawn() {
    let (agent, simulator) = demo();
    // In the demo nothing fails by itself.
    let fault = r#"{"kind":"deny","operation":"GetSendStatistics","region":"eu-west-3"}"#;
    assert_eq!(send(simulator, "POST", "/_simulator/faults", &[], fault.as_bytes()).status, 200);
    let prometheus = prometheus(&[("ses-exporter", agent.address)]);
    let output = tempfile::tempdir().unwrap();
    let file = repository("dashboards/overview.json");
    let end = Instant::now() + PATIENCE;
    let panels = loop {
        let (panels, all_well) = draw(&prometheus, &file, output.path());
        let missing: Vec<_> = panels.iter().filter(|panel| panel["title"] != EMPTY && !is_drawn(panel)).collect();
        if missing.is_empty() && all_well {
            break panels;
        }
        assert!(Instant::now() < end, "not drawn within {PATIENCE:?}: {missing:#?}");
    };

    let dashboard: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let wanted = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let ids = |panels: &[&Value]| panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&panels.iter().collect::<Vec<_>>()), ids(&wanted.collect::<Vec<_>>()));
    let (width, height) = size(&output.path().join("overview-dark-1440.png"));
    assert!(width == 1440 && height > 2000, "{width} x {height}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let prometheus = prometheus(&[]);
    let output = tempfile::tempdir().unwrap();
    let file = output.path().join("broken.json");
    let panel = |id: u8, kind: &str, expr: &str| {
        json!({
            "id": id, "type": kind, "title": kind, "gridPos": {"x": 0, "y": id, "w": 24, "h": 6},
            "targets": [{"refId": "A", "expr": expr, "instant": !["timeseries", "state-timeline"].contains(&kind)}],
        })
    };
    let panels = json!([
        panel(1, "stat", "1 +"),
        panel(2, "piechart", "1"),
        panel(3, "timeseries", "vector(1) > 2"),
        panel(4, "stat", "42"),
        panel(5, "state-timeline", "vector(1) > 2"),
        panel(6, "state-timeline", "vector(1) and on () vector(time() % 20) < 10"),
    ]);
    let dashboard = json!({"title": "Broken", "templating": {"list": []}, "panels": panels});
    std::fs::write(&file, dashboard.to_string()).unwrap();

    let (told, all_well) = draw(&prometheus, &file, output.path());
    assert!(!all_well);
    assert!(told[0]["error"].as_str().unwrap().contains("parse error"), "{told:#?}");
    assert_eq!(told[1]["error"], "panels of the type piechart are not drawn here");
    assert_eq!((&told[2]["said"], &told[2]["marks"]), (&json!("No data"), &json!(0)));
    assert!(is_drawn(&told[3]), "{told:#?}");
    assert_eq!((&told[4]["said"], &told[4]["marks"]), (&json!("No data"), &json!(0)));
    // Ten seconds of every twenty in a minute: equal states are one span, and the gaps between them stay.
    assert!(is_drawn(&told[5]) && (3..=4).contains(&told[5]["marks"].as_u64().unwrap()), "{told:#?}");
}
