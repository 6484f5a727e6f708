//! The renderer against two judges: the `prometheus` crate's encoder, and the strict reader of `support`.

use std::collections::BTreeMap;

use prometheus::proto::{Gauge, LabelPair, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use proptest::prelude::*;
use ses_exporter::exposition::{Exposition, Format};
use ses_exporter::metric::{About, Kind, Sink};

use crate::support::{Page, tries};

const FAMILY: About<'static> = About {
    name: "ses_identity_verified",
    help: "Help with \\ and \"quotes\".",
    kind: Kind::Gauge,
    labels: &["identity"],
};

fn render(series: &BTreeMap<(String, String), f64>, format: Format) -> String {
    let mut page = Exposition::new(Vec::new(), format);
    page.family(&FAMILY);
    for ((account, identity), value) in series {
        page.common_labels(&[("account", account)]);
        page.sample(&[identity], *value);
    }
    String::from_utf8(page.finish().expect("a Vec takes everything").0).expect("labels are UTF-8")
}

/// What the `prometheus` crate makes of the same series.
fn oracle(series: &BTreeMap<(String, String), f64>) -> String {
    let mut family = MetricFamily::default();
    family.set_name(FAMILY.name.to_owned());
    family.set_help(FAMILY.help.to_owned());
    family.set_field_type(MetricType::GAUGE);
    let pair = |name: &str, value: &str| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    let metrics = series.iter().map(|((account, identity), value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(*value);
        let mut metric =
            prometheus::proto::Metric::from_label(vec![pair("account", account), pair("identity", identity)]);
        metric.set_gauge(gauge);
        metric
    });
    family.set_metric(metrics.collect());
    let mut text = Vec::new();
    TextEncoder::new().encode(&[family], &mut text).expect("the oracle encodes");
    String::from_utf8(text).expect("UTF-8")
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.sort_unstable();
    lines
}

/// Any Unicode, with what breaks lines and quotes more often than chance would have it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<char>().prop_map(String::from),
        2 => prop::sample::select(vec!["\"", "\\", "\n", "\r", "\0", "\t", "} 1\nfake{a=\"b", "\u{202e}", "\u{1b}[31m", ",", "="])
            .prop_map(str::to_owned),
        1 => "[a-z.@]{1,20}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn series(values: impl Strategy<Value = f64>) -> impl Strategy<Value = BTreeMap<(String, String), f64>> {
    prop::collection::btree_map((hostile(), hostile()), values, 1..6)
}

proptest! {
    #![proptest_config(tries(2_000, 1_000_000))]

    #[test]
    fn any_label_comes_back_as_it_was(series in series(any::<f64>())) {
        let page = Page::parse(&render(&series, Format::Text));
        prop_assert_eq!(page.samples.len(), series.len());
        for (sample, ((account, identity), value)) in page.samples.iter().zip(&series) {
            prop_assert_eq!(&sample.labels["account"], account);
            prop_assert_eq!(&sample.labels["identity"], identity);
            prop_assert!(sample.value.to_bits() == value.to_bits() || (sample.value.is_nan() && value.is_nan()));
        }
    }

    #[test]
    fn the_prometheus_crate_writes_the_same_lines(series in series(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL)) {
        let (ours, theirs) = (render(&series, Format::Text), oracle(&series));
        prop_assert_eq!(sorted(&ours), sorted(&theirs));
    }

    #[test]
    fn openmetrics_differs_in_its_announcements_only(series in series(any::<f64>())) {
        let (text, open) = (render(&series, Format::Text), render(&series, Format::OpenMetrics));
        let samples = |page: &str| page.split('\n').filter(|line| !line.starts_with("# ")).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(samples(&text), samples(&open));
        prop_assert!(open.ends_with("# EOF\n"));
    }
}

#[test]
fn openmetrics_names_the_family_of_a_counter_and_the_unit() {
    let mut page = Exposition::new(Vec::new(), Format::OpenMetrics);
    let counter =
        About { name: "ses_exporter_aws_busy_seconds_total", help: "Say \"no\".", kind: Kind::Counter, labels: &[] };
    page.family(&counter);
    page.sample(&[], 1.5);
    page.family(&About { name: "ses_nothing_known", help: "x", kind: Kind::Gauge, labels: &[] });
    let text = String::from_utf8(page.finish().expect("written").0).expect("UTF-8");
    assert_eq!(
        text,
        "# HELP ses_exporter_aws_busy_seconds Say \\\"no\\\".\n# TYPE ses_exporter_aws_busy_seconds counter\n\
         # UNIT ses_exporter_aws_busy_seconds seconds\nses_exporter_aws_busy_seconds_total 1.5\n# EOF\n"
    );
}

#[test]
fn units_are_read_off_names() {
    let unit = |name| About { name, help: "", kind: Kind::Gauge, labels: &[] }.unit();
    assert_eq!(unit("ses_send_rate_messages_per_second"), Some("messages_per_second"));
    assert_eq!(unit("ses_send_quota_max_24h_messages"), Some("messages"));
    assert_eq!(unit("process_start_time_seconds"), Some("seconds"));
    assert_eq!(unit("ses_exporter_collector_last_success_timestamp_seconds"), Some("seconds"));
    assert_eq!(unit("ses_identities"), None);
}
