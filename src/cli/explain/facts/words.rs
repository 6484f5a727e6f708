//! The facts in sentences. It finds nothing out.

use super::culprits::{Part, Why};
use super::here::{Here, Standing};
use super::unverified::Suspect;
use crate::target::{REGIONS, partition};

impl Standing {
    /// A word for programs.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Verified { .. } => "verified",
            Self::Pending { .. } => "pending",
            Self::Failed { .. } => "failed",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Missing => "missing",
        }
    }
}

/// The verdict about identities.
pub(super) fn unverified(here: &Here<'_>, suspects: &[Suspect], still_so: Option<bool>) -> String {
    let place = here.name();
    let guilty: Vec<&Suspect> = suspects.iter().filter(|one| one.is_guilty()).collect();
    match (still_so, guilty.as_slice()) {
        (Some(true), [first, others @ ..]) => {
            let more = match others.len() {
                0 => String::new(),
                1 => "; one more is refused too".to_owned(),
                more => format!("; {more} more are refused too"),
            };
            format!("SES refuses the message in {place}: {}{more}.", clause(first))
        }
        (Some(false), _) => format!("SES would take it in {place} now: {}.", all_verified(suspects)),
        _ if suspects.is_empty() => {
            format!("The error names nobody, so nobody can be looked up in {place}: --from and --to tell who it was.")
        }
        _ if suspects.iter().all(|one| matches!(one.standing, Standing::Verified { .. })) => {
            format!(
                "All that the error shows are verified in {place} now; it was cut, and who else failed is not in it."
            )
        }
        _ => format!("SES did not tell whether they are verified in {place}."),
    }
}

fn all_verified(suspects: &[Suspect]) -> String {
    match suspects {
        [one] => format!("{} {}", one.name, standing(&one.standing, &one.name)),
        _ => "none of the addresses is refused any more".to_owned(),
    }
}

fn clause(one: &Suspect) -> String {
    let name = &one.name;
    match (&one.standing, one.part) {
        (Standing::Elsewhere { regions, .. }, _) => {
            format!("{name} is verified in {}, and not there", regions.join(", "))
        }
        (Standing::Pending { identity }, _) => format!("{identity} is not verified there yet"),
        (Standing::Failed { identity }, _) => format!("the verification of {identity} has failed there"),
        (_, Part::Recipient(_)) => format!("the account is in the sandbox there, and {name} is not verified"),
        _ => format!("{name} is not verified there, nor in any other region that was looked at"),
    }
}

/// How an identity stands and which part it plays, each as a sentence without its end.
pub(super) fn says(here: &Here<'_>, one: &Suspect) -> Vec<String> {
    let mut says = vec![standing(&one.standing, &one.name)];
    if let Standing::Failed { identity } = &one.standing {
        let described = here.details(identity).and_then(|details| details.described.as_ref());
        if let Some(error) = described.and_then(|described| described.error_type.as_deref()) {
            says.push(format!("SES says why: {error}"));
        }
    }
    says.extend(part(one.part).map(str::to_owned));
    says
}

fn standing(standing: &Standing, name: &str) -> String {
    let who = |identity: &str| if identity == name { String::new() } else { format!("{identity} ") };
    let by = |identity: &str| if identity == name { String::new() } else { format!(" by {identity}") };
    match standing {
        Standing::Unknown => "SES does not tell whether it is verified there".to_owned(),
        Standing::Verified { by: identity } => format!("is verified there{}", by(identity)),
        Standing::Pending { identity } if identity.contains('@') => {
            format!("{}waits for a click on the link that SES has sent there", who(identity))
        }
        Standing::Pending { identity } => format!("{}waits until SES finds its records in the DNS", who(identity)),
        Standing::Failed { identity } => {
            format!("the verification of {identity} has failed, and does not begin again by itself")
        }
        Standing::Elsewhere { identity, regions } => {
            format!("is verified in {}{}, and not there", regions.join(", "), by(identity))
        }
        Standing::Missing => "no identity covers it there, nor in any other region that was looked at".to_owned(),
    }
}

/// Whom to look for, where SES has not named all.
pub(super) fn cut(here: &Here<'_>) -> Option<&'static str> {
    let production = here.known.account.map(|account| account.production_access)?;
    Some(if production {
        "Look for another sender: From, Source, Sender and Return-Path each have to be verified."
    } else {
        "Look for another recipient (in the sandbox each has to be verified), or another sender: --to and --from tell who."
    })
}

/// How far the look went, if it did not go everywhere.
pub(super) fn looked_at(here: &Here<'_>) -> Option<String> {
    let mut regions = vec![here.region()];
    regions.extend(here.seen.elsewhere().map(|other| &*other.target().region));
    regions.sort_unstable();
    let partition = partition(here.region());
    let all = REGIONS.iter().filter(|region| region.partition == partition).count();
    let more = regions.len() < all;
    more.then(|| format!("Looked at: {}. With --aws.regions all, every region is.", regions.join(", ")))
}

const fn part(part: Part) -> Option<&'static str> {
    match part {
        Part::Sender(Why::Told) => Some("the sender, as you say"),
        Part::Sender(Why::Elsewhere) => Some("almost surely your sender, since it is verified elsewhere"),
        Part::Sender(Why::Simulator) => Some("the sender: SES takes mail to its simulator always"),
        Part::Sender(_) => Some("the sender, since in production nobody else has to be verified"),
        Part::Recipient(Why::Told) => Some("a recipient, as you say"),
        Part::Recipient(_) => Some("a recipient, since none of your identities is at its domain"),
        Part::Either => Some("the sender, or a recipient in the sandbox: verified, it can be both"),
        Part::Innocent => None,
    }
}

impl Suspect {
    fn is_guilty(&self) -> bool {
        self.part != Part::Innocent && self.standing != Standing::Unknown
    }
}
