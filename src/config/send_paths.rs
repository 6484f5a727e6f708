//! The list `[[send_paths]]`: mail that is meant to get through, from whom, to whom and from where.

use toml::de::DeValue;

use super::expect::{ACCOUNTS, MOST_MESSAGES, REGIONS, accounts};
use super::names::name;
use super::reader::{Value, Written, Wrong, list, number, text, whole};
use super::regions;
use super::section::{Section, Shape, optional};
use crate::expectations::{Recipients, SendPath};

pub(super) const SECTION: Section = Section {
    name: "send_paths",
    shape: Shape::List,
    about: "Mail that must get through, one [[send_paths]] each: who sends what to whom from which regions.",
    keys: &[
        optional("name", r#""orders""#, "What you call it; no two have the same name."),
        optional(
            "from",
            r#""orders@example.com""#,
            "The sender: an e-mail address, or a domain for any address at it.",
        ),
        optional(
            "to",
            r#""any""#,
            "The recipients: \"any\", which takes production access, or a list of e-mail addresses and domains. Without \
             it, \"any\".",
        ),
        ACCOUNTS,
        REGIONS,
        optional("configuration_set", r#""main""#, "The configuration set that each mail names."),
        optional("daily_messages", "20000", "How much is sent in 24 hours, counted in recipients."),
        optional("peak_messages_per_second", "10", "The highest rate: 0.001 to 100000."),
    ],
};

/// Reads one; what is missing or mistaken is noted.
pub(super) fn read(section: &mut Written<'_>) -> SendPath {
    SendPath {
        name: section.required("name", text),
        from: section.required("from", name),
        to: section.optional("to", recipients).unwrap_or(Recipients::Any),
        accounts: accounts(section),
        regions: section.required("regions", regions::codes),
        configuration_set: section.optional("configuration_set", text),
        daily_messages: section.optional("daily_messages", whole(1..=MOST_MESSAGES)),
        peak_messages_per_second: section.optional("peak_messages_per_second", number(0.001..=100_000.0)),
    }
}

fn recipients(value: &Value<'_>) -> Result<Recipients, Wrong> {
    const EXPECTED: &str = "\"any\" or a list of e-mail addresses and domains";
    match value.get_ref() {
        DeValue::String(word) if word == "any" => Ok(Recipients::Any),
        DeValue::String(_) => Err(Wrong::new(value, format!("must be {EXPECTED}"))),
        DeValue::Array(names) if names.is_empty() => {
            Err(Wrong::new(value, "is an empty list; name a recipient, or write \"any\""))
        }
        DeValue::Array(_) => list(name)(value).map(Recipients::Only),
        _ => Err(Wrong::kind(value, EXPECTED)),
    }
}
