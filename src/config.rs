//! The configuration: what the operator wrote, checked, with defaults for the rest.
//!
//! A TOML file becomes either a [`Config`] or the list of *all* mistakes in it, each with its line. Mistakes never quote
//! the file, because files hold secrets. Nothing here calls AWS or looks at the environment.
//!
//! To add a key: one line in the `SECTION` of its file in `config/`, and one where its value is read. The reference
//! file, the check for unknown keys and the default all come from that first line; [`Config::effective`] shows it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use crate::collectors::identities::Settings;
use crate::expectations::Expectations;
use crate::target::Role;

mod accounts;
mod aws;
mod budget;
mod collectors;
mod dns;
mod effective;
mod expect;
mod expectations;
mod failover;
mod identities;
mod mistakes;
mod names;
mod poll;
mod reader;
mod reference;
mod regions;
mod section;
mod send_paths;

pub(crate) use mistakes::{At, Notes, nearest};
pub use mistakes::{Mistake, Mistakes};
pub use names::mail_name;
pub use reference::reference;
pub use regions::region_code;

use reader::{Document, refuse_unknown};
use section::Section;

/// Every section, in the order of the reference file. To add one: write its file, add its row.
const SECTIONS: &[&Section] = &[
    &aws::SECTION,
    &accounts::SECTION,
    &poll::SECTION,
    &collectors::SECTION,
    &budget::SECTION,
    &identities::SECTION,
    &dns::SECTION,
    &expect::SECTION,
    &send_paths::SECTION,
    &failover::SECTION,
];

/// The configuration, checked: what is in here can be used without a second look.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What all accounts share.
    pub aws: Aws,
    /// The accounts; one without name and role where the file has none.
    pub accounts: Vec<ConfiguredAccount>,
    /// How long an answer may take and how long it counts.
    pub poll: Poll,
    /// One for each row of [`crate::collectors::ALL`], in its order.
    pub collectors: Vec<Schedule>,
    /// How much the agent asks of AWS.
    pub budget: Budget,
    /// Which identities bear series, and how.
    pub identities: Settings,
    /// Whom to ask for DNS records, and how fast.
    pub dns: crate::dns::Settings,
    /// What the operator expects of the accounts and regions.
    pub expectations: Expectations,
    /// Regions that every account of their partition is looked at in besides, for one look; no key of the file.
    pub also: Vec<String>,
    /// Set by a command that asks about few names; no key of the file.
    pub focus: Option<Focus>,
}

/// What alone is read in detail, where somebody asks about few things and does not want to wait for the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// The names of the identities, whatever their case; of these only those that there are.
    pub identities: Vec<String>,
    /// The configuration set; none = each of them.
    pub configuration_set: Option<String>,
}

/// Section `[aws]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    /// The regions of every account that names none.
    pub regions: Regions,
    /// The profile of every account that names none.
    pub profile: Option<String>,
    /// Where to send requests instead of to AWS: `http(s)://host`, never with a password in it.
    pub endpoint_url: Option<String>,
    /// Use the FIPS endpoints.
    pub use_fips: bool,
    /// Use the endpoints that answer over IPv6 too.
    pub use_dual_stack: bool,
}

/// Which regions to poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Regions {
    /// Every region of [`crate::target::REGIONS`] in the partition of the credentials.
    All,
    /// These: sorted, none twice, of one partition, never empty.
    List(Vec<String>),
    /// Nothing was said: the region of the AWS environment or profile, found at start.
    #[default]
    FromEnvironment,
}

/// One `[[accounts]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredAccount {
    /// The value of the label `account`; without it the id in the role's ARN, else what GetCallerIdentity answers.
    pub name: Option<String>,
    /// The role to assume before asking.
    pub role: Option<Role>,
    /// The profile that the credentials come from; none = `[aws] profile`.
    pub profile: Option<String>,
    /// Its regions; none = `[aws] regions`.
    pub regions: Option<Regions>,
}

