//! What is asked of AWS about an error: which readings decide, in which regions, and when enough is known.
//!
//! Pure: it starts nothing. An error about which readings tell nothing (an address that is none, a host without a way to it)
//! asks for none.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::facts::here::Here;
use super::facts::needs_details;
use crate::config::{Config, Focus};
use crate::estate::{Estate, TargetView};
use crate::judgements::coverage::candidates;
use crate::rejection::{Reason, Rejection};
use crate::target::ses_region;

/// What the arguments tell that the text does not.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Told {
    /// Who sent: an address or a domain.
    #[arg(long, value_name = "ADDRESS", value_parser = crate::config::mail_name)]
    pub(super) from: Option<String>,
    /// Who was written to; can be repeated, or with commas.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = crate::config::mail_name)]
    pub(super) to: Vec<String>,
    /// Where SES was called, if the text does not say.
    #[arg(long, value_name = "REGION", value_parser = crate::config::region_code)]
    pub(super) region: Option<String>,
    /// Look at this account only: its name in the configuration, or its twelve digits.
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
}

impl Told {
    /// Where SES was called, as far as anything tells.
    pub(super) fn region<'a>(&'a self, rejection: &'a Rejection) -> Option<&'a str> {
        rejection.region.as_deref().or(self.region.as_deref())
    }

    /// Whether a target is one of those that are meant.
    pub(super) fn means(&self, view: &TargetView) -> bool {
        let named = |account: &str| [&view.account, &view.account_id].iter().any(|of| of.as_deref() == Some(account));
        self.account.as_deref().is_none_or(named)
    }

    /// The targets at which an error can have come about: those of its region, or all where nobody says which.
    pub(super) fn places<'a>(
        &'a self,
        rejection: &'a Rejection,
        estate: &'a Estate,
    ) -> impl Iterator<Item = &'a TargetView> {
        let region = self.region(rejection);
        let there = move |view: &&TargetView| region.is_none_or(|region| region == &*view.target.region);
        estate.targets.iter().map(|view| &**view).filter(|view| self.means(view)).filter(there)
    }
}

const ACCOUNT: &[&str] = &["account"];
const QUOTA: &[&str] = &["account", "sending"];
const IDENTITIES: &[&str] = &["account", "identities", "identity_details", "dns"];
const SETS: &[&str] = &["account", "configuration_sets"];
const MAIL: &[&str] = &["account", "identities", "identity_details", "configuration_sets"];

/// The collectors whose readings decide about an error; none where no reading does.
pub(super) fn collectors(reason: &Reason, told: &Told) -> &'static [&'static str] {
    match reason {
        Reason::Unverified { .. } | Reason::MailFromNotVerified | Reason::AlreadyExists { .. } => IDENTITIES,
        Reason::AccountPaused | Reason::ReviewConflict | Reason::SendRate => ACCOUNT,
        Reason::DailyQuota => QUOTA,
        // Only of a sender that is named is the default set known.
        Reason::ConfigurationSetPaused { .. } | Reason::ConfigurationSetMissing { .. } | Reason::Other
            if told.from.is_some() =>
        {
            MAIL
        }
        Reason::ConfigurationSetPaused { .. } | Reason::ConfigurationSetMissing { .. } => SETS,
        Reason::ApiRate
        | Reason::Connections
        | Reason::UnknownKey
        | Reason::WrongSignature
        | Reason::ExpiredToken
        | Reason::AccessDenied { .. }
        | Reason::SmtpCredentials
        | Reason::SmtpLogin
        | Reason::NotSubscribed
        | Reason::MalformedAddress { .. }
        | Reason::TooManyRecipients
        | Reason::TooLong
        | Reason::Suppressed
        | Reason::NoSuchHost { .. }
        | Reason::Unreachable { .. }
        | Reason::Temporary
        | Reason::Unauthenticated { .. }
        | Reason::Other => &[],
    }
}

/// The configuration of this one look: what decides about these errors, and nothing else, in their regions too.
pub(super) fn narrowed(mut config: Config, rejections: &[Rejection], told: &Told) -> Config {
    let wanted = wanted(rejections, told);
    for schedule in &mut config.collectors {
        schedule.enabled &= wanted.contains(schedule.name);
    }
    config.focus = focus(rejections, told);
    config.identities.tags = Vec::new();
    let regions = rejections.iter().filter_map(|rejection| told.region(rejection));
    // A text may name a region that is none; what a person names may be newer than this program.
    let regions: BTreeSet<&str> =
        regions.filter(|region| ses_region(region).is_some() || told.region.as_deref() == Some(region)).collect();
    config.also = regions.into_iter().map(str::to_owned).collect();
    config
}

