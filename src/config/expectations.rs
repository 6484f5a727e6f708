//! The declarations together: each is read by its own file; here they are held against the accounts and one another.
//!
//! A declaration about what is not polled would never be checked, and of two that contradict each other one must be
//! wrong. Neither is looked for where something else is wrong already.

use super::mistakes::At;
use super::reader::{Document, Placed};
use super::{Aws, ConfiguredAccount, expect, failover, send_paths};
use crate::collectors::identities::Settings;
use crate::expectations::{Accounts, Expect, Expectations, Failover, Recipients, SendPath, State, is_account_id};
use crate::target::Role;

/// Reads the three lists.
pub(super) fn read(
    document: &mut Document<'_>,
    accounts: &[ConfiguredAccount],
    aws: &Aws,
    settings: &Settings,
) -> Expectations {
    let regions = document.sections(&expect::SECTION, |section| expect::read(section, settings));
    let paths = document.sections(&send_paths::SECTION, send_paths::read);
    let failovers = document.sections(&failover::SECTION, failover::read);
    let polled = Polled { accounts, aws };
    let mut found = Vec::new();
    if document.notes.spare_section("accounts") && document.notes.spare_section("aws") {
        found.extend(
            right(&regions).flat_map(|one| polled.strays(one, &one.value.accounts, &scope(&one.value.regions))),
        );
        found.extend(right(&paths).flat_map(|one| polled.strays(one, &one.value.accounts, &scope(&one.value.regions))));
        found.extend(right(&failovers).flat_map(|one| polled.strays(one, &one.value.accounts, &ends(&one.value))));
    }
    each_before(&regions, |earlier, this| found.extend(polled.contradiction(earlier, this)));
    each_before(&paths, |earlier, this| found.extend(namesake(earlier, this)));
    each_before(&failovers, |earlier, this| found.extend(polled.twin(earlier, this)));
    for expect in right(&regions) {
        found.extend(right(&paths).filter_map(|path| polled.hopeless(expect, path)));
        found.extend(right(&failovers).filter_map(|pair| polled.nothing_to_take_over(expect, pair)));
    }
    for Finding { at, key, what } in found {
        document.notes.add(at, key, what);
    }
    Expectations { regions: bare(regions), send_paths: bare(paths), failovers: bare(failovers) }
}

/// A mistake that takes more than one section to see.
struct Finding {
    at: At,
    key: String,
    what: String,
}

impl Finding {
    fn new<T>(place: &Placed<'_, T>, name: &str, what: String) -> Self {
        Self { at: place.at(name), key: format!("{}.{name}", place.path), what }
    }
}

fn right<'p, 'a, T>(all: &'p [Placed<'a, T>]) -> impl Iterator<Item = &'p Placed<'a, T>> {
    all.iter().filter(|one| one.right)
}

fn bare<T>(all: Vec<Placed<'_, T>>) -> Vec<T> {
    all.into_iter().map(|one| one.value).collect()
}

/// Every pair of sections that are right, the earlier one first.
fn each_before<'a, T>(all: &[Placed<'a, T>], mut look: impl FnMut(&Placed<'a, T>, &Placed<'a, T>)) {
    for (index, this) in all.iter().enumerate().filter(|(_, this)| this.right) {
        all.iter().take(index).filter(|earlier| earlier.right).for_each(|earlier| look(earlier, this));
    }
}

/// The regions of a section, each with the key that names it.
type Scope<'s> = Vec<(&'static str, &'s str)>;

fn scope(regions: &[String]) -> Scope<'_> {
    regions.iter().map(|region| ("regions", region.as_str())).collect()
}

fn ends(pair: &Failover) -> Scope<'_> {
    vec![("primary", &pair.primary), ("standby", &pair.standby)]
}

/// The first region that is in both.
fn shared<'r>(one: &'r [String], other: &[String]) -> Option<&'r String> {
    one.iter().find(|region| other.contains(region))
}

fn namesake(earlier: &Placed<'_, SendPath>, this: &Placed<'_, SendPath>) -> Option<Finding> {
    let what = || format!("is the name of {}; give it another", earlier.path);
    (earlier.value.name == this.value.name).then(|| Finding::new(this, "name", what()))
}

/// What is polled, as far as the file tells.
struct Polled<'a> {
    accounts: &'a [ConfiguredAccount],
    aws: &'a Aws,
}

