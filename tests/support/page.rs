//! A strict reader of text 0.0.4, written from the format's description and sharing nothing with the renderer.

use std::collections::{BTreeMap, BTreeSet};

/// A parsed page.
#[derive(Clone, Debug)]
pub struct Page {
    /// As it came.
    pub text: String,
    /// Every sample.
    pub samples: Vec<Sample>,
    /// Type by family.
    pub types: BTreeMap<String, String>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Page {
    /// Parses a page; panics where it breaks a rule: an unannounced family, a split block, a series twice, a bad escape.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let (mut samples, mut types, mut seen) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut open = String::new();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "two blocks of {name}");
                name.clone_into(&mut open);
            } else if !line.starts_with('#') {
                let sample = sample(line);
                let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| sample.name.strip_suffix(end));
                assert!(sample.name == open || base == Some(&open), "{line} is outside of its block ({open})");
                assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "series twice: {line}");
                samples.push(sample);
            }
        }
        Self { text: text.to_owned(), samples, types }
    }

    /// All samples of a family that carry these labels.
    pub fn find<'a>(&'a self, name: &'a str, labels: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = &'a Sample> {
        let matches =
            |sample: &Sample| labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|v| v == value));
        self.samples.iter().filter(move |sample| sample.name == name && matches(sample))
    }

    /// The value of the one sample with these labels.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<_> = self.find(name, labels).collect();
        assert!(found.len() <= 1, "{name} {labels:?} is not one series: {found:?}");
        found.first().map(|sample| sample.value)
    }
}

fn sample(line: &str) -> Sample {
    let mut rest = line;
    let end = rest.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let name = rest[..end].to_owned();
    rest = &rest[end..];
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            let (value, behind) = quoted(behind, line);
            assert!(labels.insert(label.to_owned(), value).is_none(), "label twice: {line}");
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().unwrap_or_else(|_| panic!("no number: {line}")),
    };
    Sample { name, labels, value }
}

/// A label value up to its closing quote, and what follows.
fn quoted<'a>(text: &'a str, line: &str) -> (String, &'a str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                other => panic!("bad escape {other:?}: {line}"),
            },
            _ => value.push(c),
        }
    }
    panic!("no closing quote: {line}")
}
