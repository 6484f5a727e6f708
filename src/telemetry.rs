//! What the agent counts about itself: its HTTP server, its calls to AWS, its pages, its configuration, its process.
//!
//! [`Telemetry`] is made once and shared; it owns its registry, so that two agents in one test never mix their
//! numbers. Nothing with an `account` label is counted here: that comes from the readings. A value that is not known
//! yet has no series.

pub mod process;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry};

use self::process::Process;
use crate::metric::{About, Kind};

/// Every family that [`Telemetry::gather`] can return, in the order of the documentation.
pub const METRICS: &[About<'static>] = &[
    BUILD_INFO,
    COLLECTOR_INTERVAL,
    COLLECTOR_STALE_AFTER,
    AWS_REQUEST_DURATION,
    TARGETS_UNIDENTIFIED,
    SERIES,
    PAGE_BUILD_DURATION,
    HTTP_REQUESTS,
    HTTP_CONNECTIONS_CLOSED,
    CONFIG_LAST_RELOAD_SUCCESSFUL,
    CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP,
    WEB_CONFIG_LAST_RELOAD_SUCCESSFUL,
    WEB_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP,
    WEB_CERTIFICATE_EXPIRY,
    process::CPU_SECONDS,
    process::RESIDENT_MEMORY,
    process::VIRTUAL_MEMORY,
    process::VIRTUAL_MEMORY_MAX,
    process::OPEN_FDS,
    process::MAX_FDS,
    process::THREADS,
    process::START_TIME,
];

const BUILD_INFO: About<'static> = About {
    name: "ses_exporter_build_info",
    help: "1, with the version and the source revision that this agent was built from.",
    kind: Kind::Gauge,
    labels: &["version", "revision"],
};
const COLLECTOR_INTERVAL: About<'static> = About {
    name: "ses_exporter_collector_interval_seconds",
    help: "Configured time between two polls of a collector in one account and region, in seconds.",
    kind: Kind::Gauge,
    labels: &["collector"],
};
const COLLECTOR_STALE_AFTER: About<'static> = About {
    name: "ses_exporter_collector_stale_after_seconds",
    help: "Configured age, in seconds, after which the last good reading of a collector is no longer exported.",
    kind: Kind::Gauge,
    labels: &["collector"],
};
const AWS_REQUEST_DURATION: About<'static> = About {
    name: "ses_exporter_aws_request_duration_seconds",
    help: "Duration of single attempts to call AWS over all accounts and regions, in seconds, without the wait for budget.",
    kind: Kind::Histogram,
    labels: &["service", "operation"],
};
const TARGETS_UNIDENTIFIED: About<'static> = About {
    name: "ses_exporter_targets_unidentified",
    help: "Number of targets without series because AWS has not told the id of their account, and none is configured.",
    kind: Kind::Gauge,
    labels: &[],
};
const SERIES: About<'static> = About {
    name: "ses_exporter_series",
    help: "Number of series on the metrics page that was built before this one.",
    kind: Kind::Gauge,
    labels: &[],
};
const PAGE_BUILD_DURATION: About<'static> = About {
    name: "ses_exporter_page_build_duration_seconds",
    help: "Time that building the metrics page before this one took, in seconds; a scrape builds nothing.",
    kind: Kind::Gauge,
    labels: &[],
};
const HTTP_REQUESTS: About<'static> = About {
    name: "ses_exporter_http_requests_total",
    help: "HTTP requests that were answered, by status code.",
    kind: Kind::Counter,
    labels: &["code"],
};
const HTTP_CONNECTIONS_CLOSED: About<'static> = About {
    name: "ses_exporter_http_connections_closed_total",
    help: "HTTP connections that this agent refused or closed, or that broke, by reason.",
    kind: Kind::Counter,
    labels: &["reason"],
};
const CONFIG_LAST_RELOAD_SUCCESSFUL: About<'static> = About {
    name: "ses_exporter_config_last_reload_successful",
    help: "1 if the last attempt to load the configuration succeeded, 0 if it failed and the one before stays in force.",
    kind: Kind::Gauge,
    labels: &[],
};
const CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP: About<'static> = About {
    name: "ses_exporter_config_last_reload_success_timestamp_seconds",
    help: "Unix time of the last successful load of the configuration, in seconds.",
    kind: Kind::Gauge,
    labels: &[],
};

