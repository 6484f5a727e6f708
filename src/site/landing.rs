//! The landing page: what this is, where the metrics are, and one row per target. It needs no script.

use std::fmt::Write;
use std::time::Duration;

use tokio::time::Instant;

use crate::collectors::account;
use crate::estate::{Estate, Slot, TargetView};

/// Nothing may be loaded, framed or sent from this page.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Beyond this many rows a page is a burden, and the metrics tell more.
const MOST_ROWS: usize = 2000;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SES Exporter</title><style>
:root{color-scheme:light dark;--line:#8884;--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--dim:#6e7781}
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--bad:#f85149;--warn:#d29922;--dim:#8d96a0}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0}p{margin:.4rem 0 1.2rem}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.dim{color:var(--dim)}
</style></head><body>
"#;

/// The page as HTML.
pub(super) fn page(estate: &Estate, telemetry_path: &str) -> String {
    let mut html = String::from(HEAD);
    let version = env!("CARGO_PKG_VERSION");
    let path = escape(telemetry_path);
    // Writing to a String can't fail, here and below.
    let _ = write!(
        html,
        "<h1>SES Exporter</h1><p>Version {version}. Watches Amazon SES: sandbox, quota, enforcement and identities of \
         {} target{}. <a href=\"{path}\">Metrics</a> · <a href=\"/-/healthy\">Health</a> · <a href=\"/-/ready\">Readiness</a></p>\n\
         <div class=\"wide\"><table><thead><tr><th scope=\"col\">Account</th><th scope=\"col\">Region</th>\
         <th scope=\"col\">Sending</th><th scope=\"col\">Quota of 24 hours</th>",
        estate.targets.len(),
        if estate.targets.len() == 1 { "" } else { "s" },
    );
    for collector in &*estate.collectors {
        let _ = write!(html, "<th scope=\"col\">{}</th>", collector.declaration().name);
    }
    html.push_str("</tr></thead><tbody>\n");
    for view in estate.targets.iter().take(MOST_ROWS) {
        row(&mut html, estate, view);
    }
    html.push_str("</tbody></table></div>\n");
    if estate.targets.len() > MOST_ROWS {
        let _ = write!(html, "<p>{} more targets are in the metrics.</p>", estate.targets.len() - MOST_ROWS);
    }
    html.push_str("</body></html>\n");
    html
}

fn row(html: &mut String, estate: &Estate, view: &TargetView) {
    let account = view.account.as_deref().map_or_else(|| "not known yet".to_owned(), escape);
    let _ = write!(html, "<tr><td>{account}</td><td>{}</td>", escape(&view.target.region));
    let now = Instant::now();
    let mut fresh = view.slots.iter().filter_map(|slot| slot.fresh(now, estate.stale_after));
    let reading = fresh.find_map(|reading| reading.value.downcast_ref::<account::Reading>());
    match (view.skipped, reading) {
        (Some(reason), _) => {
            let _ = write!(html, "<td class=\"dim\">skipped: {}</td><td></td>", reason.as_str().replace('_', " "));
        }
        (None, None) => html.push_str("<td class=\"dim\">not known</td><td></td>"),
        (None, Some(reading)) => state(html, reading),
    }
    for slot in &view.slots {
        cell(html, view, slot);
    }
    html.push_str("</tr>\n");
}

fn state(html: &mut String, reading: &account::Reading) {
    let (class, words) = if reading.enforcement_status == "SHUTDOWN" {
        ("bad", "paused by AWS".to_owned())
    } else if !reading.sending_enabled {
        ("bad", "paused".to_owned())
    } else if reading.enforcement_status != "HEALTHY" {
        ("warn", format!("under review: {}", escape(&reading.enforcement_status)))
    } else if reading.production_access {
        ("good", "production".to_owned())
    } else {
        ("warn", "sandbox".to_owned())
    };
    let limit = match reading.max_24h {
        None => "unknown".to_owned(),
        Some(limit) if limit.is_infinite() => "∞".to_owned(),
        Some(limit) => format!("{limit:.0}"),
    };
    let _ = write!(html, "<td class=\"{class}\">{words}</td><td>{:.0} of {limit}</td>", reading.sent_24h);
}

fn cell(html: &mut String, view: &TargetView, slot: &Slot) {
    let age = slot.reading.as_ref().map(|reading| Duration::from_secs(reading.taken.elapsed().as_secs()));
    let age = age.map(|age| format!("{} ago", humantime::format_duration(age)));
    let failure = slot.last.as_ref().and_then(|last| last.failure.as_ref()).filter(|_| view.skipped.is_none());
    let _ = match (failure, age) {
        (Some(failure), Some(age)) => write!(html, "<td class=\"bad\">{}, last read {age}</td>", failure.kind.as_str()),
        (Some(failure), None) => write!(html, "<td class=\"bad\">{}, never read</td>", failure.kind.as_str()),
        (None, Some(age)) => write!(html, "<td class=\"good\">{age}</td>"),
        (None, None) => write!(html, "<td class=\"dim\">–</td>"),
    };
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
        out
    })
}
