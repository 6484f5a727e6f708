//! What the judgements say of one account in one region, as `check` tells it: declared paths, failovers, what is in sight.
//!
//! Facts only; what of them has to be mended is for [`super::findings`]. What is not known is absent.

use std::time::{Duration, SystemTime};

use super::Terms;
use super::mend::Place;
use super::refusal::Refusal;
use crate::collectors::account::Account;
use crate::collectors::configuration_sets::{self, ConfigurationSets};
use crate::expectations::SendPath;
use crate::judgement::{Judgement, Seen};
use crate::judgements::failover::{self, Failovers, Pair};
use crate::judgements::feedback_path::{self, FeedbackPath};
use crate::judgements::forecast::Forecast;
use crate::judgements::send_path::{Known, Mail, weigh};

/// The verdicts. The names of the fields are those of the JSON.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Judged {
    /// Each declared path that sends from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) send_paths: Vec<Path>,
    /// Each declared failover to here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failovers: Vec<Standby>,
    /// When the quota will be used up, if that is near, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota_exhausted_at: Option<String>,
    /// Identities of which nobody hears the bounces, or the complaints; those that bear series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unheard: Vec<String>,
    /// Configuration sets that do not send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) paused_sets: Vec<String>,
}

/// A declared send path.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Path {
    /// Its name in the configuration.
    pub(crate) path: String,
    /// Whether SES would take its mail; left out where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ready: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    /// Why SES would refuse it.
    pub(crate) reasons: Vec<Refusal>,
}

/// A declared failover.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Standby {
    /// The code of the region whose mail it would take over.
    pub(crate) primary: String,
    /// Whether it could take over; left out where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ready: Option<bool>,
    /// The words of `ses_failover_blocked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<failover::Reason>,
}

/// From when on a quota that will be used up is told: as the alert SESQuotaWillExhaust.
const NEAR: Duration = Duration::from_hours(4);
/// Below this share of it much can happen before; the same alert.
const HALF: f64 = 0.5;

impl Judged {
    /// What is known of a target.
    pub(super) fn of(terms: &Terms, seen: &Seen<'_>) -> Self {
        let feedback = Judgement::judge(&FeedbackPath, seen);
        let sets = seen.reading::<ConfigurationSets>();
        let paused = sets
            .into_iter()
            .flat_map(configuration_sets::Reading::shown)
            .filter(|(_, set)| set.sending_enabled == Some(false));
        Self {
            send_paths: paths(terms, seen),
            failovers: Standby::all(seen),
            quota_exhausted_at: exhaustion(seen).map(|at| humantime::format_rfc3339_seconds(at).to_string()),
            unheard: feedback.iter().flat_map(feedback_path::Verdict::unheard).map(str::to_owned).collect(),
            paused_sets: paused.map(|(name, _)| name.to_owned()).collect(),
        }
    }
}

impl Standby {
    /// Each declared failover to a region.
    pub(super) fn all(seen: &Seen<'_>) -> Vec<Self> {
        let verdict = Judgement::judge(&Failovers, seen);
        verdict.iter().flat_map(failover::Verdict::pairs).map(Self::of).collect()
    }

    fn of(pair: Pair<'_>) -> Self {
        Self { primary: pair.primary.to_owned(), ready: pair.ready, reasons: pair.reasons }
    }
}

fn paths(terms: &Terms, seen: &Seen<'_>) -> Vec<Path> {
    let paths = seen.declared().send_paths;
    if paths.is_empty() {
        return Vec::new(); // most targets, whose identities need not be gone through
    }
    let known = Known::of(seen);
    let weighed = |path: &SendPath| {
        let mail = Mail::of(path);
        let weighed = weigh(&known, &mail);
        let reasons = Refusal::all(&weighed, &Place::new(seen, &known, &mail));
        let reasons = if terms.plain_addresses { reasons } else { reasons.iter().map(Refusal::redacted).collect() };
        Path { path: path.name.clone(), ready: weighed.accepted(), reasons }
    };
    paths.into_iter().map(weighed).collect()
}

/// As of the reading of the quota, so that no clock matters.
fn exhaustion(seen: &Seen<'_>) -> Option<SystemTime> {
    let (account, now) = seen.dated::<Account>()?;
    if !account.production_access || account.sent_24h <= account.max_24h? * HALF {
        return None;
    }
    let at = Judgement::judge(&Forecast, seen)?.exhaustion()?;
    (at.duration_since(now).unwrap_or_default() < NEAR).then_some(at)
}
