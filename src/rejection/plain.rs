//! Text as it comes out of terminals, logs and bounce mails, made plain: one character for each run of white space, without
//! colours, escapes and what could move a cursor. One pass each, nothing is ever looked at twice.

use super::LONGEST;

/// A text made plain, and the same in lower case without lines. Both have the same length, so that a place in one is a
/// place in the other.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// As written; a run of white space is one space, or one line feed where it held one.
    pub(super) text: String,
    /// For searching: ASCII letters in lower case, line feeds as spaces, because mail wraps lines anywhere.
    pub(super) lower: String,
    /// Where lines end.
    ends: Vec<usize>,
}

impl Plain {
    /// Makes the first [`LONGEST`] bytes plain.
    pub(super) fn of(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
        let text = without_terminal(&unescaped(text));
        let lower = text.to_ascii_lowercase().replace('\n', " ");
        let ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { text, lower, ends }
    }

    /// The number of the line that a place is in.
    pub(super) fn line(&self, at: usize) -> usize {
        self.ends.partition_point(|end| *end < at)
    }
}

/// What XML and HTML write for the characters that matter in addresses.
const ENTITIES: &[(&str, char)] = &[
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&amp;", '&'),
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&apos;", '\''),
    ("&#39;", '\''),
    ("&#x27;", '\''),
];

/// Undoes what XML and JSON do to a text, JSON inside JSON too: any number of backslashes counts as one.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\\']) {
        let (before, special) = rest.split_at(at);
        plain.push_str(before);
        let (meant, after) = entity(special).or_else(|| escape(special)).unwrap_or_else(|| as_it_is(special));
        plain.push_str(&meant);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn entity(text: &str) -> Option<(String, &str)> {
    ENTITIES.iter().find_map(|(name, meant)| Some((meant.to_string(), text.strip_prefix(name)?)))
}

fn escape(text: &str) -> Option<(String, &str)> {
    let escaped = text.trim_start_matches('\\');
    let first = escaped.chars().next().filter(|_| escaped.len() < text.len())?;
    let after = escaped.get(first.len_utf8()..)?;
    match first {
        'n' | 'r' => Some(("\n".to_owned(), after)),
        't' => Some((" ".to_owned(), after)),
        '"' | '\'' | '/' => Some((first.to_string(), after)),
        'u' => {
            let code = u32::from_str_radix(after.get(..4)?, 16).ok()?;
            Some((char::from_u32(code)?.to_string(), after.get(4..)?))
        }
        _ => None,
    }
}

/// An ampersand, or all backslashes of a run, so that the run is not walked through again for each of them.
fn as_it_is(text: &str) -> (String, &str) {
    let run = text.len() - text.trim_start_matches('\\').len();
    let (special, after) = text.split_at(run.max(1));
    (special.to_owned(), after)
}

/// Drops escape sequences, control characters and invisible ones, and folds white space.
fn without_terminal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut gap: Option<char> = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            skip_sequence(&mut characters);
        } else if c.is_whitespace() || c.is_control() {
            gap = Some(if c == '\n' || gap == Some('\n') { '\n' } else { ' ' });
        } else if !is_invisible(c) {
            plain.extend(gap.take().filter(|_| !plain.is_empty()));
            plain.push(c);
        }
    }
    plain
}

/// Skips what follows an escape character: `[` with parameters and a letter (colours), or `]` up to its end (titles, links).
fn skip_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            while characters.next_if(|c| (' '..='?').contains(c)).is_some() {}
            characters.next_if(|c| ('@'..='~').contains(c));
        }
        Some(']') => while characters.next_if(|c| !['\u{7}', '\u{1b}', '\n'].contains(c)).is_some() {},
        _ => {}
    }
}

/// Zero width, and marks that turn the direction of writing: they come along when text is copied, and can make one address look
/// like another.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_and_lines_are_kept_apart() {
        let plain = Plain::of("  554\r\n    Message \t rejected\u{a0}: \n\n x ");
        assert_eq!(plain.text, "554\nMessage rejected :\nx");
        assert_eq!(plain.lower, "554 message rejected : x");
        assert_eq!((plain.line(0), plain.line(5), plain.line(plain.text.len() - 1)), (0, 1, 2));
    }

    #[test]
    fn escapes_of_logs_and_of_terminals_are_undone() {
        let rows = [
            (r#"{\"m\":\"a\\nb\\\"c\\\"\"}"#, "{\"m\":\"a\nb\"c\"\"}"),
            ("Shop &lt;a@shop.example&gt; &amp; Co", "Shop <a@shop.example> & Co"),
            (r"Shop \u003ca@shop.example\u003e", "Shop <a@shop.example>"),
            ("\u{1b}[1;31mERROR\u{1b}[0m text", "ERROR text"),
            (r"\u001b[31mERROR\u001b[0m text", "ERROR text"),
            ("\u{1b}]8;;http://x\u{7}link", "link"),
            ("a\u{202e}b\u{200b}c\u{feff}\u{61c}\u{180e}\u{e0041}", "abc"),
            (r"C:\path \ud800 \u12", r"C:\path \ud800 \u12"),
            ("& &; &lt", "& &; &lt"),
        ];
        for (text, plain) in rows {
            assert_eq!(Plain::of(text).text, plain, "{text}");
        }
    }

    #[test]
    fn nothing_that_moves_a_cursor_comes_through() {
        let hostile: String = (0..0x300).filter_map(char::from_u32).collect();
        assert!(!Plain::of(&hostile).text.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(Plain::of(&"ä".repeat(LONGEST)).text.len(), LONGEST);
        assert_eq!(Plain::of(&format!("x{}", "ä".repeat(LONGEST))).text.len(), LONGEST - 1);
    }
}