const WEB_CONFIG_LAST_RELOAD_SUCCESSFUL: About<'static> = About {
    name: "ses_exporter_web_config_last_reload_successful",
    help: "1 if the web configuration and its certificates are as in their files, 0 if the last change of them was mistaken and is not in force.",
    kind: Kind::Gauge,
    labels: &[],
};
const WEB_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP: About<'static> = About {
    name: "ses_exporter_web_config_last_reload_success_timestamp_seconds",
    help: "Unix time at which the web configuration, or a certificate, was last put into force, in seconds.",
    kind: Kind::Gauge,
    labels: &[],
};
const WEB_CERTIFICATE_EXPIRY: About<'static> = About {
    name: "ses_exporter_web_certificate_expiry_timestamp_seconds",
    help: "Unix time at which the certificate of this agent's own port, or the first of its chain, expires, in seconds.",
    kind: Kind::Gauge,
    labels: &[],
};

/// SES answers in 30 to 300 ms; an attempt is given up after 10 s, so that only a suspended process reaches 30 s.
const AWS_REQUEST_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Status codes that exist from the start with 0, so that `rate()` sees the first of them. Others appear when first sent.
const KNOWN_STATUS_CODES: &[&str] = &["200", "400", "401", "404", "405", "429", "431", "500", "503"];

/// Why an HTTP connection ended otherwise than by the client's wish: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionClosed {
    /// The head of a request did not arrive in time.
    HeaderTimeout,
    /// The client did not take an answer in time.
    WriteTimeout,
    /// Kept alive, and no further request came.
    Idle,
    /// Made room for a newer connection when all places, or all descriptors, were taken.
    Evicted,
    /// Made room for a newer connection of the same address, or was itself one too many.
    AddressLimit,
    /// TLS did not come about.
    Handshake,
    /// The request could not be parsed, or the socket broke.
    Error,
}

impl ConnectionClosed {
    /// All reasons, in the order of the documentation.
    pub const ALL: &'static [ConnectionClosed] = &[
        ConnectionClosed::HeaderTimeout,
        ConnectionClosed::WriteTimeout,
        ConnectionClosed::Idle,
        ConnectionClosed::Evicted,
        ConnectionClosed::AddressLimit,
        ConnectionClosed::Handshake,
        ConnectionClosed::Error,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConnectionClosed::HeaderTimeout => "header_timeout",
            ConnectionClosed::WriteTimeout => "write_timeout",
            ConnectionClosed::Idle => "idle",
            ConnectionClosed::Evicted => "evicted",
            ConnectionClosed::AddressLimit => "address_limit",
            ConnectionClosed::Handshake => "tls_handshake",
            ConnectionClosed::Error => "error",
        }
    }
}

/// The agent's own numbers. All methods take `&self`, never block on IO (except [`Telemetry::gather`], which reads
/// `/proc/self`) and can be called from any thread.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    process: Process,
    /// Names of the collectors that have series, to take away those that a reload switched off.
    collectors: Mutex<Vec<String>>,
    collector_interval: GaugeVec,
    collector_stale_after: GaugeVec,
    aws_request_duration: HistogramVec,
    targets_unidentified: GaugeVec,
    series: GaugeVec,
    page_build_duration: GaugeVec,
    http_requests: CounterVec,
    http_connections_closed: CounterVec,
    config_last_reload_successful: GaugeVec,
    config_last_reload_success_timestamp: GaugeVec,
    web_config_last_reload_successful: GaugeVec,
    web_config_last_reload_success_timestamp: GaugeVec,
    web_certificate_expiry: GaugeVec,
}

