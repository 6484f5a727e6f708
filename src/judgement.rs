//! A judgement weighs readings of one target against each other, and turns what it finds into samples.
//!
//! [`Judgement`] is what one file of `judgements/` implements; [`AnyJudgement`] is the same without its types. It is a
//! pure function: it asks nobody, keeps nothing, and knows the time only by what is still fresh. It is made anew for
//! every page, so a verdict is never older than the readings that it rests on.

use std::any::Any;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::collector::Collector;
use crate::estate::{Estate, TargetView};
use crate::expectations::{Declared, Expectations};
use crate::metric::{About, Family, Sink};
use crate::target::Target;

/// What a judgement is, apart from what it finds.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The name in the documentation.
    pub name: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    /// The collectors whose readings it weighs. Without the first it says nothing.
    pub from: &'static [&'static str],
}

/// One target as it is known at one moment, and what the operator declared.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    estate: &'a Estate,
    view: &'a TargetView,
    now: Instant,
}

impl<'a> Seen<'a> {
    /// A target of the estate, with what is fresh at `now`.
    pub fn new(estate: &'a Estate, view: &'a TargetView, now: Instant) -> Self {
        Self { estate, view, now }
    }

    /// What collector `C` last read; none where it does not run, never succeeded, or that is too long ago.
    pub fn reading<C: Collector>(&self) -> Option<&'a C::Reading> {
        self.dated::<C>().map(|(reading, _)| reading)
    }

    /// The same with the time on the wall clock at which it was taken: a verdict about times is as of its readings, so
    /// that the clock of the page does not matter.
    pub fn dated<C: Collector>(&self) -> Option<(&'a C::Reading, SystemTime)> {
        let dated = self.view.slot(C::DECLARATION.name)?.fresh(self.now, self.estate.stale_after)?;
        Some((dated.value.downcast_ref()?, dated.at))
    }

    /// Account and region.
    pub fn target(&self) -> &'a Target {
        &self.view.target
    }

    /// The value of the label `account`; none until AWS has told the account's id.
    pub fn account(&self) -> Option<&'a str> {
        self.view.account.as_deref()
    }

    /// Everything that the operator declared, about any target.
    pub fn expectations(&self) -> &'a Expectations {
        &self.estate.expectations
    }

    /// What the operator declared about this target.
    pub fn declared(&self) -> Declared<'a> {
        let TargetView { account, account_id, target, .. } = self.view;
        self.estate.expectations.for_target(account.as_deref(), account_id.as_deref(), &target.region)
    }

    /// The same account in its other regions, in the order of the estate; nothing until the account is known.
    pub fn elsewhere(&self) -> impl Iterator<Item = Seen<'a>> {
        let Self { estate, view, now } = *self;
        let same = move |other: &TargetView| view.account.is_some() && view.account == other.account;
        let others =
            estate.targets.iter().filter(move |other| same(other) && other.target.region != view.target.region);
        others.map(move |other| Seen { estate, view: other, now })
    }
}

/// One question to the readings.
pub trait Judgement: Sync + 'static {
    /// What was found.
    type Verdict: Send + Sync + 'static;
    /// Name, meaning, sources.
    const DECLARATION: Declaration;
    /// The families that it exposes, in the order of the page.
    const METRICS: &'static [&'static dyn Family<Self::Verdict>];

    /// The verdict about one target; none where too little is known for any.
    fn judge(&self, seen: &Seen<'_>) -> Option<Self::Verdict>;
}

/// A verdict without its type.
pub type AnyVerdict = Box<dyn Any + Send + Sync>;

/// A [`Judgement`] without its types.
pub trait AnyJudgement: Sync {
    /// Name, meaning, sources.
    fn declaration(&self) -> &'static Declaration;
    /// The families, in the order of the page.
    fn families(&self) -> Vec<About<'static>>;
    /// The verdict about one target.
    fn judge(&self, seen: &Seen<'_>) -> Option<AnyVerdict>;
    /// Writes the samples of the `family`-th family that `verdict` holds.
    fn write(&self, family: usize, verdict: &AnyVerdict, sink: &mut dyn Sink);
}

impl<J: Judgement> AnyJudgement for J {
    fn declaration(&self) -> &'static Declaration {
        const { &J::DECLARATION }
    }

    fn families(&self) -> Vec<About<'static>> {
        J::METRICS.iter().map(|family| family.about()).collect()
    }

    fn judge(&self, seen: &Seen<'_>) -> Option<AnyVerdict> {
        Judgement::judge(self, seen).map(|verdict| Box::new(verdict) as AnyVerdict)
    }

    fn write(&self, family: usize, verdict: &AnyVerdict, sink: &mut dyn Sink) {
        if let (Some(family), Some(verdict)) = (J::METRICS.get(family), verdict.downcast_ref()) {
            family.write(verdict, sink);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::estate::TargetId;
    use crate::expectations::{Accounts, Expect, State};
    use crate::target::Account;

    fn view(account: Option<&str>, region: &str) -> Arc<TargetView> {
        let known = Account { name: account.map(str::to_owned), role: None, profile: None, regions: Vec::new() };
        Arc::new(TargetView {
            id: TargetId::default(),
            caller: None,
            target: Target { account: Arc::new(known), region: Arc::from(region) },
            account: account.map(Arc::from),
            account_id: None,
            skipped: None,
            slots: Vec::new(),
            requests: Arc::default(),
            sts_requests: None,
        })
    }

    fn estate(targets: &[(Option<&str>, &str)]) -> Estate {
        let expect = Expect {
            accounts: Accounts(vec!["shop".to_owned()]),
            regions: vec!["eu-west-1".to_owned()],
            state: State::Unused,
            identities: Vec::new(),
            exhaustive: false,
            minimum_quota: None,
        };
        Estate {
            collectors: [].into(),
            stale_after: Duration::from_hours(1),
            expectations: Arc::new(Expectations { regions: vec![expect], ..Expectations::default() }),
            targets: targets.iter().map(|(account, region)| view(*account, region)).collect(),
            layout: 0,
        }
    }

    #[test]
    fn a_target_sees_its_account_in_other_regions_and_what_is_declared_about_itself() {
        let estate = estate(&[
            (Some("shop"), "eu-west-1"),
            (Some("labs"), "eu-west-1"),
            (Some("shop"), "us-east-1"),
            (None, "ap-south-1"),
            (None, "eu-west-2"),
        ]);
        let regions = |place: usize| {
            let seen = Seen::new(&estate, &estate.targets[place], Instant::now());
            let elsewhere: Vec<_> = seen.elsewhere().map(|other| other.target().region.to_string()).collect();
            (elsewhere, seen.declared().state)
        };
        assert_eq!(regions(0), (vec!["us-east-1".to_owned()], Some(State::Unused)));
        assert_eq!(regions(1), (vec![], None));
        assert_eq!(regions(2), (vec!["eu-west-1".to_owned()], None));
        assert_eq!(regions(3), (vec![], None), "two accounts of which nobody knows the id are not one");
    }
}
