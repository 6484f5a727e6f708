//! Reading the tree of a TOML file key by key, so that one mistake never hides the next.
//!
//! [`Written::get`] and [`Written::optional`] take the name of a key and a *reading*: a function from a value to what
//! the program needs, or to what is wrong with it. The readings below are for every section; a section with a need of
//! its own writes its own. Readings never put a value into a message.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use humantime::format_duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SECTIONS;
use super::mistakes::{At, Notes, nearest};
use super::section::Section;

/// A value and where it stands.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The file while it is read.
pub(super) struct Document<'a> {
    /// The whole tree.
    pub(super) root: &'a DeTable<'a>,
    /// The folder that paths in the file are relative to.
    pub(super) dir: &'a Path,
    /// The mistakes so far.
    pub(super) notes: Notes,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a DeTable<'a>, dir: &'a Path) -> Self {
        Self { root, dir, notes: Notes::default() }
    }

    /// A section that stands in the file once, or not at all.
    pub(super) fn section(&mut self, section: &'static Section) -> Written<'_> {
        Written::open(section, section.name.to_owned(), self.root.get(section.name), &mut self.notes)
    }

    /// A section that stands in the file any number of times, each read by `read`.
    pub(super) fn sections<T>(
        &mut self,
        section: &'static Section,
        read: impl Fn(&mut Written<'_>) -> T,
    ) -> Vec<Placed<'a, T>> {
        let Some(value) = self.root.get(section.name) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            let what = format!("must be a list of sections; write {} in double brackets", section.header());
            self.notes.add(At::Byte(value.span().start), section.name, what);
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, written) in list.iter().enumerate() {
            let path = format!("{}[{index}]", section.name);
            let before = self.notes.len();
            let value = read(&mut Written::open(section, path.clone(), Some(written), &mut self.notes));
            all.push(Placed { value, right: self.notes.len() == before, path, written });
        }
        all
    }

    /// Where the value below these names stands, if there is one.
    pub(super) fn at(&self, names: &[&str]) -> Option<At> {
        let (first, rest) = names.split_first()?;
        let mut value = self.root.get(*first)?;
        for name in rest {
            value = value.get_ref().as_table()?.get(*name)?;
        }
        Some(At::Byte(value.span().start))
    }
}

/// One section of a list with its place in the file.
pub(super) struct Placed<'a, T> {
    /// What was read.
    pub(super) value: T,
    /// Whether no mistake was found in it, so that comparing it with others makes sense.
    pub(super) right: bool,
    /// `accounts[0]`, as messages name it.
    pub(super) path: String,
    written: &'a Value<'a>,
}

impl<T> Placed<'_, T> {
    /// Where the section stands.
    pub(super) fn start(&self) -> At {
        At::Byte(self.written.span().start)
    }

    /// Where the key's value stands, or the section where it has none.
    pub(super) fn at(&self, name: &str) -> At {
        let value = self.written.get_ref().as_table().and_then(|table| table.get(name));
        At::Byte(value.unwrap_or(self.written).span().start)
    }
}

/// A section as it stands in the file.
pub(super) struct Written<'a> {
    section: &'static Section,
    path: String,
    start: usize,
    table: Option<&'a DeTable<'a>>,
    notes: &'a mut Notes,
}

impl<'a> Written<'a> {
    /// The section at `path`, its unknown keys noted.
    pub(super) fn open(
        section: &'static Section,
        path: String,
        value: Option<&'a Value<'a>>,
        notes: &'a mut Notes,
    ) -> Self {
        let start = value.map_or(0, |value| value.span().start);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let Some(table) = table {
            let known: Vec<_> = section.keys.iter().map(|key| key.name).collect();
            refuse_unknown(table, &path, "key", &known, notes);
        } else if let Some(value) = value {
            let what = format!("must be a section, not {}; write {}", kind(value), section.header());
            notes.add(At::Byte(start), path.as_str(), what);
        }
        Self { section, path, start, table, notes }
    }

