//! Which form of the metrics page a client wants: text 0.0.4 or OpenMetrics, plain or gzip. Pure.
//!
//! It decides as client_golang does for Prometheus' headers, and as RFC 9110 says where client_golang leaves a choice. It
//! never refuses: whoever asks for something else is answered with text 0.0.4, which everything can read.
//! Reference: <https://prometheus.io/docs/instrumenting/content_negotiation/>.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use crate::exposition::{Encoding, Format};

/// The answer depends on these headers of the request: the value of `Vary`.
pub const VARY: &str = "Accept, Accept-Encoding";

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Representation {
    /// The format of the page.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
}

impl Representation {
    /// What a request with these headers wants. A header line that is not text counts as absent.
    pub fn wanted(headers: &HeaderMap) -> Representation {
        fn lines(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
            headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
        }
        negotiate(lines(headers, ACCEPT), lines(headers, ACCEPT_ENCODING))
    }
}

/// Chooses by the lines of `Accept` and of `Accept-Encoding`.
pub fn negotiate<'a>(
    accept: impl Iterator<Item = &'a str>,
    accept_encoding: impl Iterator<Item = &'a str>,
) -> Representation {
    let mut best: Option<(Preference, Format, &'static str)> = None;
    for clause in accept.flat_map(|line| split(line, ',')) {
        let Some((preference, format, content_type)) = offer(clause) else { continue };
        // Of equals the first one wins.
        if preference.weight > 0.0 && best.is_none_or(|(best, ..)| preference.beats(best)) {
            best = Some((preference, format, content_type));
        }
    }
    let (format, content_type) =
        best.map_or((Format::Text, Escaping::Underscores.text()), |(_, format, content_type)| (format, content_type));
    Representation { format, encoding: encoding(accept_encoding), content_type }
}

/// How much a clause is wanted: its weight first, and of equal weights `text/plain` before `text/*` before `*/*`.
#[derive(Clone, Copy)]
struct Preference {
    weight: f32,
    exactness: u8,
}

impl Preference {
    fn beats(self, other: Preference) -> bool {
        self.weight.total_cmp(&other.weight).then(self.exactness.cmp(&other.exactness)).is_gt()
    }
}

/// What we have for one clause of `Accept`, if anything.
fn offer(clause: &str) -> Option<(Preference, Format, &'static str)> {
    let mut parts = split(clause, ';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    let (mut weight, mut version, mut escaping) = (1.0, None, Escaping::Underscores);
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => weight = parse_weight(value),
            "version" => version = Some(value),
            "escaping" => escaping = Escaping::parse(value).unwrap_or(escaping),
            _ => {}
        }
    }
    let (exactness, format, content_type) = match (media_type.as_str(), version) {
        ("application/openmetrics-text", Some("1.0.0")) => (2, Format::OpenMetrics, escaping.open_metrics_1_0_0()),
        ("application/openmetrics-text", Some("0.0.1") | None) => {
            (2, Format::OpenMetrics, escaping.open_metrics_0_0_1())
        }
        ("text/plain", Some("0.0.4") | None) => (2, Format::Text, escaping.text()),
        ("text/*", _) => (1, Format::Text, escaping.text()),
        ("*/*", _) => (0, Format::Text, escaping.text()),
        _ => return None,
    };
    Some((Preference { weight, exactness }, format, content_type))
}

/// gzip, if it is wanted at least as much as no encoding.
fn encoding<'a>(accept_encoding: impl Iterator<Item = &'a str>) -> Encoding {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for clause in accept_encoding.flat_map(|line| split(line, ',')) {
        let mut parts = split(clause, ';');
        let coding = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, value)| parse_weight(value.trim()));
        match coding.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "*" => any = Some(weight),
            "identity" => identity = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) { Encoding::Gzip } else { Encoding::Identity }
}

/// A number from 0 to 1. Nonsense counts as 1, as it does in client_golang.
fn parse_weight(text: &str) -> f32 {
    text.parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(1.0)
}

/// Splits at `separator`, except inside quoted strings. A quote that is never closed reaches to the end.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        if escaped {
            escaped = false;
        } else if quoted && character == '\\' {
            escaped = true;
        } else if character == '"' {
            quoted = !quoted;
        }
        !quoted && character == separator
    })
}