/// The label values of a family without labels. Such families are vectors too: their one series is absent until set.
const NO_LABELS: &[&str] = &[];

impl Telemetry {
    /// Registers everything; `version` and `revision` are those of the build.
    ///
    /// # Errors
    /// Only if a declaration of this file is wrong (a name twice, an invalid label).
    pub fn new(version: &str, revision: &str) -> Result<Telemetry, prometheus::Error> {
        let registry = Registry::new();
        let build_info = gauges(&registry, &BUILD_INFO)?;
        build_info.with_label_values(&[version, revision]).set(1.0);
        let http_requests = counters(&registry, &HTTP_REQUESTS)?;
        for code in KNOWN_STATUS_CODES {
            http_requests.with_label_values(&[code]);
        }
        let http_connections_closed = counters(&registry, &HTTP_CONNECTIONS_CLOSED)?;
        for reason in ConnectionClosed::ALL {
            http_connections_closed.with_label_values(&[reason.as_str()]);
        }
        Ok(Telemetry {
            process: Process::this(),
            collectors: Mutex::default(),
            collector_interval: gauges(&registry, &COLLECTOR_INTERVAL)?,
            collector_stale_after: gauges(&registry, &COLLECTOR_STALE_AFTER)?,
            aws_request_duration: histograms(&registry, &AWS_REQUEST_DURATION, AWS_REQUEST_BUCKETS)?,
            targets_unidentified: gauges(&registry, &TARGETS_UNIDENTIFIED)?,
            series: gauges(&registry, &SERIES)?,
            page_build_duration: gauges(&registry, &PAGE_BUILD_DURATION)?,
            http_requests,
            http_connections_closed,
            config_last_reload_successful: gauges(&registry, &CONFIG_LAST_RELOAD_SUCCESSFUL)?,
            config_last_reload_success_timestamp: gauges(&registry, &CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP)?,
            web_config_last_reload_successful: gauges(&registry, &WEB_CONFIG_LAST_RELOAD_SUCCESSFUL)?,
            web_config_last_reload_success_timestamp: gauges(&registry, &WEB_CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP)?,
            web_certificate_expiry: gauges(&registry, &WEB_CERTIFICATE_EXPIRY)?,
            registry,
        })
    }

    /// Counts one answered HTTP request. `code` is a status code that this program sends, never one from outside.
    pub fn http_request(&self, code: &str) {
        self.http_requests.with_label_values(&[code]).inc();
    }

    /// Counts one HTTP connection that did not end by the client's wish.
    pub fn http_connection_closed(&self, reason: ConnectionClosed) {
        self.http_connections_closed.with_label_values(&[reason.as_str()]).inc();
    }

    /// Counts one attempt to call AWS, for example `("sesv2", "GetAccount")`.
    pub fn aws_request(&self, service: &str, operation: &str, took: Duration) {
        self.aws_request_duration.with_label_values(&[service, operation]).observe(took.as_secs_f64());
    }

