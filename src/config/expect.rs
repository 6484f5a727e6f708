//! The list `[[expect]]`: what each region is meant for, so that a difference is told.

use super::names::name;
use super::reader::{Written, choice, flag, list, text, whole};
use super::regions;
use super::section::{Key, Section, Shape, optional};
use crate::collectors::identities::Settings;
use crate::expectations::{Accounts, Expect, ExpectedIdentity, State};

pub(super) const SECTION: Section = Section {
    name: "expect",
    shape: Shape::List,
    about: "What regions are meant for, one [[expect]] each: the agent then tells what is different. Several that are \
            about one region add up, and must not contradict one another.",
    keys: &[
        ACCOUNTS,
        REGIONS,
        optional(
            "state",
            r#""production""#,
            "\"production\": sends to anyone. \"sandbox\": stays in the sandbox on purpose. \"unused\": sends nothing.",
        ),
        optional(
            "identities",
            r#"["example.com", "noreply@example.org"]"#,
            "Domains and e-mail addresses that must be able to send there.",
        ),
        optional(
            "exhaustive",
            "true",
            "Whether any identity that is not in the list is one too many. Without it, false. Identities that bear no \
             series, see [identities], are not told.",
        ),
        optional(
            "minimum_quota",
            "50000",
            "The smallest sending quota that will do: messages in 24 hours, counted in recipients.",
        ),
    ],
};

/// The key `accounts` of every declaration.
pub(super) const ACCOUNTS: Key = optional(
    "accounts",
    r#"["production"]"#,
    "The accounts, by their name in [[accounts]] or by their id; empty or left out = all that poll the region.",
);

/// The key `regions` of every declaration.
pub(super) const REGIONS: Key = optional("regions", r#"["eu-west-1"]"#, "The regions; they must be polled.");

const STATES: &[&str] = &[State::Production.as_str(), State::Sandbox.as_str(), State::Unused.as_str()];

/// More than SES grants anyone, and far from where numbers lose digits.
pub(super) const MOST_MESSAGES: u32 = 1_000_000_000;

/// Reads one; what is missing or mistaken is noted.
pub(super) fn read(section: &mut Written<'_>, settings: &Settings) -> Expect {
    let identity = |name: String| ExpectedIdentity { label: settings.label_of(&name), name };
    let state = section.required("state", choice(STATES));
    let expect = Expect {
        accounts: accounts(section),
        regions: section.required("regions", regions::codes),
        state: State::ALL.into_iter().find(|one| one.as_str() == state).unwrap_or(State::Unused),
        identities: section.optional("identities", list(name)).unwrap_or_default().into_iter().map(identity).collect(),
        exhaustive: section.optional("exhaustive", flag).unwrap_or_default(),
        minimum_quota: section.optional("minimum_quota", whole(1..=MOST_MESSAGES)),
    };
    if state == State::Unused.as_str() && section.has("minimum_quota") {
        section
            .note("minimum_quota", "is of no use in a region that is declared unused; remove it, or change the state");
    }
    expect
}

/// Reads the key [`ACCOUNTS`].
pub(super) fn accounts(section: &mut Written<'_>) -> Accounts {
    Accounts(section.optional(ACCOUNTS.name, list(text)).unwrap_or_default())
}