/// How names outside `[a-zA-Z0-9_:]` would be written. All our names are inside, so the page is the same for each, and the
/// scheme that was asked for is confirmed.
/// Reference: <https://prometheus.io/docs/instrumenting/escaping_schemes/>.
#[derive(Clone, Copy)]
enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    fn parse(text: &str) -> Option<Escaping> {
        match text {
            "allow-utf-8" => Some(Escaping::AllowUtf8),
            "underscores" => Some(Escaping::Underscores),
            "dots" => Some(Escaping::Dots),
            "values" => Some(Escaping::Values),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
            Escaping::Underscores => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            Escaping::Dots => "text/plain; version=0.0.4; charset=utf-8; escaping=dots",
            Escaping::Values => "text/plain; version=0.0.4; charset=utf-8; escaping=values",
        }
    }

    fn open_metrics_1_0_0(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            Escaping::Underscores => "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            Escaping::Dots => "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
            Escaping::Values => "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
        }
    }

    fn open_metrics_0_0_1(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=allow-utf-8",
            Escaping::Underscores => "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
            Escaping::Dots => "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=dots",
            Escaping::Values => "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    const OPEN_METRICS_1: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";
    const OPEN_METRICS_0: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores";

    #[test]
    fn accept() {
        for (accept, content_type) in [
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN_METRICS_1,
            ),
            // Prometheus 3.14.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            // Prometheus 3 with native histograms, which puts protobuf first.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;\
                 escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=1.0.0;escaping=dots;q=0.6,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
            ),
            // Prometheus told to prefer text 0.0.4, and an old one.
            ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.4", TEXT),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT),
            // curl, a browser, and nothing at all.
            ("*/*", TEXT),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", TEXT),
            ("", TEXT),
            // Versions.
            ("application/openmetrics-text", OPEN_METRICS_0),
            ("application/openmetrics-text;version=0.0.1", OPEN_METRICS_0),
            ("application/openmetrics-text;version=2.0.0", TEXT),
            ("text/plain;version=1.0.0,application/openmetrics-text;version=1.0.0;q=0.1", OPEN_METRICS_1),
            ("APPLICATION/OpenMetrics-Text ; Version = \"1.0.0\" ; Q=0.5", OPEN_METRICS_1),
            // Weights.
            ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.6", OPEN_METRICS_1),
            ("text/plain,application/openmetrics-text", TEXT),
            ("application/openmetrics-text,text/plain", OPEN_METRICS_0),
            ("*/*,application/openmetrics-text;version=1.0.0", OPEN_METRICS_1),
            ("text/*,application/openmetrics-text;version=1.0.0", OPEN_METRICS_1),
            ("text/*;q=0.9,application/openmetrics-text;version=1.0.0;q=0.1", TEXT),
            ("application/openmetrics-text;version=1.0.0;q=0", TEXT),
            ("text/plain;q=0", TEXT),
            ("text/plain;q=0,application/openmetrics-text;q=0.1", OPEN_METRICS_0),
            // Escaping.
            ("text/plain;escaping=values", "text/plain; version=0.0.4; charset=utf-8; escaping=values"),
            ("text/plain;escaping=allow-utf-8", "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"),
            ("text/plain;escaping=backwards", TEXT),
            (
                "application/openmetrics-text;escaping=\"dots\"",
                "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=dots",
            ),
            // Nonsense.
            ("application/*", TEXT),
            ("image/png", TEXT),
            (",,;;,=;=,\"", TEXT),
            (";q=1", TEXT),
            ("text/plain;q=", TEXT),
            ("application/openmetrics-text;q=1e400,text/plain;q=0.9", OPEN_METRICS_0),
            ("application/openmetrics-text;q=NaN,text/plain;q=0.9", OPEN_METRICS_0),
            ("application/openmetrics-text;q=-1,text/plain;q=0.9", OPEN_METRICS_0),
            ("text/plain;x=\"a,application/openmetrics-text;q=1\";q=0.5", TEXT),
            ("text/plain;x=\"\\\",application/openmetrics-text\",application/openmetrics-text;q=0.9", TEXT),
            ("text/plain;q=0.1;x=\"never closed,application/openmetrics-text", TEXT),
            ("ťext/plain,applicatiön/openmetrics-text", TEXT),
        ] {
            let wanted = negotiate([accept].into_iter(), [].into_iter());
            assert_eq!(wanted.content_type, content_type, "{accept}");
            let open_metrics = content_type.starts_with("application/openmetrics-text");
            assert_eq!(wanted.format == Format::OpenMetrics, open_metrics, "{accept}");
        }
    }

    #[test]
    fn accept_encoding() {
        for (accept_encoding, encoding) in [
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("GZip;Q=0.001", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("br, *;q=0.1", Encoding::Gzip),
            ("identity, gzip", Encoding::Gzip),
            ("identity;q=0.5, gzip;q=1", Encoding::Gzip),
            ("identity;q=1, gzip;q=0.5", Encoding::Identity),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=0, *", Encoding::Identity),
            ("gzip ; q=0.000", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("deflate, br", Encoding::Identity),
            ("gzipped", Encoding::Identity),
            ("", Encoding::Identity),
            (",;q=", Encoding::Identity),
        ] {
            assert_eq!(
                negotiate([].into_iter(), [accept_encoding].into_iter()).encoding,
                encoding,
                "{accept_encoding}"
            );
        }
    }

    #[test]
    fn several_lines_count_as_one() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (ACCEPT, "text/plain;q=0.5"),
            (ACCEPT, "application/openmetrics-text;version=1.0.0"),
            (ACCEPT_ENCODING, "br"),
            (ACCEPT_ENCODING, "gzip"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        headers.append(ACCEPT, hyper::header::HeaderValue::from_bytes(b"\xff").unwrap());
        let wanted = Representation::wanted(&headers);
        assert_eq!((wanted.content_type, wanted.encoding), (OPEN_METRICS_1, Encoding::Gzip));
        assert_eq!(wanted.encoding.content_encoding(), Some("gzip"));
    }
}
