//! A collector asks SES one question and turns the answer into samples.
//!
//! [`Collector`] is what one file of `collectors/` implements; [`AnyCollector`] is the same without its types, which
//! is how the poller and the page hold all of them in one list. A collector never schedules, retries or stores.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::aws::{Aws, Failure};
use crate::metric::{About, Family, Sink};

/// What a collector is, apart from what it reads.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The name in the configuration and in the label `collector`.
    pub name: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    /// The IAM actions that its calls need.
    pub actions: &'static [&'static str],
    /// How often it reads unless the configuration says otherwise.
    pub interval: Duration,
    /// Whether it runs unless the configuration says otherwise.
    pub enabled: bool,
}

/// What a collector has at hand when it reads.
pub struct Ask<'a, R> {
    /// The door to AWS for this target.
    pub aws: &'a Aws,
    /// Its own last good reading.
    pub previous: Option<&'a R>,
    /// The wall clock at the start of the reading.
    pub now: SystemTime,
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
}

/// A reading without its type.
pub type AnyReading = Arc<dyn Any + Send + Sync>;

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
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<AnyReading, Failure>> + Send + 'a>>;
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
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<AnyReading, Failure>> + Send + 'a>> {
        let previous = previous.and_then(|reading| reading.downcast_ref());
        Box::pin(async move {
            let reading = Collector::read(self, Ask { aws, previous, now }).await?;
            Ok(Arc::new(reading) as AnyReading)
        })
    }

    fn write(&self, family: usize, reading: &AnyReading, sink: &mut dyn Sink) {
        if let (Some(family), Some(reading)) = (C::METRICS.get(family), reading.downcast_ref()) {
            family.write(reading, sink);
        }
    }
}