    /// The key's value, or its declared default where the file leaves it out or is mistaken about it.
    pub(super) fn get<T: Default>(&mut self, name: &str, reading: impl Fn(&Value<'_>) -> Result<T, Wrong>) -> T {
        self.optional(name, &reading).unwrap_or_else(|| {
            let default = self.section.default_of(name).and_then(|literal| DeValue::parse(literal).ok());
            // A default that can't be read is found by the tests, which read all of them.
            default.and_then(|value| reading(&value).ok()).unwrap_or_default()
        })
    }

    /// The key's value, if the file has one and it is right.
    pub(super) fn optional<T>(&mut self, name: &str, reading: impl Fn(&Value<'_>) -> Result<T, Wrong>) -> Option<T> {
        let value = self.table?.get(name)?;
        match reading(value) {
            Ok(read) => Some(read),
            Err(Wrong(wrong)) => {
                for Slip { byte, index, what } in wrong {
                    let index = index.map_or_else(String::new, |index| format!("[{index}]"));
                    self.notes.add(At::Byte(byte), format!("{}{index}", self.key(name)), what);
                }
                None
            }
        }
    }

    /// [`Written::optional`] of a key that the section can't do without: that it is missing is noted with its example.
    pub(super) fn required<T: Default>(&mut self, name: &str, reading: impl Fn(&Value<'_>) -> Result<T, Wrong>) -> T {
        if self.table.is_some() && !self.has(name) {
            let example = self.section.example_of(name).unwrap_or_default();
            self.note(name, format!("is missing; write one, such as {name} = {example}"));
        }
        self.optional(name, reading).unwrap_or_default()
    }

    /// Whether the file has this key, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Where the key's value stands, or the section where it has none.
    pub(super) fn at(&self, name: &str) -> At {
        At::Byte(self.table.and_then(|table| table.get(name)).map_or(self.start, |value| value.span().start))
    }

    /// Notes a mistake that takes more than one value to see.
    pub(super) fn note(&mut self, name: &str, what: impl Into<String>) {
        let (at, key) = (self.at(name), self.key(name));
        self.notes.add(at, key, what);
    }

    /// [`Written::note`] at the first of the keys that the file has.
    pub(super) fn note_first(&mut self, names: &[&str], what: impl Into<String>) {
        if let Some(name) = names.iter().find(|name| self.has(name)) {
            self.note(name, what);
        }
    }

    /// Whether the values of these keys are right so far, so that comparing them makes sense.
    pub(super) fn right(&self, names: &[&str]) -> bool {
        let keys: Vec<_> = names.iter().map(|name| self.key(name)).collect();
        self.notes.spare(&keys.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

/// What is wrong with a value; more than one where it is a list.
pub(super) struct Wrong(pub(super) Vec<Slip>);

/// One thing that is wrong with a value.
pub(super) struct Slip {
    /// Where it stands.
    pub(super) byte: usize,
    /// Its place in the list, if the value is one.
    pub(super) index: Option<usize>,
    /// What is wrong; what to do.
    pub(super) what: String,
}

impl Wrong {
    pub(super) fn new(value: &Value<'_>, what: impl Into<String>) -> Self {
        Self(vec![Slip { byte: value.span().start, index: None, what: what.into() }])
    }

    /// The value is not of the type that it must have.
    pub(super) fn kind(value: &Value<'_>, expected: &str) -> Self {
        Self::new(value, format!("must be {expected}, not {}", kind(value)))
    }
}

/// A text of one line that says something.
pub(super) fn text(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.get_ref().as_str().ok_or_else(|| Wrong::kind(value, "a string"))?;
    if text.trim().is_empty() {
        return Err(Wrong::new(value, "is empty; write a value or remove the key"));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(value, "holds a control character, such as a line break; remove it"));
    }
    Ok(text.to_owned())
}

/// One of a few words.
pub(super) fn choice(words: &'static [&'static str]) -> impl Fn(&Value<'_>) -> Result<&'static str, Wrong> {
    move |value| {
        let expected = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        let written = value.get_ref().as_str().ok_or_else(|| Wrong::kind(value, &expected))?;
        words.iter().find(|word| **word == written).copied().ok_or_else(|| {
            let hint = nearest(written, words.iter().copied());
            let hint = hint.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"));
            Wrong::new(value, format!("must be {expected}{hint}"))
        })
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &Value<'_>) -> Result<bool, Wrong> {
    value.get_ref().as_bool().ok_or_else(|| Wrong::kind(value, "true or false"))
}

/// A duration within bounds, such as `"1m 30s"`.
pub(super) fn duration(bounds: RangeInclusive<Duration>) -> impl Fn(&Value<'_>) -> Result<Duration, Wrong> {
    move |value| {
        let example = "a duration in quotes with its unit, such as \"10s\"";
        let text = value.get_ref().as_str().ok_or_else(|| Wrong::kind(value, example))?;
        let duration = humantime::parse_duration(text)
            .map_err(|_| Wrong::new(value, "is no duration; write a number and its unit, such as \"10s\" or \"5m\""))?;
        let (least, most) = (format_duration(*bounds.start()), format_duration(*bounds.end()));
        if bounds.contains(&duration) {
            return Ok(duration);
        }
        let side = if duration < *bounds.start() { "short" } else { "long" };
        let written = format_duration(duration);
        Err(Wrong::new(value, format!("{written} is too {side}; set \"{least}\" to \"{most}\"")))
    }
}

/// A whole number within bounds.
pub(super) fn whole<N>(bounds: RangeInclusive<N>) -> impl Fn(&Value<'_>) -> Result<N, Wrong>
where
    N: TryFrom<i64> + PartialOrd + Display,
{
    move |value| {
        let written = value.get_ref().as_integer().ok_or_else(|| Wrong::kind(value, "a whole number"))?;
        let number = i64::from_str_radix(written.as_str(), written.radix()).ok().and_then(|n| N::try_from(n).ok());
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| Wrong::new(value, format!("is out of bounds; set {} to {}", bounds.start(), bounds.end())))
    }
}

/// A number within bounds, with or without a decimal point.
pub(super) fn number(bounds: RangeInclusive<f64>) -> impl Fn(&Value<'_>) -> Result<f64, Wrong> {
    move |value| {
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => return Err(Wrong::kind(value, "a number")),
        };
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| Wrong::new(value, format!("is out of bounds; set {} to {}", bounds.start(), bounds.end())))
    }
}

/// A list, each element read by itself; the mistakes of all elements are kept.
pub(super) fn list<T>(
    element: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> impl Fn(&Value<'_>) -> Result<Vec<T>, Wrong> {
    move |value| {
        let array = value.get_ref().as_array().ok_or_else(|| Wrong::kind(value, "a list"))?;
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for (index, value) in array.iter().enumerate() {
            match element(value) {
                Ok(element) => read.push(element),
                Err(Wrong(slips)) => {
                    wrong.extend(slips.into_iter().map(|slip| Slip { index: Some(index), ..slip }));
                }
            }
        }
        if wrong.is_empty() { Ok(read) } else { Err(Wrong(wrong)) }
    }
}

/// Notes every name in the table that is not known. `noun` says what the names are names of.
pub(super) fn refuse_unknown(table: &DeTable<'_>, path: &str, noun: &str, known: &[&str], notes: &mut Notes) {
    for name in table.keys() {
        let (byte, name) = (name.span().start, name.get_ref().as_ref());
        if known.contains(&name) {
            continue;
        }
        let what = if let Some(meant) = nearest(name, known.iter().copied()) {
            format!("unknown {noun}; did you mean {meant}?")
        } else if let Some(home) = SECTIONS.iter().find(|section| section.keys.iter().any(|key| key.name == name)) {
            format!("unknown {noun}; {} belongs below {}", shown(name), home.header())
        } else {
            format!("unknown {noun}; there is {}", known.join(", "))
        };
        let dot = if path.is_empty() { "" } else { "." };
        notes.add(At::Byte(byte), format!("{path}{dot}{}", shown(name)), what);
    }
}

/// A name as a message may show it. A key that had to be quoted, or a very long one, is some other text gone astray.
fn shown(name: &str) -> &str {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare && name.len() <= 40 { name } else { "(a quoted key)" }
}

/// The type of a value with its article; all that a message says about a value.
fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