/// Section `[poll]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poll {
    /// The longest wait for one attempt of one request.
    pub attempt_timeout: Duration,
    /// The longest wait for a connection; at most `attempt_timeout`.
    pub connect_timeout: Duration,
    /// The longest that one whole reading may take, waiting for the budget not counted; at least `attempt_timeout`.
    pub read_timeout: Duration,
    /// How long the last good reading is shown; at least three intervals of every enabled collector.
    pub stale_after: Duration,
    /// By how much of its interval the second reading is put off at most: 0 to 1.
    pub jitter: f64,
}

/// One `[collectors.<name>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The collector's name.
    pub name: &'static str,
    /// Whether it runs.
    pub enabled: bool,
    /// From one reading to the next.
    pub interval: Duration,
}

/// Section `[budget]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Requests a second in one account and region, over both APIs of SES.
    pub requests_per_second: f64,
    /// Requests that may be sent at once in one account and region while starting.
    pub burst: u32,
    /// Requests that may be on their way at once, over all accounts and regions.
    pub max_in_flight: usize,
}

/// A file longer than this is no configuration of ours; reading stops before it fills the memory.
const MAX_BYTES: u64 = 1024 * 1024;

impl Default for Config {
    /// The configuration of an empty file.
    fn default() -> Self {
        Self::read(&mut Document::new(&DeTable::new(), Path::new(".")), None)
    }
}

impl Config {
    /// Reads the file at `path`; without one, everything has its default.
    ///
    /// `regions` is the text of `--aws.regions` or `SES_EXPORTER_REGIONS`: "all" or a list with commas. It replaces
    /// `[aws] regions`; blank text is taken as nothing said, as an empty environment variable is elsewhere.
    pub fn load(path: Option<&Path>, regions: Option<&str>) -> Result<Self, Mistakes> {
        let Some(path) = path else {
            return Self::parse("", "", Path::new("."), regions);
        };
        let text = read_text(path).map_err(|why| Mistakes::unreadable(path, &why))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Self::parse(&path.display().to_string(), &text, dir, regions)
    }

    /// [`Config::load`] of a text that stands in for the file `file` in the folder `dir`. The only thing that it reads
    /// from the disk is the file that `hash_key_file` names.
    pub fn parse(file: &str, text: &str, dir: &Path, regions: Option<&str>) -> Result<Self, Mistakes> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What stands around a syntax error is a guess of the parser; judging it would invent mistakes.
            return Err(Mistakes::of_syntax(file, text, &errors));
        }
        let mut document = Document::new(root.get_ref(), dir);
        let config = Self::read(&mut document, regions);
        if document.notes.is_empty() { Ok(config) } else { Err(Mistakes::in_file(file, text, document.notes)) }
    }

    /// From one reading of this collector to the next; zero where there is no such collector.
    pub fn interval(&self, collector: &str) -> Duration {
        self.collectors.iter().find(|schedule| schedule.name == collector).map_or(Duration::ZERO, |one| one.interval)
    }

    /// Reads every section and notes every mistake; what is mistaken has its default in the result.
    fn read(document: &mut Document<'_>, regions: Option<&str>) -> Self {
        let known: Vec<_> = SECTIONS.iter().map(|section| section.name).collect();
        refuse_unknown(document.root, "", "section", &known, &mut document.notes);
        let aws = aws::read(document, regions);
        let poll = poll::read(document);
        let collectors = collectors::read(document, &poll);
        let accounts = accounts::read(document, &aws);
        let identities = identities::read(document);
        Self {
            budget: budget::read(document, &collectors),
            collectors,
            expectations: expectations::read(document, &accounts, &aws, &identities),
            accounts,
            identities,
            dns: dns::read(document),
            aws,
            poll,
            also: Vec::new(),
            focus: None,
        }
    }
}

/// The text of a file of reasonable size, or why there is none and what to do about it.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })
}

/// The bytes of a file of reasonable size, or why there are none and what to do about it.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(|e| advice(&e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("it is longer than 1 MiB; name another file".into());
    }
    Ok(bytes)
}

/// Why a file can't be read, and what to do. The system's own words come with a number that helps nobody.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; create it or name another".into(),
        io::ErrorKind::PermissionDenied => "permission denied; let the user that runs ses-exporter read it".into(),
        io::ErrorKind::IsADirectory => "it is a directory; name a file inside".into(),
        _ => format!("{error}; mend that or name another file"),
    }
}
