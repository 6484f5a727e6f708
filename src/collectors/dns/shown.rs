//! Records in one line for people. Whoever owns a name decides what stands there, so nothing of it is shown raw.

use crate::dns::Value;

/// A text record can hold 64 KiB; this much shows what it is.
const LONGEST: usize = 200;
/// So many records show that there are too many.
const MOST: usize = 4;

/// The values of one name and type, separated by commas.
pub(super) fn values(values: &[Value]) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    let line = values.iter().take(MOST).map(value).collect::<Vec<_>>().join(", ");
    match values.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{line} and {more} more"),
        _ => line,
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Name(name) => printable(name),
        Value::Mail { preference, host } => format!("{preference} {}", printable(host)),
        Value::Zone { name, primary } => format!("zone {} of {}", printable(name), printable(primary)),
        Value::Text(text) => format!("\"{}\"", printable(text)),
        Value::Address => "an address".to_owned(),
    }
}

/// Quotes, control characters and what is invisible are escaped.
fn printable(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_is_shown_raw() {
        let text = |text: &str| values(&[Value::Text(text.to_owned())]);
        assert_eq!(text("v=spf1 -all"), "\"v=spf1 -all\"");
        assert_eq!(text("a\"b\\c\nd\u{1b}[31m\u{202e}"), r#""a\"b\\c\nd\u{1b}[31m\u{202e}""#);
        assert_eq!(text(&"é".repeat(300)), format!("\"{}…\"", "é".repeat(200)));
        assert!(values(&[Value::Name("a\r\nb".to_owned())]).chars().all(|c| !c.is_control()));
    }

    #[test]
    fn many_records_are_cut_short() {
        let mail = |preference| Value::Mail { preference, host: "mx.example".to_owned() };
        assert_eq!(values(&[]), "nothing");
        assert_eq!(values(&[mail(10)]), "10 mx.example");
        let many: Vec<_> = (0..9).map(mail).collect();
        assert!(values(&many).ends_with("3 mx.example and 5 more"));
    }
}
