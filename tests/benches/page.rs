//! How long writing a page takes, and what it holds in memory: `cargo bench --bench page`.
//!
//! Medians of several runs; the number of series is exact. Memory is the process' own peak, so each size runs in a
//! process of its own.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and stops at the first surprise")]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ses_exporter::collector::{AnyReading, Collector};
use ses_exporter::collectors::identities::{Identities, Identity, Reading, Settings};
use ses_exporter::exposition::{Exposition, Format};
use tokio::time::Instant;

/// Identities a target; with three series each and the counts, about 30,000 series.
const PER_TARGET: usize = 10_000;

fn target(number: usize, identities: usize) -> (String, AnyReading) {
    let list = (0..identities).map(|n| Identity {
        name: Arc::from(format!("customer-{n:06}.mail.shop-{number}.example")),
        identity_type: Arc::from("domain"),
        status: Some(Arc::from("SUCCESS")),
        sending_enabled: true,
    });
    let settings = Settings { max_per_region: usize::MAX, ..Settings::default() };
    (format!("sim-{number}"), Arc::new(Reading::new(list.collect(), &settings)))
}

fn write<W: std::io::Write>(to: W, targets: &[(String, AnyReading)]) -> (W, usize) {
    let mut page = Exposition::new(to, Format::Text);
    for family in Identities::METRICS {
        page.family(&family.about());
        for (region, reading) in targets {
            page.common_labels(&[("account", "shop-production"), ("aws_region", region)]);
            family.write(reading.downcast_ref().expect("identities"), &mut page);
        }
    }
    page.finish().expect("a Vec takes everything")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().expect("at least one run")
}

fn timed<T>(runs: usize, mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut last = work(); // warms up
    let times = (0..runs).map(|_| {
        let began = Instant::now();
        last = work();
        began.elapsed()
    });
    (median(times.collect()), last)
}

fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn measure(series: usize) {
    let identities = series / 3;
    let targets: Vec<_> =
        (0..identities.div_ceil(PER_TARGET)).map(|n| target(n, PER_TARGET.min(identities - n * PER_TARGET))).collect();
    let idle = memory("VmRSS");
    let (plain, (text, count)) = timed(7, || write(Vec::new(), &targets));
    let size = text.len();
    drop(text);
    let (packed, bytes) = timed(7, || {
        let (encoder, _) = write(GzEncoder::new(Vec::new(), Compression::new(1)), &targets);
        encoder.finish().expect("a Vec takes everything").len()
    });
    let nanoseconds = |time: Duration| time.as_nanos() as f64 / count as f64;
    println!(
        "{count:>7} series: {:>4.0} ns a series as text ({:.1} MB), {:>4.0} ns as gzip ({:.2} MB); readings {idle:.0} MiB, peak {:.0} MiB",
        nanoseconds(plain),
        size as f64 / 1e6,
        nanoseconds(packed),
        bytes as f64 / 1e6,
        memory("VmHWM"),
    );
}

fn main() {
    // cargo passes --bench; a number means that this is the process for one size.
    if let Some(series) = std::env::args().nth(1).and_then(|argument| argument.parse().ok()) {
        return measure(series);
    }
    let own = std::env::current_exe().expect("a path");
    for series in ["10000", "100000", "500000"] {
        assert!(Command::new(&own).arg(series).status().expect("runs").success());
    }
}
