//! Mistakes in a configuration: collected while reading, told all at once, one a line, with their place.
//!
//! A message holds names of keys and what was expected, and never a line of the file.

use std::fmt;
use std::path::Path;

/// All mistakes of one configuration. Its text is the list for people: a headline, then one mistake a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// How many there are and where, or why the file can't be read.
    headline: String,
    all: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line and column, both counted from 1, the column in characters; none where the mistake is not in the file.
    pub position: Option<(usize, usize)>,
    /// `FILE:LINE:COL`, or the argument that holds it.
    pub place: String,
    /// The key, such as `accounts[1].role_arn`; empty where there is none.
    pub key: String,
    /// What is wrong; what to do.
    pub what: String,
}

impl Mistakes {
    /// The mistakes in the order of the file; none where the file could not be read at all.
    pub fn all(&self) -> &[Mistake] {
        &self.all
    }

    /// The same list for whoever asked a program that goes on with the configuration that it has.
    pub fn while_running(&self) -> String {
        let end = if self.all.is_empty() { "" } else { ":" };
        self.below(format!("{}; the configuration before stays in force{end}", self.headline))
    }

    /// All of it in one line, for a log: there the program goes on, so that the headline would be wrong.
    pub(crate) fn in_one_line(&self) -> String {
        match self.all.iter().map(Mistake::to_string).collect::<Vec<_>>().join("; ") {
            none if none.is_empty() => self.headline.clone(),
            all => all,
        }
    }

    /// The file can't be read; `why` also says what to do.
    pub(crate) fn unreadable(path: &Path, why: &str) -> Self {
        let path = printable(&path.display().to_string());
        Self { headline: format!("can't read the configuration {path}: {why}"), all: Vec::new() }
    }

    /// The notes of reading `text`, brought into the order of the file.
    pub(crate) fn in_file(file: &str, text: &str, notes: Notes) -> Self {
        Self::listed(file, notes.locate(file, text))
    }

    /// What the parser did not understand in `text`. Its messages name kinds of tokens and never quote (read in toml
    /// 1.2, `ParseError::new`; a test watches it). Of each line the first is told: the others follow from it.
    pub(super) fn of_syntax(file: &str, text: &str, errors: &[toml::de::Error]) -> Self {
        let mut notes = Notes::default();
        for error in errors {
            let at = At::Byte(error.span().map_or(0, |span| span.start));
            notes.add(at, "", format!("not valid TOML: {}", error.message()));
        }
        let mut all = notes.locate(file, text);
        all.dedup_by_key(|mistake| mistake.position.map(|(line, _)| line));
        Self::listed(file, all)
    }

    /// A headline, then one mistake a line.
    fn below(&self, headline: String) -> String {
        self.all.iter().fold(headline, |text, mistake| format!("{text}\n{mistake}"))
    }

    fn listed(file: &str, all: Vec<Mistake>) -> Self {
        let count = if all.len() == 1 { "1 mistake".to_owned() } else { format!("{} mistakes", all.len()) };
        let inside = all.iter().filter(|mistake| mistake.position.is_some()).count();
        let whereabouts = match inside {
            0 => "the arguments".to_owned(),
            _ if inside == all.len() => printable(file),
            _ => format!("{} and the arguments", printable(file)),
        };
        Self { headline: format!("{count} in {whereabouts}"), all }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.all.is_empty() { "" } else { "; nothing was started:" };
        f.write_str(&self.below(format!("{}{end}", self.headline)))
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, what, .. } = self;
        if key.is_empty() { write!(f, "{place}: {what}") } else { write!(f, "{place}: {key}: {what}") }
    }
}

/// Where a mistake was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// At this byte of the file.
    Byte(usize),
    /// In an argument, by its name.
    Argument(&'static str),
}

/// Mistakes while they are collected.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

#[derive(Debug)]
struct Note {
    at: At,
    key: String,
    what: String,
}

impl Notes {
    /// Notes a mistake; `what` says what is wrong and what to do.
    pub(crate) fn add(&mut self, at: At, key: impl Into<String>, what: impl Into<String>) {
        self.0.push(Note { at, key: key.into(), what: what.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are: when it has not grown, what was read since is right.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was noted about any of these keys, so that comparing their values makes sense.
    pub(super) fn spare(&self, keys: &[&str]) -> bool {
        !self.0.iter().any(|note| keys.contains(&note.key.as_str()))
    }

    /// Whether nothing was noted below this section, or in an argument.
    pub(super) fn spare_section(&self, section: &str) -> bool {
        let below = |note: &Note| note.key.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.', '[']));
        !self.0.iter().any(|note| below(note) || note.key == section || matches!(note.at, At::Argument(_)))
    }

    /// The mistakes with their places, in the order of the file.
    fn locate(self, file: &str, text: &str) -> Vec<Mistake> {
        let file = printable(file);
        let mut all: Vec<_> = self.0.into_iter().map(|note| note.locate(&file, text)).collect();
        all.sort_by(|a, b| (a.position, &a.key, &a.what).cmp(&(b.position, &b.key, &b.what)));
        all
    }
}

impl Note {
    fn locate(self, file: &str, text: &str) -> Mistake {
        let (position, place) = match self.at {
            At::Argument(name) => (None, name.to_owned()),
            At::Byte(byte) => {
                let (line, column) = line_and_column(text, byte);
                (Some((line, column)), format!("{file}:{line}:{column}"))
            }
        };
        Mistake { position, place, key: self.key, what: self.what }
    }
}

/// Line and column of a byte, both counted from 1, the column in characters.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(byte)).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.chars().count() - before.get(..line_start).unwrap_or_default().chars().count();
    (before.matches('\n').count() + 1, column + 1)
}

/// The known word nearest to what was written, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Two slips in a word, one in a very short one. Longer texts are no slip of a known word, and cost time.
    let slips = if written.len() < 4 { 1 } else { 2 };
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(written.len()) <= slips)
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The text without what would break a line of a log or move a terminal's cursor.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nname = \"ä\" # x";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 6), (2, 1));
        assert_eq!(line_and_column(text, text.find('#').unwrap_or(0)), (2, 12));
        assert_eq!(line_and_column(text, 10_000), (2, 15));
        assert_eq!(line_and_column("", 0), (1, 1));
    }

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["interval", "enabled", "all"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("enalbed", known), Some("enabled"));
        assert_eq!(nearest("al", known), Some("all"));
        assert_eq!(nearest("period", known), None);
    }
}
