//! Reading the tree of a YAML file key by key, so that one mistake never hides the next.
//!
//! Readings, functions from a value to what the program needs or to what is wrong with it, never put a value into a
//! message: the file holds hashes and may hold a private key. Nothing here opens a file.

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::{Event, Marker, Parser, ScanError};

use crate::config::{At, Mistakes, Notes, nearest};

/// The file's own depth is three. Deeper trees are no configuration, and taking one apart could exhaust the stack.
const MAX_DEPTH: usize = 16;

/// A value and where it stands.
pub(super) type Value<'a> = MarkedYaml<'a>;

/// The file while it is read.
pub(super) struct Document<'a> {
    /// The whole tree; none in an empty file.
    pub(super) root: Option<Value<'a>>,
}

impl<'a> Document<'a> {
    /// The tree of `text`, or its first mistake: what stands behind a syntax error is a guess.
    pub(super) fn parse(file: &str, text: &'a str) -> Result<Document<'a>, Mistakes> {
        let refused = |marker: &Marker, what: &str| {
            let mut notes = Notes::default();
            notes.add(place(text, *marker), "", format!("not valid YAML: {what}; mend that first"));
            Mistakes::in_file(file, text, notes)
        };
        let documents = load(text).map_err(|error| refused(error.marker(), message(&error)))?;
        let mut documents = documents.into_iter().filter(|document| !matches!(document.data, YamlData::BadValue));
        let root = documents.next();
        match documents.next() {
            Some(second) => Err(refused(&second.span.start, "a second document begins here; there can be one")),
            None => Ok(Document { root: root.filter(|root| !is_null(root)) }),
        }
    }
}

fn load(text: &str) -> Result<Vec<Value<'_>>, ScanError> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ScanError::new_str(span.start, "it goes deeper than any web configuration"));
        }
    }
    let mut loader = YamlLoader::<Value<'_>>::default();
    loader.early_parse(false); // a user may be called 007, or no
    Parser::new_from_str(text).load(&mut loader, true)?;
    match loader.error() {
        Some(error) => Err(error.clone()),
        None => Ok(loader.into_documents()),
    }
}

/// The parser quotes a character that it did not expect, which may be one of a secret.
fn message(error: &ScanError) -> &str {
    error.info().split_once(": `").map_or(error.info(), |(plain, _)| plain)
}

fn place(text: &str, marker: Marker) -> At {
    At::Byte(text.char_indices().nth(marker.index()).map_or(text.len(), |(byte, _)| byte))
}

/// Whether nothing was written, or `null` or `~`.
fn is_null(value: &Value<'_>) -> bool {
    match &value.data {
        YamlData::Representation(text, ScalarStyle::Plain, None) => {
            ["", "~", "null", "Null", "NULL"].contains(&&**text)
        }
        YamlData::BadValue => true,
        _ => false,
    }
}

/// A mapping as it stands in the file, the unknown keys noted.
pub(super) struct Section<'d, 'n> {
    path: &'static str,
    start: At,
    entries: Vec<Entry<'d>>,
    notes: &'n mut Notes,
}

/// One key with its value.
pub(super) struct Entry<'d> {
    pub(super) name: &'d str,
    pub(super) key_at: At,
    pub(super) at: At,
    pub(super) value: &'d Value<'d>,
}

impl<'d, 'n> Section<'d, 'n> {
    /// The mapping `value`, which is called `path` in messages; no mapping at all is an empty one.
    pub(super) fn open(
        path: &'static str,
        known: &[&str],
        value: Option<&'d Value<'d>>,
        text: &str,
        notes: &'n mut Notes,
    ) -> Section<'d, 'n> {
        let start = value.map_or(At::Byte(0), |value| place(text, value.span.start));
        let mut section = Section { path, start, entries: Vec::new(), notes };
        if let Some(value) = value {
            match mapping(value, text) {
                Ok(entries) => section.entries = entries,
                Err(what) => section.notes.add(start, path, what),
            }
        }
        section.refuse_unknown(known);
        section
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.name)) {
            let what = match nearest(entry.name, known.iter().copied()) {
                Some(meant) => format!("unknown key; did you mean {meant}?"),
                None => format!("unknown key; there is {}", known.join(", ")),
            };
            self.notes.add(entry.key_at, key(self.path, shown(entry.name)), what);
        }
    }

    /// The value of a key; `null` is as good as none.
    pub(super) fn value(&self, name: &str) -> Option<&'d Value<'d>> {
        self.entry(name).map(|entry| entry.value)
    }

    fn entry(&self, name: &str) -> Option<&Entry<'d>> {
        self.entries.iter().find(|entry| entry.name == name && !is_null(entry.value))
    }

    /// The key's value, if the file has one and it is right.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        reading: impl FnOnce(&Value<'_>) -> Result<T, String>,
    ) -> Option<T> {
        match reading(self.value(name)?) {
            Ok(read) => Some(read),
            Err(what) => {
                self.note(name, what);
                None
            }
        }
    }

    /// Whether the section says anything.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| is_null(entry.value))
    }

    /// Notes a mistake at the key's value, or at the section where it has none.
    pub(super) fn note(&mut self, name: &str, what: impl Into<String>) {
        let at = self.entry(name).map_or(self.start, |entry| entry.at);
        self.notes.add(at, key(self.path, name), what);
    }
}

