//! Words between spaces, as many to a line as fit.

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
