//! A collector asks SES one question and turns the answer into samples.
//!
//! [`Collector`] is what one file of `collectors/` implements; [`AnyCollector`] is the same without its types, which
//! is how the poller and the page hold all of them in one list. A collector never schedules, retries or stores. It may
//! build on what others have read ([`Declaration::after`]); it never makes them read.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::aws::{Aws, Failure};
use crate::metric::{About, Family, Sink};

pub mod slices;

/// What a collector is, apart from what it reads.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The name in the configuration and in the label `collector`.
    pub name: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    /// The IAM actions that its calls need.
    pub actions: &'static [&'static str],
    /// The collectors whose readings it builds on. It runs only where they do, and fails where they do.
    pub after: &'static [&'static str],
    /// How often it reads unless the configuration says otherwise.
    pub interval: Duration,
    /// Whether it runs unless the configuration says otherwise.
    pub enabled: bool,
    /// What it asks of AWS in a region of a size, reading at this interval, once it has seen everything.
    pub cost: fn(Size, Duration) -> Cost,
}

/// How much there is to read in one account and region.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Domains and e-mail addresses.
    pub identities: u32,
    /// Configuration sets.
    pub configuration_sets: u32,
}

/// What a collector asks of AWS in one account and region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Requests an hour.
    pub calls_per_hour: f64,
    /// From one look at an identity to the next where one reading does not see all: the slowest of its answers.
    pub sweep: Option<Duration>,
}

impl Cost {
    /// Every reading sees everything, by so many calls.
    pub fn of_reading(calls: u32, interval: Duration) -> Self {
        Self { calls_per_hour: f64::from(calls) * per_hour(interval), sweep: None }
    }
}

/// How often an interval passes in an hour.
pub fn per_hour(interval: Duration) -> f64 {
    3600.0 / interval.as_secs_f64()
}

/// What a collector has at hand when it reads.
pub struct Ask<'a, R> {
    /// The door to AWS for this target.
    pub aws: &'a Aws,
    /// Its own last good reading.
    pub previous: Option<&'a R>,
    /// The last good readings of the collectors that it comes after.
    pub readings: &'a Readings,
    /// The wall clock at the start of the reading.
    pub now: SystemTime,
}

/// Readings by the name of their collector.
#[derive(Default)]
pub struct Readings(pub Vec<(&'static str, AnyReading)>);

impl Readings {
    /// What collector `C` last read.
    ///
    /// # Errors
    /// Where `C` is not among the collectors that this one declares to come after.
    pub fn of<C: Collector>(&self) -> Result<&C::Reading, Failure> {
        let name = C::DECLARATION.name;
        let reading = self.0.iter().find(|(known, _)| *known == name).and_then(|(_, reading)| reading.downcast_ref());
        reading.ok_or_else(|| Failure::unexpected(format!("no reading of {name}: it is not declared in `after`")))
    }
}

/// One question to SES.
pub trait Collector: Send + Sync + 'static {
    /// The answer, whole and unfiltered.
    type Reading: Send + Sync + 'static;
    /// Name, meaning, permissions, defaults.
    const DECLARATION: Declaration;
    /// The families that it exposes, in the order of the page.
    const METRICS: &'static [&'static dyn Family<Self::Reading>];

    /// Asks once. All or nothing: a reading that fails half-way is a failure.
    fn read(&self, ask: Ask<'_, Self::Reading>) -> impl Future<Output = Result<Self::Reading, Failure>> + Send;

    /// What a reading lacks because AWS refuses one of several questions for good. The rest counts all the same.
    fn lacks(_reading: &Self::Reading) -> Option<Failure> {
        None
    }
}

/// A reading without its type.
pub type AnyReading = Arc<dyn Any + Send + Sync>;

/// A good reading, and what it lacks.
pub type Answer = (AnyReading, Option<Failure>);

/// A [`Collector`] without its types.
pub trait AnyCollector: Send + Sync {
    /// Name, meaning, permissions, defaults.
    fn declaration(&self) -> &'static Declaration;
    /// The families, in the order of the page.
    fn families(&self) -> Vec<About<'static>>;
    /// Asks once; `previous` is a reading of this same collector.
    fn read<'a>(
        &'a self,
        aws: &'a Aws,
        previous: Option<&'a AnyReading>,
        readings: &'a Readings,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>>;
    /// Writes the samples of the `family`-th family that `reading` holds.
    fn write(&self, family: usize, reading: &AnyReading, sink: &mut dyn Sink);
}

impl<C: Collector> AnyCollector for C {
    fn declaration(&self) -> &'static Declaration {
        const { &C::DECLARATION }
    }

    fn families(&self) -> Vec<About<'static>> {
        C::METRICS.iter().map(|family| family.about()).collect()
    }

    fn read<'a>(
        &'a self,
        aws: &'a Aws,
        previous: Option<&'a AnyReading>,
        readings: &'a Readings,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>> {
        let previous = previous.and_then(|reading| reading.downcast_ref());
        Box::pin(async move {
            let reading = Collector::read(self, Ask { aws, previous, readings, now }).await?;
            let lacks = C::lacks(&reading);
            Ok((Arc::new(reading) as AnyReading, lacks))
        })
    }

    fn write(&self, family: usize, reading: &AnyReading, sink: &mut dyn Sink) {
        if let (Some(family), Some(reading)) = (C::METRICS.get(family), reading.downcast_ref()) {
            family.write(reading, sink);
        }
    }
}
