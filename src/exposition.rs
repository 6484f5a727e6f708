//! Families to bytes: Prometheus text 0.0.4 and OpenMetrics 1.0.0.
//!
//! The writer streams into whatever takes bytes (a buffer, a gzip encoder) and holds one block per family open at a
//! time, so families can't interleave. Escaping makes every label value one line that parses back to the same value.
//! It never decides what is exposed; see [`crate::page`].

use std::io::{self, Write};

use prometheus::proto::{MetricFamily, MetricType};

use crate::metric::{About, Kind, Sink};

/// The two text formats that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// How the bytes of a page are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// gzip.
    Gzip,
}

impl Encoding {
    /// The value of `Content-Encoding`, where one is due.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
        }
    }
}

/// Bytes are handed on in pieces of this size: large enough that a gzip encoder is called rarely, small enough to
/// stay in the processor's second-level cache.
const PIECE: usize = 64 * 1024;

/// Writes one page.
pub struct Exposition<W: Write> {
    to: W,
    format: Format,
    piece: Vec<u8>,
    /// The name of the open family, so that a sample line starts with one copy.
    line_start: Vec<u8>,
    /// `account="…",aws_region="…"` of the target whose samples are being written.
    common_labels: Vec<u8>,
    /// The open family's own labels.
    labels: &'static [&'static str],
    /// The open family until its first sample: one without samples leaves no trace.
    unannounced: Option<About<'static>>,
    series: usize,
    /// The first failure of `to`; reported by [`Exposition::finish`] because a [`Sink`] can't.
    failed: Option<io::Error>,
}

impl<W: Write> Exposition<W> {
    /// An empty page.
    pub fn new(to: W, format: Format) -> Self {
        Self {
            to,
            format,
            piece: Vec::with_capacity(PIECE + 1024),
            line_start: Vec::new(),
            common_labels: Vec::new(),
            labels: &[],
            unannounced: None,
            series: 0,
            failed: None,
        }
    }

    /// Opens the block of a family. Samples that follow belong to it.
    pub fn family(&mut self, about: &About<'static>) {
        self.unannounced = Some(*about);
        self.labels = about.labels;
        self.line_start.clear();
        self.line_start.extend_from_slice(about.name.as_bytes());
    }

    /// The labels that the samples from here on have before their own: those of one target.
    pub fn common_labels(&mut self, labels: &[(&str, &str)]) {
        self.common_labels.clear();
        for (name, value) in labels {
            label(&mut self.common_labels, name, value);
        }
    }

    /// Writes families of the `prometheus` crate's registry, which hold what is not about a target.
    pub fn registry(&mut self, families: &[MetricFamily]) {
        for family in families {
            self.registry_family(family);
        }
    }

    /// Ends the page and answers the number of series on it.
    ///
    /// # Errors
    /// The first failure of the writer below.
    pub fn finish(mut self) -> io::Result<(W, usize)> {
        if self.format == Format::OpenMetrics {
            self.piece.extend_from_slice(b"# EOF\n");
        }
        self.hand_on();
        match self.failed {
            None => Ok((self.to, self.series)),
            Some(error) => Err(error),
        }
    }

