//! Collector `dns`: whether the DNS records that domain identities need are there, and what is wrong with them.
//!
//! SES looks at the records itself, but seldom says why it is not content. This asks DNS alone, never AWS: what should
//! be there comes from other readings. A record that nobody answers for is never called wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::aws::Failure;
use crate::collector::{Ask, Collector, Cost, Declaration};
use crate::collectors::identity_details::IdentityDetails;
use crate::dns::{Look, Resolver};
use crate::metric::{Family, Samples, flag, gauge};

pub use memory::Record;
pub use records::{DkimFacts, DomainFacts, Expected, Label, Wanted, expected};
pub use verdict::{Policy, Reason, Verdict};

use judge::{Answers, Next, Question, judge};

mod content;
mod judge;
mod memory;
mod records;
mod shown;
mod spf;
mod verdict;

/// Every domain of the target with what is said about its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Sorted by identity, none twice.
    pub domains: Vec<Domain>,
}

/// One domain identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Value of the label `identity`.
    pub identity: Arc<str>,
    /// Value of the label `identity_type`.
    pub identity_type: Arc<str>,
    /// The records that it needs, in the order of [`Label`].
    pub records: Vec<Record>,
}

/// The collector with its settings.
pub struct Dns {
    /// The door to DNS, which all targets share.
    pub resolver: Resolver,
}

impl Collector for Dns {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "dns",
        about: "Whether the DNS records that domain identities need are there, by look-ups of our own, and what is wrong.",
        actions: &[],
        after: &["identity_details"],
        interval: Duration::from_mins(10),
        enabled: true,
        cost: |_, interval| Cost::of_reading(0, interval),
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &gauge(
            "ses_identity_dns_record_ok",
            "Whether a DNS record that the identity needs says what SES needs. Wrong from the second wrong look on, absent while nobody answers (looked up in DNS).",
            ["identity", "identity_type", "record"],
            |reading: &Reading, out| {
                for (domain, record) in reading.records() {
                    let labels = [&*domain.identity, &*domain.identity_type, record.expected.label.as_str()];
                    out.push_known(labels, record.verdict.map(|verdict| flag(verdict == Verdict::Ok)));
                }
            },
        ),
        &gauge(
            "ses_identity_dns_record_problem",
            "1 for what is wrong with a DNS record that the identity needs (looked up in DNS).",
            ["identity", "identity_type", "record", "reason"],
            problems,
        ),
        &gauge(
            "ses_identity_dmarc_policy",
            "1 for what the DMARC record of the domain, or of a domain above it, asks receivers to do with mail that fails: none, quarantine or reject (looked up in DNS).",
            ["identity", "identity_type", "policy"],
            |reading: &Reading, out| {
                for (domain, record) in reading.records() {
                    if let Some(policy) = record.policy {
                        out.push([&domain.identity, &domain.identity_type, policy.as_str()], 1.0);
                    }
                }
            },
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let details = ask.readings.of::<IdentityDetails>()?;
        let facts = details.shown().filter_map(|(label, details)| DomainFacts::of(label, details)).collect();
        Reading::sweep(ask.previous, facts, &ask.aws.target().region, ask.now, &self.resolver).await
    }
}

fn problems(reading: &Reading, out: &mut Samples<'_, 4>) {
    for (domain, record) in reading.records() {
        if let Some(Verdict::Wrong(reason)) = record.verdict {
            let label = record.expected.label.as_str();
            out.push([&domain.identity, &domain.identity_type, label, reason.as_str()], 1.0);
        }
    }
}

/// 10,000 domains must not become one burst of 80,000 look-ups; what is over has its turn at the next reading.
const MOST_LOOKS: usize = 5000;
/// Half an interval: resolvers that are slow or silent must not hold up the next reading.
const LONGEST_SWEEP: Duration = Duration::from_mins(5);
/// So many domains at once, each with one look-up on its way: as many as [`Resolver`] lets out.
const AT_ONCE: usize = 16;

impl Reading {
    /// Looks up the records that these domains need in the region, as far as it is time to.
    ///
    /// # Errors
    /// If nobody answered a single look-up, and no earlier answer is still good. An error code is an answer: a zone that
    /// is broken is no fault of the resolvers.
    pub async fn sweep(
        previous: Option<&Self>,
        facts: Vec<DomainFacts>,
        region: &str,
        now: SystemTime,
        resolver: &Resolver,
    ) -> Result<Self, Failure> {
        let looks = Looks::new(resolver, now, MOST_LOOKS, LONGEST_SWEEP);
        looks.sweep(Self::remembered(previous, &facts, region)).await
    }