    /// Tells the schedule in force: name, interval and `stale_after` of every collector that is switched on.
    pub fn set_collectors<'a>(&self, schedule: impl IntoIterator<Item = (&'a str, Duration, Duration)>) {
        let mut known = self.collectors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *known);
        for (collector, interval, stale_after) in schedule {
            self.collector_interval.with_label_values(&[collector]).set(interval.as_secs_f64());
            self.collector_stale_after.with_label_values(&[collector]).set(stale_after.as_secs_f64());
            gone.retain(|name| name != collector);
            known.push(collector.to_owned());
        }
        for collector in gone {
            // An error says that there was no such series, which is what is wanted.
            let _ = self.collector_interval.remove_label_values(&[&collector]);
            let _ = self.collector_stale_after.remove_label_values(&[&collector]);
        }
    }

    /// Tells how many targets have no name to appear under.
    pub fn targets_unidentified(&self, count: usize) {
        let count = u32::try_from(count).map_or(f64::INFINITY, f64::from);
        self.targets_unidentified.with_label_values(NO_LABELS).set(count);
    }

    /// Tells what the page that was just built holds and how long building it took.
    pub fn page_built(&self, series: usize, took: Duration) {
        // A page of 2^32 series is beyond any Prometheus; the conversion keeps the number exact below that.
        let series = u32::try_from(series).map_or(f64::INFINITY, f64::from);
        self.series.with_label_values(NO_LABELS).set(series);
        self.page_build_duration.with_label_values(NO_LABELS).set(took.as_secs_f64());
    }

    /// A configuration was loaded and is in force since `at`. The first load at the start counts.
    pub fn config_loaded(&self, at: SystemTime) {
        self.config_last_reload_successful.with_label_values(NO_LABELS).set(1.0);
        self.config_last_reload_success_timestamp.with_label_values(NO_LABELS).set(unix_seconds(at));
    }

    /// A configuration was refused; the one before stays in force.
    pub fn config_refused(&self) {
        self.config_last_reload_successful.with_label_values(NO_LABELS).set(0.0);
    }

    /// The web configuration is in force as it stands in its file since now, with a certificate that ends to be valid at
    /// `expires`, if it has one.
    pub fn web_config_loaded(&self, expires: Option<SystemTime>) {
        self.web_config_last_reload_successful.with_label_values(NO_LABELS).set(1.0);
        let now = unix_seconds(SystemTime::now());
        self.web_config_last_reload_success_timestamp.with_label_values(NO_LABELS).set(now);
        if let Some(expires) = expires {
            self.web_certificate_expiry.with_label_values(NO_LABELS).set(unix_seconds(expires));
        } else {
            // An error says that there was no such series, which is what is wanted.
            let _ = self.web_certificate_expiry.remove_label_values(NO_LABELS);
        }
    }

    /// A change of the web configuration was refused; what was in force before stays.
    pub fn web_config_refused(&self) {
        self.web_config_last_reload_successful.with_label_values(NO_LABELS).set(0.0);
    }

    /// Every family that has a series, sorted by name. Reads `/proc/self`: call it once a page, not once a scrape.
    pub fn gather(&self) -> Vec<MetricFamily> {
        let mut families = self.process.gather();
        families.extend(self.registry.gather());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        families
    }
}

