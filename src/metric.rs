//! The words of the exposition: what a metric family is, and how its samples come out of a reading.
//!
//! A [`Metric`] is a value: name, help and labels beside a pure function from one reading to its samples, so that a
//! sample can never appear under a family that did not declare it, nor with another number of labels. This module
//! knows no format (see [`crate::exposition`]) and does no IO.

/// What kind of number a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows; its name ends in `_total`.
    Counter,
    /// Observations counted in buckets.
    Histogram,
}

impl Kind {
    /// The word of the `# TYPE` line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// Everything about a family that does not depend on a reading.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The family's name as text 0.0.4 writes it.
    pub name: &'a str,
    /// One line for people: meaning, unit, and the AWS operation and field that it comes from.
    pub help: &'a str,
    /// Gauge, counter or histogram.
    pub kind: Kind,
    /// The family's own labels, in the order in which they are written.
    pub labels: &'a [&'static str],
}

/// Units that a name can end with. The longest that fits is the unit.
const UNITS: &[&str] = &["messages_per_second", "timestamp_seconds", "messages", "seconds", "bytes"];

impl About<'_> {
    /// The unit of OpenMetrics' `# UNIT` line, read off the name, where the two must agree anyway.
    pub fn unit(&self) -> Option<&'static str> {
        let base = self.name.strip_suffix("_total").unwrap_or(self.name);
        let unit = UNITS.iter().find(|unit| base.strip_suffix(**unit).is_some_and(|rest| rest.ends_with('_')))?;
        // A point in time is told by the name; its unit is plain seconds.
        Some(if *unit == "timestamp_seconds" { "seconds" } else { unit })
    }
}

/// A family whose samples are read off an `R`, seen without its number of labels.
pub trait Family<R: ?Sized>: Sync {
    /// Name, help, kind and labels.
    fn about(&self) -> About<'_>;
    /// Writes every sample of this family that `reading` holds. Nothing known: nothing written.
    fn write(&self, reading: &R, sink: &mut dyn Sink);
}

/// Takes the samples of one family, label values in the family's order.
pub trait Sink {
    /// One sample.
    fn sample(&mut self, label_values: &[&str], value: f64);
}

/// One family with `N` labels of its own, read off an `R`.
pub struct Metric<R: ?Sized, const N: usize> {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    labels: [&'static str; N],
    samples: fn(&R, &mut Samples<'_, N>),
}

/// A gauge family.
pub const fn gauge<R: ?Sized, const N: usize>(
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    samples: fn(&R, &mut Samples<'_, N>),
) -> Metric<R, N> {
    Metric { name, help, kind: Kind::Gauge, labels, samples }
}

/// A counter family.
pub const fn counter<R: ?Sized, const N: usize>(
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    samples: fn(&R, &mut Samples<'_, N>),
) -> Metric<R, N> {
    Metric { name, help, kind: Kind::Counter, labels, samples }
}

impl<R: ?Sized, const N: usize> Family<R> for Metric<R, N> {
    fn about(&self) -> About<'_> {
        About { name: self.name, help: self.help, kind: self.kind, labels: &self.labels }
    }

    fn write(&self, reading: &R, sink: &mut dyn Sink) {
        (self.samples)(reading, &mut Samples { sink });
    }
}

/// Where a family's function puts its samples: the number of label values is checked by the compiler.
pub struct Samples<'a, const N: usize> {
    sink: &'a mut dyn Sink,
}

impl<const N: usize> Samples<'_, N> {
    /// One sample with its label values.
    pub fn push(&mut self, label_values: [&str; N], value: f64) {
        self.sink.sample(&label_values, value);
    }

    /// One sample, unless the value is not known.
    pub fn push_known(&mut self, label_values: [&str; N], value: Option<f64>) {
        if let Some(value) = value {
            self.push(label_values, value);
        }
    }
}

/// A yes or no as Prometheus writes it.
pub const fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

/// A state set: each known state 0 or 1, and a state nobody knew of under its own name.
pub fn states(out: &mut Samples<'_, 1>, known: &[&str], current: &[&str]) {
    for state in known {
        out.push([state], flag(current.contains(state)));
    }
    for (at, state) in current.iter().enumerate() {
        let seen_before = current.iter().take(at).any(|before| before == state);
        if !known.contains(state) && !seen_before {
            out.push([state], 1.0);
        }
    }
}