    fn header(&mut self, about: &About<'_>) {
        let open = self.format == Format::OpenMetrics;
        let shown = if open { about.name.strip_suffix("_total").unwrap_or(about.name) } else { about.name };
        let out = &mut self.piece;
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(shown.as_bytes());
        out.push(b' ');
        escape(out, about.help, open);
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(shown.as_bytes());
        out.push(b' ');
        out.extend_from_slice(about.kind.as_str().as_bytes());
        out.push(b'\n');
        if let (true, Some(unit)) = (open, about.unit()) {
            for part in ["# UNIT ", shown, " ", unit, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }

    fn registry_family(&mut self, family: &MetricFamily) {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            _ => Kind::Gauge,
        };
        self.header(&About { name: family.name(), help: family.help(), kind, labels: &[] });
        for metric in family.get_metric() {
            let labels: Vec<(&str, &str)> = metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            match kind {
                Kind::Counter => self.line(family.name(), "", &labels, metric.get_counter().get_value()),
                Kind::Gauge => self.line(family.name(), "", &labels, metric.get_gauge().get_value()),
                Kind::Histogram => self.histogram(family.name(), &labels, metric.get_histogram()),
            }
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &prometheus::proto::Histogram) {
        for bucket in histogram.get_bucket() {
            self.bucket(name, labels, bucket.upper_bound(), bucket.cumulative_count());
        }
        self.bucket(name, labels, f64::INFINITY, histogram.get_sample_count());
        self.line(name, "_sum", labels, histogram.get_sample_sum());
        self.line(name, "_count", labels, as_f64(histogram.get_sample_count()));
    }

    fn bucket(&mut self, name: &str, labels: &[(&str, &str)], bound: f64, count: u64) {
        let mut le = Vec::new();
        number(&mut le, bound);
        // OpenMetrics wants canonical numbers here: 1 is written 1.0.
        if self.format == Format::OpenMetrics && bound.is_finite() && !le.contains(&b'.') {
            le.extend_from_slice(b".0");
        }
        let le = String::from_utf8_lossy(&le).into_owned();
        let mut with_bound = labels.to_vec();
        with_bound.push(("le", &le));
        self.line(name, "_bucket", &with_bound, as_f64(count));
    }

    /// A sample line that is not on the fast path.
    fn line(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: f64) {
        self.piece.extend_from_slice(name.as_bytes());
        self.piece.extend_from_slice(suffix.as_bytes());
        if !labels.is_empty() {
            self.piece.push(b'{');
            for (name, value) in labels {
                label(&mut self.piece, name, value);
            }
            self.piece.pop();
            self.piece.push(b'}');
        }
        self.end_of_line(value);
    }

    fn end_of_line(&mut self, value: f64) {
        self.piece.push(b' ');
        number(&mut self.piece, value);
        self.piece.push(b'\n');
        self.series += 1;
        if self.piece.len() >= PIECE {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(&self.piece).err();
        }
        self.piece.clear();
    }
}

impl<W: Write> Sink for Exposition<W> {
    fn sample(&mut self, label_values: &[&str], value: f64) {
        if let Some(about) = self.unannounced.take() {
            self.header(&about);
        }
        self.piece.extend_from_slice(&self.line_start);
        if !(self.common_labels.is_empty() && label_values.is_empty()) {
            self.piece.push(b'{');
            self.piece.extend_from_slice(&self.common_labels);
            for (name, value) in self.labels.iter().zip(label_values) {
                label(&mut self.piece, name, value);
            }
            self.piece.pop(); // the last comma
            self.piece.push(b'}');
        }
        self.end_of_line(value);
    }
}

/// `name="escaped value",`
fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value, true);
    out.extend_from_slice(b"\",");
}

/// Escapes as both formats ask: backslash and newline everywhere, the quote in label values and in OpenMetrics' help.
fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    let mut rest = text.as_bytes();
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    while let Some(at) = rest.iter().position(special) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        let Some((first, behind)) = from.split_first() else { return };
        out.push(if *first == b'\n' { b'n' } else { *first });
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// A value: shortest text that reads back to the same number.
fn number(out: &mut Vec<u8>, value: f64) {
    if let Some(integer) = as_integer(value) {
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        // Writing to a Vec can't fail.
        let _ = write!(out, "{value}");
    }
}

/// The value as an integer where that is exact: most samples are flags and counts.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the way back is compared exactly"
)]
fn as_integer(value: f64) -> Option<i64> {
    let integer = value as i64;
    // −0.0 and numbers beyond 2^53 take the long way.
    (integer as f64 == value && integer.unsigned_abs() < 1 << 53 && (integer != 0 || value.is_sign_positive()))
        .then_some(integer)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
