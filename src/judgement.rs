//! A judgement weighs readings of one target against each other, and turns what it finds into samples.
//!
//! [`Judgement`] is what one file of `judgements/` implements; [`AnyJudgement`] is the same without its types. It is a
//! pure function: it asks nobody, keeps nothing, and knows the time only by what is still fresh. It is made anew for
//! every page, so a verdict is never older than the readings that it rests on.

use std::any::Any;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::collector::Collector;
use crate::estate::{Estate, TargetView};
use crate::metric::{About, Family, Sink};

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

/// One target as it is known at one moment.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    view: &'a TargetView,
    stale_after: Duration,
    now: Instant,
}

impl<'a> Seen<'a> {
    /// A target of the estate, with what is fresh at `now`.
    pub fn new(estate: &Estate, view: &'a TargetView, now: Instant) -> Self {
        Self { view, stale_after: estate.stale_after, now }
    }

    /// What collector `C` last read; none where it does not run, never succeeded, or that is too long ago.
    pub fn reading<C: Collector>(&self) -> Option<&'a C::Reading> {
        self.dated::<C>().map(|(reading, _)| reading)
    }

    /// The same with the time on the wall clock at which it was taken: a verdict about times is as of its readings, so
    /// that the clock of the page does not matter.
    pub fn dated<C: Collector>(&self) -> Option<(&'a C::Reading, SystemTime)> {
        let dated = self.view.slot(C::DECLARATION.name)?.fresh(self.now, self.stale_after)?;
        Some((dated.value.downcast_ref()?, dated.at))
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