    /// The domains as they are now, with what is remembered of records that should still be the same.
    fn remembered(previous: Option<&Self>, facts: &[DomainFacts], region: &str) -> Self {
        let mut domains: Vec<Domain> = facts
            .iter()
            .map(|facts| {
                let before = previous.and_then(|reading| reading.domain(&facts.identity));
                let before = before.map_or(&[][..], |domain| &domain.records);
                let record = |expected: Expected| {
                    let known = before.iter().find(|record| record.expected.is_about_the_same_as(&expected));
                    let mut record = known.cloned().unwrap_or_else(|| Record::new(expected.clone()));
                    record.expected = expected;
                    record
                };
                Domain {
                    identity: Arc::clone(&facts.identity),
                    identity_type: Arc::clone(&facts.identity_type),
                    records: records::expected(facts, region).into_iter().map(record).collect(),
                }
            })
            .collect();
        domains.sort_by(|a, b| a.identity.cmp(&b.identity));
        domains.dedup_by(|later, first| later.identity == first.identity);
        Self { domains }
    }

    fn domain(&self, identity: &str) -> Option<&Domain> {
        let at = self.domains.binary_search_by(|domain| (*domain.identity).cmp(identity)).ok()?;
        self.domains.get(at)
    }

    fn records(&self) -> impl Iterator<Item = (&Domain, &Record)> {
        self.domains.iter().flat_map(|domain| domain.records.iter().map(move |record| (domain, record)))
    }
}

impl Domain {
    /// When the record was looked up for which it is longest ago; first those that never were, last where none is due.
    fn turn(&self, now: SystemTime) -> (bool, Option<SystemTime>) {
        let due = || self.records.iter().filter(|record| record.due(now));
        (due().next().is_none(), due().map(|record| record.last_looked).min().flatten())
    }
}

/// The look-ups of one reading.
struct Looks<'a> {
    resolver: &'a Resolver,
    now: SystemTime,
    /// How many there may be, and until when.
    most: usize,
    until: Instant,
    made: AtomicUsize,
    answered: AtomicUsize,
    /// Why the last that nobody answered was not.
    why: Mutex<String>,
}

impl<'a> Looks<'a> {
    fn new(resolver: &'a Resolver, now: SystemTime, most: usize, longest: Duration) -> Self {
        Self {
            resolver,
            now,
            most,
            until: Instant::now() + longest,
            made: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            why: Mutex::default(),
        }
    }

    async fn sweep(&self, reading: Reading) -> Result<Reading, Failure> {
        let mut domains = reading.domains;
        domains.sort_by_key(|domain| domain.turn(self.now));
        let known = domains.iter().flat_map(|domain| &domain.records).any(|record| !record.due(self.now));
        let mut domains: Vec<Domain> =
            stream::iter(domains).map(|domain| self.look_over(domain)).buffer_unordered(AT_ONCE).collect().await;
        let made = self.made.load(Ordering::Relaxed).min(self.most);
        if made > 0 && self.answered.load(Ordering::Relaxed) == 0 && !known {
            let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(Failure::timeout(format!(
                "the resolvers answer none of {made} look-ups ({why}); check /etc/resolv.conf, which is read at start, or \
                 set [dns] resolvers"
            )));
        }
        domains.sort_by(|a, b| a.identity.cmp(&b.identity));
        Ok(Reading { domains })
    }

    /// Looks at the records of one domain that are due. A record whose look-ups can't all be made stays as it was.
    async fn look_over(&self, mut domain: Domain) -> Domain {
        let mut answers = Answers::default();
        let mut due: Vec<&mut Record> = domain.records.iter_mut().filter(|record| record.due(self.now)).collect();
        due.sort_by_key(|record| record.last_looked);
        for record in due {
            loop {
                match judge(&record.expected, &answers) {
                    Next::Saw(sight) => break record.see(sight, self.now),
                    Next::Ask(question) => match self.look(&question).await {
                        Some(look) => answers.insert(question, look),
                        None => return domain,
                    },
                }
            }
        }
        domain
    }

    async fn look(&self, question: &Question) -> Option<Look> {
        if Instant::now() >= self.until || self.made.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        let look = self.resolver.look(&question.name, question.what).await;
        if let Look::Unanswered(why) = &look {
            self.why.lock().unwrap_or_else(PoisonError::into_inner).clone_from(why);
        } else {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        Some(look)
    }
}

#[cfg(test)]
mod tests;
