//! What the parts of the status page are made from: the report, the picture behind it, and how old things are.
//!
//! It looks at no clock of the wall: now is the time of the newest reading and what has passed since.

use std::time::Duration;

use maud::{Markup, html};
use tokio::time::Instant;

use crate::estate::{Estate, Slot, TargetView};
use crate::report::findings::Severity;
use crate::report::moment::{Moment, Since, age};
use crate::report::region::Region;
use crate::report::tried::{Outcome, Tried};
use crate::report::{Account, Report, Terms};

/// Where AWS has not told whose the credentials are.
pub(super) const NO_ACCOUNT: &str = "not known yet";

/// Everything at one moment.
pub(super) struct View<'a> {
    pub(super) terms: &'a Terms,
    pub(super) estate: &'a Estate,
    pub(super) report: Report,
    /// Where the metrics are, relative to the page, so that it holds below a path of a proxy too.
    pub(super) metrics: String,
    /// As of which readings are fresh or stale.
    pub(super) instant: Instant,
    /// The same on the wall clock; none before the first reading.
    pub(super) now: Option<Moment>,
}

/// One account in one region.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Its place in the configuration, from 0.
    pub(super) number: usize,
    pub(super) account: &'a Account,
    pub(super) region: &'a Region,
    pub(super) target: &'a TargetView,
}

impl<'a> View<'a> {
    /// What is known now.
    pub(super) fn of(terms: &'a Terms, estate: &'a Estate, telemetry_path: &str) -> Self {
        let (report, instant) = (Report::of(terms, estate), Instant::now());
        let metrics = format!("./{}", telemetry_path.trim_start_matches('/'));
        Self { terms, estate, report, metrics, instant, now: now(estate, instant) }
    }

    /// Every target, in the order of the configuration.
    pub(super) fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let accounts = self.report.accounts.iter();
        let regions = accounts.flat_map(|account| account.regions.iter().map(move |region| (account, region)));
        let all = regions.zip(&*self.estate.targets).enumerate();
        all.map(|(number, ((account, region), target))| Place { number, account, region, target })
    }

    /// In words, as of now.
    pub(super) fn since(&self, since: Option<Since>) -> Option<String> {
        Some(since?.words(self.now?))
    }

    /// How old a reading is.
    pub(super) fn age(&self, slot: &Slot) -> Option<Duration> {
        Some(self.instant.saturating_duration_since(slot.reading.as_ref()?.taken))
    }

    /// Whether there is a reading that is too old to be shown as what is so.
    pub(super) fn is_stale(&self, slot: &Slot) -> bool {
        self.age(slot).is_some_and(|age| age > self.estate.stale_after)
    }
}

/// The clock that the readings were dated by.
fn now(estate: &Estate, instant: Instant) -> Option<Moment> {
    let slots = estate.targets.iter().flat_map(|view| &view.slots);
    let newest = slots.filter_map(|slot| slot.reading.as_ref()).max_by_key(|reading| reading.taken)?;
    Moment::of(newest.at.checked_add(instant.saturating_duration_since(newest.taken))?)
}

impl<'a> Place<'a> {
    /// The collectors with what became of their last attempt.
    pub(super) fn collectors(&self) -> impl Iterator<Item = (&'a Tried, &'a Slot)> {
        self.region.collectors.iter().zip(&self.target.slots).map(|(tried, slot)| (tried, &**slot))
    }

    /// The value of the label `account`, or that it is not known.
    pub(super) fn account_name(&self) -> &'a str {
        self.account.account.as_deref().unwrap_or(NO_ACCOUNT)
    }

    /// Account and region, leading to its row.
    pub(super) fn link(&self) -> Markup {
        html! { (self.account_name()) " " a href={ "#target-" (self.number) } { (self.region.region) } }
    }

    /// Whether a collector did not read all at its last attempt, or what it read is too old.
    pub(super) fn is_wanting(&self, view: &View<'_>) -> bool {
        let fell_short = |outcome| !matches!(outcome, Outcome::Ok | Outcome::Skipped | Outcome::NotTried);
        self.collectors().any(|(tried, slot)| fell_short(tried.outcome) || view.is_stale(slot))
    }

    /// Somebody sends from here, has prepared to, or has declared to.
    pub(super) fn matters(&self) -> bool {
        let declared = self.region.expected.as_ref().is_some_and(|expected| expected.state != "unused");
        self.region.skipped.is_none() && (declared || self.region.in_use())
    }
}

/// How something is to be looked at. The words say it as well: a colour tells some people nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Unknown,
    Dim,
}

impl Tone {
    /// The class of the style.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Dim => "dim",
        }
    }

    /// Yes, no, and not known.
    pub(super) const fn of(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Good,
            Some(false) => Self::Bad,
            None => Self::Unknown,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::AllWell => Self::Good,
            Severity::Warning => Self::Warn,
            Severity::CouldNotTell => Self::Unknown,
            Severity::NotAsDeclared | Severity::CanNotSend => Self::Bad,
        }
    }
}

/// Words in their colour.
pub(super) fn word(tone: Tone, words: &str) -> Markup {
    html! { span class=(tone.class()) { (words) } }
}

/// Yes, no, and not known, in words.
pub(super) const fn yes_or_no(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    }
}

/// `2 h ago`.
pub(super) fn ago(time: Duration) -> String {
    format!("{} ago", age(time))
}

/// The head of a table. The roles say what a table is where the style of a narrow window makes cards of its rows.
pub(super) fn head(columns: &[&str]) -> Markup {
    html! {
        thead role="rowgroup" {
            tr role="row" { @for column in columns { th scope="col" role="columnheader" { (column) } } }
        }
    }
}

/// A command or a DNS record, whose words stay whole where a line can hold them.
pub(super) fn code(text: &str) -> Markup {
    html! { code { @for (number, word) in text.split(' ').enumerate() { @if number > 0 { " " } span { (word) } } } }
}

/// A cell that names its column where no head is to be seen.
pub(super) fn cell(column: &str, body: &Markup) -> Markup {
    html! { td role="cell" data-label=(column) { div { (body) } } }
}