/// The identities and the configuration set that alone are described; none where it can be any of them.
fn focus(rejections: &[Rejection], told: &Told) -> Option<Focus> {
    let mut focus = Focus::default();
    let mut sets = BTreeSet::new();
    for rejection in rejections {
        match &rejection.reason {
            Reason::MailFromNotVerified if told.from.is_none() => return None,
            Reason::Unverified { identities, .. } => {
                focus.identities.extend(identities.iter().flat_map(|identity| candidates(&identity.name)));
            }
            Reason::AlreadyExists { identity } => focus.identities.extend(identity.clone()),
            Reason::ConfigurationSetPaused { name } | Reason::ConfigurationSetMissing { name } => {
                sets.insert(name.clone().filter(|_| told.from.is_none()));
            }
            _ => {}
        }
    }
    let named = told.from.iter().chain(&told.to);
    focus.identities.extend(named.flat_map(|name| candidates(name)));
    // Of two sets, or of one that is not named, all are read.
    focus.configuration_set = if sets.len() == 1 { sets.pop_first().flatten() } else { None };
    Some(focus)
}

/// Every collector that decides about one of these errors.
pub(super) fn wanted(rejections: &[Rejection], told: &Told) -> BTreeSet<&'static str> {
    rejections.iter().flat_map(|rejection| collectors(&rejection.reason, told)).copied().collect()
}

/// What every target is read for before anything is said: what is missing in one region may be in another.
const EVERYWHERE: &[&str] = &["account", "identities", "configuration_sets"];

/// Whether everything is read that can change what is said. What takes many calls is waited for only where it matters: of an
/// identity that is not there, there are no details.
pub(super) fn enough(estate: &Estate, rejections: &[Rejection], told: &Told) -> bool {
    let settled = |view: &TargetView, names: &[&str]| {
        let runs = |name: &&&str| estate.collectors.iter().any(|collector| collector.declaration().name == **name);
        names.iter().filter(runs).all(|name| view.settled(name))
    };
    if !estate.targets.iter().all(|view| settled(view, EVERYWHERE)) {
        return false;
    }
    let now = Instant::now();
    rejections.iter().all(|rejection| {
        let names = collectors(&rejection.reason, told);
        let decided = |view: &TargetView| !needs_details(&Here::new(estate, view, now), rejection);
        told.places(rejection, estate).all(|view| settled(view, names) || decided(view))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::read;

    fn narrow(text: &str, told: &Told) -> Config {
        narrowed(Config::default(), &read(text), told)
    }

    fn enabled(config: &Config) -> Vec<&str> {
        config.collectors.iter().filter(|one| one.enabled).map(|one| one.name).collect()
    }

    const UNVERIFIED: &str = "Email address is not verified. The following identities failed the check in region EU-WEST-1: a+b@Shop.example";

    #[test]
    fn no_more_is_read_than_decides() {
        let told = Told::default();
        let config = narrow(UNVERIFIED, &told);
        assert_eq!(enabled(&config), ["account", "identities", "identity_details", "dns"]);
        assert_eq!(config.also, ["eu-west-1"]);
        let focus = config.focus.unwrap();
        assert_eq!(focus.identities, ["a+b@shop.example", "a@shop.example", "shop.example", "example"]);
        let paused = narrow("Sending paused for this account.", &told);
        assert_eq!((enabled(&paused), paused.also.len()), (vec!["account"], 0));
        assert!(enabled(&narrow("InvalidParameterValue: Missing final '@domain'", &told)).is_empty());
        assert_eq!(narrow("MailFromDomainNotVerifiedException", &told).focus, None, "it can be any identity");
    }

    #[test]
    fn what_the_configuration_switches_off_stays_off() {
        let mut config = Config::default();
        config.collectors.iter_mut().filter(|one| one.name == "dns").for_each(|one| one.enabled = false);
        let config = narrowed(config, &read(UNVERIFIED), &Told::default());
        assert_eq!(enabled(&config), ["account", "identities", "identity_details"]);
    }

    #[test]
    fn a_region_that_is_none_is_not_looked_at_unless_a_person_names_it() {
        let text = UNVERIFIED.replace("EU-WEST-1", "EU-NOWHERE-9");
        assert!(narrow(&text, &Told::default()).also.is_empty());
        let told = Told { region: Some("eu-west-4".to_owned()), ..Told::default() };
        assert_eq!(narrow("Sending paused for this account.", &told).also, ["eu-west-4"]);
    }

    #[test]
    fn only_the_set_that_is_named_is_read_if_there_is_one() {
        let set = |text: &str, told: &Told| narrow(text, told).focus.unwrap().configuration_set;
        let missing = "Configuration set <main> does not exist.";
        assert_eq!(set(missing, &Told::default()).as_deref(), Some("main"));
        assert_eq!(set(&format!("{missing}\n{}", missing.replace("main", "b")), &Told::default()), None);
        let told = Told { from: Some("shop.example".to_owned()), ..Told::default() };
        assert_eq!(set(missing, &told), None, "the sender's default set may be another");
    }
}
