//! The agent's own process, read from `/proc/self`: CPU time, memory, file descriptors, threads, start time.
//!
//! The names are those that every Prometheus client library uses. What cannot be read is absent, never 0, so on another
//! system than Linux only the start time is left. It never reads `/proc/stat` or another process: hardened units hide
//! both (`ProcSubset=pid`), which is why the start time comes from our own clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};

use super::unix_seconds;
use crate::metric::{About, Kind};

pub(super) const CPU_SECONDS: About<'static> =
    about("process_cpu_seconds_total", Kind::Counter, "User and system CPU time spent by this process, in seconds.");
pub(super) const RESIDENT_MEMORY: About<'static> =
    about("process_resident_memory_bytes", Kind::Gauge, "Resident memory of this process, in bytes.");
pub(super) const VIRTUAL_MEMORY: About<'static> =
    about("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory of this process, in bytes.");
pub(super) const VIRTUAL_MEMORY_MAX: About<'static> = about(
    "process_virtual_memory_max_bytes",
    Kind::Gauge,
    "Virtual memory that this process may have at most, in bytes; +Inf where there is no limit.",
);
pub(super) const OPEN_FDS: About<'static> =
    about("process_open_fds", Kind::Gauge, "File descriptors that this process has open.");
pub(super) const MAX_FDS: About<'static> = about(
    "process_max_fds",
    Kind::Gauge,
    "File descriptors that this process may have open at most; +Inf where there is no limit.",
);
pub(super) const THREADS: About<'static> = about("process_threads", Kind::Gauge, "Threads of this process.");
pub(super) const START_TIME: About<'static> =
    about("process_start_time_seconds", Kind::Gauge, "Unix time at which this process started, in seconds.");

const fn about(name: &'static str, kind: Kind, help: &'static str) -> About<'static> {
    About { name, help, kind, labels: &[] }
}

/// Ticks a second in which the kernel tells CPU time. `USER_HZ` is 100 on every architecture that Rust supports on Linux;
/// asking `sysconf` would need unsafe code.
const USER_HZ: f64 = 100.0;

/// How many files this process may have open at once (the soft limit), if the system tells and there is a limit.
pub fn max_open_files() -> Option<usize> {
    soft_limit(&fs::read_to_string("/proc/self/limits").ok()?, OPEN_FILES)?.parse().ok()
}

/// A process as its directory under `/proc` shows it.
#[derive(Debug)]
pub(super) struct Process {
    directory: PathBuf,
    started: SystemTime,
}

impl Process {
    /// This process, which is taken to start now.
    pub(super) fn this() -> Process {
        Process { directory: PathBuf::from("/proc/self"), started: SystemTime::now() }
    }

    /// The families that could be read.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        let read = |name: &str| fs::read_to_string(self.directory.join(name)).ok();
        let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
        let known = [
            (CPU_SECONDS, stat.as_deref().and_then(cpu_seconds)),
            (RESIDENT_MEMORY, status.as_deref().and_then(|status| kilobytes(status, "VmRSS:"))),
            (VIRTUAL_MEMORY, status.as_deref().and_then(|status| kilobytes(status, "VmSize:"))),
            (VIRTUAL_MEMORY_MAX, limits.as_deref().and_then(|limits| limit(limits, ADDRESS_SPACE))),
            (OPEN_FDS, open_files(&self.directory.join("fd"))),
            (MAX_FDS, limits.as_deref().and_then(|limits| limit(limits, OPEN_FILES))),
            (THREADS, status.as_deref().and_then(|status| number(status, "Threads:"))),
            (START_TIME, Some(unix_seconds(self.started))),
        ];
        known.into_iter().filter_map(|(about, value)| Some(family(&about, value?))).collect()
    }
}

/// A family of one series without labels.
fn family(about: &About<'_>, value: f64) -> MetricFamily {
    let mut metric = Metric::default();
    let mut family = MetricFamily::default();
    if about.kind == Kind::Counter {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
        family.set_field_type(MetricType::COUNTER);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
        family.set_field_type(MetricType::GAUGE);
    }
    family.set_name(about.name.to_owned());
    family.set_help(about.help.to_owned());
    family.set_metric(vec![metric]);
    family
}

/// User and system time out of `stat`: fields 14 and 15 of proc(5). They are counted from the last `)`, because the
/// second field is the program's name in parentheses and may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / USER_HZ)
}

/// The number behind `key` in `status`.
fn number(status: &str, key: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// A number of kB behind `key` in `status`, in bytes. Where `statm` counts pages, whose size is another question,
/// `status` always counts kB.
fn kilobytes(status: &str, key: &str) -> Option<f64> {
    Some(number(status, key)? * 1024.0)
}

const OPEN_FILES: &str = "Max open files";
const ADDRESS_SPACE: &str = "Max address space";

/// The soft limit in a row of `limits`, as written there.
fn soft_limit<'a>(limits: &'a str, row: &str) -> Option<&'a str> {
    limits.lines().find_map(|line| line.strip_prefix(row))?.split_ascii_whitespace().next()
}

fn limit(limits: &str, row: &str) -> Option<f64> {
    match soft_limit(limits, row)? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

/// The number of open files, without the one that reading the directory needs itself.
fn open_files(directory: &Path) -> Option<f64> {
    let entries = fs::read_dir(directory).ok()?.count();
    u32::try_from(entries.checked_sub(1)?).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_hostile_program_name() {
        let stat = "42 (ses) R 9 (x) S 1 42 42 0 -1 4194304 900 0 0 0 250 150 0 0 20 0 3 0 1000 1000000 500 ...";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        for nonsense in ["", "42", "42 (ses)", "42 (ses) S 1", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x y"] {
            assert_eq!(cpu_seconds(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn memory_and_threads_come_from_status() {
        let status = "Name:\tses-exporter\nVmPeak:\t  99 kB\nVmSize:\t    2048 kB\nVmRSS:\t    1000 kB\nThreads:\t5\n";
        assert_eq!(kilobytes(status, "VmSize:"), Some(2_097_152.0));
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1_024_000.0));
        assert_eq!(number(status, "Threads:"), Some(5.0));
        assert_eq!(number(status, "VmSwap:"), None);
        assert_eq!(number("Threads:\tmany\n", "Threads:"), None);
    }

    #[test]
    fn a_limit_is_the_soft_one_and_no_limit_is_infinite() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 4096                 files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, OPEN_FILES), Some(1024.0));
        assert_eq!(limit(limits, ADDRESS_SPACE), Some(f64::INFINITY));
        assert_eq!(limit("", OPEN_FILES), None);
    }

    #[test]
    fn this_process_is_readable() {
        let names: Vec<String> = Process::this().gather().iter().map(|family| family.name().to_owned()).collect();
        assert_eq!(names.len(), 8, "{names:?}");
        assert!(max_open_files().is_some_and(|files| files > 8));
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let nowhere = Process { directory: PathBuf::from("/nowhere"), started: SystemTime::now() };
        let names: Vec<String> = nowhere.gather().iter().map(|family| family.name().to_owned()).collect();
        assert_eq!(names, ["process_start_time_seconds"]);
    }
}