fn key(path: &str, name: &str) -> String {
    match (path, name) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

/// A name as a message may show it; whatever looks like no key may be a secret gone astray.
fn shown(name: &str) -> &str {
    let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name } else { "(some other text)" }
}

/// The keys and values of a mapping, in the order of the file.
pub(super) fn mapping<'d>(value: &'d Value<'d>, text: &str) -> Result<Vec<Entry<'d>>, String> {
    let YamlData::Mapping(mapping) = &value.data else {
        return if is_null(value) { Ok(Vec::new()) } else { Err(wrong(value, "keys with values")) };
    };
    let entries = mapping.iter().map(|(key, value)| match &key.data {
        YamlData::Representation(name, ..) => {
            Ok(Entry { name, key_at: place(text, key.span.start), at: place(text, value.span.start), value })
        }
        _ => Err("has a key that is no text; write NAME: VALUE".to_owned()),
    });
    entries.collect()
}

/// A text; numbers and words such as `no` are texts too where one is wanted.
pub(super) fn text<'d>(value: &'d Value<'_>) -> Result<&'d str, String> {
    match &value.data {
        YamlData::Representation(text, ..) => Ok(text),
        _ => Err(wrong(value, "a text")),
    }
}

/// A list of texts.
pub(super) fn texts<'d>(value: &'d Value<'_>) -> Result<Vec<&'d str>, String> {
    match &value.data {
        YamlData::Sequence(list) => list.iter().map(|value| text(value)).collect(),
        _ => Err(wrong(value, "a list of texts")),
    }
}

/// A boolean in the words of YAML 1.1, which Go's library takes.
pub(super) fn flag(value: &Value<'_>) -> Result<bool, String> {
    match text(value).unwrap_or_default().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" => Ok(false),
        _ => Err(wrong(value, "true or false")),
    }
}

fn wrong(value: &Value<'_>, expected: &str) -> String {
    let found = match &value.data {
        YamlData::Mapping(_) => "keys with values",
        YamlData::Sequence(_) => "a list",
        YamlData::Representation(..) => "another text",
        _ => "something else",
    };
    format!("must be {expected}, not {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        Document::parse("w.yml", text).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_an_empty_document() {
        for text in ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "null\n", "~"] {
            assert!(Document::parse("w.yml", text).unwrap().root.is_none(), "{text:?}");
        }
    }

    #[test]
    fn syntax_has_a_place_and_quotes_nothing() {
        assert!(told("a: b\n  hidden-canary: [\n").starts_with("1 mistake in w.yml; nothing was started:\nw.yml:2:"));
        for text in
            ["a: \"hidden-canary", "hidden-canary: a: b", "a: 1\nhidden-canary: 1\nhidden-canary: 2", "@hidden", "%X"]
        {
            let told = told(text);
            assert!(told.contains("not valid YAML") && !told.contains("hidden"), "{told}");
        }
        assert!(told("a: 1\n---\nb: 2\n").contains("w.yml:3:1: not valid YAML: a second document begins here"));
    }

    #[test]
    fn deep_and_growing_trees_are_refused() {
        for text in ["[".repeat(100), "- ".repeat(100_000), "{a: ".repeat(100), "? ".repeat(50_000)] {
            assert!(told(&text).contains("not valid YAML"));
        }
        let laughs = (1..12).fold("a0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned(), |all, n| {
            let again = vec![format!("*a{}", n - 1); 8].join(",");
            format!("{all}a{n}: &a{n} [{again}]\n")
        });
        assert!(told(&laughs).contains("w.yml:"));
    }
}
