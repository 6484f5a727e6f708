//! `Email address is not verified.`, with the facts: how each identity stands there, who of them SES refuses, and what mends it.

use super::culprits::{Owned, Part};
use super::here::{Here, OF_SANDBOX, OF_SENDER, Standing, weigh_at};
use super::{Found, Judged, words};
use crate::cli::explain::asked::Told;
use crate::cli::explain::explanation::Explained;
use crate::cli::explain::unverified::by_name;
use crate::judgements::send_path::{Block, Known, Reason};

/// One identity of the error with what was found out about it.
pub(super) struct Suspect {
    pub(super) name: String,
    pub(super) standing: Standing,
    pub(super) part: Part,
}

pub(super) fn found(here: &Here<'_>, named: &[Explained], cut: bool, told: &Told, owned: &Owned) -> Found {
    if let Some(why) = here.unread(&["identities"]) {
        return Found::unread(here, &why);
    }
    let suspects = suspects(here, named, cut, told, owned);
    let blocks = blocks(here, &suspects);
    let still_so = still_so(here, &suspects, &blocks, cut);
    let mut found = Found::new(here, still_so, words::unverified(here, &suspects, still_so));
    mend(&mut found, here, &suspects, &blocks);
    besides(&mut found, here, &suspects);
    let nowhere = |one: &Suspect| one.standing == Standing::Missing && one.can_send();
    found.more.extend(words::looked_at(here).filter(|_| suspects.iter().any(nowhere)));
    let mine = Owned::by(here);
    found.more.extend(words::cut(here).filter(|_| cut && blocks.is_empty()).map(str::to_owned));
    found.read = !suspects.iter().any(|one| one.standing == Standing::Unknown);
    found.knows = suspects.is_empty() || suspects.iter().any(|one| mine.has(&one.name) || !one.is_absent());
    found.identities = suspects.iter().map(|one| judged(here, one)).collect();
    found.tidied()
}

/// Those that SES names; and where it has not named all, those that the arguments name.
fn suspects(here: &Here<'_>, named: &[Explained], cut: bool, told: &Told, owned: &Owned) -> Vec<Suspect> {
    let more = told.from.iter().chain(&told.to).filter(|_| cut || named.is_empty());
    let more = more.filter(|name| !named.iter().any(|one| one.name == **name)).map(|name| by_name(name));
    let suspect = |one: &Explained| {
        let standing = here.standing(&one.name);
        let part = Part::of(here, one, &standing, told, owned);
        Suspect { name: one.name.clone(), standing, part }
    };
    named.iter().map(suspect).chain(more.collect::<Vec<_>>().iter().map(suspect)).collect()
}

/// Every reason that the error can mean, those against a sender first. One that may be either is weighed as a sender: what lets it
/// send also lets it be written to.
fn blocks(here: &Here<'_>, suspects: &[Suspect]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for one in suspects.iter().filter(|one| one.can_send()) {
        blocks.extend(against(here, &one.name));
    }
    blocks.extend(sandbox(here, suspects, |part| matches!(part, Part::Recipient(_))));
    blocks
}

/// The reasons against a sender.
fn against(here: &Here<'_>, sender: &str) -> impl Iterator<Item = Block> {
    here.weigh(sender, &[], None).blocks.into_iter().filter(|block| OF_SENDER.contains(&block.reason))
}

/// The reasons against those of these parts as recipients.
fn sandbox(here: &Here<'_>, suspects: &[Suspect], part: fn(Part) -> bool) -> impl Iterator<Item = Block> {
    let to: Vec<String> = suspects.iter().filter(|one| part(one.part)).map(|one| one.name.clone()).collect();
    let found = if to.is_empty() { Vec::new() } else { here.weigh("", &to, None).blocks };
    found.into_iter().filter(|block| OF_SANDBOX.contains(&block.reason))
}

/// Nothing refuses it only where all are known and all are verified.
fn still_so(here: &Here<'_>, suspects: &[Suspect], blocks: &[Block], cut: bool) -> Option<bool> {
    if !blocks.is_empty() {
        return Some(true);
    }
    let unknown = suspects.iter().any(|one| one.standing == Standing::Unknown);
    let all = !suspects.is_empty() && !cut && !unknown && here.known.account.is_some();
    all.then_some(false)
}

