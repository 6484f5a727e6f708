//! The list of identities that SES writes behind "failed the check in region", whatever a log has put around it.
//!
//! `US-EAST-1: Shop <a@shop.example>, b@shop.example...`: the region in capitals, addresses as the message had them, three
//! dots where there were more than SES could show. (Developer guide, "Amazon SES email sending errors")

use super::{Identity, MOST_IDENTITIES as MOST};

/// An address has 320 characters at most; nothing further away is looked at for one, so that no text is walked through twice.
const NEAR: usize = 400;

/// What stands behind the words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// In lower case, as the rest of AWS writes it.
    pub(super) region: Option<String>,
    pub(super) identities: Vec<Identity>,
    /// There were more.
    pub(super) cut: bool,
    /// How many bytes were read.
    pub(super) length: usize,
}

/// Reads ` US-EAST-1: a@shop.example, …` up to where the list ends.
pub(super) fn list(text: &str) -> List {
    let (region, mut rest) = region(text.trim_start());
    let mut list = List { region, ..List::default() };
    while let Some(after) = rest.strip_prefix(if list.identities.is_empty() { ':' } else { ',' }) {
        rest = after.trim_start();
        if let Some(after) = ["...", "…"].iter().find_map(|dots| rest.strip_prefix(dots)) {
            (list.cut, rest) = (true, after);
            break;
        }
        let Some((identity, after)) = identity(rest) else { break };
        // A log can go on behind a comma; a word alone is no further identity.
        if !list.identities.is_empty() && !identity.name.contains(['@', '.']) {
            break;
        }
        list.identities.push(identity);
        rest = after;
        let dots = ["...", "…"].iter().any(|dots| rest.starts_with(dots));
        if dots || list.identities.len() == MOST {
            list.cut = true;
            break;
        }
    }
    list.length = text.len() - rest.len();
    list
}

/// `US-EAST-1` as `us-east-1`. What has not the form of a region (`XX`, `region`) is none.
fn region(text: &str) -> (Option<String>, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (super::region_like(word), rest)
}

/// One identity and what follows it. A name in front of the address belongs to it; what does not fit ends the list.
fn identity(text: &str) -> Option<(Identity, &str)> {
    let text = text.trim_start_matches(['[', '\'', '`', '(']);
    if let Some(named) = named(text) {
        return Some(named);
    }
    let end = end_of_word(text);
    let (word, rest) = text.split_at(end);
    let name = word.trim_end_matches('.');
    let dots = word.len() - name.len();
    if name.is_empty() {
        return None;
    }
    // Three dots are SES' own; one is the end of somebody's sentence.
    let rest = if dots >= 3 { text.get(end - 3..)? } else { rest };
    let link = rest.strip_prefix("](mailto:").and_then(|link| near(link).split_once(')'));
    let rest = link.and_then(|(address, _)| rest.get("](mailto:)".len() + address.len()..)).unwrap_or(rest);
    // Some programs take the address for the name too: `a@shop.example <a@shop.example>`.
    let again = rest.strip_prefix(" <").and_then(|rest| rest.strip_prefix(name)?.strip_prefix('>'));
    let rest = again.unwrap_or(rest);
    Some((Identity { written: name.to_owned(), name: name.to_owned() }, rest))
}

/// `Shop <a@shop.example>` and `"Shop, Inc." <a@shop.example>`.
fn named(text: &str) -> Option<(Identity, &str)> {
    let quoted = near(text).strip_prefix('"').and_then(|quoted| quoted.find('"')).map_or(0, |end| end + 2);
    let before = text.get(quoted..)?;
    let (display, _) = near(before).split_once('<')?;
    let open = display.len();
    if display.contains([',', '\n', ':', ';', '{', '}']) {
        return None;
    }
    let display = text.get(..quoted + open)?;
    // An address in front of an XML tag is not a name.
    if quoted == 0 && display.contains('@') {
        return None;
    }
    let inside = before.get(open + 1..)?;
    let close = inside.find(|c: char| c == '>' || c.is_whitespace())?;
    let (name, rest) = inside.split_at(close);
    let rest = rest.strip_prefix('>')?;
    let written = format!("{display}<{name}>");
    name.contains('@').then(|| (Identity { written, name: name.to_owned() }, rest))
}