/// Unix time in seconds; 0 for a clock that stands before 1970.
fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn gauges(registry: &Registry, about: &About<'_>) -> Result<GaugeVec, prometheus::Error> {
    let vector = GaugeVec::new(Opts::new(about.name, about.help), about.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

fn counters(registry: &Registry, about: &About<'_>) -> Result<CounterVec, prometheus::Error> {
    let vector = CounterVec::new(Opts::new(about.name, about.help), about.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

fn histograms(registry: &Registry, about: &About<'_>, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(about.name, about.help).buckets(buckets.to_vec());
    let vector = HistogramVec::new(options, about.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus::proto::{LabelPair, MetricType};

    use super::*;

    fn full() -> Telemetry {
        let telemetry = Telemetry::new("1.2.3", "abcdef").unwrap();
        telemetry.aws_request("sesv2", "GetAccount", Duration::from_millis(80));
        telemetry.set_collectors([("account", Duration::from_mins(1), Duration::from_hours(1))]);
        telemetry.targets_unidentified(2);
        telemetry.page_built(1234, Duration::from_millis(5));
        telemetry.config_loaded(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        telemetry.web_config_loaded(Some(UNIX_EPOCH + Duration::from_hours(500_000)));
        telemetry
    }

    fn value(telemetry: &Telemetry, name: &str, label: Option<&str>) -> Option<f64> {
        let family = telemetry.gather().into_iter().find(|family| family.name() == name)?;
        let metric = family
            .get_metric()
            .iter()
            .find(|metric| label.is_none_or(|label| metric.get_label().iter().any(|pair| pair.value() == label)))?;
        Some(match family.get_field_type() {
            MetricType::COUNTER => metric.get_counter().get_value(),
            _ => metric.get_gauge().get_value(),
        })
    }

    #[test]
    fn the_table_and_what_is_gathered_are_the_same() {
        let gathered = full().gather();
        for family in &gathered {
            let about = METRICS.iter().find(|about| about.name == family.name());
            let about = about.unwrap_or_else(|| panic!("{} is not in METRICS", family.name()));
            assert_eq!(family.help(), about.help, "{}", about.name);
            let kind = match family.get_field_type() {
                MetricType::COUNTER => Kind::Counter,
                MetricType::GAUGE => Kind::Gauge,
                MetricType::HISTOGRAM => Kind::Histogram,
                other => panic!("{}: {other:?}", about.name),
            };
            assert_eq!(kind, about.kind, "{}", about.name);
            let declared: BTreeSet<&str> = about.labels.iter().copied().collect();
            for metric in family.get_metric() {
                let labels: BTreeSet<&str> = metric.get_label().iter().map(LabelPair::name).collect();
                assert_eq!(labels, declared, "{}", about.name);
            }
        }
        let names: BTreeSet<&str> = gathered.iter().map(MetricFamily::name).collect();
        let declared: BTreeSet<&str> = METRICS.iter().map(|about| about.name).collect();
        assert_eq!(names, declared);
        assert_eq!(declared.len(), METRICS.len(), "a name stands twice in METRICS");
        assert!(gathered.is_sorted_by(|a, b| a.name() < b.name()));
    }

    #[test]
    fn names_and_helps_keep_the_conventions() {
        for about in METRICS {
            assert!(about.name.starts_with("ses_exporter_") || about.name.starts_with("process_"), "{}", about.name);
            assert_eq!(about.name.ends_with("_total"), about.kind == Kind::Counter, "{}", about.name);
            assert!(about.help.ends_with('.') && !about.help.contains('\n'), "{}", about.help);
            if about.name.contains("_seconds") {
                assert!(about.help.contains("seconds"), "the help of {} must name its unit", about.name);
            }
        }
    }

    #[test]
    fn what_is_not_known_yet_is_absent_and_closed_sets_start_at_zero() {
        let telemetry = Telemetry::new("1.2.3", "abcdef").unwrap();
        for about in [SERIES, PAGE_BUILD_DURATION, CONFIG_LAST_RELOAD_SUCCESSFUL, COLLECTOR_INTERVAL] {
            assert_eq!(value(&telemetry, about.name, None), None, "{}", about.name);
        }
        for code in KNOWN_STATUS_CODES {
            assert_eq!(value(&telemetry, HTTP_REQUESTS.name, Some(code)), Some(0.0));
        }
        for reason in ConnectionClosed::ALL {
            assert_eq!(value(&telemetry, HTTP_CONNECTIONS_CLOSED.name, Some(reason.as_str())), Some(0.0));
        }
    }

    #[test]
    fn a_refused_configuration_keeps_the_time_of_the_last_good_one() {
        let telemetry = full();
        telemetry.config_refused();
        assert_eq!(value(&telemetry, CONFIG_LAST_RELOAD_SUCCESSFUL.name, None), Some(0.0));
        let at = value(&telemetry, CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP.name, None);
        assert_eq!(at, Some(1_700_000_000.0));
    }

    #[test]
    fn a_collector_that_was_switched_off_loses_its_series() {
        let telemetry = full();
        telemetry.set_collectors([("dns", Duration::from_mins(10), Duration::from_hours(1))]);
        assert_eq!(value(&telemetry, COLLECTOR_INTERVAL.name, Some("account")), None);
        assert_eq!(value(&telemetry, COLLECTOR_STALE_AFTER.name, Some("account")), None);
        assert_eq!(value(&telemetry, COLLECTOR_INTERVAL.name, Some("dns")), Some(600.0));
    }
}