impl Polled<'_> {
    /// What a section names that is not polled.
    fn strays<T>(&self, place: &Placed<'_, T>, accounts: &Accounts, regions: &Scope<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for (index, name) in accounts.0.iter().enumerate() {
            if !self.may_be_known(name) {
                let key = format!("accounts[{index}]");
                let what = "is no account of this file; write a name in [[accounts]], or an id of twelve digits";
                let at = place.at("accounts");
                found.push(Finding { at, key: format!("{}.{key}", place.path), what: what.to_owned() });
            }
        }
        for (key, region) in regions {
            if let Some(who) = self.nobody_polls(accounts, region) {
                let what = format!("{region} is not polled in {who}; add it to the regions there, or remove it here");
                found.push(Finding::new(place, key, what));
            }
        }
        found
    }

    /// The accounts in words, if one of them, or all where none is named, surely doesn't poll the region.
    fn nobody_polls(&self, accounts: &Accounts, region: &str) -> Option<String> {
        let polls = |account: &ConfiguredAccount| {
            let regions = account.regions.as_ref().unwrap_or(&self.aws.regions);
            regions.may_include(region, account.role.as_ref().and_then(Role::partition))
        };
        if accounts.0.is_empty() {
            return (!self.accounts.iter().any(polls)).then(|| "any account".to_owned());
        }
        accounts.0.iter().find_map(|name| {
            let places: Vec<usize> = self.places(name).collect();
            let first = places.first()?;
            let polled = places.iter().any(|place| self.accounts.get(*place).is_some_and(polls));
            (!polled).then(|| format!("accounts[{first}]"))
        })
    }

    /// The accounts that surely go by this name or id, by their places in the file.
    fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        let goes_by =
            move |account: &ConfiguredAccount| account.name.as_deref() == Some(name) || id(account) == Some(name);
        self.accounts.iter().enumerate().filter(move |(_, account)| goes_by(account)).map(|(place, _)| place)
    }

    /// The id of an account without a role is known when AWS tells it.
    fn may_be_known(&self, name: &str) -> bool {
        let by_id = || is_account_id(name) && self.accounts.iter().any(|account| account.role.is_none());
        self.places(name).next().is_some() || by_id()
    }

    /// Whether both are surely about one account.
    fn meet(&self, one: &Accounts, other: &Accounts) -> bool {
        let same = |name: &String, others: &String| {
            name == others || self.places(name).any(|place| self.places(others).any(|it| it == place))
        };
        one.0.is_empty() || other.0.is_empty() || one.0.iter().any(|name| other.0.iter().any(|it| same(name, it)))
    }

    fn contradiction(&self, earlier: &Placed<'_, Expect>, this: &Placed<'_, Expect>) -> Option<Finding> {
        let (before, now) = (&earlier.value, &this.value);
        let region = shared(&now.regions, &before.regions).filter(|_| self.meet(&before.accounts, &now.accounts))?;
        if before.state != now.state {
            let (one, two, there) = (now.state.as_str(), before.state.as_str(), &earlier.path);
            let what = format!("is \"{one}\" for {region}, which {there} declares \"{two}\"; make them agree");
            return Some(Finding::new(this, "state", what));
        }
        let (quota, other) = (now.minimum_quota?, before.minimum_quota?);
        let what = || format!("is {quota} for {region}, where {} declares {other}; make them agree", earlier.path);
        (quota != other).then(|| Finding::new(this, "minimum_quota", what()))
    }

    /// A path that what is declared about its region shuts.
    fn hopeless(&self, expect: &Placed<'_, Expect>, path: &Placed<'_, SendPath>) -> Option<Finding> {
        let (declared, sends, there) = (&expect.value, &path.value, &expect.path);
        let meet = self.meet(&declared.accounts, &sends.accounts);
        let region = shared(&sends.regions, &declared.regions).filter(|_| meet)?;
        match (declared.state, &sends.to) {
            (State::Unused, _) => {
                let what = format!("{there} declares {region} unused; change its state, or send from another region");
                Some(Finding::new(path, "regions", what))
            }
            (State::Sandbox, Recipients::Any) => {
                let what = format!(
                    "\"any\" takes production access, and {there} declares {region} a sandbox; name the recipients, or \
                     change the state"
                );
                Some(Finding::new(path, "to", what))
            }
            (State::Sandbox | State::Production, _) => None,
        }
    }

    /// A failover from or to a region that is meant to send nothing.
    fn nothing_to_take_over(&self, expect: &Placed<'_, Expect>, pair: &Placed<'_, Failover>) -> Option<Finding> {
        if !self.meet(&expect.value.accounts, &pair.value.accounts) {
            return None;
        }
        // What stands by takes over all mail, and from the sandbox it could not.
        let (state, keys) = match expect.value.state {
            State::Unused => ("unused", ["primary", "standby"].as_slice()),
            State::Sandbox => ("a sandbox", ["standby"].as_slice()),
            State::Production => return None,
        };
        let named =
            |(key, region): &(&str, &str)| keys.contains(key) && expect.value.regions.iter().any(|it| it == region);
        let (key, region) = ends(&pair.value).into_iter().find(named)?;
        let what = format!("{} declares {region} {state}; change its state, or name another region", expect.path);
        Some(Finding::new(pair, key, what))
    }

    /// Two failovers that would be judged under one name.
    fn twin(&self, earlier: &Placed<'_, Failover>, this: &Placed<'_, Failover>) -> Option<Finding> {
        let (one, two) = (&earlier.value, &this.value);
        let same = one.primary == two.primary && one.standby == two.standby && self.meet(&one.accounts, &two.accounts);
        let what = || format!("{} has the same regions; remove one", earlier.path);
        same.then(|| Finding::new(this, "standby", what()))
    }
}

/// The id of an account, where its role tells it.
fn id(account: &ConfiguredAccount) -> Option<&str> {
    account.role.as_ref().and_then(Role::account_id)
}