fn near(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NEAR)).unwrap_or_default()
}

/// Where a bare address, domain or ARN ends. An apostrophe ends it unless it stands inside a name, as in `o'neil@`.
fn end_of_word(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || ",;<>\"`()[]{}|\\…".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    let address = word.find('@').unwrap_or(0);
    let outside = word.match_indices('\'').map(|(at, _)| at).find(|at| *at >= address);
    outside.unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Vec<String>, bool, &str) {
        let List { region, identities, cut, length } = list(text);
        (region, identities.into_iter().map(|identity| identity.name).collect(), cut, &text[length..])
    }

    #[test]
    fn lists_end_where_the_log_goes_on() {
        let rows: &[(&str, &[&str], bool)] = &[
            (" US-EAST-1: a@shop.example", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example, b@shop.example", &["a@shop.example", "b@shop.example"], false),
            (" US-EAST-1: Shop <a@shop.example>, a@shop.example", &["a@shop.example", "a@shop.example"], false),
            (
                " US-EAST-1: \"Shop, Inc.\" <a@shop.example>, b@shop.example",
                &["a@shop.example", "b@shop.example"],
                false,
            ),
            (" US-EAST-1: a@shop.example... (in reply to end of DATA command)", &["a@shop.example"], true),
            (" US-EAST-1: a@shop.example, ...", &["a@shop.example"], true),
            (" US-EAST-1: a@shop.example…", &["a@shop.example"], true),
            (" US-EAST-1: a@shop.example')", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example\"}", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example</Message>", &["a@shop.example"], false),
            (" US-EAST-1: Shop <a@shop.example> - <ErrorResponse xmlns=\"x\">", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example - <ErrorResponse xmlns=\"x@y\">", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example Request Id: b73f7091", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example (Service: Ses, Status Code: 400)", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example\n    at Request.extractError (x)", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example,\nb@shop.example", &["a@shop.example", "b@shop.example"], false),
            (" US-EAST-1: [a@shop.example](mailto:a@shop.example)", &["a@shop.example"], false),
            (" US-EAST-1: o'neil@shop.example.", &["o'neil@shop.example"], false),
            (" US-EAST-1: shop.example", &["shop.example"], false),
            (" US-EAST-1: a@b.example <a@b.example>, c@b.example", &["a@b.example", "c@b.example"], false),
            (" US-EAST-1: a@b.example <c@d.example>", &["a@b.example"], false),
            (" US-EAST-1: a@shop.example, retrying in 5 s", &["a@shop.example"], false),
            (" US-EAST-1: a@shop.example, RequestID=7", &["a@shop.example"], false),
            (
                " US-EAST-1: arn:aws:ses:us-east-1:1:identity/shop.example",
                &["arn:aws:ses:us-east-1:1:identity/shop.example"],
                false,
            ),
            (" US-EAST-1:", &[], false),
        ];
        for (text, identities, cut) in rows {
            let (region, found, more, _) = read(text);
            assert_eq!((region.as_deref(), more), (Some("us-east-1"), *cut), "{text}");
            assert_eq!(found, *identities, "{text}");
        }
    }

    #[test]
    fn a_name_is_kept_as_it_was_written() {
        let list = list(" EU-WEST-1: Shop <a@shop.example>");
        assert_eq!(list.identities[0].written, "Shop <a@shop.example>");
    }

    #[test]
    fn what_is_no_region_is_none() {
        assert_eq!(read(" region: identity1, identity2").0, None);
        assert_eq!(read(" US-WEST-2 and so on").0.as_deref(), Some("us-west-2"));
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let (_, found, cut, _) = read(&format!(" US-EAST-1: {}", "a@b, ".repeat(5000)));
        assert_eq!((found.len(), cut), (MOST, true));
    }
}
