//! The page builder: turns the estate into bytes, ahead of the scrapes.
//!
//! A page is built when the estate changed, and every ten seconds while somebody reads it; never sooner than a second
//! after the last build, nor sooner than nine times as long as that build took, so that building costs a tenth of one
//! core at most. A format is kept only while somebody asks for it. A scrape clones a pointer; it gathers nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use prometheus::proto::MetricFamily;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use crate::estate::{self, Estate, TargetView};
use crate::exposition::{Encoding, Exposition, Format};
use crate::judgement::{AnyJudgement, AnyVerdict, Seen};
use crate::judgements;
use crate::telemetry::Telemetry;

/// Which of the pages.
pub type Kind = (Format, Encoding);

const KINDS: [Kind; 4] = [
    (Format::Text, Encoding::Identity),
    (Format::Text, Encoding::Gzip),
    (Format::OpenMetrics, Encoding::Identity),
    (Format::OpenMetrics, Encoding::Gzip),
];

/// No build begins sooner after the end of the last one.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Nor sooner than this many times the duration of the last one.
const PAUSE_PER_BUILD: u32 = 9;
/// A page that is read is built anew after this long even if nothing changed: the agent's own metrics move.
const OLDEST_PAGE: Duration = Duration::from_secs(10);
/// A kind of page that nobody asked for in this long is forgotten. Prometheus asks every minute or oftener.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// So many builds in a row may panic before the process ends.
const MOST_PANICS: u32 = 10;
/// Fastest level: six times the time buys a third of the bytes.
const LEVEL: Compression = Compression::new(1);

/// The finished pages.
#[derive(Clone, Default)]
struct Built {
    pages: BTreeMap<Kind, Bytes>,
    /// How often all pages had been outdated when these were begun.
    outdated: u64,
}

/// Where pages are asked for. Clones share everything.
#[derive(Clone)]
pub struct Pages {
    built: watch::Receiver<Built>,
    wanted: Arc<Wanted>,
}

/// When each kind was last asked for, in milliseconds since the start; 0 = never.
struct Wanted {
    start: Instant,
    asked: [AtomicU64; KINDS.len()],
    nudge: Notify,
    /// How often what was built before has become wrong, and not only old.
    outdated: AtomicU64,
}

impl Wanted {
    fn ask(&self, kind: Kind) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        if let Some(asked) = self.slot(kind) {
            asked.store(now, Ordering::Relaxed);
        }
    }

    fn slot(&self, kind: Kind) -> Option<&AtomicU64> {
        KINDS.iter().zip(&self.asked).find_map(|(known, asked)| (*known == kind).then_some(asked))
    }

    fn kinds(&self) -> Vec<Kind> {
        let now = self.start.elapsed();
        let recent = |asked: u64| asked > 0 && now.saturating_sub(Duration::from_millis(asked)) < KEPT_FOR;
        KINDS
            .iter()
            .zip(&self.asked)
            .filter(|(_, asked)| recent(asked.load(Ordering::Relaxed)))
            .map(|(kind, _)| *kind)
            .collect()
    }
}

impl Pages {
    /// The page, at once if it is kept, else as soon as it is built; none if that takes longer than `patience`.
    pub async fn get(&self, kind: Kind, patience: Duration) -> Option<Bytes> {
        self.wanted.ask(kind);
        let outdated = self.wanted.outdated.load(Ordering::Relaxed);
        let page = |built: &Built| built.pages.get(&kind).filter(|_| built.outdated >= outdated).cloned();
        if let Some(page) = page(&self.built.borrow()) {
            return Some(page);
        }
        self.wanted.nudge.notify_one();
        let mut built = self.built.clone();
        let found = timeout(patience, built.wait_for(|built| page(built).is_some())).await.ok()?.ok()?;
        page(&found)
    }

    /// From now on no page is given out that was begun before: it shows what is not polled any more.
    pub fn outdate(&self) {
        self.wanted.outdated.fetch_add(1, Ordering::Relaxed);
        self.wanted.nudge.notify_one();
    }
}

/// What a page is made of.
#[derive(Clone)]
pub struct Sources {
    /// The picture.
    pub estate: watch::Receiver<Estate>,
    /// What is not about a target.
    pub telemetry: Arc<Telemetry>,
}

/// Makes the place to ask, and the task that builds for it.
pub fn pages(sources: Sources) -> (Pages, impl Future<Output = Option<String>> + Send) {
    let (publish, built) = watch::channel(Built::default());
    let asked = [const { AtomicU64::new(0) }; KINDS.len()];
    let wanted = Arc::new(Wanted { start: Instant::now(), asked, nudge: Notify::new(), outdated: AtomicU64::new(0) });
    (Pages { built, wanted: Arc::clone(&wanted) }, build_for_ever(sources, publish, wanted))
}

/// Builds until nobody can ask any more. Answers the reason if the process must end.
async fn build_for_ever(mut sources: Sources, publish: watch::Sender<Built>, wanted: Arc<Wanted>) -> Option<String> {
    let mut failed = 0;
    let mut pause_until = Instant::now();
    let mut grows_old = Instant::now() + OLDEST_PAGE;
    loop {
        tokio::select! {
            changed = sources.estate.changed() => if changed.is_err() { return None },
            () = wanted.nudge.notified() => {}
            () = sleep_until(grows_old) => {}
        }
        sleep_until(pause_until).await;
        grows_old = Instant::now() + OLDEST_PAGE;
        let kinds = wanted.kinds();
        if kinds.is_empty() {
            publish.send_replace(Built::default());
            continue;
        }
        sources.estate.mark_unchanged();
        let (from, began) = (sources.clone(), Instant::now());
        let outdated = wanted.outdated.load(Ordering::Relaxed);
        let Ok((pages, series)) = spawn_blocking(move || build(&from, &kinds)).await else {
            // The panic is in the log. No page is better than an old one: scrapes fail, and that is seen.
            publish.send_replace(Built::default());
            failed += 1;
            if failed > MOST_PANICS {
                return Some("the page can't be built: every attempt panics".to_owned());
            }
            continue;
        };
        failed = 0;
        publish.send_replace(Built { pages, outdated });
        let took = began.elapsed();
        sources.telemetry.page_built(series, took);
        pause_until = Instant::now() + SHORTEST_PAUSE.max(took * PAUSE_PER_BUILD);
        grows_old = grows_old.min(deadline(&sources)).max(pause_until);
    }
}

