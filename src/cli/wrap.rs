//! Words for a screen: as many to a line as fit, and none that moves the cursor.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Lines of this width, the first and the others with what stands before them. Words are parted at spaces only: an ARN
/// or a domain has hyphens too.
pub(super) fn lines<'a>(width: usize, first: &'a str, others: &'a str) -> Options<'a> {
    Options::new(width)
        .initial_indent(first)
        .subsequent_indent(others)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
}

/// Adds the words to a page, in lines of their own.
pub(super) fn wrap(page: &mut String, words: &str, lines: &Options<'_>) {
    page.push_str(&textwrap::fill(words, lines));
    page.push('\n');
}

/// Names and errors come from outside: controls and marks of direction could rewrite what stands on the screen.
pub(super) fn harmless(text: &str) -> String {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect()
}