/// What mends it; of one that can be either, what mends it as a recipient is another way.
fn mend(found: &mut Found, here: &Here<'_>, suspects: &[Suspect], blocks: &[Block]) {
    let elsewhere = blocks.iter().any(|block| block.reason == Reason::IdentityInOtherRegion);
    for one in suspects.iter().filter(|one| one.can_send()) {
        found.mend(here, &one.name, None, &against(here, &one.name).collect::<Vec<_>>());
    }
    let of_recipients: Vec<Block> = blocks.iter().filter(|block| OF_SANDBOX.contains(&block.reason)).cloned().collect();
    found.mend(here, "", None, &of_recipients);
    if elsewhere {
        prefer(found, elsewhere_takes(here, suspects));
    }
    let either: Vec<Block> = sandbox(here, suspects, |part| part == Part::Either).collect();
    let mut if_recipient = Found::new(here, None, String::new());
    if_recipient.mend(here, "", None, &either);
    found.alternatives.extend(if_recipient.remedies);
}

/// Calling the other region mends all there is, if SES would take the mail there; else it mends nothing, and the second way, to
/// verify the identity here too, is the one to go.
fn prefer(found: &mut Found, elsewhere_takes: bool) {
    if elsewhere_takes {
        let rest = found.remedies.split_off(1);
        found.alternatives.extend(rest);
    } else if let (Some(first), false) = (found.remedies.first_mut(), found.alternatives.is_empty()) {
        *first = found.alternatives.remove(0);
    }
}

/// Whether the region in which the senders are verified would take the mail, as far as is known.
fn elsewhere_takes(here: &Here<'_>, suspects: &[Suspect]) -> bool {
    let senders = suspects.iter().filter_map(|one| match &one.standing {
        Standing::Elsewhere { regions, .. } => Some((&one.name, regions.first()?)),
        _ => None,
    });
    let to: Vec<String> =
        suspects.iter().filter(|one| !matches!(one.part, Part::Sender(_))).map(|one| one.name.clone()).collect();
    senders.into_iter().all(|(from, region)| {
        let there = here.seen.elsewhere().find(|other| *other.target().region == **region);
        there.is_some_and(|there| weigh_at(&Known::of(&there), from, &to, None).blocks.is_empty())
    })
}

/// What SES would refuse the mail for although all were verified.
fn besides(found: &mut Found, here: &Here<'_>, suspects: &[Suspect]) {
    let innocent = suspects.iter().find(|one| matches!(one.standing, Standing::Verified { .. }));
    let from = innocent.map_or("", |one| one.name.as_str());
    let of_the_error = |block: &Block| OF_SENDER.contains(&block.reason) || OF_SANDBOX.contains(&block.reason);
    let others = here.weigh(from, &[], None).blocks.into_iter().filter(|block| !of_the_error(block));
    let mut others = found.mend(here, from, None, &others.collect::<Vec<_>>());
    if found.still_so == Some(false) && !others.is_empty() {
        let first = others.remove(0);
        found.verdict =
            format!("All are verified in {} now, and SES refuses the message all the same: {first}.", here.name());
    }
    found.more.extend(others.iter().map(|what| format!("Besides, {what}.")));
}

fn judged(here: &Here<'_>, one: &Suspect) -> Judged {
    let (identity, regions) = match &one.standing {
        Standing::Unknown | Standing::Missing => (None, Vec::new()),
        Standing::Verified { by: identity } | Standing::Pending { identity } | Standing::Failed { identity } => {
            (Some(identity), Vec::new())
        }
        Standing::Elsewhere { identity, regions } => {
            (Some(identity), regions.iter().map(ToString::to_string).collect())
        }
    };
    let unverified = matches!(one.standing, Standing::Pending { .. } | Standing::Failed { .. });
    let wrong_records = identity.filter(|_| unverified).map(|name| here.wrong_records(name, false)).unwrap_or_default();
    Judged {
        name: one.name.clone(),
        standing: one.standing.as_str(),
        identity: identity.map(ToString::to_string),
        regions,
        roles: one.part.roles(),
        says: words::says(here, one),
        wrong_records,
    }
}

impl Suspect {
    const fn can_send(&self) -> bool {
        matches!(self.part, Part::Sender(_) | Part::Either)
    }

    fn is_absent(&self) -> bool {
        matches!(self.standing, Standing::Missing | Standing::Unknown)
    }
}