/// The moment at which the next reading turns stale, and its series must go.
fn deadline(sources: &Sources) -> Instant {
    let now = Instant::now();
    let estate = sources.estate.borrow();
    let slots = estate.targets.iter().flat_map(|view| &view.slots);
    let ends = slots.filter_map(|slot| Some(slot.fresh(now, estate.stale_after)?.taken + estate.stale_after));
    ends.min().unwrap_or(now + OLDEST_PAGE)
}

/// What one page is made of.
struct Picture<'a> {
    estate: &'a Estate,
    targets: Vec<(Labels<'a>, &'a TargetView)>,
    /// Judged once, however many kinds of page there are.
    verdicts: Vec<Verdicts<'a>>,
    telemetry: Vec<MetricFamily>,
    now: Instant,
}

/// The labels that all series of a target carry.
type Labels<'a> = [(&'a str, &'a str); 2];
/// What one judgement says, where it says anything.
type Verdicts<'a> = Vec<(Labels<'a>, AnyVerdict)>;

/// All kinds of one page, and the number of series on it.
fn build(sources: &Sources, kinds: &[Kind]) -> (BTreeMap<Kind, Bytes>, usize) {
    // Looked at once, so that all kinds of one page tell the same.
    let estate = sources.estate.borrow().clone();
    sources.telemetry.targets_unidentified(estate.targets.iter().filter(|view| view.account.is_none()).count());
    let (targets, now) = (labelled(&estate), Instant::now());
    let verdicts = judged(&estate, &targets, now);
    let picture = Picture { estate: &estate, targets, verdicts, telemetry: sources.telemetry.gather(), now };
    let mut pages = BTreeMap::new();
    let mut most = 0;
    for (format, encoding) in kinds {
        let written = match encoding {
            Encoding::Identity => render(Exposition::new(Vec::new(), *format), &picture),
            Encoding::Gzip => render(Exposition::new(GzEncoder::new(Vec::new(), LEVEL), *format), &picture)
                .and_then(|(encoder, series)| Ok((encoder.finish()?, series))),
        };
        match written {
            Ok((bytes, series)) => {
                pages.insert((*format, *encoding), Bytes::from(bytes));
                most = most.max(series);
            }
            Err(error) => tracing::error!("can't build the page: {error}"),
        }
    }
    (pages, most)
}

/// Families outer, targets inner: one block a family.
fn render<W: Write>(mut out: Exposition<W>, picture: &Picture<'_>) -> io::Result<(W, usize)> {
    let Picture { estate, targets, verdicts, telemetry, now } = picture;
    for (place, collector) in estate.collectors.iter().enumerate() {
        for (number, family) in collector.families().iter().enumerate() {
            out.family(family);
            for (labels, view) in targets {
                let slot = view.slots.get(place);
                if let Some(reading) = slot.and_then(|slot| slot.fresh(*now, estate.stale_after)) {
                    out.common_labels(labels);
                    collector.write(number, &reading.value, &mut out);
                }
            }
        }
    }
    for (judgement, verdicts) in judgements::ALL.iter().zip(verdicts) {
        for (number, family) in judgement.families().iter().enumerate() {
            out.family(family);
            for (labels, verdict) in verdicts {
                out.common_labels(labels);
                judgement.write(number, verdict, &mut out);
            }
        }
    }
    for family in estate::METRICS {
        out.family(&family.about());
        for (labels, view) in targets {
            out.common_labels(labels);
            family.write(view, &mut out);
        }
    }
    out.common_labels(&[]);
    out.registry(telemetry);
    out.finish()
}

/// What every judgement says about every target, in the order of their table.
fn judged<'a>(estate: &'a Estate, targets: &[(Labels<'a>, &'a TargetView)], now: Instant) -> Vec<Verdicts<'a>> {
    let of = |judgement: &&dyn AnyJudgement| {
        let verdict = |(labels, view): &(Labels<'a>, &'a TargetView)| {
            Some((*labels, judgement.judge(&Seen::new(estate, view, now))?))
        };
        targets.iter().filter_map(verdict).collect()
    };
    judgements::ALL.iter().map(of).collect()
}

/// The targets whose account is known, with the two labels that all their series carry. Two configured accounts can
/// turn out to be the same one: one speaks for it, the first that could be read, or Prometheus would see series twice.
fn labelled(estate: &Estate) -> Vec<(Labels<'_>, &TargetView)> {
    let known =
        || estate.targets.iter().filter_map(|view| Some(((view.account.as_deref()?, &*view.target.region), view)));
    let mut speaker = HashMap::new();
    for (name, view) in known() {
        let spoken_for: &mut &Arc<TargetView> = speaker.entry(name).or_insert(view);
        if !spoken_for.has_reading() && view.has_reading() {
            *spoken_for = view;
        }
    }
    known()
        .filter(|(name, view)| speaker.get(name).is_some_and(|speaker| Arc::ptr_eq(speaker, view)))
        .map(|((account, region), view)| ([("account", account), ("aws_region", region)], &**view))
        .collect()
}
